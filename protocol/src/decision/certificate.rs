//! The certificate: a decision anyone can check, with nothing but this and the members' keys.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Charter, Confirm, CutContent, DecisionResult, Digest, ELECTORATE_MAX, Kind, Proposal,
    ProposalError, SEALERS_MAX, SealerSignature, SignedProposal, Statement,
    messages::BALLOTS_PER_VOTER_MAX, signed::VERSION,
};
use crate::{
    identity::{PersonaId, ProposalId, Signature},
    wire::{self, DecodeError},
};

/// The largest certificate, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = super::DECISION_BYTES_MAX;

/// Why bytes are not a certificate. Whether a certificate *holds* is [`super::verify`]'s answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Not this layout.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The proposal inside breaks its rules.
    #[error("proposal: {0}")]
    Proposal(#[from] ProposalError),
    /// A field breaks its rule.
    #[error("field {0} is not valid")]
    Field(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Layout {
    version: u8,
    kind: u8,
    proposal_id: ProposalId,
    proposal: SignedProposal,
    roster: Vec<PersonaId>,
    content: CutContent,
    confirms: Vec<SealerSignature>,
}

/// A proposal, the ballots that count, the closed lists of a quorum of sealers, the result, and
/// the confirmations of a quorum of sealers.
///
/// Two members may hold different certificates of one decision, because different quorums may
/// have signed; their [`Certificate::digest`] is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    layout: Layout,
    proposal: Proposal,
}

impl Certificate {
    pub(super) fn build(
        charter: &Charter,
        proposal: &SignedProposal,
        content: CutContent,
        confirms: Vec<SealerSignature>,
    ) -> Self {
        let layout = Layout {
            version: VERSION,
            kind: Kind::Certificate as u8,
            proposal_id: charter.id(),
            proposal: proposal.clone(),
            roster: charter.electorate().to_vec(),
            content,
            confirms,
        };
        Self { layout, proposal: charter.proposal().clone() }
    }

    /// SHA-256 of its bytes. Names this file, not the decision: see [`Certificate::digest`].
    pub fn id(&self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        Sha256::digest(self.to_bytes()).into()
    }

    /// The digest its confirmations are over: the same in every certificate of this decision.
    pub fn digest(&self) -> Digest {
        self.layout.content.digest(self.layout.proposal_id)
    }

    /// The proposal's id.
    pub fn proposal_id(&self) -> ProposalId {
        self.layout.proposal_id
    }

    /// What was proposed.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// The proposal as its proposer signed it.
    pub fn signed_proposal(&self) -> &SignedProposal {
        &self.layout.proposal
    }

    /// Who could vote, sorted by key.
    pub fn roster(&self) -> &[PersonaId] {
        &self.layout.roster
    }

    /// The ballots and the lists they come from.
    pub fn content(&self) -> &CutContent {
        &self.layout.content
    }

    /// What was decided.
    pub fn result(&self) -> &DecisionResult {
        &self.layout.content.result
    }

    /// Who confirmed.
    pub fn confirms(&self) -> &[SealerSignature] {
        &self.layout.confirms
    }

    /// The confirmations as the statements they once were.
    pub(super) fn confirm_statements(&self) -> Vec<(Statement, Signature)> {
        let value = self.digest();
        let statement = |confirm: &SealerSignature| {
            let sealer = confirm.sealer;
            (Statement::Confirm(Confirm { sealer, value }), confirm.signature)
        };
        self.layout.confirms.iter().map(statement).collect()
    }

    /// Its bytes, at most [`CERTIFICATE_BYTES_MAX`].
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.layout)
    }

    /// Reads a certificate and checks its shape, no signature.
    ///
    /// # Errors
    /// [`CertificateError`] names what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        let head = super::peek(bytes)?;
        if head.kind != Kind::Certificate {
            return Err(CertificateError::Field("kind"));
        }
        let layout: Layout = wire::decode(bytes, CERTIFICATE_BYTES_MAX)?;
        let field = |holds: bool, name| {
            if holds { Ok(()) } else { Err(CertificateError::Field(name)) }
        };
        field((1..=ELECTORATE_MAX).contains(&layout.roster.len()), "roster")?;
        // Every sealer may hold two other ballots of a voter who signs many.
        let ballots_max = layout.roster.len() * SEALERS_MAX * BALLOTS_PER_VOTER_MAX;
        field(layout.content.ballots.len() <= ballots_max, "ballots")?;
        field(layout.content.held.len() <= SEALERS_MAX, "held")?;
        field(layout.confirms.len() <= SEALERS_MAX, "confirms")?;
        let (id, proposal) = layout.proposal.parse()?;
        field(id == layout.proposal_id, "proposal_id")?;
        Ok(Self { layout, proposal })
    }
}
