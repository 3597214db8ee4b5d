//! Long things in chunks, each encrypted and bound to its place.
//!
//! XChaCha20-Poly1305 in the STREAM construction: the last five bytes of a chunk's nonce are its
//! number and whether it is the last, so chunks cannot be cut off, swapped or added. Unlike a
//! reader from front to back, this opens any chunk on its own.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{
        Payload,
        stream::{NewStream, StreamBE32, StreamPrimitive},
    },
};

/// What encryption adds to a chunk, in bytes.
pub const TAG_BYTES: usize = 16;

/// Encrypts and opens the chunks of one thing. No key and nonce may be used for two things.
pub struct ChunkCipher {
    stream: StreamBE32<XChaCha20Poly1305>,
    header: Vec<u8>,
}

impl ChunkCipher {
    /// Of a key, the first part of the nonces, and what every chunk is bound to.
    pub fn new(key: &[u8; 32], nonce: &[u8; 19], header: &[u8]) -> Self {
        let cipher = XChaCha20Poly1305::new(key.into());
        Self { stream: StreamBE32::from_aead(cipher, nonce.into()), header: header.to_vec() }
    }

    /// The chunk at a place, encrypted. `None` for more bytes than the cipher can take, which is
    /// far more than any chunk has.
    pub fn seal(&self, place: u32, last: bool, plain: &[u8]) -> Option<Vec<u8>> {
        self.stream.encrypt(place, last, Payload { msg: plain, aad: &self.header }).ok()
    }

    /// The chunk at a place, or `None` when these bytes are not what [`ChunkCipher::seal`] made
    /// for it.
    pub fn open(&self, place: u32, last: bool, sealed: &[u8]) -> Option<Vec<u8>> {
        self.stream.decrypt(place, last, Payload { msg: sealed, aad: &self.header }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_opens_at_its_own_place_only() {
        let cipher = ChunkCipher::new(&[1; 32], &[2; 19], b"header");
        let sealed = cipher.seal(3, false, b"words").unwrap();
        assert_eq!(sealed.len(), 5 + TAG_BYTES);
        assert_eq!(cipher.open(3, false, &sealed).as_deref(), Some(&b"words"[..]));
        assert_eq!(cipher.open(4, false, &sealed), None);
        assert_eq!(cipher.open(3, true, &sealed), None);
        assert_eq!(cipher.open(3, false, &sealed[..4]), None);
        assert_eq!(ChunkCipher::new(&[1; 32], &[2; 19], b"other").open(3, false, &sealed), None);
        assert_eq!(ChunkCipher::new(&[9; 32], &[2; 19], b"header").open(3, false, &sealed), None);
    }
}
