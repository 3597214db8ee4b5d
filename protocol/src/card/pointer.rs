//! The handle pointer: from `maya#4f2k` to a persona's key, in the DHT.

use serde::{Deserialize, Serialize};

use super::{CARD_LIFETIME_MS, Claims, Signed};
use crate::identity::{Domain, Handle, PersonaId};

/// A pointer as it travels.
pub type SignedPointer = Signed<HandlePointer>;

/// Says that a persona answers to a handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlePointer {
    /// The handle, whose tag must come from the persona's key.
    pub handle: Handle,
    /// The persona.
    pub persona: PersonaId,
    /// A higher number replaces a lower one.
    pub sequence: u64,
    /// Milliseconds since the Unix epoch.
    pub issued_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

impl Claims for HandlePointer {
    const DOMAIN: Domain = Domain::HandlePointer;
    const BYTES_MAX: usize = 256;
    const LIFETIME_MS_MAX: u64 = 2 * CARD_LIFETIME_MS;

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
        if self.handle.belongs_to(&self.persona) { Ok(()) } else { Err("handle") }
    }
}
