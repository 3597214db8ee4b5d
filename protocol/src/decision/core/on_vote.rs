//! Our owner votes, or our persona by itself.

use super::{Decision, Effect, VoteRefusal, rows};
use crate::{
    decision::{Ballot, Caster, Choice, Rule, Salt, Slot, Statement, commit},
    wire,
};

impl Decision {
    pub(super) fn on_vote(&mut self, choice: Choice, by: Caster) {
        if let Err(refusal) = self.may_vote().and_then(|voter| self.vote(voter, choice, by)) {
            self.outbox.push(Effect::Refused(refusal));
        }
    }

    pub(super) fn on_vote_hidden(&mut self, choice: Choice, salt: Salt, by: Caster) {
        let voted = self.may_vote().and_then(|voter| self.vote_hidden(voter, choice, salt, by));
        if let Err(refusal) = voted {
            self.outbox.push(Effect::Refused(refusal));
        }
    }

    /// Our index, if we may cast a ballot now.
    fn may_vote(&self) -> Result<u16, VoteRefusal> {
        let voter = self.seat.ok_or(VoteRefusal::NotInElectorate)?;
        if self.guard.used(Slot::Ballot).is_some() {
            return Err(VoteRefusal::AlreadyVoted);
        }
        if self.is_closed() || !self.decided.is_empty() {
            return Err(VoteRefusal::Closed);
        }
        // What was chosen is revealed even by a node that does not know the time yet.
        let reveals = matches!(self.proposal().rule, Rule::Reveal { .. });
        if self.now_ms < self.proposal().opens_at_ms && !reveals {
            return Err(VoteRefusal::NotOpen);
        }
        if self.now_ms > self.ends_at_ms() {
            return Err(VoteRefusal::TooLate);
        }
        Ok(voter)
    }

    fn vote(&mut self, voter: u16, choice: Choice, by: Caster) -> Result<(), VoteRefusal> {
        let ballot = self.ballot(voter, choice, by)?;
        let claimed = self.claim(Slot::Ballot, Statement::Ballot(ballot));
        if claimed { Ok(()) } else { Err(VoteRefusal::AlreadyVoted) }
    }

    /// What would be signed, if it may be.
    fn ballot(&self, voter: u16, choice: Choice, by: Caster) -> Result<Ballot, VoteRefusal> {
        let proposal = self.proposal();
        // When a choice is revealed says nothing: see `Proposal::reveal`. By whom was said before.
        let (cast_at_ms, by) = match proposal.rule {
            Rule::Reveal(_) => (proposal.opens_at_ms, Caster::Committed),
            _ => (self.now_ms, by),
        };
        let ballot = Ballot { voter, cast_at_ms, choice, by };
        ballot.check(proposal).map_err(|_| VoteRefusal::Choice)?;
        ballot.check_caster(&self.charter).map_err(|_| VoteRefusal::Mandate)?;
        Ok(ballot)
    }

    /// Commits to a choice. What was chosen goes to disk before the commitment is signed, or a
    /// crash would leave a vote that can never be revealed.
    fn vote_hidden(
        &mut self,
        voter: u16,
        choice: Choice,
        salt: Salt,
        by: Caster,
    ) -> Result<(), VoteRefusal> {
        let proposal = self.charter.proposal();
        let Rule::Hidden { rule, .. } = &proposal.rule else { return Err(VoteRefusal::Choice) };
        if !rule.allows(&choice, proposal.options.len()) {
            return Err(VoteRefusal::Choice);
        }
        let hash = commit(self.id(), voter, &salt, &choice);
        // Nothing is kept of a vote that is refused.
        self.ballot(voter, Choice::Commit(hash), by)?;
        self.persist(rows::SECRET.into(), wire::encode(&(salt, &choice)));
        self.secret = Some((salt, choice));
        self.vote(voter, Choice::Commit(hash), by)
    }
}
