//! What may happen, and what follows from it.

use std::collections::BTreeSet;

use protocol::{
    identity::PersonaId,
    session::succession::{Branch, Refusal, Standing, Step, Succession, Takeover},
};

use super::{
    Mutant,
    state::{Change, Config, Group, Message, persona},
};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Act {
    /// The holder of the term signs an entry.
    Sign(usize, Change),
    /// The first holder signs a second entry for the epoch it has just ended.
    Lie,
    /// The message with a number, in the order of all that was ever sent, reaches a member.
    Hear(usize, usize),
    /// A member stands for the next term.
    Stand(usize),
    /// A candidate signs the first entry of its term.
    TakeOver(usize),
    /// A member crashes and comes back.
    Crash(usize),
}

impl Group {
    /// Everything that may happen now.
    pub(super) fn possible(&self, config: &Config, acts: &mut Vec<Act>) {
        for index in 0..self.members.len() {
            let member = &self.members[index];
            let evicted = member.evicted;
            if usize::from(self.signed) < config.changes.len() && !evicted {
                acts.push(Act::Sign(index, config.changes[usize::from(self.signed)]));
            }
            if self.stood < config.stands && !evicted && member.rules.term_seen() < config.term_max
            {
                acts.push(Act::Stand(index));
            }
            if member.stands.is_some() && !evicted {
                acts.push(Act::TakeOver(index));
            }
            if self.crashed < config.crashes {
                acts.push(Act::Crash(index));
            }
            let heard = self.sent.iter().enumerate();
            let heard = heard.filter(|(_, message)| member.may_matter(config, index, message));
            acts.extend(heard.map(|(number, _)| Act::Hear(index, number)));
        }
        if config.lies && !self.entries.is_empty() {
            acts.push(Act::Lie);
        }
    }

    pub(super) fn happen(&mut self, config: &Config, act: Act) {
        match act {
            Act::Sign(index, change) => self.sign(config, index, change),
            Act::Lie => self.lie(config),
            Act::Hear(index, number) => {
                if let Some(message) = self.sent.iter().nth(number).cloned() {
                    self.hear(config, index, message);
                }
            }
            Act::Stand(index) => self.stand(index),
            Act::TakeOver(index) => self.take_over(config, index),
            Act::Crash(index) => self.crash(config, index),
        }
    }

    fn sign(&mut self, config: &Config, index: usize, change: Change) {
        let rules = &self.members[index].rules;
        if rules.may_sign().is_err() {
            return;
        }
        let Some(content) = content(config, change, &rules.chain().roster()) else { return };
        let chain = rules.chain().clone();
        let (step, previous) =
            self.entry(&chain, persona(index), chain.term(), Standing::Held, content);
        self.signed += 1;
        self.members[index].rules.follow(step.clone());
        self.sent.insert(Message::Entry { step, previous });
        self.tell(config, index);
    }

    /// The first holder signs, beside its last entry, another that does nothing or adds.
    fn lie(&mut self, config: &Config) {
        let liar = persona(0);
        let chain = self.members[0].rules.chain();
        let Some(last) = chain.steps.last().filter(|step| step.signer == liar && step.term == 0)
        else {
            return;
        };
        let mut before = chain.clone();
        let content = if last.added.is_empty() {
            (vec![config.outsider()], Vec::new())
        } else {
            (Vec::new(), Vec::new())
        };
        before.steps.pop();
        let (step, previous) = self.entry(&before, liar, 0, Standing::Held, content);
        self.followers.entry(step.hash).or_default().insert(liar);
        self.sent.insert(Message::Entry { step, previous });
    }

    pub(super) fn hear(&mut self, config: &Config, index: usize, message: Message) {
        let member = &mut self.members[index];
        if member.evicted && !matches!(message, Message::Solicit { .. }) {
            return;
        }
        match message {
            Message::Entry { step, previous } => {
                let mutant = config.mutant;
                let known = member.rules.chain().place_after(&step.hash).is_some();
                let checked = member.rules.check(&step, &previous);
                let deposed = mutant == Some(Mutant::FollowsTheDeposed)
                    && matches!(checked, Err(Refusal::Term(_)))
                    && previous == member.rules.chain().head();
                if checked.is_ok() || (deposed && !known) {
                    member.rules.follow(step);
                    self.tell(config, index);
                } else if mutant == Some(Mutant::LongestBranchWins) && !known {
                    self.leave_for_longer(config, index, &step);
                }
            }
            Message::Takeover(takeover) => self.judge_takeover(config, index, &takeover),
            Message::Followed { persona, head } => member.rules.on_followed(persona, head),
            Message::Solicit { term, candidate } => {
                let mut voted = member.rules.vote(term, candidate);
                if config.mutant == Some(Mutant::VotesTwice)
                    && matches!(voted, Err(Refusal::Promised(_)))
                {
                    member.rules = member.remade(None);
                    voted = member.rules.vote(term, candidate);
                }
                if let Ok(spine) = voted {
                    let voter = persona(index);
                    self.sent.insert(Message::Vote { term, candidate, voter, spine });
                }
            }
            Message::Vote { term, candidate, voter, spine } => {
                if candidate == persona(index) && member.stands == Some(term) {
                    member.votes.insert(voter, spine);
                }
            }
        }
    }

    fn stand(&mut self, index: usize) {
        let candidate = persona(index);
        let member = &mut self.members[index];
        let Ok((term, spine)) = member.rules.stand(0) else { return };
        member.stands = Some(term);
        member.votes = [(candidate, spine)].into();
        self.stood += 1;
        self.sent.insert(Message::Solicit { term, candidate });
    }

    fn take_over(&mut self, config: &Config, index: usize) {
        let member = &self.members[index];
        let Some(term) = member.stands else { return };
        let votes = member.votes.clone();
        let counted = config.counted(&member.rules, persona(index), votes.clone());
        let Ok(branch) = protocol::session::succession::elect(member.rules.chain(), &counted)
        else {
            return;
        };
        if !branch.certified && !config.deputies {
            return;
        }
        let mut end = member.rules.chain().clone();
        end.steps = branch.steps.clone();
        let standing = if branch.certified { Standing::Certified } else { Standing::Provisional };
        let (step, previous) =
            self.entry(&end, persona(index), term, standing, (Vec::new(), Vec::new()));
        let takeover = Takeover { step, previous, votes };
        self.judge_takeover(config, index, &takeover);
        if self.members[index].rules.chain().head() == takeover.step.hash {
            self.members[index].stands = None;
            self.members[index].votes.clear();
            self.sent.insert(Message::Takeover(takeover));
        } else if !self.followers.contains_key(&takeover.step.hash) {
            self.entries.remove(&takeover.step.hash);
        }
    }

    /// Follows the first entry of a term if it holds, with whatever of its branch was missing.
    fn judge_takeover(&mut self, config: &Config, index: usize, takeover: &Takeover) {
        let rules = &self.members[index].rules;
        let votes = config.counted(rules, takeover.step.signer, takeover.votes.clone());
        let counted = Takeover { votes, ..takeover.clone() };
        let Ok(branch) = rules.judge(&counted, config.deputies) else { return };
        if branch.certified {
            self.holders.insert((takeover.step.term, takeover.step.signer));
        }
        if self.adopt(config, index, &counted, &branch) {
            self.tell(config, index);
        }
    }

    pub(super) fn adopt(
        &mut self,
        config: &Config,
        index: usize,
        takeover: &Takeover,
        branch: &Branch,
    ) -> bool {
        if self.members[index].evicted {
            return true;
        }
        let rules = &mut self.members[index].rules;
        let kept = rules.common(branch);
        if rules.rewind(kept).is_err() {
            return false;
        }
        if let Some(step) = branch.steps.get(kept) {
            rules.follow(step.clone());
            self.followers.entry(step.hash).or_default().insert(persona(index));
            self.members[index].learn(&persona(index), step);
            return self.adopt(config, index, takeover, branch);
        }
        let followed = rules.take_over(takeover, branch).is_ok();
        if config.mutant == Some(Mutant::ForgetsRemovals) {
            let (chain, promise) = (rules.chain().clone(), rules.promise());
            *rules = Succession::resume(persona(index), chain, promise, BTreeSet::new());
        }
        followed
    }

    fn leave_for_longer(&mut self, config: &Config, index: usize, step: &Step) {
        let mut steps = vec![step.clone()];
        while let Some((_, previous)) = self.entries.get(&steps[0].hash) {
            let Some((before, _)) = self.entries.get(previous) else { break };
            steps.insert(0, before.clone());
        }
        let rules = &self.members[index].rules;
        let mut chain = rules.chain().clone();
        if steps.len() > chain.steps.len() {
            chain.steps = steps;
            chain.settled = 0;
            let (promise, owed) = (rules.promise(), rules.owed().clone());
            self.members[index].rules = Succession::resume(persona(index), chain, promise, owed);
            self.tell(config, index);
        }
    }

    fn crash(&mut self, config: &Config, index: usize) {
        self.crashed += 1;
        let member = &mut self.members[index];
        member.stands = None;
        member.votes.clear();
        let mut promise = member.rules.promise();
        if config.mutant == Some(Mutant::ForgetsItsVote) {
            promise = None;
        }
        member.rules = member.remade(promise);
        if config.mutant == Some(Mutant::ForgetsWhatItFollowed) {
            let mut chain = member.rules.chain().clone();
            if chain.steps.len() > chain.settled {
                chain.steps.pop();
            }
            let owed = member.rules.owed().clone();
            member.rules = Succession::resume(persona(index), chain, promise, owed);
        }
    }

    /// A member says which entry it followed last; the checkers note it.
    pub(super) fn tell(&mut self, config: &Config, index: usize) {
        let me = persona(index);
        let chain = self.members[index].rules.chain().clone();
        if let Some(last) = chain.steps.last() {
            self.members[index].learn(&me, last);
        }
        for step in &chain.steps {
            self.followers.entry(step.hash).or_default().insert(me);
        }
        if config.tells && self.sent.iter().all(|sent| !sent.is_told(&me, &chain.head())) {
            self.sent.insert(Message::Followed { persona: me, head: chain.head() });
        }
    }
}

impl super::Member {
    fn remade(&self, promise: Option<protocol::session::succession::Promise>) -> Succession {
        let (rules, me) = (&self.rules, self.rules.me());
        Succession::resume(me, rules.chain().clone(), promise, rules.owed().clone())
    }

    /// Whether a message can change anything for this member; only to try fewer that cannot.
    fn may_matter(&self, config: &Config, index: usize, message: &Message) -> bool {
        let chain = self.rules.chain();
        match message {
            Message::Entry { step, previous } => {
                chain.place_after(&step.hash).is_none()
                    && (config.mutant.is_some() || self.rules.check(step, previous).is_ok())
            }
            Message::Takeover(takeover) => {
                chain.place_after(&takeover.step.hash).is_none()
                    && self.rules.term_seen() <= takeover.step.term
            }
            Message::Followed { persona: who, .. } => *who != persona(index),
            Message::Solicit { term, .. } => {
                let promised = self.rules.promise().is_some_and(|given| given.term >= *term);
                !promised || config.mutant == Some(Mutant::VotesTwice)
            }
            Message::Vote { term, candidate, voter, .. } => {
                *candidate == persona(index)
                    && self.stands == Some(*term)
                    && !self.votes.contains_key(voter)
            }
        }
    }

    fn learn(&mut self, me: &PersonaId, step: &Step) {
        self.evicted |= step.removed.contains(me);
        if !self.evicted {
            self.keys.insert(step.hash);
        }
        self.knows_removed.extend(&step.removed);
        step.added.iter().for_each(|back| {
            self.knows_removed.remove(back);
        });
    }
}

impl Message {
    fn is_told(&self, who: &PersonaId, what: &[u8; 32]) -> bool {
        matches!(self, Self::Followed { persona, head } if persona == who && head == what)
    }
}

fn content(
    config: &Config,
    change: Change,
    roster: &BTreeSet<PersonaId>,
) -> Option<(Vec<PersonaId>, Vec<PersonaId>)> {
    match change {
        Change::Refresh => Some((Vec::new(), Vec::new())),
        Change::Add if roster.contains(&config.outsider()) => None,
        Change::Add => Some((vec![config.outsider()], Vec::new())),
        Change::Remove => {
            let last = persona(usize::from(config.members) - 1);
            roster.contains(&last).then(|| (Vec::new(), vec![last]))
        }
    }
}
