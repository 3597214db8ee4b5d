//! Our owner votes.

use super::{Decision, Effect, VoteRefusal, rows};
use crate::{
    decision::{Ballot, Choice, Rule, Salt, Slot, Statement, commit},
    wire,
};

impl Decision {
    pub(super) fn on_vote(&mut self, choice: Choice) {
        if let Err(refusal) = self.may_vote().and_then(|voter| self.vote(voter, choice)) {
            self.outbox.push(Effect::Refused(refusal));
        }
    }

    pub(super) fn on_vote_hidden(&mut self, choice: Choice, salt: Salt) {
        let voted = self.may_vote().and_then(|voter| self.vote_hidden(voter, choice, salt));
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

    fn vote(&mut self, voter: u16, choice: Choice) -> Result<(), VoteRefusal> {
        let proposal = self.proposal();
        // When a choice is revealed says nothing: see `Proposal::reveal`.
        let cast_at_ms = match proposal.rule {
            Rule::Reveal(_) => proposal.opens_at_ms,
            _ => self.now_ms,
        };
        let ballot = Ballot { voter, cast_at_ms, choice };
        ballot.check(self.proposal()).map_err(|_| VoteRefusal::Choice)?;
        let claimed = self.claim(Slot::Ballot, Statement::Ballot(ballot));
        if claimed { Ok(()) } else { Err(VoteRefusal::AlreadyVoted) }
    }

    /// Commits to a choice. What was chosen goes to disk before the commitment is signed, or a
    /// crash would leave a vote that can never be revealed.
    fn vote_hidden(&mut self, voter: u16, choice: Choice, salt: Salt) -> Result<(), VoteRefusal> {
        let proposal = self.charter.proposal();
        let Rule::Hidden { rule, .. } = &proposal.rule else { return Err(VoteRefusal::Choice) };
        if !rule.allows(&choice, proposal.options.len()) {
            return Err(VoteRefusal::Choice);
        }
        let hash = commit(self.id(), voter, &salt, &choice);
        self.persist(rows::SECRET.into(), wire::encode(&(salt, &choice)));
        self.secret = Some((salt, choice));
        self.vote(voter, Choice::Commit(hash))
    }
}
