//! The index of what is held.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Limits, Origin, RowKey, room::Room};
use crate::{
    identity::EnvelopeId,
    mailbox::{Refusal, ReleaseKey, ReleaseLock},
    session::Tag,
};

/// By what right something was left, and may be fetched. The two never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Right {
    Token,
    Work,
}

/// Under what an envelope lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) right: Right,
    pub(super) tag: Tag,
}

/// What is known of an envelope without loading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) envelope: EnvelopeId,
    pub(super) place: Place,
    pub(super) bytes: u32,
    pub(super) until_ms: u64,
    /// Locks still closed. Empty for an envelope that only its time ends.
    pub(super) locks: Vec<ReleaseLock>,
    /// Who left it, if that was since the start.
    pub(super) origin: Option<Origin>,
    /// The batch it became durable with.
    pub(super) batch: u64,
}

impl Entry {
    fn cost(&self) -> u64 {
        Limits::cost(self.bytes.into(), self.locks.len())
    }
}

/// What lies under one tag, in order of arrival.
#[derive(Debug, Default, PartialEq, Eq)]
struct Queue {
    keys: BTreeSet<RowKey>,
    cost: u64,
}

/// All entries and the ways to find them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    by_key: BTreeMap<RowKey, Entry>,
    by_envelope: BTreeMap<(Right, EnvelopeId), RowKey>,
    queues: BTreeMap<Place, Queue>,
    ends: BTreeSet<(u64, RowKey)>,
    room: Room,
}

impl Entries {
    pub(super) fn get(&self, key: RowKey) -> Option<&Entry> {
        self.by_key.get(&key)
    }

    /// Where an envelope left by this right lies.
    pub(super) fn find(&self, right: Right, envelope: EnvelopeId) -> Option<RowKey> {
        self.by_envelope.get(&(right, envelope)).copied()
    }

    /// The first entry under a tag at or after a key, if batches up to `durable` hold it.
    pub(super) fn next(&self, place: &Place, from: RowKey, durable: u64) -> Option<RowKey> {
        let key = *self.queues.get(place)?.keys.range(from..).next()?;
        self.by_key.get(&key).filter(|entry| entry.batch <= durable).map(|_| key)
    }

    /// Whether there is room for another entry.
    pub(super) fn check(&self, limits: &Limits, entry: &Entry) -> Result<(), Refusal> {
        let (place, cost) = (entry.place, entry.cost());
        let origin = entry.origin.unwrap_or(Origin::Unknown);
        if let Some(queue) = self.queues.get(&place) {
            let full = match place.right {
                Right::Token => queue.keys.len() >= limits.tag_entries,
                Right::Work => queue.keys.len() >= limits.contact_entries,
            };
            if full || queue.cost.saturating_add(cost) > limits.eighth() {
                return Err(Refusal::TagFull);
            }
            let of_origin = |key: &&RowKey| {
                self.by_key.get(key).is_some_and(|entry| entry.origin == Some(origin))
            };
            if place.right == Right::Work
                && queue.keys.iter().filter(of_origin).count() >= limits.contact_entries_each
            {
                return Err(Refusal::DepositorFull);
            }
        }
        self.room.check(limits, place.right, origin, cost)
    }

    pub(super) fn insert(&mut self, key: RowKey, entry: Entry) {
        let cost = entry.cost();
        self.room.take(entry.place.right, entry.origin, cost);
        let queue = self.queues.entry(entry.place).or_default();
        queue.keys.insert(key);
        queue.cost += cost;
        self.ends.insert((entry.until_ms, key));
        self.by_envelope.insert((entry.place.right, entry.envelope), key);
        self.by_key.insert(key, entry);
    }

    pub(super) fn remove(&mut self, key: RowKey) -> Option<Entry> {
        let entry = self.by_key.remove(&key)?;
        let cost = entry.cost();
        self.room.give_back(entry.place.right, entry.origin, cost);
        self.ends.remove(&(entry.until_ms, key));
        self.by_envelope.remove(&(entry.place.right, entry.envelope));
        if let Some(queue) = self.queues.get_mut(&entry.place) {
            queue.keys.remove(&key);
            queue.cost -= cost;
            if queue.keys.is_empty() {
                self.queues.remove(&entry.place);
            }
        }
        Some(entry)
    }

    /// Replaces the locks of an entry that stays.
    fn relock(&mut self, key: RowKey, locks: Vec<ReleaseLock>) {
        if let Some(mut entry) = self.remove(key) {
            entry.locks = locks;
            self.insert(key, entry);
        }
    }

    /// Adds locks to an entry; whether that changed anything. An entry without locks stays so.
    pub(super) fn add_locks(
        &mut self,
        limits: &Limits,
        key: RowKey,
        more: &[ReleaseLock],
    ) -> Result<bool, Refusal> {
        let Some(entry) = self.by_key.get(&key).filter(|entry| !entry.locks.is_empty()) else {
            return Ok(false);
        };
        let locks: BTreeSet<ReleaseLock> = entry.locks.iter().chain(more).copied().collect();
        if locks.len() == entry.locks.len() {
            return Ok(false);
        }
        if locks.len() > crate::mailbox::LOCKS_MAX {
            return Err(Refusal::Locks);
        }
        let added = Limits::cost(entry.bytes.into(), locks.len()) - entry.cost();
        let origin = entry.origin.unwrap_or(Origin::Unknown);
        self.room.check(limits, entry.place.right, origin, added)?;
        self.relock(key, locks.into_iter().collect());
        Ok(true)
    }

    /// Opens locks; what is left of them, if that changed anything.
    pub(super) fn open_locks(&mut self, key: RowKey, keys: &[ReleaseKey]) -> Option<usize> {
        let entry = self.by_key.get(&key)?;
        let opened: BTreeSet<ReleaseLock> = keys.iter().map(ReleaseKey::lock).collect();
        let left = entry.locks.iter().copied().filter(|lock| !opened.contains(lock));
        let left: Vec<ReleaseLock> = left.collect();
        if left.len() == entry.locks.len() {
            return None;
        }
        let count = left.len();
        self.relock(key, left);
        Some(count)
    }

    /// The entry whose time is over first.
    pub(super) fn first_end(&self) -> Option<(u64, RowKey)> {
        self.ends.first().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn tags(&self) -> usize {
        self.queues.len()
    }

    pub(super) fn room_bytes(&self) -> u64 {
        self.room.total
    }
}
