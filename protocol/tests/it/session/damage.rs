//! What is damaged or forged is refused, without a panic and without a trace.

use proptest::prelude::*;
use protocol::session::{Envelope, Fault, GroupEngine, SessionError};

use super::world::{GROUP, Member, NOW, group_of};

fn refused(member: &mut Member, bytes: Vec<u8>) {
    let Ok(envelope) = Envelope::from_bytes(bytes) else { return };
    let error = member.open(&envelope).unwrap_err();
    // A changed tag may be that of an epoch to come; all else is plainly damage.
    assert!(matches!(error, SessionError::Damaged | SessionError::UnknownEpoch), "{error}");
    assert_ne!(error.fault(), Fault::Ours);
    assert_eq!(member.save(), 0);
}

#[test]
fn every_byte_of_an_envelope_matters() {
    let mut members = group_of(2);
    members[1].save();
    let envelope = members[0].say("hello");
    for at in 0..envelope.as_bytes().len() {
        let mut bytes = envelope.as_bytes().to_vec();
        bytes[at] ^= 0x01;
        refused(&mut members[1], bytes);
    }
    assert_eq!(members[1].read(&envelope).1, "hello");
}

#[test]
fn damage_under_a_tag_of_ours_is_told_apart_from_an_unknown_epoch() {
    let mut members = group_of(2);
    let mut bytes = members[0].say("hello").into_bytes();
    bytes[100] ^= 1;
    let damaged = Envelope::from_bytes(bytes.clone()).unwrap();
    let error = members[1].open(&damaged).unwrap_err();
    assert_eq!((error.clone(), error.fault()), (SessionError::Damaged, Fault::Peer));
    bytes[5] ^= 1;
    let elsewhere = Envelope::from_bytes(bytes).unwrap();
    assert_eq!(members[1].open(&elsewhere), Err(SessionError::UnknownEpoch));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn envelopes_changed_in_any_places_are_refused(
        changes in prop::collection::vec((0usize..2048, 1u8..), 1..8),
        len in 0usize..1200,
    ) {
        let mut members = group_of(2);
        members[1].save();
        let envelope = members[0].say(&"x".repeat(len));
        let mut bytes = envelope.as_bytes().to_vec();
        for (at, change) in changes {
            let at = at % bytes.len();
            bytes[at] ^= change;
        }
        if bytes != envelope.as_bytes() {
            refused(&mut members[1], bytes);
        }
        prop_assert_eq!(members[1].read(&envelope).1.len(), len);
    }

    #[test]
    fn bytes_that_are_no_welcome_are_refused(
        at in any::<prop::sample::Index>(),
        change in 1u8..,
        noise in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let (mut alice, mut bob) = (Member::new(1), Member::new(2));
        alice.create();
        let mut welcome = alice.add(&mut [&mut bob]).welcome.unwrap();
        bob.save();
        prop_assert!(bob.engine.join(&noise, NOW).is_err());
        let whole = welcome.clone();
        let at = at.index(welcome.len());
        welcome[at] ^= change;
        prop_assert!(bob.engine.join(&welcome, NOW).is_err());
        prop_assert!(bob.engine.join(&whole[..at], NOW).is_err());
        prop_assert_eq!(bob.save(), 0);
        prop_assert_eq!(bob.engine.join(&whole, NOW), Ok(GROUP));
    }

    #[test]
    fn bytes_that_are_no_key_package_are_refused(
        at in any::<prop::sample::Index>(),
        change in 1u8..,
        noise in prop::collection::vec(any::<u8>(), 0..1200),
    ) {
        let (mut alice, mut bob) = (Member::new(1), Member::new(2));
        alice.create();
        alice.save();
        let mut package = bob.key_package();
        let at = at.index(package.len());
        let cut = package[..at].to_vec();
        package[at] ^= change;
        for bytes in [noise, cut, package] {
            let error = alice.engine.add(GROUP, &[bytes], NOW).unwrap_err();
            prop_assert_eq!(error.fault(), Fault::Peer, "{}", error);
        }
        prop_assert_eq!(alice.save(), 0);
    }
}
