//! What may stand in the store, and what may not.

use libp2p::identity::Keypair;
use protocol::{
    card::{HandlePointer, Signed},
    identity::{Handle, PersonaKey},
};

use super::*;

const NOW: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;

fn pointer(seed: u8, name: &str, sequence: u64, expires_at_ms: u64) -> kad::Record {
    let key = PersonaKey::from_seed(&[seed; 32]);
    let handle = Handle::new(name, &key.id()).unwrap();
    let place = RecordKey::handle(&handle);
    let claim =
        HandlePointer { handle, persona: key.id(), sequence, issued_at_ms: NOW, expires_at_ms };
    let value = Record::Pointer(Signed::sign(&claim, &key)).to_bytes();
    kad::Record::new(place.0.to_vec(), value)
}

fn peer(seed: u8) -> PeerId {
    Keypair::ed25519_from_bytes([seed; 32]).unwrap().public().to_peer_id()
}

fn store(limits: Limits) -> Records {
    Records::new(peer(200), limits)
}

fn sequence_of(records: &Records, like: &kad::Record) -> Option<u64> {
    let key = key_of(&like.key)?;
    let found = records.lookup(&key, NOW)?;
    Record::verify(&key, &found.value, NOW).ok().map(|(_, sequence)| sequence)
}

#[test]
fn a_higher_sequence_replaces_a_lower_one_and_never_the_other_way_round() {
    let mut records = store(Limits::default());
    let [old, new] = [5, 6].map(|sequence| pointer(1, "maya", sequence, NOW + HOUR));
    assert_eq!(records.insert(peer(1), old.clone(), NOW), Ok(true));
    assert_eq!(records.insert(peer(2), new.clone(), NOW), Ok(true));
    assert_eq!(records.insert(peer(1), old.clone(), NOW), Err(Refusal::Stale(6)));
    assert_eq!(records.insert(peer(1), new, NOW), Ok(false));
    assert_eq!(sequence_of(&records, &old), Some(6));
    assert_eq!((records.len(), records.by_source.len()), (1, 1));
}

#[test]
fn another_record_with_the_same_sequence_is_refused() {
    let mut records = store(Limits::default());
    records.insert(peer(1), pointer(1, "maya", 5, NOW + HOUR), NOW).unwrap();
    let other = pointer(1, "maya", 5, NOW + 2 * HOUR);
    assert_eq!(records.insert(peer(1), other, NOW), Err(Refusal::Stale(5)));
}

#[test]
fn any_changed_byte_makes_a_record_worthless() {
    let mut records = store(Limits::default());
    let good = pointer(1, "maya", 5, NOW + HOUR);
    for position in 0..good.value.len() {
        let mut bad = good.clone();
        bad.value[position] ^= 1;
        let refused = records.insert(peer(1), bad, NOW);
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "byte {position}: {refused:?}");
    }
    assert_eq!(records.len(), 0);
}

#[test]
fn a_record_lies_under_its_own_key_only() {
    let mut records = store(Limits::default());
    let mut moved = pointer(1, "maya", 5, NOW + HOUR);
    moved.key = pointer(2, "noah", 5, NOW + HOUR).key;
    let refused = records.insert(peer(1), moved.clone(), NOW);
    assert_eq!(refused, Err(Refusal::Invalid(CardError::Field("key"))));
    moved.key = kad::RecordKey::new(b"short");
    assert_eq!(records.insert(peer(1), moved, NOW), Err(Refusal::Key));
}

#[test]
fn an_expired_record_is_neither_taken_nor_served_nor_kept() {
    let mut records = store(Limits::default());
    let record = pointer(1, "maya", 5, NOW + HOUR);
    let key = key_of(&record.key).unwrap();
    records.insert(peer(1), record.clone(), NOW).unwrap();
    assert!(records.lookup(&key, NOW + HOUR - 1).is_some());
    assert!(records.lookup(&key, NOW + HOUR).is_none());
    let late = records.insert(peer(1), record, NOW + HOUR);
    assert_eq!(late, Err(Refusal::Invalid(CardError::Expired)));
    records.expire(NOW + HOUR);
    assert_eq!((records.len(), records.by_source.len(), records.pointers.len()), (0, 0, 0));
}

#[test]
fn one_peer_and_one_persona_can_take_only_so_much_room() {
    let mut records = store(Limits { records_per_peer_max: 6, ..Limits::default() });
    for name in ["a", "b", "c", "d"] {
        records.insert(peer(1), pointer(1, name, 1, NOW + HOUR), NOW).unwrap();
    }
    let fifth_name = pointer(1, "e", 1, NOW + HOUR);
    assert_eq!(records.insert(peer(2), fifth_name, NOW), Err(Refusal::TooMany));
    for seed in [2, 3] {
        records.insert(peer(1), pointer(seed, "x", 1, NOW + HOUR), NOW).unwrap();
    }
    let seventh = pointer(4, "x", 1, NOW + HOUR);
    assert_eq!(records.insert(peer(1), seventh.clone(), NOW), Err(Refusal::TooMany));
    assert_eq!(records.insert(peer(2), seventh, NOW), Ok(true));
    // Replacing one's own takes no further room.
    assert_eq!(records.insert(peer(1), pointer(2, "x", 2, NOW + HOUR), NOW), Ok(true));
}

#[test]
fn a_full_store_keeps_the_nearest_and_its_own() {
    let mut records = store(Limits { records_max: 4, ..Limits::default() });
    let mut all: Vec<_> = (1..=12).map(|seed| pointer(seed, "maya", 1, NOW + HOUR)).collect();
    let own = all.pop().unwrap();
    records.insert(records.own, own.clone(), NOW).unwrap();
    for record in &all {
        let stored = records.insert(peer(1), record.clone(), NOW);
        assert!(matches!(stored, Ok(true) | Err(Refusal::Full)), "{stored:?}");
    }
    all.sort_by_key(|record| records.place.distance(&KBucketKey::new(record.key.clone())));
    let kept: Vec<bool> = all.iter().map(|one| sequence_of(&records, one).is_some()).collect();
    assert_eq!(kept, [vec![true; 4], vec![false; 7]].concat());
    assert_eq!(sequence_of(&records, &own), Some(1));
}

#[test]
fn provider_records_are_refused() {
    let mut records = store(Limits::default());
    let provider = ProviderRecord::new(vec![0; 32], peer(1), vec![]);
    assert!(records.add_provider(provider).is_err());
    assert!(records.providers(&kad::RecordKey::new(&[0; 32])).is_empty());
}
