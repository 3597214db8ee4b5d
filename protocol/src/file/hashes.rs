//! The hashes of a file's encrypted chunks: what its id stands for.

use sha2::{Digest, Sha256};

use super::content::FileContent;
use crate::identity::{Domain, FileId};

/// Of one chunk, in bytes.
pub const HASH_BYTES: usize = 32;

/// SHA-256 of every encrypted chunk, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkHashes(Vec<u8>);

impl ChunkHashes {
    /// Adds the hash of the next chunk.
    pub fn push(&mut self, sealed: &[u8]) {
        self.0.extend(Sha256::digest(sealed));
    }

    /// As they are stored and sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id of the file of this size whose chunks these are.
    pub fn file_id(&self, size: u64, chunk_bytes: u32) -> FileId {
        let mut body = Vec::with_capacity(12 + self.0.len());
        body.extend(size.to_be_bytes());
        body.extend(chunk_bytes.to_be_bytes());
        body.extend(&self.0);
        FileId(Domain::File.hash(&body))
    }

    /// From bytes of anybody, if they are the hashes of this file.
    pub fn of(content: &FileContent, bytes: Vec<u8>) -> Option<Self> {
        let count = usize::try_from(content.chunks()).ok()?;
        let hashes = Self(bytes);
        let whole = hashes.0.len() == count.checked_mul(HASH_BYTES)?;
        (whole && hashes.file_id(content.size, content.chunk_bytes) == content.file)
            .then_some(hashes)
    }

    /// Whether this is the encrypted chunk at a place.
    pub fn is_chunk(&self, place: u32, sealed: &[u8]) -> bool {
        let Some(start) = usize::try_from(place).ok().and_then(|n| n.checked_mul(HASH_BYTES))
        else {
            return false;
        };
        let hash = self.0.get(start..).and_then(|rest| rest.get(..HASH_BYTES));
        hash.is_some_and(|hash| hash == &Sha256::digest(sealed)[..])
    }
}
