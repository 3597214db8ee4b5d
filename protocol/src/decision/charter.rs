//! What is fixed for one decision, once its proposal is known and holds.

use super::{Proposal, ProposalError, Quorum, SignedProposal, sealers_of};
use crate::identity::{PersonaId, ProposalId};

/// A verified proposal with the electorate it was frozen for: all that is needed to judge any
/// message about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charter {
    id: ProposalId,
    proposal: Proposal,
    electorate: Vec<PersonaId>,
}

impl Charter {
    /// Checks the proposal and that this sorted electorate is the one it names.
    ///
    /// # Errors
    /// [`ProposalError`] when either does not hold.
    pub fn new(
        proposal: &SignedProposal,
        electorate: Vec<PersonaId>,
    ) -> Result<Self, ProposalError> {
        let (id, proposal) = proposal.verify()?;
        proposal.check_electorate(&electorate)?;
        Ok(Self { id, proposal, electorate })
    }

    /// The second half of a hidden vote, which follows from the certificate of the first. That
    /// the certificate holds is the caller's to check. None when there is nothing to reveal.
    pub fn revealing(hidden: &super::Certificate) -> Option<Self> {
        let proposal = Proposal::reveal(hidden)?;
        Some(Self { id: proposal.id(), proposal, electorate: hidden.roster().to_vec() })
    }

    /// The proposal's id.
    pub fn id(&self) -> ProposalId {
        self.id
    }

    /// The proposal.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Who may vote, sorted by key. A voter's index is the position here.
    pub fn electorate(&self) -> &[PersonaId] {
        &self.electorate
    }

    /// Who closes and confirms: a prefix of the electorate, so indexes are the same.
    pub fn sealers(&self) -> &[PersonaId] {
        sealers_of(&self.electorate)
    }

    /// The numbers of the sealers.
    pub fn quorum(&self) -> Quorum {
        self.proposal.sealers
    }

    /// The member at an index.
    pub fn member(&self, index: u16) -> Option<&PersonaId> {
        self.electorate.get(usize::from(index))
    }

    /// The sealer at an index.
    pub fn sealer(&self, index: u16) -> Option<&PersonaId> {
        self.sealers().get(usize::from(index))
    }

    /// The index of a member.
    pub fn seat(&self, persona: &PersonaId) -> Option<u16> {
        u16::try_from(self.electorate.binary_search(persona).ok()?).ok()
    }

    /// Who may propose a cut in a view: the sealers in turn, starting where the proposal's id
    /// says.
    pub fn leader(&self, view: u32) -> u16 {
        let n = u64::from(self.quorum().n.max(1));
        let mut first = [0; 8];
        first.copy_from_slice(&self.id.0[..8]);
        let turn = (u64::from_le_bytes(first) % n + u64::from(view)) % n;
        u16::try_from(turn).expect("a remainder of a u16 is one")
    }

    /// How many ballots there will be at most from honest voters.
    pub(super) fn expected(&self) -> usize {
        match &self.proposal.rule {
            super::Rule::Reveal(reveal) => reveal.commitments.len(),
            _ => self.electorate.len(),
        }
    }

    /// How many may vote.
    pub(super) fn voters(&self) -> u32 {
        u32::try_from(self.electorate.len()).expect("an electorate has at most 100 members")
    }
}
