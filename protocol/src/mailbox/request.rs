//! What is said to a mailbox and what it answers.

use serde::{Deserialize, Serialize};

use super::{ReleaseKey, ReleaseLock, Stored, Token};
use crate::{identity::EnvelopeId, session::Tag};

/// The longest a mailbox keeps an envelope, in milliseconds: 14 days.
pub const KEEP_MS_MAX: u64 = 14 * 24 * 60 * 60 * 1000;
/// Locks on one envelope; one for more recipients than that has none and stays until its time is
/// over.
pub const LOCKS_MAX: usize = 64;
/// Claims in one request.
pub const CLAIMS_MAX: usize = 256;
/// Answers in one request.
pub const ANSWERS_MAX: usize = 256;

/// What a node asks of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Keep an envelope. Answered by [`Reply::Stored`] or [`Reply::Refused`]. The same envelope
    /// again is answered in the same way and adds its locks.
    Deposit(Deposit),
    /// Hand out what lies under these tags, and what comes while this connection stands. At most
    /// [`CLAIMS_MAX`]; answered by [`Reply::Watching`].
    Watch(Vec<Claim>),
    /// What became of envelopes handed out; each makes room for the next. At most
    /// [`ANSWERS_MAX`]. Not answered.
    Answer(Vec<Answer>),
}

impl Request {
    /// What a node answers that holds no mail for others, if it answers at all.
    pub fn not_served(&self) -> Option<Reply> {
        match self {
            Self::Deposit(deposit) => {
                let envelope = EnvelopeId::of(&deposit.envelope);
                Some(Reply::Refused { envelope, reason: Refusal::NotServed })
            }
            Self::Watch(claims) => {
                let refused = u32::try_from(claims.len()).unwrap_or(u32::MAX);
                Some(Reply::Watching { watched: 0, refused })
            }
            Self::Answer(_) => None,
        }
    }
}

/// An envelope to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// A [`crate::session::Envelope`].
    #[serde(with = "serde_bytes")]
    pub envelope: Vec<u8>,
    /// Why the mailbox should.
    pub access: Access,
    /// One for each recipient who is expected to read it there, or none. Sorted, no repetition,
    /// at most [`LOCKS_MAX`].
    pub locks: Vec<ReleaseLock>,
    /// How long, in milliseconds; at most [`KEEP_MS_MAX`].
    pub keep_ms: u64,
}

/// What gives the right to deposit under a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// The token of the envelope's tag: it is for members of a group, from one of them.
    Token(Token),
    /// The nonce of a proof of [`super::work`] over the envelope: it is a first contact.
    Work(u64),
}

/// A tag whose envelopes a reader wants. What was deposited with a token is handed out for a
/// token only, and what was deposited with work for the plain tag only, so nobody outside a group
/// can put anything among what its members read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// Envelopes of a group.
    Token(Token),
    /// First contacts. Who has a persona's card can name this tag; what lies there is sealed to
    /// the persona.
    Contact(Tag),
}

/// What became of an envelope that was handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which.
    pub envelope: EnvelopeId,
    /// Keys to its locks: it is on the disk of these recipients. None: the reader could not use
    /// it, and it is not to be handed out again on this connection. At most [`LOCKS_MAX`].
    pub keys: Vec<ReleaseKey>,
}

/// What a mailbox answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// An envelope is on the mailbox's disk.
    Stored(Stored),
    /// An envelope was not taken.
    Refused {
        /// Which.
        envelope: EnvelopeId,
        /// Why.
        reason: Refusal,
    },
    /// An envelope that lies under a watched tag.
    Entry(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The answer to [`Request::Watch`].
    Watching {
        /// Tags this connection watches now.
        watched: u32,
        /// Claims of the request that were one too many.
        refused: u32,
    },
}

/// Why an envelope was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// This node holds no mail for others.
    NotServed,
    /// The field `envelope` is none.
    Envelope,
    /// The field `access` does not fit the envelope.
    Access,
    /// The field `locks` is too long or out of order.
    Locks,
    /// The field `keep_ms` is zero or too large.
    Keep,
    /// The tag has as many envelopes, or bytes, as one tag may.
    TagFull,
    /// The depositor has as many bytes here as one depositor may.
    DepositorFull,
    /// The mailbox is full.
    Full,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotServed => "this node holds no mail for others",
            Self::Envelope => "envelope: not an envelope",
            Self::Access => "access: neither the tag's token nor work enough",
            Self::Locks => "locks: too many, or out of order",
            Self::Keep => "keep_ms: nothing, or longer than a mailbox keeps anything",
            Self::TagFull => "the tag's quota is used up",
            Self::DepositorFull => "the depositor's quota is used up",
            Self::Full => "the mailbox is full",
        })
    }
}
