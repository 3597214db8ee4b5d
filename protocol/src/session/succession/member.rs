//! What one member may follow, promise and say.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    chain::{Chain, EntryHash, SPINE_STEPS_MAX, Spine, Standing, Step},
    elect::{Branch, ElectError, elect},
};
use crate::identity::PersonaId;

/// A vote given. It binds: whoever gave it follows nothing of an earlier term any more, and gives
/// no other vote in this term or an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Promise {
    /// In which term.
    pub term: u64,
    /// To whom.
    pub candidate: PersonaId,
}

/// The first entry of a term, with what gives its signer the right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Takeover {
    /// The entry. Its standing is what the judge finds.
    pub step: Step,
    /// The entry it continues.
    pub previous: EntryHash,
    /// The votes for its signer in its term.
    pub votes: BTreeMap<PersonaId, Spine>,
}

/// Why a member does not follow, vote or sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Of a term that is over, or that this member has voted to end.
    #[error("of term {0}, which is over")]
    Term(u64),
    /// Not by who holds the term.
    #[error("not by the sequencer")]
    Signer,
    /// Does not continue what this member followed.
    #[error("does not continue the log")]
    Previous,
    /// The sequencer has signed two entries for one epoch in this term.
    #[error("the sequencer of this term has contradicted itself")]
    Frozen,
    /// Already voted for somebody else in this term, or in a later one.
    #[error("promised to another in term {0}")]
    Promised(u64),
    /// Not one of the members, or not any more.
    #[error("not a member")]
    Stranger,
    /// Too far ahead of what is final.
    #[error("too many changes wait for the others")]
    Ahead,
    /// No majority voted, and this member has not seen the silence that would do instead.
    #[error("no majority has voted for it")]
    Minority,
    /// A removal had to be taken back and is not repeated yet: the removed would read it.
    #[error("a removal has to be repeated first")]
    Owed,
    /// It would undo what is final.
    #[error("would undo a final entry")]
    Final,
    /// The votes settle on nothing.
    #[error(transparent)]
    Votes(#[from] ElectError),
}

/// What one member knows and has promised about who orders the changes of one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Succession {
    me: PersonaId,
    chain: Chain,
    promise: Option<Promise>,
    /// Whose removal this member has followed and had to take back.
    owed: BTreeSet<PersonaId>,
    /// The term whose holder contradicted itself.
    frozen: Option<u64>,
    /// The last entry each other member says it followed.
    followed: BTreeMap<PersonaId, EntryHash>,
}

impl Succession {
    /// A member that has just come to be one.
    pub fn new(me: PersonaId, chain: Chain) -> Self {
        Self::resume(me, chain, None, BTreeSet::new())
    }

    /// A member as it was kept.
    pub fn resume(
        me: PersonaId,
        chain: Chain,
        promise: Option<Promise>,
        owed: BTreeSet<PersonaId>,
    ) -> Self {
        Self { me, chain, promise, owed, frozen: None, followed: BTreeMap::new() }
    }

    /// Who this is.
    pub fn me(&self) -> PersonaId {
        self.me
    }

    /// What this member followed.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The newest vote given.
    pub fn promise(&self) -> Option<Promise> {
        self.promise
    }

    /// Whose removal has to be repeated. Until it is, nothing may be said: they would read it.
    pub fn owed(&self) -> &BTreeSet<PersonaId> {
        &self.owed
    }

    /// The highest term known of.
    pub fn term_seen(&self) -> u64 {
        self.chain.term().max(self.promise.map_or(0, |promise| promise.term))
    }

    /// Whether this member is frozen or has voted to end the term, so that only another term
    /// brings new entries.
    pub fn needs_term(&self) -> bool {
        self.frozen == Some(self.chain.term()) || self.term_seen() > self.chain.term()
    }

    /// Whether this member signs the next entry.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn may_sign(&self) -> Result<(), Refusal> {
        if self.chain.holder() != self.me {
            return Err(Refusal::Signer);
        }
        if self.needs_term() {
            return Err(Refusal::Term(self.chain.term()));
        }
        if self.chain.unsettled() >= SPINE_STEPS_MAX {
            return Err(Refusal::Ahead);
        }
        Ok(())
    }

    /// Whether an entry by the holder of the term may be followed.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn check(&self, step: &Step, previous: &EntryHash) -> Result<(), Refusal> {
        if step.term != self.chain.term() || self.term_seen() > step.term {
            return Err(Refusal::Term(step.term));
        }
        if self.frozen == Some(step.term) {
            return Err(Refusal::Frozen);
        }
        if step.signer != self.chain.holder() {
            return Err(Refusal::Signer);
        }
        if *previous != self.chain.head() || step.epoch != self.chain.epoch() {
            return Err(Refusal::Previous);
        }
        Ok(())
    }

    /// Follows an entry that was checked, or that lies on a branch that was judged.
    pub fn follow(&mut self, step: Step) {
        for persona in step.removed.iter().chain(&step.added) {
            self.owed.remove(persona);
        }
        self.chain.steps.push(step);
        self.count();
        self.chain.trim();
    }

    /// Takes back everything after a place of the chain.
    ///
    /// # Errors
    /// [`Refusal::Final`] when something of it is final.
    pub fn rewind(&mut self, place: usize) -> Result<(), Refusal> {
        if place < self.chain.settled {
            return Err(Refusal::Final);
        }
        for step in self.chain.steps.drain(place..) {
            self.owed.extend(step.removed);
        }
        let roster = self.chain.roster();
        self.owed.retain(|persona| roster.contains(persona));
        Ok(())
    }

    /// Another member says which entry it followed last.
    pub fn on_followed(&mut self, persona: PersonaId, head: EntryHash) {
        if persona == self.me {
            return;
        }
        let place = |hash: &EntryHash| self.chain.place_after(hash);
        let known = self.followed.get(&persona).and_then(place);
        if known.is_none() || place(&head) > known {
            self.followed.insert(persona, head);
            self.count();
        }
    }

    /// Two entries for one epoch, both signed by who held that term: nothing of it is followed
    /// any more.
    pub fn freeze(&mut self, term: u64) {
        self.frozen = Some(term);
    }

    /// Stands for the next term, later than any known of and than `beyond`: a vote for oneself.
    ///
    /// # Errors
    /// [`Refusal::Stranger`] when the log says we are not a member.
    pub fn stand(&mut self, beyond: u64) -> Result<(u64, Spine), Refusal> {
        let term = self.term_seen().max(beyond).saturating_add(1);
        let spine = self.vote(term, self.me)?;
        Ok((term, spine))
    }

    /// Votes for a candidate. The promise has to be kept before the vote is sent.
    ///
    /// Who followed its own removal goes on voting: it will never follow anything else, and the
    /// roster it was in when it was removed may still have to find a majority.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn vote(&mut self, term: u64, candidate: PersonaId) -> Result<Spine, Refusal> {
        if term <= self.chain.term() {
            return Err(Refusal::Term(term));
        }
        let wanted = Promise { term, candidate };
        if let Some(promise) = self.promise
            && promise.term >= term
            && promise != wanted
        {
            return Err(Refusal::Promised(promise.term));
        }
        if !self.chain.roster().contains(&candidate) {
            return Err(Refusal::Stranger);
        }
        self.promise = Some(wanted);
        Ok(self.chain.spine())
    }

    /// Whether the first entry of a term holds, and the branch it continues. `silent` when our
    /// own clock has seen the silence after which its signer may act without a majority.
    ///
    /// # Errors
    /// [`Refusal`] says why it does not hold.
    pub fn judge(&self, takeover: &Takeover, silent: bool) -> Result<Branch, Refusal> {
        let Takeover { step, previous, votes } = takeover;
        let branch = elect(&self.chain, votes)?;
        self.check_term(step, branch.certified)?;
        let end = Chain { start: self.chain.start.clone(), steps: branch.steps, settled: 0 };
        if *previous != end.head() || step.epoch != end.epoch() {
            return Err(Refusal::Previous);
        }
        if !end.roster().contains(&step.signer) || !votes.contains_key(&step.signer) {
            return Err(Refusal::Stranger);
        }
        let branch = Branch { steps: end.steps, ..branch };
        let kept = self.common(&branch);
        if kept < self.chain.settled {
            return Err(Refusal::Final);
        }
        if !branch.certified {
            let free = self.promise.is_none_or(|promise| {
                promise.term < step.term
                    || promise == Promise { term: step.term, candidate: step.signer }
            });
            if !silent || !free || kept < self.chain.steps.len() {
                return Err(Refusal::Minority);
            }
        } else if self.removed_alone(&step.signer) {
            return Err(Refusal::Stranger);
        }
        Ok(branch)
    }

    fn check_term(&self, step: &Step, certified: bool) -> Result<(), Refusal> {
        let current = self.chain.term();
        let known = self.chain.steps.iter().any(|own| own.hash == step.hash);
        let replaces = certified && step.term == current && !self.chain.is_certified() && !known;
        if self.term_seen() > step.term || (step.term <= current && !replaces) {
            return Err(Refusal::Term(step.term));
        }
        Ok(())
    }

    /// Whether somebody we have removed, leaving nobody else who could have voted, wants to take
    /// over what it was removed from.
    fn removed_alone(&self, candidate: &PersonaId) -> bool {
        let place = self.chain.steps.iter().position(|step| step.removed.contains(candidate));
        place.is_some_and(|place| self.chain.roster_at(place).len() <= 2)
    }

    /// How many steps of ours a branch keeps.
    pub fn common(&self, branch: &Branch) -> usize {
        let pairs = self.chain.steps.iter().zip(&branch.steps);
        pairs.take_while(|(own, theirs)| own.hash == theirs.hash).count()
    }

    /// Follows the first entry of a term, from the end of the branch it continues. What we had
    /// besides is taken back; the steps we lacked have been followed before.
    ///
    /// # Errors
    /// [`Refusal::Final`]; [`Refusal::Previous`] while steps of the branch are missing.
    pub fn take_over(&mut self, takeover: &Takeover, branch: &Branch) -> Result<(), Refusal> {
        let kept = self.common(branch);
        if kept < branch.steps.len() {
            return Err(Refusal::Previous);
        }
        self.rewind(kept)?;
        self.chain.settled = self.chain.settled.max(branch.settled);
        if self.promise.is_none_or(|promise| promise.term < takeover.step.term) {
            let (term, candidate) = (takeover.step.term, takeover.step.signer);
            self.promise = Some(Promise { term, candidate });
        }
        let standing = if branch.certified { Standing::Certified } else { Standing::Provisional };
        self.follow(Step { standing, ..takeover.step.clone() });
        Ok(())
    }

    fn count(&mut self) {
        let (me, head) = (self.me, self.chain.head());
        let others = self.followed.iter().chain([(&me, &head)]);
        self.chain.settle(others);
    }
}
