//! What members do when the network is whole again, in the simplest order: tell each other
//! everything, and elect where that is not enough.

use std::collections::BTreeMap;

use protocol::{
    identity::PersonaId,
    session::succession::{EntryHash, Standing, Takeover, elect},
};

use super::{
    Mutant,
    state::{Config, Group, Message, persona},
};

/// Rounds until everything has to be well: one election a member, and one for good measure.
const ROUNDS: usize = 6;

impl Group {
    /// Whether the group does not come to one head, with everybody or with any one dead.
    pub(super) fn fails_to_heal(&self, config: &Config) -> bool {
        let mut deaths: Vec<Option<usize>> = vec![None];
        if !config.lies {
            deaths.extend((0..self.members.len()).map(Some));
        }
        deaths.into_iter().any(|dead| !self.heals(config, dead))
    }

    pub(super) fn heals(&self, config: &Config, dead: Option<usize>) -> bool {
        let mut group = self.clone();
        // Who lies may stay away, and is not asked to agree.
        let alive = |index: &usize| Some(*index) != dead && !(config.lies && *index == 0);
        let alive: Vec<usize> = (0..self.members.len()).filter(alive).collect();
        // What only the dead had on its way may be lost.
        group.sent.retain(|message| group_keeps(self, &alive, message));
        for round in 0..ROUNDS {
            if config.mutant != Some(Mutant::NeverCatchesUp) {
                group.exchange(config, &alive);
            }
            if group.is_one(config, &alive) {
                return true;
            }
            if config.mutant == Some(Mutant::GivesUpAfterATie) && self.stood > 0 {
                continue;
            }
            for turn in 0..alive.len() {
                let candidate = alive[(round + turn) % alive.len()];
                if group.elect_one(config, &alive, candidate) {
                    break;
                }
            }
        }
        false
    }

    /// Everybody hears everything until nobody learns anything new.
    fn exchange(&mut self, config: &Config, alive: &[usize]) {
        loop {
            let before = self.members.clone();
            for index in alive {
                let head = self.members[*index].rules.chain().head();
                self.sent.insert(Message::Followed { persona: persona(*index), head });
            }
            let sent: Vec<Message> = self.sent.iter().cloned().collect();
            for index in alive {
                for message in &sent {
                    let learns = matches!(
                        message,
                        Message::Entry { .. } | Message::Takeover(_) | Message::Followed { .. }
                    );
                    if learns {
                        self.hear(config, *index, message.clone());
                    }
                }
            }
            if before == self.members {
                return;
            }
        }
    }

    /// One head among all who are members on the branch that holds, and somebody there who signs
    /// the next entry.
    fn is_one(&self, config: &Config, alive: &[usize]) -> bool {
        let final_entries = self.final_entries(config);
        let chain = |index: &usize| self.members[*index].rules.chain();
        let newest = alive.iter().max_by_key(|index| {
            let settled = chain(index).steps.iter();
            (
                settled.filter(|step| final_entries.contains_key(&step.hash)).count(),
                chain(index).term(),
            )
        });
        let Some(newest) = newest else { return true };
        let (head, roster) = (chain(newest).head(), chain(newest).roster());
        let members: Vec<&usize> =
            alive.iter().filter(|index| roster.contains(&persona(**index))).collect();
        let members: Vec<&usize> =
            members.into_iter().filter(|index| !self.members[**index].evicted).collect();
        members.iter().all(|index| chain(index).head() == head)
            && members.iter().any(|index| self.members[**index].rules.may_sign().is_ok())
            && members.iter().all(|index| !self.members[**index].rules.needs_term())
    }

    /// A member stands, asks everybody who is there, and takes over if that is enough.
    fn elect_one(&mut self, config: &Config, alive: &[usize], candidate: usize) -> bool {
        let term = alive.iter().map(|index| self.members[*index].rules.term_seen()).max();
        let term = term.unwrap_or_default() + 1;
        let who = persona(candidate);
        let mut votes = BTreeMap::new();
        for index in alive {
            if let Ok(spine) = self.members[*index].rules.vote(term, who) {
                votes.insert(persona(*index), spine);
            }
        }
        if self.members[candidate].evicted || !votes.contains_key(&who) {
            return false;
        }
        let Ok(branch) = elect(self.members[candidate].rules.chain(), &votes) else {
            return false;
        };
        let mut end = self.members[candidate].rules.chain().clone();
        end.steps = branch.steps;
        let content = (Vec::new(), self.owed_by(alive, &who, &end.roster()));
        let (step, previous) = self.entry(&end, who, term, Standing::Certified, content);
        let takeover = Takeover { step, previous, votes };
        self.hear(config, candidate, Message::Takeover(takeover.clone()));
        let takes = self.members[candidate].rules.chain().head() == takeover.step.hash;
        if takes {
            self.sent.insert(Message::Takeover(takeover));
        }
        takes
    }

    /// Removals that somebody had to take back, and that the new sequencer repeats.
    fn owed_by(
        &self,
        alive: &[usize],
        candidate: &PersonaId,
        roster: &std::collections::BTreeSet<PersonaId>,
    ) -> Vec<PersonaId> {
        let owed = alive.iter().flat_map(|index| self.members[*index].rules.owed());
        let owed = owed.filter(|who| *who != candidate && roster.contains(who));
        owed.copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

/// Whether somebody alive has what a message says, so that it can be sent again.
fn group_keeps(group: &Group, alive: &[usize], message: &Message) -> bool {
    let has = |hash: &EntryHash| {
        group
            .followers
            .get(hash)
            .is_some_and(|who| alive.iter().any(|i| who.contains(&persona(*i))))
    };
    let lives = |who: &PersonaId| alive.iter().any(|index| persona(*index) == *who);
    match message {
        Message::Entry { step, .. } => has(&step.hash),
        Message::Takeover(takeover) => has(&takeover.step.hash),
        Message::Followed { persona, .. } => lives(persona),
        Message::Solicit { .. } | Message::Vote { .. } => false,
    }
}
