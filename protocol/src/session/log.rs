//! The commit log: one signed entry a commit, each naming the one before.
//!
//! MLS itself leaves open which of two commits for one epoch wins. Here the sequencer's entry
//! decides: nobody merges a commit without one. Because an entry names the hash of the epoch
//! authenticator its commit leads to, members that accepted the same entry hold the same keys,
//! and a sequencer that signs two entries for one epoch has signed the proof against itself.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::leaf::LeafKey;
use crate::{
    identity::{ConversationId, Domain, Signature, verify},
    wire::{self, DecodeError},
};

/// Bytes of an encoded entry, its signature not counted.
const ENTRY_BYTES_MAX: usize = 256;

/// What a commit does to its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// It adds members and nothing else.
    Add,
    /// It removes members and nothing else.
    Remove,
    /// It begins a term: it puts its signer first in the policy and does nothing else.
    Term,
    /// It exchanges the leaf of a member that lost its keys and does nothing else.
    Rejoin,
}

/// Why a log entry was refused. The fault of whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Not an entry.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// About another group.
    #[error("entry of another group")]
    Group,
    /// Of another term than the group is in.
    #[error("entry of term {0}")]
    Term(u64),
    /// Not signed by a leaf of the sequencer.
    #[error("not signed by the sequencer")]
    Signature,
    /// Starts from another epoch than its envelope was sealed in.
    #[error("entry for epoch {0}")]
    Epoch(u64),
    /// Does not follow the entry this member holds last.
    #[error("does not continue the log")]
    Previous,
    /// Another entry already closed its epoch, and the sequencer signed both.
    #[error("a second entry for an epoch that is closed")]
    Equivocation,
    /// Names another commit than the one beside it.
    #[error("names another commit")]
    Commit,
    /// Its kind is not what its commit does.
    #[error("kind differs from the commit")]
    Kind,
    /// Leads to another epoch than its commit does.
    #[error("leads to another epoch authenticator")]
    Authenticator,
}

/// The sequencer's word that one commit comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeqEntry {
    /// Which group: see [`SeqEntry::genesis`].
    pub group: [u8; 32],
    /// The term of the sequencer.
    pub term: u64,
    /// The epoch the commit starts from.
    pub epoch: u64,
    /// The leaf that signs and that made the commit.
    pub leaf: u32,
    /// Hash of the entry before; [`SeqEntry::genesis`] for the first.
    pub previous: [u8; 32],
    /// SHA-256 of the commit, an MLS message.
    pub commit: [u8; 32],
    /// SHA-256 of the epoch authenticator the commit leads to.
    pub authenticator: [u8; 32],
    /// What the commit does.
    pub kind: EntryKind,
    /// The sequencer's clock, milliseconds since the Unix epoch. Credentials in the commit are
    /// judged by it, so that all members judge alike.
    pub time_ms: u64,
}

impl SeqEntry {
    /// The hash that stands for a group in its entries, and for the start of its log.
    pub fn genesis(group: ConversationId) -> [u8; 32] {
        Domain::SeqEntry.hash(group.as_bytes())
    }

    /// Signs the entry with the sequencer's leaf key.
    pub(super) fn sign(&self, key: &LeafKey) -> SignedEntry {
        let body = wire::encode(self);
        let signature = key.sign_for(Domain::SeqEntry, &body);
        SignedEntry { body, signature }
    }
}

/// The bytes of an entry and the sequencer's signature over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEntry {
    #[serde(with = "serde_bytes")]
    body: Vec<u8>,
    signature: Signature,
}

impl SignedEntry {
    /// The encoding of body and signature together.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads body and signature; checks neither.
    ///
    /// # Errors
    /// [`EntryError::Decode`] when the bytes are not a body and a signature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        Ok(wire::decode(bytes, ENTRY_BYTES_MAX + 128)?)
    }

    /// The hash the next entry names.
    pub fn hash(&self) -> [u8; 32] {
        Domain::SeqEntry.hash(&self.body)
    }

    /// The entry, before anything of it is checked: it says which leaf has to have signed.
    ///
    /// # Errors
    /// [`EntryError::Decode`] when the bytes are no entry.
    pub fn unverified(&self) -> Result<SeqEntry, EntryError> {
        Ok(wire::decode(&self.body, ENTRY_BYTES_MAX)?)
    }

    /// Checks the signature by a leaf key.
    ///
    /// # Errors
    /// [`EntryError::Signature`] when it is not by that key.
    pub fn verify(&self, leaf_key: &[u8]) -> Result<(), EntryError> {
        let key: &[u8; 32] = leaf_key.try_into().map_err(|_| EntryError::Signature)?;
        verify(key, Domain::SeqEntry, &self.body, &self.signature)
            .map_err(|_| EntryError::Signature)
    }
}

/// SHA-256, as entries use it for commits and authenticators.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> SeqEntry {
        SeqEntry {
            group: SeqEntry::genesis(ConversationId([1; 16])),
            term: 0,
            epoch: 3,
            leaf: 0,
            previous: [2; 32],
            commit: [3; 32],
            authenticator: [4; 32],
            kind: EntryKind::Add,
            time_ms: 5,
        }
    }

    #[test]
    fn a_signed_entry_verifies_with_the_key_that_signed_it_only() {
        let (key, other) = (LeafKey::from_seed(&[1; 32]), LeafKey::from_seed(&[2; 32]));
        let signed = entry().sign(&key);
        assert_eq!(signed.unverified(), Ok(entry()));
        assert_eq!(signed.verify(&key.public()), Ok(()));
        assert_eq!(signed.verify(&other.public()), Err(EntryError::Signature));
        assert_eq!(signed.verify(b"short"), Err(EntryError::Signature));
    }

    #[test]
    fn every_field_of_an_entry_moves_its_hash() {
        let key = LeafKey::from_seed(&[1; 32]);
        let hash = entry().sign(&key).hash();
        let changed = [
            SeqEntry { term: 1, ..entry() },
            SeqEntry { epoch: 4, ..entry() },
            SeqEntry { leaf: 1, ..entry() },
            SeqEntry { previous: [9; 32], ..entry() },
            SeqEntry { commit: [9; 32], ..entry() },
            SeqEntry { authenticator: [9; 32], ..entry() },
            SeqEntry { kind: EntryKind::Remove, ..entry() },
            SeqEntry { time_ms: 6, ..entry() },
        ];
        assert!(changed.iter().all(|entry| entry.sign(&key).hash() != hash));
    }
}
