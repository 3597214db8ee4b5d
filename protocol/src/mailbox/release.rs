//! How a recipient gives an envelope free without saying who it is.
//!
//! The depositor locks the envelope once for each recipient it expects to read there. The key to a
//! lock can be computed by who could open the envelope, so it proves that much and links nothing
//! to anything else: it is used once.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::Domain;

/// Opens one lock of one envelope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReleaseKey(pub [u8; 32]);

/// A commitment to a [`ReleaseKey`]: while one is left, the mailbox keeps the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReleaseLock(pub [u8; 16]);

impl ReleaseKey {
    /// The lock it opens: the first 16 bytes of a hash of the key.
    pub fn lock(&self) -> ReleaseLock {
        let mut lock = [0; 16];
        lock.copy_from_slice(&Domain::Release.hash(&self.0)[..16]);
        ReleaseLock(lock)
    }
}

impl fmt::Debug for ReleaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReleaseKey of {:?}", self.lock())
    }
}
