//! What a joiner gets: the MLS Welcome and where the log stands.

use serde::{Deserialize, Serialize};

use super::{ENVELOPE_BYTES_MAX, SignedEntry};
use crate::wire::{self, DecodeError};

/// Everything a joiner needs, for all who join with one commit. The MLS Welcome carries the
/// ratchet tree; the entry is the one of the commit that added the joiner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The last entry of the log, from which the joiner continues.
    pub entry: SignedEntry,
    /// The MLS message with the Welcome.
    #[serde(with = "serde_bytes")]
    pub welcome: Vec<u8>,
}

impl Invitation {
    /// Its bytes, to be sealed to each joiner.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads exactly one.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode(bytes, ENVELOPE_BYTES_MAX)
    }
}
