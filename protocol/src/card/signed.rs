//! A body, its signature, and the rules every signed claim shares.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{
    identity::{Domain, PersonaId, PersonaKey, Signature},
    wire::{self, DecodeError},
};

/// Clocks of honest nodes may differ by this much, in milliseconds.
const CLOCK_SKEW_MS_MAX: u64 = 10 * 60 * 1000;

/// A claim a persona makes about itself for a limited time.
pub trait Claims: Serialize + DeserializeOwned {
    /// What the signature is for.
    const DOMAIN: Domain;
    /// The largest encoded body, in bytes.
    const BYTES_MAX: usize;
    /// The longest a claim may be valid, in milliseconds.
    const LIFETIME_MS_MAX: u64;

    /// Who claims; its key must have signed.
    fn persona(&self) -> &PersonaId;
    /// When it was made, milliseconds since the Unix epoch.
    fn issued_at_ms(&self) -> u64;
    /// When it stops holding, milliseconds since the Unix epoch.
    fn expires_at_ms(&self) -> u64;
    /// Rules of this claim alone. The error names the field.
    ///
    /// # Errors
    /// The name of the first field that breaks a rule.
    fn check(&self) -> Result<(), &'static str>;
}

/// Why a signed claim was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CardError {
    /// The bytes are not such a claim.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The signature is not by the persona the claim names.
    #[error("signature does not verify")]
    Signature,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Made in the future, over before it was made, or meant to last longer than such claims may.
    #[error("issued in the future, or valid for too long or not at all")]
    Lifetime,
    /// A field breaks its rule.
    #[error("field {0} is not valid")]
    Field(&'static str),
}

/// What [`Signed`] adds to its body: a length and a signature.
pub(super) const SIGNED_OVERHEAD_BYTES: usize = 8 + 64;

/// The bytes of a claim and the persona's signature over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<C> {
    #[serde(with = "serde_bytes")]
    body: Vec<u8>,
    signature: Signature,
    #[serde(skip)]
    claim: PhantomData<C>,
}

impl<C: Claims> Signed<C> {
    /// Signs a claim with the key of the persona it names.
    pub fn sign(claim: &C, key: &PersonaKey) -> Self {
        let body = wire::encode(claim);
        let signature = key.sign(C::DOMAIN, &body);
        Self { body, signature, claim: PhantomData }
    }

    /// Checks signature, lifetime and fields, in this order, and only then hands out the claim.
    ///
    /// The body is decoded before its signature is checked, because the key to check with stands
    /// inside it. That is safe: the decoder is bounded and strict and does nothing but build a
    /// value, so an unsigned body costs its sender as much as us; and the value stays in here
    /// until the persona it names turns out to have signed exactly these bytes. Whether that
    /// persona is the one the caller meant is for the caller to check.
    ///
    /// # Errors
    /// [`CardError`] says which check failed.
    pub fn verify(&self, now_ms: u64) -> Result<C, CardError> {
        let claim: C = wire::decode(&self.body, C::BYTES_MAX)?;
        claim
            .persona()
            .verify(C::DOMAIN, &self.body, &self.signature)
            .map_err(|_| CardError::Signature)?;
        let (issued, expires) = (claim.issued_at_ms(), claim.expires_at_ms());
        if expires <= now_ms {
            return Err(CardError::Expired);
        }
        let too_early = issued > now_ms.saturating_add(CLOCK_SKEW_MS_MAX);
        if too_early || expires <= issued || expires - issued > C::LIFETIME_MS_MAX {
            return Err(CardError::Lifetime);
        }
        claim.check().map_err(CardError::Field)?;
        Ok(claim)
    }

    /// As [`Signed::verify`], as of the moment it was issued: for claims that were accepted in
    /// time and are kept after they have expired.
    ///
    /// # Errors
    /// [`CardError`] says which check failed.
    pub fn verify_at_issue(&self) -> Result<C, CardError> {
        let claim: C = wire::decode(&self.body, C::BYTES_MAX)?;
        self.verify(claim.issued_at_ms())
    }

    /// The encoding of body and signature together.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads body and signature; checks neither.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not a body and a signature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode(bytes, C::BYTES_MAX + SIGNED_OVERHEAD_BYTES)
    }
}
