//! What one connection watches and has been handed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Origin, RowKey,
    entries::{Entries, Place},
    limits::{UNANSWERED_BYTES_MAX, UNANSWERED_MAX},
};

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) origin: Origin,
    /// Tags watched, each with the key from which on nothing has been handed out.
    pub(super) watched: BTreeMap<Place, RowKey>,
    /// For each tag with something to hand out, the first of it: oldest first over all tags.
    ready: BTreeSet<(RowKey, Place)>,
    /// Handed out and not answered, with their bytes.
    handed: BTreeMap<RowKey, u32>,
    handed_bytes: u64,
    /// Nothing is handed out before this time.
    pub(super) paused_until_ms: Option<u64>,
}

impl Connection {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            watched: BTreeMap::new(),
            ready: BTreeSet::new(),
            handed: BTreeMap::new(),
            handed_bytes: 0,
            paused_until_ms: None,
        }
    }

    /// Watches a tag from its oldest entry on.
    pub(super) fn watch(&mut self, place: Place, entries: &Entries, durable: u64) {
        self.watched.insert(place, RowKey(0));
        self.look(place, entries, durable);
    }

    /// Watches a tag once more: what was handed out from there and not answered is to be handed
    /// out again, for the reader may not have got it.
    pub(super) fn watch_again(&mut self, place: Place, entries: &Entries, durable: u64) {
        let under = |key: &RowKey| entries.get(*key).is_some_and(|entry| entry.place == place);
        let unanswered: Vec<RowKey> = self.handed.keys().copied().filter(under).collect();
        for key in &unanswered {
            self.answered(*key);
        }
        self.rewind(unanswered, entries, durable);
    }

    /// Finds out what is to be handed out next under a tag.
    pub(super) fn look(&mut self, place: Place, entries: &Entries, durable: u64) {
        let next = self.watched.get(&place).and_then(|from| entries.next(&place, *from, durable));
        self.ready.extend(next.map(|key| (key, place)));
    }

    /// The next entry to hand out, if this connection may have another now.
    pub(super) fn hand_out(&mut self, entries: &Entries, durable: u64) -> Option<RowKey> {
        if self.paused_until_ms.is_some() || self.handed.len() >= UNANSWERED_MAX {
            return None;
        }
        let (key, place) = *self.ready.first()?;
        let bytes = entries.get(key)?.bytes;
        let sum = self.handed_bytes + u64::from(bytes);
        if !self.handed.is_empty() && sum > UNANSWERED_BYTES_MAX {
            return None;
        }
        self.ready.pop_first();
        self.handed.insert(key, bytes);
        self.handed_bytes = sum;
        self.watched.insert(place, RowKey(key.0 + 1));
        self.look(place, entries, durable);
        Some(key)
    }

    /// An entry needs no answer any more.
    pub(super) fn answered(&mut self, key: RowKey) {
        if let Some(bytes) = self.handed.remove(&key) {
            self.handed_bytes -= u64::from(bytes);
        }
    }

    /// An entry is gone.
    pub(super) fn gone(&mut self, key: RowKey, place: Place, entries: &Entries, durable: u64) {
        self.answered(key);
        if self.ready.remove(&(key, place)) {
            self.look(place, entries, durable);
        }
    }

    /// What was handed out and not answered may not have arrived: it is to be handed out again.
    pub(super) fn take_back(&mut self, entries: &Entries, durable: u64) {
        self.handed_bytes = 0;
        let unanswered = std::mem::take(&mut self.handed).into_keys().collect();
        self.rewind(unanswered, entries, durable);
    }

    /// Goes back to the first of these entries under each tag.
    fn rewind(&mut self, unanswered: Vec<RowKey>, entries: &Entries, durable: u64) {
        for key in unanswered {
            let Some(place) = entries.get(key).map(|entry| entry.place) else { continue };
            let Some(from) = self.watched.get_mut(&place).filter(|from| **from > key) else {
                continue;
            };
            let passed = std::mem::replace(from, key);
            if let Some(next) = entries.next(&place, passed, durable) {
                self.ready.remove(&(next, place));
            }
            self.ready.insert((key, place));
        }
    }
}
