//! The records this node holds, as Kademlia's store.
//!
//! Nothing enters unverified, not even by the store's own `put`. A record replaces another only
//! with a higher sequence number; the very same record may come again, which refreshes nothing,
//! because a record's life ends at the time its signer wrote into it. When the store is full, the
//! record farthest from this node's own place makes room for a nearer one, so a flood of records
//! displaces what other nodes are responsible for first.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    iter::{Empty, Map},
};

use libp2p::{
    PeerId,
    kad::{
        self, KBucketDistance, KBucketKey, ProviderRecord,
        store::{Error, RecordStore},
    },
};
use protocol::card::{CardError, RECORD_BYTES_MAX, Record, RecordKey, SignedCard, SignedPointer};
use protocol::identity::PersonaId;
use thiserror::Error as ThisError;

use super::{key_of, now_ms};
use crate::config::Limits;

/// Handle pointers one persona may have here. A persona has one card by construction of its key,
/// but could sign any number of names.
const POINTERS_PER_PERSONA_MAX: usize = 4;

/// Why a record was not stored.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub(crate) enum Refusal {
    /// The key is not one of ours.
    #[error("a key of another length")]
    Key,
    /// It does not verify. The peer's fault.
    #[error(transparent)]
    Invalid(#[from] CardError),
    /// One with this or a higher sequence number is here.
    #[error("not newer than sequence {0}")]
    Stale(u64),
    /// The peer, or the persona, has as many here as it may.
    #[error("one publisher has too many records")]
    TooMany,
    /// No room, and every record here is nearer.
    #[error("full of nearer records")]
    Full,
}

/// One record with what its claims say.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    record: kad::Record,
    sequence: u64,
    expires_at_ms: u64,
    persona: PersonaId,
    is_pointer: bool,
    source: PeerId,
    distance: KBucketDistance,
}

/// The store.
pub(crate) struct Records {
    own: PeerId,
    place: KBucketKey<PeerId>,
    limits: Limits,
    stored: HashMap<RecordKey, Stored>,
    /// Others' records by distance. Own ones are never displaced.
    displaceable: BTreeMap<KBucketDistance, RecordKey>,
    by_source: HashMap<PeerId, usize>,
    pointers: HashMap<PersonaId, usize>,
}

impl Records {
    pub(crate) fn new(own: PeerId, limits: Limits) -> Self {
        Self {
            own,
            place: KBucketKey::from(own),
            limits,
            stored: HashMap::new(),
            displaceable: BTreeMap::new(),
            by_source: HashMap::new(),
            pointers: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.stored.len()
    }

    /// Stores a record that a peer put, if it may stand here. `Ok(false)` when the same is here.
    pub(crate) fn insert(
        &mut self,
        source: PeerId,
        record: kad::Record,
        now_ms: u64,
    ) -> Result<bool, Refusal> {
        // Kademlia's own expiry comes in whole seconds of somebody else's counting.
        let record = kad::Record { expires: None, ..record };
        let key = key_of(&record.key).ok_or(Refusal::Key)?;
        let (verified, sequence) = Record::verify(&key, &record.value, now_ms)?;
        let old = self.stored.get(&key);
        if let Some(old) = old.filter(|old| old.expires_at_ms > now_ms) {
            if old.record.value == record.value {
                return Ok(false);
            }
            if old.sequence >= sequence {
                return Err(Refusal::Stale(old.sequence));
            }
        }
        let (persona, expires_at_ms, is_pointer) = claims(&verified, now_ms)?;
        let distance = self.place.distance(&KBucketKey::new(record.key.clone()));
        if source != self.own {
            let replaces_own = old.is_some_and(|old| old.source == source);
            let of_source = self.by_source.get(&source).copied().unwrap_or(0);
            if !replaces_own && of_source >= self.limits.records_per_peer_max {
                return Err(Refusal::TooMany);
            }
            let pointers = self.pointers.get(&persona).copied().unwrap_or(0);
            if is_pointer && old.is_none() && pointers >= POINTERS_PER_PERSONA_MAX {
                return Err(Refusal::TooMany);
            }
            if old.is_none() && self.displaceable.len() >= self.limits.records_max {
                self.expire(now_ms);
                self.make_room(distance)?;
            }
        }
        self.take_out(&key);
        self.put_in(
            key,
            Stored { record, sequence, expires_at_ms, persona, is_pointer, source, distance },
        );
        Ok(true)
    }

    /// The record under a key, as long as its signer let it live.
    pub(crate) fn lookup(&self, key: &RecordKey, now_ms: u64) -> Option<&kad::Record> {
        let stored = self.stored.get(key)?;
        (stored.expires_at_ms > now_ms).then_some(&stored.record)
    }

    /// Drops what has expired.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        let over: Vec<RecordKey> = self
            .stored
            .iter()
            .filter(|(_, stored)| stored.expires_at_ms <= now_ms)
            .map(|(key, _)| *key)
            .collect();
        over.iter().for_each(|key| self.take_out(key));
    }

    fn make_room(&mut self, distance: KBucketDistance) -> Result<(), Refusal> {
        while self.displaceable.len() >= self.limits.records_max {
            let (farthest, key) = self.displaceable.last_key_value().ok_or(Refusal::Full)?;
            if *farthest <= distance {
                return Err(Refusal::Full);
            }
            let key = *key;
            self.take_out(&key);
        }
        Ok(())
    }

    fn put_in(&mut self, key: RecordKey, stored: Stored) {
        if stored.source != self.own {
            self.displaceable.insert(stored.distance, key);
            *self.by_source.entry(stored.source).or_default() += 1;
        }
        if stored.is_pointer {
            *self.pointers.entry(stored.persona).or_default() += 1;
        }
        self.stored.insert(key, stored);
    }

    fn take_out(&mut self, key: &RecordKey) {
        let Some(stored) = self.stored.remove(key) else { return };
        if stored.source != self.own {
            self.displaceable.remove(&stored.distance);
            less(&mut self.by_source, &stored.source);
        }
        if stored.is_pointer {
            less(&mut self.pointers, &stored.persona);
        }
    }
}

fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Who made a verified record, until when it holds, and whether it is a handle pointer.
fn claims(record: &Record, now_ms: u64) -> Result<(PersonaId, u64, bool), CardError> {
    fn card(signed: &SignedCard, now_ms: u64) -> Result<(PersonaId, u64, bool), CardError> {
        signed.verify(now_ms).map(|card| (card.persona, card.expires_at_ms, false))
    }
    fn pointer(signed: &SignedPointer, now_ms: u64) -> Result<(PersonaId, u64, bool), CardError> {
        signed.verify(now_ms).map(|pointer| (pointer.persona, pointer.expires_at_ms, true))
    }
    match record {
        Record::Card(signed) => card(signed, now_ms),
        Record::Pointer(signed) => pointer(signed, now_ms),
    }
}

impl RecordStore for Records {
    type RecordsIter<'a> = Map<
        std::collections::hash_map::Values<'a, RecordKey, Stored>,
        fn(&'a Stored) -> Cow<'a, kad::Record>,
    >;
    type ProvidedIter<'a> = Empty<Cow<'a, ProviderRecord>>;

    fn get(&self, key: &kad::RecordKey) -> Option<Cow<'_, kad::Record>> {
        self.lookup(&key_of(key)?, now_ms()).map(Cow::Borrowed)
    }

    /// Kademlia calls this for our own records only; others' are filtered first.
    fn put(&mut self, record: kad::Record) -> Result<(), Error> {
        let source = record.publisher.unwrap_or(self.own);
        match self.insert(source, record, now_ms()) {
            Ok(_) => Ok(()),
            Err(Refusal::Invalid(CardError::Field("value"))) => Err(Error::ValueTooLarge),
            Err(_) => Err(Error::MaxRecords),
        }
    }

    fn remove(&mut self, key: &kad::RecordKey) {
        if let Some(key) = key_of(key) {
            self.take_out(&key);
        }
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        self.stored.values().map(|stored| Cow::Borrowed(&stored.record))
    }

    /// Refused: this network finds by signed records alone.
    fn add_provider(&mut self, _: ProviderRecord) -> Result<(), Error> {
        Err(Error::MaxProvidedKeys)
    }

    fn providers(&self, _: &kad::RecordKey) -> Vec<ProviderRecord> {
        Vec::new()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        std::iter::empty()
    }

    fn remove_provider(&mut self, _: &kad::RecordKey, _: &PeerId) {}
}

/// The largest message of the DHT protocol, in bytes: a record and the addresses of twenty nodes.
pub(crate) const PACKET_BYTES_MAX: usize = 14 * 1024 + RECORD_BYTES_MAX;

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
