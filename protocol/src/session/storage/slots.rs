//! Where in the rows openmls' things are kept.

use serde::Serialize;

use super::codec::{self, StorageError};

/// One kind of thing openmls keeps. The numbers are on disk: they never change meaning.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Slot {
    JoinConfig = 1,
    OwnLeafNodes = 2,
    Proposal = 3,
    ProposalQueue = 4,
    Tree = 5,
    InterimTranscriptHash = 6,
    Context = 7,
    ConfirmationTag = 8,
    GroupState = 9,
    MessageSecrets = 10,
    ResumptionPsks = 11,
    OwnLeafIndex = 12,
    EpochSecrets = 13,
    EpochKeyPairs = 14,
    SignatureKeyPair = 15,
    EncryptionKeyPair = 16,
    KeyPackage = 17,
    Psk = 18,
}

/// What all keys of one group begin with. A MessagePack value ends where it ends, so the prefix
/// of one group never begins that of another.
pub(in crate::session) fn group_prefix<K: Serialize>(group: &K) -> Result<Vec<u8>, StorageError> {
    Ok([&b"g"[..], &codec::encode(group)?].concat())
}

/// A thing a group has one of.
pub(super) fn in_group<K: Serialize>(slot: Slot, group: &K) -> Result<Vec<u8>, StorageError> {
    let mut key = group_prefix(group)?;
    key.push(slot as u8);
    Ok(key)
}

/// A thing a group has several of.
pub(super) fn within<K: Serialize, P: Serialize>(
    slot: Slot,
    group: &K,
    part: &P,
) -> Result<Vec<u8>, StorageError> {
    let mut key = in_group(slot, group)?;
    key.extend(codec::encode(part)?.iter());
    Ok(key)
}

/// A thing that belongs to no group.
pub(super) fn alone<K: Serialize>(slot: Slot, name: &K) -> Result<Vec<u8>, StorageError> {
    Ok([&[b'k', slot as u8][..], &codec::encode(name)?].concat())
}
