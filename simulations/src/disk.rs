//! A virtual disk: what is on it survives everything.

use std::collections::BTreeMap;

use engine::{Change, Ledger, Table, Write, backup};

/// The rows of one node.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// Batches taken so far.
    pub(crate) commits: u64,
}

impl Disk {
    /// Takes a batch, all of it.
    pub(crate) fn commit(&mut self, writes: Vec<Write>) {
        self.commits += 1;
        for Write { table, key, change } in writes {
            let rows = self.tables.entry(table).or_default();
            match change {
                Change::Put(value) => drop(rows.insert(key, value)),
                Change::Delete => drop(rows.remove(&key)),
                Change::DeleteUnder => rows.retain(|other, _| !other.starts_with(&key)),
            }
        }
    }

    /// A new disk with what a backup of this one brings back.
    pub(crate) fn restored(&self, now_ms: u64) -> Self {
        let mut restored = Self { commits: self.commits, ..Self::default() };
        for table in backup::KEPT {
            let rows = self.tables.get(&table).into_iter().flatten();
            for (key, value) in rows.filter(|(key, _)| backup::is_kept(table, key)) {
                let beside = backup::beside(table, key, value, now_ms);
                let row = backup::restored(table, key, value.clone(), now_ms);
                let to = restored.tables.entry(table).or_default();
                to.extend(beside.expect("rows of ours can be read"));
                to.insert(key.clone(), row.expect("rows of ours can be read"));
            }
        }
        restored
    }

    /// What an engine wants to see at start.
    pub(crate) fn loaded(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        for (table, prefix) in Table::LOADED {
            let found = self.under(table, prefix);
            rows.extend(found.map(|(key, value)| (table, key.to_vec(), value.to_vec())));
        }
        rows
    }

    /// The rows of a table whose keys begin so, in the order of keys.
    pub(crate) fn under<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
    ) -> impl DoubleEndedIterator<Item = (&'a [u8], &'a [u8])> {
        let rows = self.tables.get(&table).into_iter().flatten();
        rows.filter(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// One row.
    pub(crate) fn row(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        self.tables.get(&table)?.get(key).map(Vec::as_slice)
    }
}

impl Ledger for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.row(table, key).map(<[u8]>::to_vec)
    }

    fn newest(
        &self,
        table: Table,
        prefix: &[u8],
        before: Option<&[u8]>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.under(table, prefix).rev();
        rows.filter(|(key, _)| before.is_none_or(|before| *key < before))
            .take(limit)
            .map(|(key, value)| (key.to_vec(), value.to_vec()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &[u8]) -> Write {
        Write { table: Table::Message, key: key.to_vec(), change: Change::Put(vec![1]) }
    }

    #[test]
    fn the_newest_rows_come_first_and_stop_at_the_limit() {
        let mut disk = Disk::default();
        disk.commit(vec![put(b"m1"), put(b"m2"), put(b"m3"), put(b"n")]);
        let keys = |before| {
            let rows = disk.newest(Table::Message, b"m", before, 2);
            rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys(None), [b"m3", b"m2"]);
        assert_eq!(keys(Some(&b"m2"[..])), [b"m1"]);
    }

    #[test]
    fn an_engine_is_shown_counters_but_no_history() {
        let mut disk = Disk::default();
        disk.commit(vec![put(b"m1"), put(b"n")]);
        let keys: Vec<_> = disk.loaded().into_iter().map(|(_, key, _)| key).collect();
        assert_eq!(keys, [b"n"]);
    }
}
