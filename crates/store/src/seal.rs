//! Encryption of values at rest.
//!
//! A stored value is
//!
//! ```text
//! codec 1 | schema 2 | nonce 24 | XChaCha20-Poly1305 ciphertext and tag
//! ```
//!
//! The additional data is the table's number, the key and the schema, so a value moved to another
//! row, or relabelled as another schema, fails authentication. An older value of the *same* row
//! put back by someone with access to the disk does not: that needs something outside the disk.
//! Lengths, keys and the number of rows are visible; see [`crate::tables`] for what keys may hold.

use bytes::Bytes;
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use rand::{RngCore, rngs::OsRng};

use crate::tables::{KEY_BYTES_MAX, SCHEMA_VERSION, VALUE_BYTES_MAX};

const CODEC: u8 = 1;
const HEADER_BYTES: usize = 3;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// The largest stored value.
pub(crate) const STORED_BYTES_MAX: usize = VALUE_BYTES_MAX + HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

/// Why stored bytes do not become a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsealError {
    /// Not what was written, or not with this key.
    Damaged,
    /// Written by a later version.
    NewerSchema(u16),
}

/// Encrypts and decrypts values under one key.
pub(crate) struct Sealer {
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()) }
    }

    /// The stored form of a value.
    pub(crate) fn seal(&self, table: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
        self.seal_as(SCHEMA_VERSION, table, key, value)
    }

    fn seal_as(&self, schema: u16, table: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        OsRng.fill_bytes(&mut nonce);
        let aad = additional_data(table, key, schema);
        let ciphertext = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: value, aad: &aad })
            .expect("a value of at most 1 MiB is far below the cipher's limit");
        let mut stored = Vec::with_capacity(HEADER_BYTES + NONCE_BYTES + ciphertext.len());
        stored.push(CODEC);
        stored.extend(schema.to_be_bytes());
        stored.extend(nonce);
        stored.extend(ciphertext);
        stored
    }

    /// The value behind its stored form.
    pub(crate) fn unseal(
        &self,
        table: u8,
        key: &[u8],
        stored: &[u8],
    ) -> Result<Bytes, UnsealError> {
        let (&[codec, high, low], rest) =
            stored.split_first_chunk::<HEADER_BYTES>().ok_or(UnsealError::Damaged)?;
        let schema = u16::from_be_bytes([high, low]);
        if schema > SCHEMA_VERSION {
            return Err(UnsealError::NewerSchema(schema));
        }
        if codec != CODEC {
            return Err(UnsealError::Damaged);
        }
        let (nonce, ciphertext) =
            rest.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError::Damaged)?;
        let aad = additional_data(table, key, schema);
        self.cipher
            .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Bytes::from)
            .map_err(|_| UnsealError::Damaged)
    }
}

fn additional_data(table: u8, key: &[u8], schema: u16) -> Vec<u8> {
    let mut data = Vec::with_capacity(key.len().min(KEY_BYTES_MAX) + 3);
    data.push(table);
    data.extend(key);
    data.extend(schema.to_be_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_only_under_its_own_table_and_key() {
        let sealer = Sealer::new(&[7; 32]);
        let stored = sealer.seal(3, b"key", b"value");
        assert_eq!(sealer.unseal(3, b"key", &stored), Ok(Bytes::from_static(b"value")));
        assert_eq!(sealer.unseal(4, b"key", &stored), Err(UnsealError::Damaged));
        assert_eq!(sealer.unseal(3, b"kez", &stored), Err(UnsealError::Damaged));
        let other = Sealer::new(&[8; 32]);
        assert_eq!(other.unseal(3, b"key", &stored), Err(UnsealError::Damaged));
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let sealer = Sealer::new(&[7; 32]);
        assert_ne!(sealer.seal(3, b"key", b"value"), sealer.seal(3, b"key", b"value"));
    }

    #[test]
    fn no_single_flipped_bit_goes_unnoticed() {
        let sealer = Sealer::new(&[7; 32]);
        let stored = sealer.seal(3, b"key", b"value");
        for bit in 0..stored.len() * 8 {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.unseal(3, b"key", &flipped).is_err(), "bit {bit}");
        }
        for len in 0..stored.len() {
            assert!(sealer.unseal(3, b"key", &stored[..len]).is_err(), "length {len}");
        }
    }

    #[test]
    fn a_row_of_a_later_version_is_told_apart_from_damage() {
        let sealer = Sealer::new(&[7; 32]);
        let stored = sealer.seal_as(SCHEMA_VERSION + 1, 3, b"key", b"value");
        let expected = Err(UnsealError::NewerSchema(SCHEMA_VERSION + 1));
        assert_eq!(sealer.unseal(3, b"key", &stored), expected);
    }
}
