//! The envelope all messages of a decision share, and what can be read without opening it.

use serde::{Deserialize, Serialize};

use super::{Ballot, Charter, Choice, MessageError, Statement};
use crate::{
    identity::{Domain, PersonaId, PersonaKey, ProposalId, Signature, SignatureError},
    wire::{self, DecodeError},
};

/// The version of every byte format of this module.
pub(super) const VERSION: u8 = 1;

/// The largest message of a decision, in bytes.
pub const DECISION_BYTES_MAX: usize = 256 * 1024;

/// What kind of message some bytes are. The number is part of what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A signed proposal.
    Proposal = 1,
    /// A voter's ballot.
    Ballot = 2,
    /// A sealer's list of the ballots it holds: a receipt while open, final when closed.
    Held = 3,
    /// A leader's proposed set of ballots with its result.
    Cut = 4,
    /// A sealer found a cut valid.
    Notarize = 5,
    /// A sealer gave up on a view.
    Nullify = 6,
    /// A sealer saw a quorum find a cut valid.
    Finalize = 7,
    /// A sealer's one word on the result.
    Confirm = 8,
    /// Two signed messages an honest member never signs both.
    Evidence = 9,
    /// Quorums of votes passed on to whoever missed them. Not signed itself.
    Proof = 10,
    /// A complete certificate. Not signed itself.
    Certificate = 11,
    /// Asks a member to pass on the proposal. Not signed itself.
    Ask = 12,
    /// A complete certificate of a hidden vote, with the one it follows from. Not signed itself.
    Revealed = 13,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Proposal,
        Self::Ballot,
        Self::Held,
        Self::Cut,
        Self::Notarize,
        Self::Nullify,
        Self::Finalize,
        Self::Confirm,
        Self::Evidence,
        Self::Proof,
        Self::Certificate,
        Self::Ask,
        Self::Revealed,
    ];

    /// The kind behind a number, where this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The largest whole message of this kind, in bytes.
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Notarize | Self::Nullify | Self::Finalize | Self::Confirm | Self::Ask => 256,
            Self::Ballot => 1024,
            Self::Proposal | Self::Held => 8 * 1024,
            Self::Evidence => 20 * 1024,
            Self::Cut | Self::Proof | Self::Certificate | Self::Revealed => DECISION_BYTES_MAX,
        }
    }
}

/// What every message says about itself in its first 34 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The kind of message.
    pub kind: Kind,
    /// The proposal it belongs to.
    pub proposal: ProposalId,
}

/// Reads which kind of message this is and which proposal it belongs to; checks nothing else.
///
/// # Errors
/// [`DecodeError`] for bytes that are too short or too long, or of an unknown version or kind.
pub fn peek(bytes: &[u8]) -> Result<Head, DecodeError> {
    let short = || DecodeError::Malformed("message shorter than its head".into());
    let (&version, rest) = bytes.split_first().ok_or_else(short)?;
    if version != VERSION {
        return Err(DecodeError::UnknownVersion(version));
    }
    let (&number, rest) = rest.split_first().ok_or_else(short)?;
    let kind = Kind::from_number(number)
        .ok_or_else(|| DecodeError::Malformed(format!("unknown kind {number}")))?;
    let proposal = rest.get(..32).and_then(ProposalId::from_slice).ok_or_else(short)?;
    if bytes.len() > kind.bytes_max() {
        return Err(DecodeError::TooLong { len: bytes.len(), max: kind.bytes_max() });
    }
    Ok(Head { kind, proposal })
}

/// Whether this is a ballot that this persona signed, and not one it passes on for another; checks
/// nothing else. Revealing a choice is no ballot in this sense: it was cast when it was hidden.
pub fn is_ballot_by(persona: &PersonaId, bytes: &[u8]) -> bool {
    SignedMessage::from_bytes(bytes).is_ok_and(|message| {
        message.kind() == Some(Kind::Ballot)
            && message.check_signature(persona).is_ok()
            && !matches!(
                Statement::decode(Kind::Ballot, message.body()),
                Ok(Statement::Ballot(Ballot { choice: Choice::Reveal { .. }, .. })) | Err(_)
            )
    })
}

/// A message as it travels: its kind, its proposal, its body and a signature over the three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedMessage {
    version: u8,
    kind: u8,
    proposal: ProposalId,
    #[serde(with = "serde_bytes")]
    body: Vec<u8>,
    signature: Signature,
}

impl SignedMessage {
    /// Signs a statement. Only what the signing guard released may come here.
    pub(super) fn sign(proposal: ProposalId, statement: &Statement, key: &PersonaKey) -> Self {
        Self::seal(statement.kind(), proposal, statement.body(), key)
    }

    pub(super) fn seal(kind: Kind, proposal: ProposalId, body: Vec<u8>, key: &PersonaKey) -> Self {
        let signature = key.sign(Domain::Vote, &signing_bytes(kind, proposal, &body));
        Self { version: VERSION, kind: kind as u8, proposal, body, signature }
    }

    /// Puts a statement and a signature made elsewhere back together.
    pub(super) fn assemble(
        proposal: ProposalId,
        statement: &Statement,
        signature: Signature,
    ) -> Self {
        let kind = statement.kind() as u8;
        Self { version: VERSION, kind, proposal, body: statement.body(), signature }
    }

    /// Checks that this persona signed exactly this.
    pub(super) fn check_signature(&self, signer: &PersonaId) -> Result<(), SignatureError> {
        let kind = Kind::from_number(self.kind).ok_or(SignatureError)?;
        let bytes = signing_bytes(kind, self.proposal, &self.body);
        signer.verify(Domain::Vote, &bytes, &self.signature)
    }

    /// Decodes the statement, checks that its signer may make it and that it is theirs.
    ///
    /// # Errors
    /// [`MessageError`] names what is wrong.
    pub fn open(&self, charter: &Charter) -> Result<Statement, MessageError> {
        if self.version != VERSION {
            return Err(MessageError::Field("version"));
        }
        if self.proposal != charter.id() {
            return Err(MessageError::OtherProposal);
        }
        let kind = Kind::from_number(self.kind).ok_or(MessageError::Field("kind"))?;
        let statement = Statement::decode(kind, &self.body)?;
        let signer = statement.check(charter)?;
        self.check_signature(&signer).map_err(|SignatureError| MessageError::Signature)?;
        Ok(statement)
    }

    pub(super) fn signature(&self) -> Signature {
        self.signature
    }

    pub(super) fn proposal(&self) -> ProposalId {
        self.proposal
    }

    /// The kind; none for a version or kind this node does not know.
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.kind).filter(|_| self.version == VERSION)
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The message's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a message; opens nothing yet.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not one message of a known version and kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let head = peek(bytes)?;
        wire::decode(bytes, head.kind.bytes_max())
    }
}

/// `kind || proposal || body`: what stands behind the domain in every signature of a decision.
pub(super) fn signing_bytes(kind: Kind, proposal: ProposalId, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(33 + body.len());
    bytes.push(kind as u8);
    bytes.extend(proposal.as_bytes());
    bytes.extend(body);
    bytes
}
