//! A virtual DHT: one shared table that keeps what is valid and newest.

use std::collections::BTreeMap;

use protocol::card::{Record, RecordKey};

/// Records by key. Partitions do not reach it: it stands for many nodes elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Dht(BTreeMap<RecordKey, (u64, Vec<u8>)>);

impl Dht {
    /// Keeps a record unless it does not hold or a newer one is there.
    pub(crate) fn publish(&mut self, key: RecordKey, value: Vec<u8>, now_ms: u64) {
        let Ok((_, sequence)) = Record::verify(&key, &value, now_ms) else { return };
        let newest = self.0.get(&key).map(|(sequence, _)| *sequence);
        if newest.is_none_or(|newest| newest <= sequence) {
            self.0.insert(key, (sequence, value));
        }
    }

    /// The newest record, if one is there that still holds.
    pub(crate) fn lookup(&self, key: &RecordKey, now_ms: u64) -> Vec<Record> {
        let found = self.0.get(key).map(|(_, value)| Record::verify(key, value, now_ms));
        found.and_then(Result::ok).map(|(record, _)| record).into_iter().collect()
    }
}
