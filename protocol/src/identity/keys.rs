//! Secret keys and the only place signatures are made and checked.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Domain, NodeId, PersonaId};

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

/// A signature that does not hold. The peer's fault, or a message meant for another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("signature does not verify")]
pub struct SignatureError;

/// The identity key of a persona. Signs cards, credentials, proposals and votes; never chat.
pub struct PersonaKey(SigningKey);

/// The key of a node. Proves its address to other nodes, and what it says as a mailbox.
pub struct NodeKey(SigningKey);

impl PersonaKey {
    /// The key made from 32 secret, uniformly random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret bytes, for storing.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The persona this key is.
    pub fn id(&self) -> PersonaId {
        PersonaId(self.0.verifying_key().to_bytes())
    }

    /// Signs a body for one purpose.
    pub fn sign(&self, domain: Domain, body: &[u8]) -> Signature {
        let bytes = domain.bytes(body);
        let sign = || Signature(self.0.sign(&bytes).to_bytes());
        #[cfg(test)]
        return super::memory::signed(&self.id().0, &bytes, sign);
        #[cfg(not(test))]
        sign()
    }
}

impl NodeKey {
    /// The key made from 32 secret, uniformly random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret bytes, for storing and for the transport.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The node this key is.
    pub fn id(&self) -> NodeId {
        NodeId(self.0.verifying_key().to_bytes())
    }

    /// Signs a body for one purpose.
    pub fn sign(&self, domain: Domain, body: &[u8]) -> Signature {
        Signature(self.0.sign(&domain.bytes(body)).to_bytes())
    }
}

/// Checks a signature strictly: no weak keys, no second encodings (`verify_strict`).
///
/// # Errors
/// [`SignatureError`] when the key is no key or the signature is not by it over these bytes.
pub fn verify(
    key: &[u8; 32],
    domain: Domain,
    body: &[u8],
    signature: &Signature,
) -> Result<(), SignatureError> {
    let bytes = domain.bytes(body);
    #[cfg(test)]
    return super::memory::remembered(key, &bytes, signature, || {
        verify_bytes(key, &bytes, signature).is_ok()
    })
    .then_some(())
    .ok_or(SignatureError);
    #[cfg(not(test))]
    verify_bytes(key, &bytes, signature)
}

fn verify_bytes(key: &[u8; 32], bytes: &[u8], signature: &Signature) -> Result<(), SignatureError> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| SignatureError)?;
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(bytes, &signature).map_err(|_| SignatureError)
}

impl PersonaId {
    /// Checks that this persona signed the body for this purpose.
    ///
    /// # Errors
    /// [`SignatureError`] when it did not.
    pub fn verify(
        &self,
        domain: Domain,
        body: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        verify(&self.0, domain, body, signature)
    }
}

impl fmt::Debug for PersonaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonaKey(..)")
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey(..)")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As two halves, because serde derives arrays only up to 32 elements.
        let (left, right) = self.0.split_at(32);
        (half(left), half(right)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (left, right) = <([u8; 32], [u8; 32])>::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&left);
        bytes[32..].copy_from_slice(&right);
        Ok(Self(bytes))
    }
}

fn half(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_for_one_purpose_is_valid_for_no_other() {
        let key = PersonaKey::from_seed(&[7; 32]);
        let signature = key.sign(Domain::Card, b"body");
        for domain in Domain::ALL {
            let verdict = key.id().verify(domain, b"body", &signature);
            assert_eq!(verdict.is_ok(), domain == Domain::Card, "{domain:?}");
        }
    }

    #[test]
    fn the_weak_all_zero_key_signs_nothing() {
        let forged = Signature([0; 64]);
        assert_eq!(verify(&[0; 32], Domain::Vote, b"", &forged), Err(SignatureError));
    }

    #[test]
    fn secrets_do_not_print() {
        let key = PersonaKey::from_seed(&[7; 32]);
        assert_eq!(format!("{key:?}"), "PersonaKey(..)");
    }
}
