//! Our owner votes.

use super::{Decision, Effect, VoteRefusal};
use crate::decision::{Ballot, Choice, Slot, Statement};

impl Decision {
    pub(super) fn on_vote(&mut self, choice: Choice) {
        if let Err(refusal) = self.vote(choice) {
            self.outbox.push(Effect::Refused(refusal));
        }
    }

    fn vote(&mut self, choice: Choice) -> Result<(), VoteRefusal> {
        let voter = self.seat.ok_or(VoteRefusal::NotInElectorate)?;
        let proposal = self.charter.proposal();
        if self.guard.used(Slot::Ballot).is_some() {
            return Err(VoteRefusal::AlreadyVoted);
        }
        if self.is_closed() || !self.decided.is_empty() {
            return Err(VoteRefusal::Closed);
        }
        if self.now_ms < proposal.opens_at_ms {
            return Err(VoteRefusal::NotOpen);
        }
        if self.now_ms > proposal.deadline_ms {
            return Err(VoteRefusal::TooLate);
        }
        if !proposal.rule.allows(&choice, proposal.options.len()) {
            return Err(VoteRefusal::Choice);
        }
        let ballot = Ballot { voter, cast_at_ms: self.now_ms, choice };
        let claimed = self.claim(Slot::Ballot, Statement::Ballot(ballot));
        if claimed { Ok(()) } else { Err(VoteRefusal::AlreadyVoted) }
    }
}
