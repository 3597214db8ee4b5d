//! What a message says, inside the encryption.

use serde::{Deserialize, Serialize};

use crate::identity::MessageId;

/// One thing said in a conversation: a kind and a body whose layout the kind decides.
///
/// An older node keeps, forwards and shows kinds it does not know, which is why the kind is a
/// number and the body is opaque here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// See [`ContentKind`]; any other number is a kind of a later version.
    pub kind: u16,
    /// At most [`Content::BODY_BYTES_MAX`]; a kind may have a tighter limit of its own.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// The kinds this version understands, with their numbers on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum ContentKind {
    /// UTF-8 text, shown to the owner; never an instruction to a persona.
    Text = 1,
    /// A text that answers an earlier message: an [`crate::wire::Reply`].
    Reply = 2,
    /// What the author thinks of a message: a [`crate::wire::Reaction`].
    Reaction = 3,
    /// Another text for an earlier message of the author: a [`crate::wire::Edit`].
    Edit = 4,
    /// Takes an earlier message of the author back: a [`crate::wire::Deletion`].
    Deletion = 5,
    /// A file or picture: a [`crate::file::FileContent`].
    File = 6,
    /// An encrypted chunk of a file said before: a [`crate::file::FilePart`]. Never shown.
    FilePart = 7,
    /// A typed request between personas; the `personas` crate has its layout.
    AgentRequest = 16,
    /// The answer to an [`ContentKind::AgentRequest`].
    AgentResponse = 17,
    /// A signed message of the decision protocol: see [`crate::decision`].
    Decision = 32,
    /// A complete decision certificate.
    Certificate = 33,
    /// A question whose answers bind nobody: a [`crate::wire::Inquiry`].
    Inquiry = 34,
    /// The answer to an [`ContentKind::Inquiry`]: a [`crate::wire::Answer`].
    Answer = 35,
    /// The signed cards of the members, so that everyone can reach everyone.
    Roster = 48,
}

impl ContentKind {
    /// The kind behind a number, where this version knows it.
    pub fn from_number(kind: u16) -> Option<Self> {
        Some(match kind {
            1 => Self::Text,
            2 => Self::Reply,
            3 => Self::Reaction,
            4 => Self::Edit,
            5 => Self::Deletion,
            6 => Self::File,
            7 => Self::FilePart,
            16 => Self::AgentRequest,
            17 => Self::AgentResponse,
            32 => Self::Decision,
            33 => Self::Certificate,
            34 => Self::Inquiry,
            35 => Self::Answer,
            48 => Self::Roster,
            _ => return None,
        })
    }
}

impl Content {
    /// The largest body of any kind, in bytes: as large as the largest decision certificate.
    pub const BODY_BYTES_MAX: usize = 256 * 1024;

    /// Content of a known kind.
    pub fn new(kind: ContentKind, body: Vec<u8>) -> Self {
        Self { kind: kind as u16, body }
    }

    /// Plain text.
    pub fn text(text: &str) -> Self {
        Self::new(ContentKind::Text, text.as_bytes().to_vec())
    }
}

/// The authenticated plaintext of one application message.
///
/// `seq` counts one author's messages in one conversation from 0, and `previous` is the id of the
/// one before, so a missing message is seen as soon as a later one arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Stable across retries and re-encryption.
    pub id: MessageId,
    /// Position among this author's messages in this conversation.
    pub seq: u64,
    /// The author's message before this one; zeroes for the first.
    pub previous: MessageId,
    /// The author's clock, milliseconds since the Unix epoch. A hint for display only.
    pub sent_at_ms: u64,
    /// What is said.
    pub content: Content,
}
