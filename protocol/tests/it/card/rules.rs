//! The rules all signed claims share: who signed, from when, until when.

use protocol::{
    card::{CardError, Claims, HandlePointer, Introduction, Invite, PersonaCard, Purpose, Signed},
    identity::PersonaKey,
    wire::DecodeError,
};

use super::samples::{self, NOW, alice, bob};

const SKEW: u64 = 10 * 60 * 1000;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A claim of each type with these times: a function that signs it and says how it is judged.
type Judge = Box<dyn Fn(u64, u64, u64) -> Result<(), CardError>>;

fn judge<C: Claims>(key: PersonaKey, make: impl Fn(u64, u64) -> C + 'static) -> Judge {
    Box::new(move |issued, expires, now| {
        Signed::sign(&make(issued, expires), &key).verify(now).map(drop)
    })
}

/// Every type of claim, and the longest it may last.
fn judges() -> [(Judge, u64); 4] {
    let card = |issued_at_ms, expires_at_ms| PersonaCard {
        issued_at_ms,
        expires_at_ms,
        ..samples::card(&alice(), "maya")
    };
    let pointer = |issued_at_ms, expires_at_ms| HandlePointer {
        issued_at_ms,
        expires_at_ms,
        ..samples::pointer()
    };
    let invite =
        |issued_at_ms, expires_at_ms| Invite { issued_at_ms, expires_at_ms, ..samples::invite() };
    let introduction = |issued_at_ms, expires_at_ms| Introduction {
        issued_at_ms,
        expires_at_ms,
        ..samples::introduction(Purpose::Accept)
    };
    [
        (judge(alice(), card), 2 * DAY),
        (judge(alice(), pointer), 2 * DAY),
        (judge(alice(), invite), 31 * DAY),
        (judge(bob(), introduction), 60 * DAY),
    ]
}

#[test]
fn a_claim_ends_with_the_millisecond_it_names() {
    for (judge, _) in judges() {
        assert_eq!(judge(NOW, NOW + DAY, NOW + DAY - 1), Ok(()));
        assert_eq!(judge(NOW, NOW + DAY, NOW + DAY), Err(CardError::Expired));
        assert_eq!(judge(NOW, NOW + DAY, u64::MAX), Err(CardError::Expired));
    }
}

#[test]
fn a_claim_may_come_from_a_clock_ten_minutes_ahead_and_no_further() {
    for (judge, _) in judges() {
        assert_eq!(judge(NOW + SKEW, NOW + DAY, NOW), Ok(()));
        assert_eq!(judge(NOW + SKEW + 1, NOW + DAY, NOW), Err(CardError::Lifetime));
        assert_eq!(judge(u64::MAX - 1, u64::MAX, NOW), Err(CardError::Lifetime));
    }
}

#[test]
fn a_claim_lasts_as_long_as_its_kind_allows_and_no_longer() {
    for (judge, longest) in judges() {
        assert_eq!(judge(NOW, NOW + longest, NOW), Ok(()));
        assert_eq!(judge(NOW, NOW + longest + 1, NOW), Err(CardError::Lifetime));
        assert_eq!(judge(0, u64::MAX, NOW), Err(CardError::Lifetime));
    }
}

#[test]
fn a_claim_that_ends_before_it_begins_is_refused() {
    for (judge, _) in judges() {
        assert_eq!(judge(NOW + 2, NOW + 1, NOW), Err(CardError::Lifetime));
        assert_eq!(judge(NOW + 1, NOW + 1, NOW), Err(CardError::Lifetime));
    }
}

#[test]
fn a_claim_signed_by_somebody_else_is_refused() {
    let mallory = PersonaKey::from_seed(&[0x66; 32]);
    let refused = Err(CardError::Signature);
    let card = samples::card(&alice(), "maya");
    assert_eq!(Signed::sign(&card, &mallory).verify(NOW), refused.clone().map(|()| card));
    let pointer = samples::pointer();
    assert_eq!(Signed::sign(&pointer, &mallory).verify(NOW), refused.clone().map(|()| pointer));
    let invite = samples::invite();
    assert_eq!(Signed::sign(&invite, &mallory).verify(NOW), refused.clone().map(|()| invite));
    let introduction = samples::introduction(Purpose::Accept);
    assert_eq!(Signed::sign(&introduction, &mallory).verify(NOW), refused.map(|()| introduction));
}

#[test]
fn the_signature_is_checked_before_times_and_fields() {
    let mut card = samples::card(&alice(), "maya");
    card.display_name.clear();
    card.expires_at_ms = 0;
    assert_eq!(Signed::sign(&card, &bob()).verify(NOW), Err(CardError::Signature));
    assert_eq!(Signed::sign(&card, &alice()).verify(NOW), Err(CardError::Expired));
}

#[test]
fn a_claim_kept_after_its_end_still_shows_that_it_was_signed() {
    let sample = samples::cards().remove(0);
    assert_eq!(sample.signed().verify(u64::MAX), Err(CardError::Expired));
    assert_eq!(sample.signed().verify_at_issue(), Ok(sample.claim.clone()));
    let forged = Signed::sign(&sample.claim, &bob());
    assert_eq!(forged.verify_at_issue(), Err(CardError::Signature));
}

#[test]
fn a_body_beyond_the_limit_of_its_type_is_not_even_decoded() {
    let mut card = samples::card(&alice(), "maya");
    let (spare, mut long) = (PersonaCard::BYTES_MAX - body_len(&card), card.clone());
    card.key_package.extend(vec![0; spare]);
    assert_eq!(body_len(&card), PersonaCard::BYTES_MAX);
    let largest = Signed::sign(&card, &alice());
    assert_eq!(Signed::from_bytes(&largest.to_bytes()), Ok(largest.clone()));
    // Its fields are checked last, and there one byte array is longer than it may be.
    assert_eq!(largest.verify(NOW), Err(CardError::Field("key_package")));

    long.key_package.extend(vec![0; spare + 1]);
    let (len, max) = (PersonaCard::BYTES_MAX + 1, PersonaCard::BYTES_MAX);
    let long = Signed::sign(&long, &alice());
    assert_eq!(long.verify(NOW), Err(DecodeError::TooLong { len, max }.into()));
    let refused = DecodeError::TooLong { len: len + 72, max: max + 72 };
    assert_eq!(Signed::<PersonaCard>::from_bytes(&long.to_bytes()), Err(refused));
}

fn body_len(card: &PersonaCard) -> usize {
    protocol::wire::encode(card).len()
}
