//! What members say to each other about a proposal, one type a message.
//!
//! | message | says | an honest member signs |
//! | --- | --- | --- |
//! | ballot | this is my choice | one per proposal |
//! | held | I hold these ballots | growing lists, then one closed list |
//! | cut | these ballots count, and this is the result | one per view it leads |
//! | notarize | this cut is valid | one per view |
//! | nullify | this view leads nowhere | one per view, never with a finalize |
//! | finalize | a quorum notarized this | one per view, for what it notarized |
//! | confirm | this is the result | one per proposal, whatever the view |

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Ballot, Charter, CutContent, Kind, RoundVotes};
use crate::{
    identity::PersonaId,
    wire::{self, DecodeError},
};

/// A SHA-256 hash.
pub type Digest = [u8; 32];

/// Views are counted from 1 to this. Each failed view means a quorum was awake and its leader
/// was not heard in time, so a decision that needs more has no network.
pub const VIEWS_MAX: u32 = 64;

/// A sealer holds at most this many ballots of one voter: one that counts, or two that prove it
/// signed twice.
pub(super) const BALLOTS_PER_VOTER_MAX: usize = 2;

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Not a message of this protocol.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It belongs to another proposal.
    #[error("message of another proposal")]
    OtherProposal,
    /// A field breaks its rule.
    #[error("field {0} is not valid")]
    Field(&'static str),
    /// The signature is not by the member it names.
    #[error("signature does not verify")]
    Signature,
}

/// One ballot in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Index of the voter.
    pub voter: u16,
    /// [`Ballot::hash`].
    pub ballot: Digest,
}

/// The ballots a sealer holds. While it is open it is a receipt for every voter in it; closed it
/// is what the sealer says must count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Index of the sealer.
    pub sealer: u16,
    /// Rises with every list this sealer signs.
    pub seq: u32,
    /// Whether the sealer accepts no more.
    pub closed: bool,
    /// Strictly rising; at most two for one voter. A later list contains every earlier one.
    pub entries: Vec<Entry>,
}

/// A leader's proposal of what counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Index of the leader of [`Cut::view`].
    pub leader: u16,
    /// The view it leads, from 1.
    pub view: u32,
    /// The ballots, the closed lists they come from, and the result.
    pub content: CutContent,
    /// Of an earlier view, when this content was already notarized there.
    pub notarization: Option<RoundVotes>,
    /// Of every view since that one (or since the first), in order.
    pub nullifications: Vec<RoundVotes>,
}

/// A vote on a value in a view: a notarize or a finalize, as the message's kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundVote {
    /// Index of the sealer.
    pub sealer: u16,
    /// The view, from 1.
    pub view: u32,
    /// Digest of the cut.
    pub value: Digest,
}

/// Gives up on a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nullify {
    /// Index of the sealer.
    pub sealer: u16,
    /// The view, from 1.
    pub view: u32,
}

/// A sealer's one word on the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Index of the sealer.
    pub sealer: u16,
    /// Digest of the cut.
    pub value: Digest,
}

/// Two signed messages no honest member signs both, passed on by someone who saw them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Index of the member who passes it on; proves nothing by itself.
    pub reporter: u16,
    /// One signed message.
    #[serde(with = "serde_bytes")]
    pub first: Vec<u8>,
    /// The other.
    #[serde(with = "serde_bytes")]
    pub second: Vec<u8>,
}

/// Anything a member can sign about a proposal, the proposal itself aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// See [`Ballot`].
    Ballot(Ballot),
    /// See [`Held`].
    Held(Held),
    /// See [`Cut`].
    Cut(Box<Cut>),
    /// See [`RoundVote`].
    Notarize(RoundVote),
    /// See [`Nullify`].
    Nullify(Nullify),
    /// See [`RoundVote`].
    Finalize(RoundVote),
    /// See [`Confirm`].
    Confirm(Confirm),
    /// See [`Report`].
    Evidence(Report),
}

impl Held {
    /// Whether this list names a ballot.
    pub fn contains(&self, entry: &Entry) -> bool {
        self.entries.binary_search(entry).is_ok()
    }

    /// Whether this list names everything another names.
    pub fn includes(&self, other: &Self) -> bool {
        other.entries.iter().all(|entry| self.contains(entry))
    }

    fn check(&self, charter: &Charter) -> Result<(), &'static str> {
        if !self.entries.is_sorted_by(|a, b| a < b) {
            return Err("entries");
        }
        if self.entries.iter().any(|entry| charter.member(entry.voter).is_none()) {
            return Err("entries.voter");
        }
        let crowded =
            |window: &[Entry]| window.first().map(|e| e.voter) == window.last().map(|e| e.voter);
        if self.entries.windows(BALLOTS_PER_VOTER_MAX + 1).any(crowded) {
            return Err("entries");
        }
        Ok(())
    }
}

impl Statement {
    /// Which kind of message says this.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ballot(_) => Kind::Ballot,
            Self::Held(_) => Kind::Held,
            Self::Cut(_) => Kind::Cut,
            Self::Notarize(_) => Kind::Notarize,
            Self::Nullify(_) => Kind::Nullify,
            Self::Finalize(_) => Kind::Finalize,
            Self::Confirm(_) => Kind::Confirm,
            Self::Evidence(_) => Kind::Evidence,
        }
    }

    /// Index of the member who says it.
    pub fn signer(&self) -> u16 {
        match self {
            Self::Ballot(ballot) => ballot.voter,
            Self::Held(held) => held.sealer,
            Self::Cut(cut) => cut.leader,
            Self::Notarize(vote) | Self::Finalize(vote) => vote.sealer,
            Self::Nullify(nullify) => nullify.sealer,
            Self::Confirm(confirm) => confirm.sealer,
            Self::Evidence(report) => report.reporter,
        }
    }

    /// The body that is signed.
    pub(super) fn body(&self) -> Vec<u8> {
        match self {
            Self::Ballot(ballot) => wire::encode(ballot),
            Self::Held(held) => wire::encode(held),
            Self::Cut(cut) => wire::encode(cut),
            Self::Notarize(vote) | Self::Finalize(vote) => wire::encode(vote),
            Self::Nullify(nullify) => wire::encode(nullify),
            Self::Confirm(confirm) => wire::encode(confirm),
            Self::Evidence(report) => wire::encode(report),
        }
    }

    /// Reads a body of a known kind.
    pub(super) fn decode(kind: Kind, body: &[u8]) -> Result<Self, MessageError> {
        let max = kind.bytes_max();
        Ok(match kind {
            Kind::Ballot => Self::Ballot(wire::decode(body, max)?),
            Kind::Held => Self::Held(wire::decode(body, max)?),
            Kind::Cut => Self::Cut(Box::new(wire::decode(body, max)?)),
            Kind::Notarize => Self::Notarize(wire::decode(body, max)?),
            Kind::Nullify => Self::Nullify(wire::decode(body, max)?),
            Kind::Finalize => Self::Finalize(wire::decode(body, max)?),
            Kind::Confirm => Self::Confirm(wire::decode(body, max)?),
            Kind::Evidence => Self::Evidence(wire::decode(body, max)?),
            Kind::Proposal | Kind::Proof | Kind::Certificate | Kind::Ask | Kind::Revealed => {
                return Err(MessageError::Field("kind"));
            }
        })
    }

    /// Checks the fields and whether this member may say it at all; hands out who that is.
    /// What a cut contains is checked apart, because it costs many signatures.
    pub(super) fn check(&self, charter: &Charter) -> Result<PersonaId, MessageError> {
        let view = match self {
            Self::Cut(cut) => cut.view,
            Self::Notarize(vote) | Self::Finalize(vote) => vote.view,
            Self::Nullify(nullify) => nullify.view,
            _ => 1,
        };
        if !(1..=VIEWS_MAX).contains(&view) {
            return Err(MessageError::Field("view"));
        }
        match self {
            Self::Ballot(ballot) => {
                ballot.check(charter.proposal()).map_err(MessageError::Field)?;
                ballot.check_caster(charter).map_err(MessageError::Field)?;
            }
            Self::Held(held) => held.check(charter).map_err(MessageError::Field)?,
            Self::Cut(cut) if cut.leader != charter.leader(cut.view) => {
                return Err(MessageError::Field("leader"));
            }
            _ => {}
        }
        let signer = match self {
            Self::Ballot(ballot) => charter.member(ballot.voter),
            Self::Evidence(report) => charter.member(report.reporter),
            _ => charter.sealer(self.signer()),
        };
        signer.copied().ok_or(MessageError::Field("signer"))
    }
}
