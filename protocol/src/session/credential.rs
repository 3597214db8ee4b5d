//! Who stands behind a leaf.
//!
//! A leaf of an MLS tree has a key of its own. The persona's key signs one sentence about it,
//! "this key speaks for my device n until then", and that is the content of the leaf's MLS
//! `BasicCredential`. It is checked wherever a leaf comes in: in a Welcome, in every Add, and in
//! the leaf of everyone who commits.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    identity::{Domain, PersonaId, PersonaKey, Signature},
    wire,
};

/// How long a fresh credential lasts, in milliseconds: a year. A leaf joins, and a sequencer
/// commits, only before the end; the sequencer renews its own with its commits.
pub const CREDENTIAL_LIFETIME_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// The length of an encoded credential.
pub const DEVICE_CREDENTIAL_BYTES: usize = 32 + 4 + 32 + 8 + 64;

/// Clocks of honest nodes may differ by this much, in milliseconds.
const CLOCK_SKEW_MS_MAX: u64 = 10 * 60 * 1000;

/// Why a credential was refused. The fault of whoever presents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialError {
    /// Not the bytes of a credential, or not an MLS basic credential.
    #[error("malformed")]
    Malformed,
    /// For another key than the leaf has.
    #[error("for another leaf key")]
    LeafKey,
    /// Not signed by the persona it names.
    #[error("not signed by its persona")]
    Signature,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Made to last longer than a credential may.
    #[error("valid for too long")]
    Lifetime,
}

/// A persona's word for a leaf key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCredential {
    /// Who speaks.
    pub persona: PersonaId,
    /// From which of its devices; a random number.
    pub device: u32,
    /// With which key.
    pub leaf_key: [u8; 32],
    /// Until when, milliseconds since the Unix epoch.
    pub not_after_ms: u64,
    /// By the persona's key, over the fields before it.
    pub signature: Signature,
}

impl DeviceCredential {
    /// Vouches for a leaf key from `now_ms` on, for [`CREDENTIAL_LIFETIME_MS`].
    pub(super) fn issue(key: &PersonaKey, device: u32, leaf_key: [u8; 32], now_ms: u64) -> Self {
        let (persona, not_after_ms) = (key.id(), now_ms.saturating_add(CREDENTIAL_LIFETIME_MS));
        let body = body(&persona, device, &leaf_key, not_after_ms);
        let signature = key.sign(Domain::DeviceCredential, &body);
        Self { persona, device, leaf_key, not_after_ms, signature }
    }

    /// The content of the MLS credential.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a credential that was verified when its leaf came in.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, CredentialError> {
        wire::decode(bytes, DEVICE_CREDENTIAL_BYTES).map_err(|_| CredentialError::Malformed)
    }

    /// Reads a credential and checks that its persona signed it for this leaf key.
    ///
    /// # Errors
    /// [`CredentialError`] says which check failed.
    pub fn verify(bytes: &[u8], leaf_key: &[u8]) -> Result<Self, CredentialError> {
        let credential = Self::read(bytes)?;
        let Self { persona, device, leaf_key: named, not_after_ms, signature } = &credential;
        if named != leaf_key {
            return Err(CredentialError::LeafKey);
        }
        persona
            .verify(
                Domain::DeviceCredential,
                &body(persona, *device, named, *not_after_ms),
                signature,
            )
            .map_err(|_| CredentialError::Signature)?;
        Ok(credential)
    }

    /// Checks that a leaf with this credential may join or commit at a moment.
    ///
    /// # Errors
    /// [`CredentialError::Expired`] or [`CredentialError::Lifetime`].
    pub fn check_at(&self, at_ms: u64) -> Result<(), CredentialError> {
        let latest = at_ms.saturating_add(CREDENTIAL_LIFETIME_MS).saturating_add(CLOCK_SKEW_MS_MAX);
        if self.not_after_ms <= at_ms {
            Err(CredentialError::Expired)
        } else if self.not_after_ms > latest {
            Err(CredentialError::Lifetime)
        } else {
            Ok(())
        }
    }

    /// Whether less than half its life is left.
    pub(super) fn is_ageing(&self, now_ms: u64) -> bool {
        self.not_after_ms.saturating_sub(now_ms) < CREDENTIAL_LIFETIME_MS / 2
    }
}

fn body(persona: &PersonaId, device: u32, leaf_key: &[u8; 32], not_after_ms: u64) -> Vec<u8> {
    wire::encode(&(persona, device, leaf_key, not_after_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn credential() -> DeviceCredential {
        DeviceCredential::issue(&PersonaKey::from_seed(&[7; 32]), 5, [9; 32], NOW)
    }

    #[test]
    fn a_credential_has_a_fixed_length_and_holds_for_its_leaf_key_only() {
        let bytes = credential().to_bytes();
        assert_eq!(bytes.len(), DEVICE_CREDENTIAL_BYTES);
        assert_eq!(DeviceCredential::verify(&bytes, &[9; 32]), Ok(credential()));
        assert_eq!(DeviceCredential::verify(&bytes, &[8; 32]), Err(CredentialError::LeafKey));
    }

    #[test]
    fn a_credential_with_any_byte_changed_is_refused() {
        let bytes = credential().to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let verdict = DeviceCredential::verify(&changed, &[9; 32]);
            assert!(verdict.is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_credential_ends_and_cannot_be_made_to_last() {
        let mut credential = credential();
        assert_eq!(credential.check_at(NOW), Ok(()));
        let end = NOW + CREDENTIAL_LIFETIME_MS;
        assert_eq!(credential.check_at(end), Err(CredentialError::Expired));
        credential.not_after_ms += 2 * CLOCK_SKEW_MS_MAX;
        assert_eq!(credential.check_at(NOW), Err(CredentialError::Lifetime));
    }
}
