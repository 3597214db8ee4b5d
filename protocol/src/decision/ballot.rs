//! The ballot: what one voter says, once.

use serde::{Deserialize, Serialize};

use super::{Charter, Choice, Digest, Kind, Proposal, Rule, SignedMandate, signed::signing_bytes};
use crate::{
    identity::{Domain, ProposalId},
    wire,
};

/// Who decided what a ballot says. It is part of what the voter signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caster {
    /// The owner, asked this very question.
    Owner,
    /// The persona by itself, as the owner had allowed.
    Persona(SignedMandate),
    /// Whoever the commitment names which this ballot reveals, in the second half of a hidden vote.
    Committed,
}

impl Caster {
    /// `owner` or `persona`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Persona(_) => "persona",
            Self::Committed => "committed",
        }
    }

    /// The mandate a persona that voted by itself had.
    pub fn mandate(&self) -> Option<&SignedMandate> {
        match self {
            Self::Owner | Self::Committed => None,
            Self::Persona(mandate) => Some(mandate),
        }
    }
}

/// One voter's word on one proposal. An honest voter signs one per proposal, ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Index of the voter in the sorted electorate.
    pub voter: u16,
    /// The voter's clock, milliseconds since the Unix epoch.
    pub cast_at_ms: u64,
    /// What the voter says.
    pub choice: Choice,
    /// Who decided so.
    pub by: Caster,
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

    /// Whether its mandate, if it needs one, is the voter's own and covers it.
    pub(super) fn check_caster(&self, charter: &Charter) -> Result<(), &'static str> {
        // Who decided is said once: with the choice, or with the commitment to it.
        let reveals = matches!(charter.proposal().rule, Rule::Reveal(_));
        if reveals != (self.by == Caster::Committed) {
            return Err("by");
        }
        let Some(signed) = self.by.mandate() else { return Ok(()) };
        let voter = charter.member(self.voter).ok_or("voter")?;
        // What costs no signature comes first.
        let covers = signed.mandate().covers(charter.id(), charter.proposal(), self.cast_at_ms);
        covers.map_err(|_| "mandate")?;
        signed.verify(voter).map(drop).map_err(|_| "mandate")
    }
}
