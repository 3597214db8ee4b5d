//! What crosses a stream between two nodes.
//!
//! A frame on the stream is a 4-byte big-endian length and that many bytes: one version byte,
//! then the canonical encoding of [`Frame`].

use serde::{Deserialize, Serialize};

use crate::{
    card::SignedCard,
    identity::{EnvelopeId, PersonaId, Signature},
    mailbox,
    wire::{DecodeError, codec},
};

/// The largest frame in bytes, version byte counted, length prefix not.
pub const FRAME_BYTES_MAX: usize = codec::MESSAGE_BYTES_MAX;

const VERSION: u8 = 1;

/// One thing a node says to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// A sealed envelope; see [`crate::session::Envelope`]. Its tag says whom it is for.
    Envelope(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The envelope is on the recipient's disk.
    Ack(Ack),
    /// Asks for the newest card of a persona that may live at this node.
    CardRequest(PersonaId),
    /// The answer; `None` when that persona does not live here.
    CardReply {
        /// The persona asked for.
        persona: PersonaId,
        /// Its newest card.
        card: Option<SignedCard>,
    },
    /// To a mailbox.
    ToMailbox(mailbox::Request),
    /// From a mailbox.
    FromMailbox(mailbox::Reply),
}

/// Says that an envelope has been committed by a recipient, and proves which one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// SHA-256 of the envelope's bytes.
    pub envelope: EnvelopeId,
    /// Proof by the member that committed it. Absent for first-contact envelopes, whose answer
    /// is itself a sealed message.
    pub receipt: Option<Receipt>,
}

/// A member's end-to-end proof that it committed an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The leaf that signs, in the MLS tree of the envelope's epoch.
    pub leaf: u32,
    /// By that leaf's key over [`crate::identity::Domain::Receipt`] and the envelope id.
    pub signature: Signature,
}

impl Frame {
    /// The frame's bytes, version byte first, without the length prefix. Not bounded here: the
    /// link that writes them refuses more than [`FRAME_BYTES_MAX`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(codec::encode(self));
        bytes
    }

    /// Reads exactly one frame.
    ///
    /// # Errors
    /// [`DecodeError`], for an unknown version, malformed bytes, or more than [`FRAME_BYTES_MAX`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(DecodeError::TooLong { len: bytes.len(), max: FRAME_BYTES_MAX });
        }
        match bytes.split_first() {
            None => Err(DecodeError::Malformed("empty frame".into())),
            Some((&VERSION, body)) => codec::decode(body, FRAME_BYTES_MAX),
            Some((&other, _)) => Err(DecodeError::UnknownVersion(other)),
        }
    }
}
