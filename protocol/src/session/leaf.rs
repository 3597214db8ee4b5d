//! The key of one leaf in one MLS tree: signs MLS messages, log entries and receipts.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use openmls_traits::{
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::identity::{Domain, Signature};

/// An Ed25519 key that stands in a leaf. It is not the persona's key: that one only vouches for
/// it, in a [`super::DeviceCredential`].
#[derive(Clone)]
pub(super) struct LeafKey(SigningKey);

impl LeafKey {
    /// The key made from 32 secret, uniformly random bytes.
    pub(super) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public key.
    pub(super) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a body of ours for one purpose.
    pub(super) fn sign_for(&self, domain: Domain, body: &[u8]) -> Signature {
        Signature(self.0.sign(&domain.bytes(body)).to_bytes())
    }
}

/// What openmls signs: RFC 9420 separates those bytes by labels of its own, which all start with
/// a length byte and `MLS 1.0 `, so none can be taken for a [`Domain`].
impl Signer for LeafKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Stored as its seed.
impl Serialize for LeafKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seed = Zeroizing::new(self.0.to_bytes());
        serde_bytes::serialize(seed.as_slice(), serializer)
    }
}

impl<'de> Deserialize<'de> for LeafKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seed = serde_bytes::ByteArray::<32>::deserialize(deserializer)?;
        let seed = Zeroizing::new(seed.into_array());
        Ok(Self::from_seed(&seed))
    }
}

impl fmt::Debug for LeafKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeafKey(..)")
    }
}
