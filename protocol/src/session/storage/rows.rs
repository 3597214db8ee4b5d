//! Ordered rows with an overlay: an operation changes all it changes, or nothing.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::codec::{self, StorageError};
use crate::session::StateWrite;

type Value = Zeroizing<Vec<u8>>;

/// All rows, in memory. Inside a cell because openmls writes through shared references; no
/// method calls back while it is borrowed.
#[derive(Default)]
pub(in crate::session) struct Rows(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    /// What holds.
    settled: BTreeMap<Vec<u8>, Value>,
    /// What the running operation has changed; `None` deletes.
    attempt: BTreeMap<Vec<u8>, Option<Value>>,
    /// Keys of settled changes nobody has taken yet.
    unsaved: BTreeSet<Vec<u8>>,
}

impl Rows {
    /// Rows as they were saved.
    pub(in crate::session) fn load(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let settled = rows.into_iter().map(|(key, value)| (key, Zeroizing::new(value))).collect();
        Self(RefCell::new(Inner { settled, ..Inner::default() }))
    }

    /// Reads a value, as the running operation sees it.
    pub(in crate::session) fn get<T: DeserializeOwned>(
        &self,
        key: &[u8],
    ) -> Result<Option<T>, StorageError> {
        self.0.borrow().seen(key).map(|value| codec::decode(value)).transpose()
    }

    /// Changes a value within the running operation.
    pub(in crate::session) fn put<T: Serialize + ?Sized>(
        &self,
        key: Vec<u8>,
        value: &T,
    ) -> Result<(), StorageError> {
        let value = codec::encode(value)?;
        self.0.borrow_mut().attempt.insert(key, Some(value));
        Ok(())
    }

    /// Copies a value as it is, within the running operation.
    pub(in crate::session) fn copy(&self, from: &[u8], to: Vec<u8>) {
        let inner = &mut *self.0.borrow_mut();
        let value = inner.seen(from).cloned();
        inner.attempt.insert(to, value);
    }

    /// Deletes a value within the running operation.
    pub(in crate::session) fn delete(&self, key: Vec<u8>) {
        self.0.borrow_mut().attempt.insert(key, None);
    }

    /// Deletes all values whose key begins so, within the running operation.
    pub(in crate::session) fn delete_prefix(&self, prefix: &[u8]) {
        for key in self.keys(prefix) {
            self.delete(key);
        }
    }

    /// The keys that begin so, as the running operation sees them. In order.
    pub(in crate::session) fn keys(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let inner = self.0.borrow();
        let range = (Bound::Included(prefix), Bound::Unbounded);
        let begins = |key: &&Vec<u8>| key.starts_with(prefix);
        let mut keys: BTreeSet<_> = inner
            .settled
            .range::<[u8], _>(range)
            .map(|(key, _)| key)
            .take_while(begins)
            .cloned()
            .collect();
        let attempt = inner.attempt.range::<[u8], _>(range);
        for (key, value) in attempt.take_while(|(key, _)| begins(key)) {
            if value.is_some() {
                keys.insert(key.clone());
            } else {
                keys.remove(key);
            }
        }
        keys.into_iter().collect()
    }

    /// Ends the running operation: its changes hold and are due to be saved.
    pub(in crate::session) fn keep(&self) {
        let inner = &mut *self.0.borrow_mut();
        for (key, value) in std::mem::take(&mut inner.attempt) {
            if inner.settled.get(&key) == value.as_ref() {
                continue;
            }
            match value {
                Some(value) => inner.settled.insert(key.clone(), value),
                None => inner.settled.remove(&key),
            };
            inner.unsaved.insert(key);
        }
    }

    /// Ends the running operation as if it had never begun.
    pub(in crate::session) fn undo(&self) {
        self.0.borrow_mut().attempt.clear();
    }

    /// Takes the changes that are due to be saved.
    pub(in crate::session) fn take_writes(&self) -> Vec<StateWrite> {
        let inner = &mut *self.0.borrow_mut();
        std::mem::take(&mut inner.unsaved)
            .into_iter()
            .map(|key| {
                let value = inner.settled.get(&key).map(|value| value.to_vec());
                StateWrite { key, value }
            })
            .collect()
    }
}

impl Inner {
    fn seen(&self, key: &[u8]) -> Option<&Value> {
        match self.attempt.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.settled.get(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(key: &[u8], value: Option<u8>) -> StateWrite {
        StateWrite { key: key.to_vec(), value: value.map(|value| vec![value]) }
    }

    #[test]
    fn changes_are_due_once_the_operation_is_kept_and_are_taken_once() {
        let rows = Rows::default();
        rows.put(b"a".to_vec(), &1u8).unwrap();
        assert_eq!(rows.take_writes(), vec![]);
        assert_eq!(rows.get::<u8>(b"a"), Ok(Some(1)));
        rows.keep();
        rows.put(b"b".to_vec(), &2u8).unwrap();
        rows.keep();
        rows.delete(b"a".to_vec());
        rows.keep();
        assert_eq!(rows.take_writes(), vec![write(b"a", None), write(b"b", Some(2))]);
        assert_eq!(rows.take_writes(), vec![]);
    }

    #[test]
    fn an_operation_undone_leaves_nothing() {
        let rows = Rows::load([(b"a".to_vec(), vec![1])]);
        rows.put(b"b".to_vec(), &2u8).unwrap();
        rows.delete_prefix(b"a");
        assert_eq!(rows.keys(b""), vec![b"b".to_vec()]);
        rows.undo();
        assert_eq!(rows.keys(b""), vec![b"a".to_vec()]);
        assert_eq!(rows.take_writes(), vec![]);
    }

    #[test]
    fn writing_what_is_there_already_is_no_change() {
        let rows = Rows::load([(b"a".to_vec(), vec![1])]);
        rows.put(b"a".to_vec(), &1u8).unwrap();
        rows.delete(b"c".to_vec());
        rows.keep();
        assert_eq!(rows.take_writes(), vec![]);
    }

    #[test]
    fn a_prefix_names_all_that_begins_so_and_nothing_else() {
        let rows = Rows::load([(b"ab".to_vec(), vec![1]), (b"b".to_vec(), vec![1])]);
        rows.put(b"ac".to_vec(), &1u8).unwrap();
        assert_eq!(rows.keys(b"a"), vec![b"ab".to_vec(), b"ac".to_vec()]);
    }

    #[test]
    fn a_damaged_row_is_an_error_and_no_panic() {
        let rows = Rows::load([(b"a".to_vec(), vec![0xc1])]);
        assert!(matches!(rows.get::<u8>(b"a"), Err(StorageError::Decode(_))));
    }
}
