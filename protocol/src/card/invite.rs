//! Invites: the way friends really meet.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Claims, HomeNode, Signed, signed::SIGNED_OVERHEAD_BYTES};
use crate::identity::{Domain, Handle, PersonaId};

/// An invite as it travels. Spelled `conclave:invite:...` in links, QR codes and files.
pub type SignedInvite = Signed<Invite>;

/// Proves to the inviting node that its owner handed this invite out. Secret until used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InviteToken(pub [u8; 16]);

impl fmt::Debug for InviteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteToken(..)")
    }
}

/// Who invites, where it lives, and the token that opens its door once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// The inviting persona.
    pub persona: PersonaId,
    /// Its handle, for the eye.
    pub handle: Handle,
    /// Where to ask for its card.
    pub home: HomeNode,
    /// Valid for one contact.
    pub token: InviteToken,
    /// Milliseconds since the Unix epoch.
    pub issued_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

impl Claims for Invite {
    const DOMAIN: Domain = Domain::Invite;
    const BYTES_MAX: usize = 1536;
    const LIFETIME_MS_MAX: u64 = 31 * 24 * 60 * 60 * 1000;

    fn persona(&self) -> &PersonaId {
        &self.persona
    }

    fn issued_at_ms(&self) -> u64 {
        self.issued_at_ms
    }

    fn expires_at_ms(&self) -> u64 {
        self.expires_at_ms
    }

    fn check(&self) -> Result<(), &'static str> {
        if !self.handle.belongs_to(&self.persona) {
            return Err("handle");
        }
        if !self.home.is_valid() {
            return Err("home");
        }
        Ok(())
    }
}

const PREFIX: &str = "conclave:invite:";

/// The longest text behind the prefix: base64 writes three bytes as four characters.
const ENCODED_CHARACTERS_MAX: usize = (Invite::BYTES_MAX + SIGNED_OVERHEAD_BYTES).div_ceil(3) * 4;

/// Why a pasted invite was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InviteError {
    /// Not a link that starts with `conclave:invite:`, or cut off when it was copied.
    #[error("not a whole invite; it starts with {PREFIX} and must be copied to its end")]
    Spelling,
}

impl SignedInvite {
    /// The link that is handed to a friend.
    pub fn to_link(&self) -> String {
        format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&self.to_bytes()))
    }
}

impl FromStr for SignedInvite {
    type Err = InviteError;

    /// Reads a link; checks neither signature nor lifetime.
    fn from_str(text: &str) -> Result<Self, InviteError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(InviteError::Spelling)?;
        if encoded.len() > ENCODED_CHARACTERS_MAX {
            return Err(InviteError::Spelling);
        }
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(encoded.as_bytes())
            .map_err(|_| InviteError::Spelling)?;
        Self::from_bytes(&bytes).map_err(|_| InviteError::Spelling)
    }
}
