//! Changes that become durable together or not at all.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    error::CommitError,
    tables::{KEY_BYTES_MAX, Table, VALUE_BYTES_MAX},
};

/// A row's key.
pub type Key = Bytes;

/// The most bytes of keys and values one batch may carry.
///
/// A batch is held in memory until it is durable, so this bounds what one caller can occupy.
pub const BATCH_BYTES_MAX: usize = 64 * 1024 * 1024;

/// SHA-256 of a value as the caller gave it, for [`Batch::expect`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ValueHash([u8; 32]);

impl ValueHash {
    /// The hash of a value.
    pub fn of(value: &[u8]) -> Self {
        Self(Sha256::digest(value).into())
    }
}

/// A condition on one row, checked by the writer just before the batch is applied.
#[derive(Debug, Clone)]
pub(crate) struct Expectation {
    pub(crate) table: Table,
    pub(crate) key: Key,
    pub(crate) value: Option<ValueHash>,
}

/// Puts and deletes over any tables, applied atomically, with the conditions under which they
/// still make sense.
///
/// A later change of the same row replaces the earlier one. The usual batch holds the new state,
/// the log row and the outbox row of one thing that happened: that is what "durable before
/// acknowledged" means here.
#[derive(Clone, Default)]
pub struct Batch {
    changes: BTreeMap<(Table, Key), Option<Bytes>>,
    expectations: Vec<Expectation>,
}

impl Batch {
    /// A batch that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a row, replacing the value that may be there.
    pub fn put(
        &mut self,
        table: Table,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> &mut Self {
        let value = Bytes::copy_from_slice(value.as_ref());
        self.changes.insert((table, Key::copy_from_slice(key.as_ref())), Some(value));
        self
    }

    /// Removes a row. Removing one that does not exist is no error.
    pub fn delete(&mut self, table: Table, key: impl AsRef<[u8]>) -> &mut Self {
        self.changes.insert((table, Key::copy_from_slice(key.as_ref())), None);
        self
    }

    /// Applies the batch only if the row has this value now, or is absent for `None`.
    ///
    /// The check sees every batch committed before this one and none after it.
    pub fn expect(
        &mut self,
        table: Table,
        key: impl AsRef<[u8]>,
        value: Option<ValueHash>,
    ) -> &mut Self {
        let key = Key::copy_from_slice(key.as_ref());
        self.expectations.push(Expectation { table, key, value });
        self
    }

    /// How many rows the batch changes; conditions are not counted.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether the batch changes no row. It may still hold conditions.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Refuses what is over a limit, before anything is encrypted or queued.
    pub(crate) fn check_limits(&self) -> Result<(), CommitError> {
        let mut total = 0usize;
        let expected = self.expectations.iter().map(|e| (e.table, &e.key, 0));
        let changed = self
            .changes
            .iter()
            .map(|((table, key), value)| (*table, key, value.as_ref().map_or(0, Bytes::len)));
        for (table, key, value) in changed.chain(expected) {
            if key.len() > KEY_BYTES_MAX {
                return Err(CommitError::KeyTooLong { table, len: key.len() });
            }
            if value > VALUE_BYTES_MAX {
                return Err(CommitError::ValueTooLong { table, len: value });
            }
            total = total.saturating_add(key.len()).saturating_add(value);
        }
        if total > BATCH_BYTES_MAX {
            return Err(CommitError::BatchTooLarge { len: total });
        }
        Ok(())
    }

    pub(crate) fn changes(&self) -> impl Iterator<Item = (Table, &Key, Option<&Bytes>)> {
        self.changes.iter().map(|((table, key), value)| (*table, key, value.as_ref()))
    }

    pub(crate) fn into_expectations(self) -> Vec<Expectation> {
        self.expectations
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values are what encryption at rest protects, so they stay out of logs as well.
        f.debug_struct("Batch")
            .field("changes", &self.changes.len())
            .field("expectations", &self.expectations.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_row_wins() {
        let mut batch = Batch::new();
        batch.put(Table::Meta, b"a", b"1").delete(Table::Meta, b"a").put(Table::Meta, b"b", b"2");
        assert_eq!(batch.len(), 2);
        assert_eq!(batch.changes().next().map(|(_, _, value)| value.cloned()), Some(None));
    }

    #[test]
    fn debug_output_shows_no_value() {
        let mut batch = Batch::new();
        batch.put(Table::Identity, b"alice", b"secret seed");
        assert_eq!(format!("{batch:?}"), "Batch { changes: 1, expectations: 0, .. }");
    }

    #[test]
    fn a_batch_over_the_limit_is_refused_as_a_whole() {
        let mut batch = Batch::new();
        let value = vec![0; VALUE_BYTES_MAX];
        for n in 0u8..65 {
            batch.put(Table::Task, [n], &value);
        }
        assert!(matches!(batch.check_limits(), Err(CommitError::BatchTooLarge { .. })));
    }
}
