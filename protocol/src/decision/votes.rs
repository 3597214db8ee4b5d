//! Quorums of votes, small enough to pass on.

use serde::{Deserialize, Serialize};

use super::{Charter, Digest, Kind, Nullify, RoundVote, SignedMessage, Statement, signed::VERSION};
use crate::{
    identity::{ProposalId, Signature},
    wire,
};

use super::{CutContent, MessageError};

/// One sealer's signature, in a place that says what it is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealerSignature {
    /// Index of the sealer.
    pub sealer: u16,
    /// Its signature.
    pub signature: Signature,
}

/// A quorum that notarized a value in a view, or gave the view up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundVotes {
    /// The view.
    pub view: u32,
    /// The value notarized; none when the view was nullified.
    pub value: Option<Digest>,
    /// Exactly a quorum, by rising index.
    pub signatures: Vec<SealerSignature>,
}

impl RoundVotes {
    /// The statements these signatures are under.
    pub(super) fn statements(&self) -> impl Iterator<Item = (Statement, Signature)> {
        let (view, value) = (self.view, self.value);
        self.signatures.iter().map(move |SealerSignature { sealer, signature }| {
            let sealer = *sealer;
            let statement = match value {
                Some(value) => Statement::Notarize(RoundVote { sealer, view, value }),
                None => Statement::Nullify(Nullify { sealer, view }),
            };
            (statement, *signature)
        })
    }

    /// Checks that a quorum of different sealers signed.
    pub(super) fn check(&self, charter: &Charter) -> Result<(), MessageError> {
        if !is_quorum(&self.signatures, charter) {
            return Err(MessageError::Field("signatures"));
        }
        self.statements().try_for_each(|(statement, signature)| {
            SignedMessage::assemble(charter.id(), &statement, signature).open(charter).map(drop)
        })
    }
}

/// Whether these are exactly as many as needed, by rising index.
pub(super) fn is_quorum(signatures: &[SealerSignature], charter: &Charter) -> bool {
    signatures.len() == charter.quorum().needed()
        && signatures.is_sorted_by(|a, b| a.sealer < b.sealer)
}

/// What a sealer passes on when a view took too long: the newest value a quorum notarized, and
/// the views given up since. Not signed, because every part proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    version: u8,
    kind: u8,
    proposal: ProposalId,
    pub(super) content: Option<CutContent>,
    pub(super) notarization: Option<RoundVotes>,
    pub(super) nullifications: Vec<RoundVotes>,
}

impl Proof {
    pub(super) fn new(
        proposal: ProposalId,
        content: Option<CutContent>,
        notarization: Option<RoundVotes>,
        nullifications: Vec<RoundVotes>,
    ) -> Self {
        let kind = Kind::Proof as u8;
        Self { version: VERSION, kind, proposal, content, notarization, nullifications }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        let proof: Self = wire::decode(bytes, Kind::Proof.bytes_max())?;
        if proof.nullifications.len() > super::VIEWS_MAX as usize {
            return Err(MessageError::Field("nullifications"));
        }
        Ok(proof)
    }
}
