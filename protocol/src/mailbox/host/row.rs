//! What a host keeps on disk for each envelope, beside its bytes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entries::{Entry, Place};
use crate::{
    identity::EnvelopeId,
    mailbox::ReleaseLock,
    wire::{DecodeError, decode, encode},
};

const VERSION: u8 = 1;
/// The largest row in bytes: the fixed fields and all locks.
const ROW_BYTES_MAX: usize = 4 * 1024;

/// Where an envelope lies on disk: a counter, so that order of keys is order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey(pub u64);

impl RowKey {
    /// Its bytes in a store, big-endian.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The key with these bytes, if they are one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(u64::from_be_bytes(bytes)))
    }
}

/// Why a row is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowError {
    /// It was written by a later version of this program.
    #[error("version {0} of the row is not known")]
    Version(u8),
    /// It is none.
    #[error("the row is damaged: {0}")]
    Damaged(DecodeError),
    /// Another row holds the same envelope, or lies at the same place.
    #[error("the row is there twice")]
    Twice,
}

#[derive(Serialize, Deserialize)]
struct RowV1 {
    envelope: EnvelopeId,
    place: Place,
    bytes: u32,
    until_ms: u64,
    locks: Vec<ReleaseLock>,
}

pub(super) fn write(entry: &Entry) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(encode(&RowV1 {
        envelope: entry.envelope,
        place: entry.place,
        bytes: entry.bytes,
        until_ms: entry.until_ms,
        locks: entry.locks.clone(),
    }));
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Result<Entry, RowError> {
    let row: RowV1 = match bytes.split_first() {
        Some((&VERSION, body)) => decode(body, ROW_BYTES_MAX).map_err(RowError::Damaged)?,
        Some((&other, _)) => return Err(RowError::Version(other)),
        None => return Err(RowError::Damaged(DecodeError::Malformed("empty row".into()))),
    };
    let RowV1 { envelope, place, bytes, until_ms, locks } = row;
    Ok(Entry { envelope, place, bytes, until_ms, locks, origin: None, batch: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mailbox::host::entries::Right, session::Tag};

    fn entry() -> Entry {
        Entry {
            envelope: EnvelopeId([1; 32]),
            place: Place { right: Right::Work, tag: Tag([2; 16]) },
            bytes: 512,
            until_ms: 3,
            locks: vec![ReleaseLock([4; 16])],
            origin: None,
            batch: 0,
        }
    }

    #[test]
    fn a_row_comes_back_and_has_the_layout_of_version_1() {
        let bytes = write(&entry());
        assert_eq!(read(&bytes), Ok(entry()));
        let expected = [
            vec![1],
            vec![1; 32],
            vec![1, 0, 0, 0],
            vec![2; 16],
            vec![0, 2, 0, 0],
            vec![3, 0, 0, 0, 0, 0, 0, 0],
            vec![1, 0, 0, 0, 0, 0, 0, 0],
            vec![4; 16],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn a_row_of_a_later_version_or_a_damaged_one_is_reported() {
        let mut bytes = write(&entry());
        bytes[0] = 2;
        assert_eq!(read(&bytes), Err(RowError::Version(2)));
        assert!(matches!(read(&write(&entry())[..40]), Err(RowError::Damaged(_))));
        assert!(matches!(read(&[]), Err(RowError::Damaged(_))));
    }

    #[test]
    fn a_row_holds_as_many_locks_as_a_deposit_may_have() {
        let locks = (0..64).map(|n| ReleaseLock([n; 16])).collect();
        let entry = Entry { locks, ..entry() };
        assert_eq!(read(&write(&entry)), Ok(entry));
    }
}
