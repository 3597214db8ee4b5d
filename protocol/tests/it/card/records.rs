//! What may stand in the DHT, and under which key.

use protocol::{
    card::{CardError, HandlePointer, PersonaCard, RECORD_BYTES_MAX, Record, RecordKey, Signed},
    wire::DecodeError,
};

use super::samples::{self, NOW, alice, bob};

fn card_record(sequence: u64) -> Record {
    Record::Card(Signed::sign(
        &PersonaCard { sequence, ..samples::card(&alice(), "maya") },
        &alice(),
    ))
}

fn pointer_record(sequence: u64) -> Record {
    Record::Pointer(Signed::sign(&HandlePointer { sequence, ..samples::pointer() }, &alice()))
}

fn card_key() -> RecordKey {
    RecordKey::card(&alice().id())
}

fn pointer_key() -> RecordKey {
    RecordKey::handle(&samples::pointer().handle)
}

fn judge(key: RecordKey, value: &[u8]) -> Result<(Record, u64), CardError> {
    Record::verify(&key, value, NOW)
}

#[test]
fn a_record_is_accepted_under_its_own_key_and_under_no_other() {
    let (card, pointer) = (card_record(7), pointer_record(7));
    assert_eq!(judge(card_key(), &card.to_bytes()), Ok((card.clone(), 7)));
    assert_eq!(judge(pointer_key(), &pointer.to_bytes()), Ok((pointer.clone(), 7)));
    let refused = Err(CardError::Field("key"));
    for key in [pointer_key(), RecordKey::card(&bob().id()), RecordKey([0; 32])] {
        assert_eq!(judge(key, &card.to_bytes()), refused);
    }
    for key in [card_key(), RecordKey([0; 32])] {
        assert_eq!(judge(key, &pointer.to_bytes()), refused);
    }
}

#[test]
fn an_older_record_still_verifies_and_tells_its_lower_number() {
    // Whether it may replace what is stored is the holder's decision, by these numbers.
    for record in [card_record, pointer_record] {
        let key = if matches!(record(0), Record::Card(_)) { card_key() } else { pointer_key() };
        for sequence in [0, 6, 7, u64::MAX] {
            let (_, told) = judge(key, &record(sequence).to_bytes()).unwrap();
            assert_eq!(told, sequence);
        }
    }
}

#[test]
fn a_record_holds_no_longer_than_what_it_carries() {
    let value = card_record(7).to_bytes();
    let verdict = Record::verify(&card_key(), &value, NOW + 24 * 60 * 60 * 1000);
    assert_eq!(verdict, Err(CardError::Expired));
}

#[test]
fn a_record_signed_by_somebody_else_is_refused() {
    let forged = Record::Card(Signed::sign(&samples::card(&alice(), "maya"), &bob()));
    assert_eq!(judge(card_key(), &forged.to_bytes()), Err(CardError::Signature));
}

#[test]
fn a_record_of_an_unknown_kind_is_refused() {
    let mut value = card_record(7).to_bytes();
    for kind in (0..=u8::MAX).filter(|kind| ![1, 2].contains(kind)) {
        value[0] = kind;
        assert_eq!(judge(card_key(), &value), Err(CardError::Field("kind")));
    }
    value[0] = 2;
    assert!(judge(card_key(), &value).is_err());
}

#[test]
fn a_record_without_bytes_or_with_too_many_is_refused() {
    let refused = Err(CardError::Field("value"));
    assert_eq!(judge(card_key(), &[]), refused);
    assert_eq!(judge(card_key(), &vec![1; RECORD_BYTES_MAX + 1]), refused);
    let in_between = [card_record(7).to_bytes(), vec![0]].concat();
    assert_eq!(judge(card_key(), &in_between), Err(DecodeError::TrailingBytes(1).into()));
}
