//! The proposal: the question, who may answer it, until when, and how answers become a result.
//!
//! Everything a decision depends on is frozen here and named by one hash, so that a ballot on this
//! question in this group at this moment is valid nowhere else.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Kind, Quorum, Rule, SignedMessage, roster_root, sealers_of, signed::VERSION};
use crate::{
    identity::{ConversationId, PersonaId, PersonaKey, ProposalId},
    wire::{self, DecodeError},
};

/// The longest question, in bytes of UTF-8.
pub const QUESTION_BYTES_MAX: usize = 1024;
/// The most options.
pub const OPTIONS_MAX: usize = 16;
/// The longest option, in bytes of UTF-8.
pub const OPTION_BYTES_MAX: usize = 256;

/// The longest a vote may run, in milliseconds: 31 days.
const DURATION_MS_MAX: u64 = 31 * 24 * 60 * 60 * 1000;
/// The longest grace, in milliseconds: a day.
const GRACE_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// The last millisecond of the year 9999, the last that ISO 8601 writes in four digits.
const TIME_MS_MAX: u64 = 253_402_300_799_999;

/// What a member proposes, before it is frozen for a certain electorate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The conversation that decides.
    pub group: ConversationId,
    /// Its MLS epoch, whose members are the electorate.
    pub epoch: u64,
    /// SHA-256 of the MLS group context of that epoch.
    pub context_hash: [u8; 32],
    /// Who asks; a member of the electorate.
    pub proposer: PersonaId,
    /// How ballots become a result.
    pub rule: Rule,
    /// What is asked; 1 to [`QUESTION_BYTES_MAX`] bytes.
    pub question: String,
    /// What can be chosen, for approval; at most [`OPTIONS_MAX`], all different.
    pub options: Vec<String>,
    /// First moment of voting, milliseconds since the Unix epoch.
    pub opens_at_ms: u64,
    /// Last moment of voting, milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// How long after the deadline ballots that were cast in time may still arrive, milliseconds.
    pub grace_ms: u64,
    /// Whether sealers close as soon as the outcome cannot change any more.
    pub early_close: bool,
    /// Random, so that the same question asked twice is two proposals.
    pub nonce: [u8; 32],
}

/// A proposal, frozen. Its SHA-256 is its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Version of this layout: 1.
    pub version: u8,
    /// The conversation that decides.
    pub group: ConversationId,
    /// Its MLS epoch, whose members are the electorate.
    pub epoch: u64,
    /// SHA-256 of the MLS group context of that epoch, so that two forks of one group at the same
    /// epoch number cannot mix ballots.
    pub context_hash: [u8; 32],
    /// [`roster_root`] of the sorted electorate.
    pub roster_root: [u8; 32],
    /// [`roster_root`] of the sealers.
    pub sealers_root: [u8; 32],
    /// How many sealers there are, may lie, and must sign.
    pub sealers: Quorum,
    /// Who asks; a member of the electorate.
    pub proposer: PersonaId,
    /// How ballots become a result.
    pub rule: Rule,
    /// What is asked.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// First moment of voting, milliseconds since the Unix epoch.
    pub opens_at_ms: u64,
    /// Last moment of voting, milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// How long after the deadline sealers wait for ballots on their way, milliseconds.
    pub grace_ms: u64,
    /// Whether sealers close as soon as the outcome cannot change any more.
    pub early_close: bool,
    /// Random.
    pub nonce: [u8; 32],
}

/// Why a proposal was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProposalError {
    /// The bytes are not a proposal.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The id it carries is not the hash of its body.
    #[error("the proposal's id is not the hash of its body")]
    Id,
    /// The signature is not by the proposer.
    #[error("signature does not verify")]
    Signature,
    /// A field breaks its rule.
    #[error("field {0} is not valid")]
    Field(&'static str),
    /// The electorate is empty, too large or names someone twice.
    #[error("an electorate has 1 to 100 different members")]
    Electorate,
}

impl Proposal {
    /// Freezes terms for an electorate, whose order does not matter.
    ///
    /// # Errors
    /// [`ProposalError`] when a term breaks its rule, or the proposer is not in the electorate.
    pub fn freeze(terms: Terms, electorate: &[PersonaId]) -> Result<Self, ProposalError> {
        let mut electorate = electorate.to_vec();
        electorate.sort_unstable();
        let sealers = sealers_of(&electorate);
        let count = u16::try_from(sealers.len()).map_err(|_| ProposalError::Electorate)?;
        let proposal = Self {
            version: VERSION,
            group: terms.group,
            epoch: terms.epoch,
            context_hash: terms.context_hash,
            roster_root: roster_root(&electorate),
            sealers_root: roster_root(sealers),
            sealers: Quorum::of(count),
            proposer: terms.proposer,
            rule: terms.rule,
            question: terms.question,
            options: terms.options,
            opens_at_ms: terms.opens_at_ms,
            deadline_ms: terms.deadline_ms,
            grace_ms: terms.grace_ms,
            early_close: terms.early_close,
            nonce: terms.nonce,
        };
        proposal.check()?;
        proposal.check_electorate(&electorate)?;
        Ok(proposal)
    }

    /// Its id: SHA-256 of its encoding.
    pub fn id(&self) -> ProposalId {
        id_of(&wire::encode(self))
    }

    /// When honest sealers stop waiting for ballots, milliseconds since the Unix epoch.
    pub fn closes_at_ms(&self) -> u64 {
        self.deadline_ms.saturating_add(self.grace_ms)
    }

    /// The rules of the fields alone.
    fn check(&self) -> Result<(), ProposalError> {
        let field =
            |holds: bool, name| if holds { Ok(()) } else { Err(ProposalError::Field(name)) };
        field(self.version == VERSION, "version")?;
        field(is_text(&self.question, QUESTION_BYTES_MAX), "question")?;
        field(self.options.len() <= OPTIONS_MAX, "options")?;
        field(self.options.iter().all(|option| is_text(option, OPTION_BYTES_MAX)), "options")?;
        let distinct: std::collections::BTreeSet<_> = self.options.iter().collect();
        field(distinct.len() == self.options.len(), "options")?;
        self.rule.check(self.options.len()).map_err(ProposalError::Field)?;
        field(self.deadline_ms <= TIME_MS_MAX, "deadline_ms")?;
        field(self.opens_at_ms < self.deadline_ms, "opens_at_ms")?;
        field(self.deadline_ms - self.opens_at_ms <= DURATION_MS_MAX, "deadline_ms")?;
        field(self.grace_ms <= GRACE_MS_MAX, "grace_ms")
    }

    /// Whether this is the electorate the proposal was frozen for.
    pub(super) fn check_electorate(&self, sorted: &[PersonaId]) -> Result<(), ProposalError> {
        let field =
            |holds: bool, name| if holds { Ok(()) } else { Err(ProposalError::Field(name)) };
        let sizes = 1..=super::ELECTORATE_MAX;
        if !sizes.contains(&sorted.len()) || !sorted.is_sorted_by(|a, b| a < b) {
            return Err(ProposalError::Electorate);
        }
        let sealers = sealers_of(sorted);
        field(self.roster_root == roster_root(sorted), "roster_root")?;
        field(self.sealers_root == roster_root(sealers), "sealers_root")?;
        let quorum = u16::try_from(sealers.len()).map(Quorum::of);
        field(quorum == Ok(self.sealers), "sealers")?;
        field(sorted.binary_search(&self.proposer).is_ok(), "proposer")?;
        self.rule.check_electorate(sorted.len()).map_err(ProposalError::Field)
    }
}

fn id_of(body: &[u8]) -> ProposalId {
    use sha2::{Digest, Sha256};
    ProposalId(Sha256::digest(body).into())
}

/// Text people will see: not empty, nothing that moves a cursor or turns the direction of
/// reading. Lines may break, but only at a line feed.
pub(crate) fn is_text(text: &str, bytes_max: usize) -> bool {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (1..=bytes_max).contains(&text.len())
        && !text.trim().is_empty()
        && !text.chars().any(|c| (c.is_control() && c != '\n') || turns(c))
}

/// A proposal as it travels: the exact bytes its proposer signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignedProposal(SignedMessage);

impl SignedProposal {
    /// Signs a proposal with the key of its proposer. An honest member signs one per nonce.
    pub fn sign(proposal: &Proposal, key: &PersonaKey) -> Self {
        let body = wire::encode(proposal);
        Self(SignedMessage::seal(Kind::Proposal, id_of(&body), body, key))
    }

    /// Checks id, fields and signature, and only then hands out the proposal.
    ///
    /// # Errors
    /// [`ProposalError`] says which check failed.
    pub fn verify(&self) -> Result<(ProposalId, Proposal), ProposalError> {
        let (id, proposal) = self.parse()?;
        self.0.check_signature(&proposal.proposer).map_err(|_| ProposalError::Signature)?;
        Ok((id, proposal))
    }

    /// Everything [`SignedProposal::verify`] checks, but for the signature.
    pub(super) fn parse(&self) -> Result<(ProposalId, Proposal), ProposalError> {
        if self.0.kind() != Some(Kind::Proposal) {
            return Err(ProposalError::Field("kind"));
        }
        let proposal: Proposal = wire::decode(self.0.body(), Kind::Proposal.bytes_max())?;
        if id_of(self.0.body()) != self.0.proposal() {
            return Err(ProposalError::Id);
        }
        proposal.check()?;
        Ok((self.0.proposal(), proposal))
    }

    /// The bytes that travel.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Reads the bytes; checks neither fields nor signature.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not one message.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        SignedMessage::from_bytes(bytes).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn text_that_turns_or_breaks_lines_unseen_is_refused() {
        for c in ['\u{61c}', '\u{200e}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2069}', '\t'] {
            assert!(!is_text(&format!("When{c}?"), 80), "{c:?}");
        }
        assert!(is_text("When?\nSoon.", 80));
    }
}
