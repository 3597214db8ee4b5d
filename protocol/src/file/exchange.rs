//! The stream protocol: one asks, the other answers, chunk by chunk.

use std::fmt;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{
    content::{CHUNK_BYTES_MAX, CHUNKS_MAX, FileKey},
    hashes::HASH_BYTES,
};
use crate::{
    identity::{Domain, FileId, NodeId},
    wire::{DecodeError, decode, encode},
};

/// The longest question, in bytes.
pub const ASK_BYTES_MAX: usize = 128;

/// The longest answer, in bytes: one chunk, or the hashes of all.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;

const _: () = assert!(ANSWER_BYTES_MAX > CHUNK_BYTES_MAX as usize + 64);
const _: () = assert!(ANSWER_BYTES_MAX > CHUNKS_MAX as usize * HASH_BYTES + 64);

/// What everyone who knows a file can compute and nobody else: it opens nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct FileToken([u8; 32]);

/// Shows one node that another knows a file; of no use to anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof(pub [u8; 32]);

/// What the node that opened the stream says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileAsk {
    /// First of all: which file. Answered by [`FileAnswer::Hashes`].
    Open {
        /// The file.
        file: FileId,
        /// For these two nodes and this file.
        proof: Proof,
    },
    /// The encrypted chunk of this number. Answered by [`FileAnswer::Chunk`], in order.
    Chunk(u32),
}

/// What the node that accepted the stream says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileAnswer {
    /// It is here: the hashes of all its chunks.
    Hashes(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A chunk.
    Chunk {
        /// Its number.
        place: u32,
        /// As encrypted.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// It is not here, not whole, or the proof is wrong: the answer is the same.
    Refused,
}

impl FileToken {
    /// Of a file's key.
    pub fn of(key: &FileKey) -> Self {
        Self(Domain::FileToken.hash(&key.0))
    }

    /// Shows `holder` that `asker` knows the file.
    pub fn proof(&self, asker: &NodeId, holder: &NodeId, file: &FileId) -> Proof {
        Proof(self.mac(asker, holder, file).finalize().into_bytes().into())
    }

    /// Whether a proof holds for these two nodes. Takes the same time whatever is wrong with it.
    pub fn holds(&self, proof: &Proof, asker: &NodeId, holder: &NodeId, file: &FileId) -> bool {
        self.mac(asker, holder, file).verify_slice(&proof.0).is_ok()
    }

    fn mac(&self, asker: &NodeId, holder: &NodeId, file: &FileId) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(&Domain::FileProof.bytes(&[]));
        for part in [asker.as_bytes(), holder.as_bytes(), file.as_bytes()] {
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for FileToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileToken(..)")
    }
}

impl FileAsk {
    /// As it stands on the stream.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From the stream.
    ///
    /// # Errors
    /// [`DecodeError`]: it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, ASK_BYTES_MAX)
    }
}

impl FileAnswer {
    /// As it stands on the stream.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From the stream.
    ///
    /// # Errors
    /// [`DecodeError`]: it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, ANSWER_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_between_two_nodes_about_one_file_only() {
        let token = FileToken::of(&FileKey([1; 32]));
        let (asker, holder, other) = (NodeId([2; 32]), NodeId([3; 32]), NodeId([4; 32]));
        let (file, another) = (FileId([5; 32]), FileId([6; 32]));
        let proof = token.proof(&asker, &holder, &file);
        assert!(token.holds(&proof, &asker, &holder, &file));
        assert!(!token.holds(&proof, &other, &holder, &file), "nobody else can show it");
        assert!(!token.holds(&proof, &asker, &other, &file), "nor show it to anybody else");
        assert!(!token.holds(&proof, &holder, &asker, &file), "nor send it back");
        assert!(!token.holds(&proof, &asker, &holder, &another));
        assert!(!FileToken::of(&FileKey([9; 32])).holds(&proof, &asker, &holder, &file));
    }

    #[test]
    fn questions_fit_their_limit() {
        let ask = FileAsk::Open { file: FileId([1; 32]), proof: Proof([2; 32]) };
        assert!(ask.to_bytes().len() <= ASK_BYTES_MAX);
        assert_eq!(FileAsk::from_bytes(&ask.to_bytes()), Ok(ask));
    }
}
