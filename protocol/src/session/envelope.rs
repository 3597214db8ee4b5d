//! The one format in which everything between personas travels.
//!
//! ```text
//! version (1) || tag (16) || nonce (24) || XChaCha20-Poly1305(key, nonce, ad, padded content)
//! ```
//!
//! The associated data is version and tag, so no byte of an envelope can be changed unnoticed.
//! The whole has one of a few lengths; see `padding`.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Tag, padding};
use crate::identity::EnvelopeId;

/// The largest envelope, in bytes.
pub const ENVELOPE_BYTES_MAX: usize = 512 * 1024;

const VERSION: u8 = 1;
const TAG_END: usize = 1 + 16;
const NONCE_END: usize = TAG_END + NONCE_BYTES;
const MAC_BYTES: usize = 16;

/// Bytes of the nonce.
pub(super) const NONCE_BYTES: usize = 24;

/// Bytes of an envelope that are not padded content.
const OVERHEAD: usize = NONCE_END + MAC_BYTES;

/// Why bytes are no envelope. The peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// None of the lengths an envelope can have.
    #[error("{0} bytes is not the length of an envelope")]
    Length(usize),
    /// A version this node does not know.
    #[error("unknown envelope version {0}")]
    Version(u8),
    /// Too much content for one envelope.
    #[error("{len} bytes of content, at most {max} fit an envelope")]
    TooLarge {
        /// Bytes to enclose.
        len: usize,
        /// Bytes that fit.
        max: usize,
    },
}

/// A sealed, padded, addressed message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Envelope(Vec<u8>);

impl Envelope {
    /// Takes bytes for an envelope if version and length allow it.
    ///
    /// # Errors
    /// [`EnvelopeError`] says what is wrong.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, EnvelopeError> {
        if bytes.len() > ENVELOPE_BYTES_MAX || !padding::is_bucket(bytes.len()) {
            return Err(EnvelopeError::Length(bytes.len()));
        }
        match bytes[0] {
            VERSION => Ok(Self(bytes)),
            other => Err(EnvelopeError::Version(other)),
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes, without copying.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Whom it is for.
    pub fn tag(&self) -> Tag {
        let mut tag = [0; 16];
        tag.copy_from_slice(&self.0[1..TAG_END]);
        Tag(tag)
    }

    /// Its name: SHA-256 of its bytes.
    pub fn id(&self) -> EnvelopeId {
        EnvelopeId::of(&self.0)
    }

    /// Encloses content.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`].
    pub fn seal(
        key: &[u8; 32],
        tag: Tag,
        nonce: [u8; NONCE_BYTES],
        content: &[u8],
    ) -> Result<Self, EnvelopeError> {
        Self::seal_after(&[], key, tag, nonce, content)
    }

    /// The content, if this key enclosed it.
    pub fn open(&self, key: &[u8; 32]) -> Option<Zeroizing<Vec<u8>>> {
        self.open_after(0, key)
    }

    /// Encloses content behind bytes that stand in clear before the ciphertext.
    pub(super) fn seal_after(
        clear: &[u8],
        key: &[u8; 32],
        tag: Tag,
        nonce: [u8; NONCE_BYTES],
        content: &[u8],
    ) -> Result<Self, EnvelopeError> {
        let overhead = OVERHEAD + clear.len();
        let max = ENVELOPE_BYTES_MAX - overhead - padding::LENGTH_BYTES;
        if content.len() > max {
            return Err(EnvelopeError::TooLarge { len: content.len(), max });
        }
        let bucket = padding::bucket(overhead + padding::LENGTH_BYTES + content.len());
        let padded = Zeroizing::new(padding::pad(content, bucket - overhead));
        let mut bytes = Vec::with_capacity(bucket);
        bytes.push(VERSION);
        bytes.extend(tag.0);
        let sealed = XChaCha20Poly1305::new(key.into())
            .encrypt(&nonce.into(), Payload { msg: &padded, aad: &bytes })
            .expect("a bounded plaintext always encrypts");
        bytes.extend(nonce);
        bytes.extend(clear);
        bytes.extend(sealed);
        Ok(Self(bytes))
    }

    /// The content behind `clear_len` bytes that stand in clear before the ciphertext.
    pub(super) fn open_after(
        &self,
        clear_len: usize,
        key: &[u8; 32],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = self.0.get(NONCE_END + clear_len..)?;
        let padded = XChaCha20Poly1305::new(key.into())
            .decrypt(&self.nonce().into(), Payload { msg: sealed, aad: &self.0[..TAG_END] })
            .ok()
            .map(Zeroizing::new)?;
        padding::unpad(&padded).map(|content| Zeroizing::new(content.to_vec()))
    }

    /// Its nonce.
    pub(super) fn nonce(&self) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.0[TAG_END..NONCE_END]);
        nonce
    }

    /// The first 32 bytes after the nonce.
    pub(super) fn after_nonce(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&self.0[NONCE_END..NONCE_END + 32]);
        bytes
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({:?}, {} bytes)", self.tag(), self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [3; 32];
    const TAG: Tag = Tag([5; 16]);
    const NONCE: [u8; NONCE_BYTES] = [7; NONCE_BYTES];

    #[test]
    fn what_is_enclosed_comes_out_with_the_same_key_only() {
        let envelope = Envelope::seal(&KEY, TAG, NONCE, b"hello").unwrap();
        assert_eq!(envelope.open(&KEY).unwrap().as_slice(), b"hello");
        assert!(envelope.open(&[4; 32]).is_none());
        assert_eq!(envelope.tag(), TAG);
        assert_eq!(Envelope::from_bytes(envelope.as_bytes().to_vec()), Ok(envelope));
    }

    #[test]
    fn every_length_of_content_gives_the_length_of_a_bucket() {
        for len in [0, 1, 451, 452, 1987, 1988, 8131, 8132, 131_011, 131_012, 300_000] {
            let envelope = Envelope::seal(&KEY, TAG, NONCE, &vec![1; len]).unwrap();
            assert!(padding::is_bucket(envelope.as_bytes().len()), "{len}");
            assert_eq!(envelope.open(&KEY).unwrap().len(), len);
        }
    }

    #[test]
    fn the_largest_content_fits_and_one_byte_more_does_not() {
        let max = ENVELOPE_BYTES_MAX - 1 - 16 - 24 - 16 - 4;
        let largest = Envelope::seal(&KEY, TAG, NONCE, &vec![1; max]).unwrap();
        assert_eq!(largest.as_bytes().len(), ENVELOPE_BYTES_MAX);
        assert_eq!(
            Envelope::seal(&KEY, TAG, NONCE, &vec![1; max + 1]),
            Err(EnvelopeError::TooLarge { len: max + 1, max }),
        );
    }

    #[test]
    fn other_lengths_and_versions_are_refused() {
        let bytes = Envelope::seal(&KEY, TAG, NONCE, b"hello").unwrap().into_bytes();
        let short = bytes[..511].to_vec();
        assert_eq!(Envelope::from_bytes(short), Err(EnvelopeError::Length(511)));
        assert_eq!(Envelope::from_bytes(vec![]), Err(EnvelopeError::Length(0)));
        let long = vec![1; ENVELOPE_BYTES_MAX + padding::BUCKET_STEP];
        assert_eq!(Envelope::from_bytes(long.clone()), Err(EnvelopeError::Length(long.len())));
        let mut other = bytes;
        other[0] = 2;
        assert_eq!(Envelope::from_bytes(other), Err(EnvelopeError::Version(2)));
    }
}
