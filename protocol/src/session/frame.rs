//! What an envelope of a group encloses.
//!
//! A kind and a body whose layout the kind decides, so that a node can tell a kind of a later
//! version from damage.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ENVELOPE_BYTES_MAX, SignedEntry, SignedRejoin, SignedSignal};
use crate::{
    identity::EnvelopeId,
    wire::{self, DecodeError, Receipt},
};

/// The inside of an envelope of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedFrame {
    /// An MLS message whose plaintext is a [`wire::Message`].
    Application(Vec<u8>),
    /// An MLS commit and the log entry that orders it.
    Commit {
        /// The sequencer's word that this commit comes next.
        entry: SignedEntry,
        /// The MLS message.
        commit: Vec<u8>,
    },
    /// A member's receipts, for the author of what it committed. Each is signed, so they need no
    /// MLS message of their own. At most [`RECEIPTS_MAX`].
    Receipts(Vec<(EnvelopeId, Receipt)>),
    /// The commit that begins a term, with the votes that give its signer the right.
    Takeover {
        /// The first entry of the term.
        entry: SignedEntry,
        /// The MLS message.
        commit: Vec<u8>,
        /// The votes.
        votes: Vec<SignedSignal>,
    },
    /// The commit that lets a member that lost its keys back in, with its request.
    Rejoin {
        /// The sequencer's word that this commit comes next.
        entry: SignedEntry,
        /// The MLS message.
        commit: Vec<u8>,
        /// What the member asked.
        request: SignedRejoin,
    },
}

/// Receipts in one frame.
pub const RECEIPTS_MAX: usize = 64;

/// Why the inside of an envelope was refused. A member's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// A kind of a later version.
    #[error("unknown frame kind {0}")]
    UnknownKind(u16),
    /// Not a frame.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

const APPLICATION: u16 = 1;
const COMMIT: u16 = 2;
const RECEIPTS: u16 = 3;
const TAKEOVER: u16 = 4;
const REJOIN: u16 = 5;

/// A length, and for each receipt envelope id, leaf and signature.
const RECEIPTS_BYTES_MAX: usize = 8 + RECEIPTS_MAX * (32 + 4 + 64);

#[derive(Serialize, Deserialize)]
struct Outer {
    kind: u16,
    #[serde(with = "serde_bytes")]
    body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct CommitBody {
    entry: SignedEntry,
    #[serde(with = "serde_bytes")]
    commit: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct TakeoverBody {
    entry: SignedEntry,
    #[serde(with = "serde_bytes")]
    commit: Vec<u8>,
    votes: Vec<SignedSignal>,
}

#[derive(Serialize, Deserialize)]
struct RejoinBody {
    entry: SignedEntry,
    #[serde(with = "serde_bytes")]
    commit: Vec<u8>,
    request: SignedRejoin,
}

impl SealedFrame {
    /// The frame's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let outer = match self {
            Self::Application(message) => Outer { kind: APPLICATION, body: message.clone() },
            Self::Commit { entry, commit } => {
                let body = CommitBody { entry: entry.clone(), commit: commit.clone() };
                Outer { kind: COMMIT, body: wire::encode(&body) }
            }
            Self::Receipts(receipts) => Outer { kind: RECEIPTS, body: wire::encode(receipts) },
            Self::Takeover { entry, commit, votes } => {
                let (entry, commit, votes) = (entry.clone(), commit.clone(), votes.clone());
                let body = TakeoverBody { entry, commit, votes };
                Outer { kind: TAKEOVER, body: wire::encode(&body) }
            }
            Self::Rejoin { entry, commit, request } => {
                let (entry, commit, request) = (entry.clone(), commit.clone(), request.clone());
                let body = RejoinBody { entry, commit, request };
                Outer { kind: REJOIN, body: wire::encode(&body) }
            }
        };
        wire::encode(&outer)
    }

    /// Reads exactly one frame.
    ///
    /// # Errors
    /// [`FrameError`]; a kind of a later version is told apart from damage.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        let Outer { kind, body } = wire::decode(bytes, ENVELOPE_BYTES_MAX)?;
        match kind {
            APPLICATION => Ok(Self::Application(body)),
            COMMIT => {
                let CommitBody { entry, commit } = wire::decode(&body, ENVELOPE_BYTES_MAX)?;
                Ok(Self::Commit { entry, commit })
            }
            RECEIPTS => Ok(Self::Receipts(wire::decode(&body, RECEIPTS_BYTES_MAX)?)),
            TAKEOVER => {
                let TakeoverBody { entry, commit, votes } =
                    wire::decode(&body, ENVELOPE_BYTES_MAX)?;
                Ok(Self::Takeover { entry, commit, votes })
            }
            REJOIN => {
                let RejoinBody { entry, commit, request } =
                    wire::decode(&body, ENVELOPE_BYTES_MAX)?;
                Ok(Self::Rejoin { entry, commit, request })
            }
            other => Err(FrameError::UnknownKind(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Signature;

    #[test]
    fn frames_come_back_as_they_were() {
        let frame = SealedFrame::Application(vec![1, 2, 3]);
        assert_eq!(SealedFrame::from_bytes(&frame.to_bytes()), Ok(frame));
    }

    #[test]
    fn a_frame_holds_so_many_receipts_and_no_more() {
        let receipt = Receipt { leaf: 1, signature: Signature([2; 64]) };
        let frame = |n| SealedFrame::Receipts(vec![(EnvelopeId([3; 32]), receipt.clone()); n]);
        let full = frame(RECEIPTS_MAX);
        assert_eq!(SealedFrame::from_bytes(&full.to_bytes()), Ok(full));
        let over = SealedFrame::from_bytes(&frame(RECEIPTS_MAX + 1).to_bytes());
        assert!(matches!(over, Err(FrameError::Decode(DecodeError::TooLong { .. }))));
    }

    #[test]
    fn a_kind_of_a_later_version_is_told_apart_from_damage() {
        let later = wire::encode(&Outer { kind: 77, body: vec![] });
        assert_eq!(SealedFrame::from_bytes(&later), Err(FrameError::UnknownKind(77)));
        assert!(matches!(SealedFrame::from_bytes(&[1]), Err(FrameError::Decode(_))));
    }
}
