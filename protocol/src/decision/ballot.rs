//! The ballot: what one voter says, once.

use serde::{Deserialize, Serialize};

use super::{Choice, Digest, Kind, Proposal, signed::signing_bytes};
use crate::{
    identity::{Domain, ProposalId},
    wire,
};

/// One voter's word on one proposal. An honest voter signs one per proposal, ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Index of the voter in the sorted electorate.
    pub voter: u16,
    /// The voter's clock, milliseconds since the Unix epoch.
    pub cast_at_ms: u64,
    /// What the voter says.
    pub choice: Choice,
}

impl Ballot {
    /// The name of this ballot in lists: a hash of the bytes its voter signs, so that a second
    /// signature over the same words is not a second ballot.
    pub fn hash(&self, proposal: ProposalId) -> Digest {
        Domain::Vote.hash(&signing_bytes(Kind::Ballot, proposal, &wire::encode(self)))
    }

    /// The first field that may not stand in a ballot on this proposal.
    ///
    /// # Errors
    /// The name of that field.
    pub fn check(&self, proposal: &Proposal) -> Result<(), &'static str> {
        if !(proposal.opens_at_ms..=proposal.deadline_ms).contains(&self.cast_at_ms) {
            return Err("cast_at_ms");
        }
        if !proposal.rule.allows_of(self.voter, &self.choice, proposal.options.len()) {
            return Err("choice");
        }
        Ok(())
    }
}
