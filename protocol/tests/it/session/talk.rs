//! Members talk, and onlookers see lengths and tags only.

use std::collections::BTreeSet;

use protocol::{
    session::{BUCKET_STEP, BUCKETS, GroupEngine, Opened, SessionError, WINDOW_MS},
    wire::Content,
};

use super::world::{GROUP, Member, NOW, assert_agree, group_of, message};

#[test]
fn two_members_talk() {
    let mut members = group_of(2);
    assert_agree(&members);
    let [alice, bob] = &mut members[..] else { unreachable!() };
    let hello = alice.say("hello");
    assert_eq!(bob.read(&hello), (alice.id(), "hello".into()));
    let answer = bob.say("good morning");
    assert_eq!(alice.read(&answer), (bob.id(), "good morning".into()));
}

#[test]
fn five_members_all_hear_each_other() {
    let mut members = group_of(5);
    assert_agree(&members);
    for speaker in 0..5 {
        let (author, envelope) = (members[speaker].id(), members[speaker].say("hear me"));
        for (listener, member) in members.iter_mut().enumerate() {
            if listener != speaker {
                assert_eq!(member.read(&envelope), (author, "hear me".into()));
            }
        }
    }
}

#[test]
fn what_one_says_is_never_opened_by_itself() {
    let mut members = group_of(2);
    let envelope = members[0].say("hello");
    assert_eq!(members[0].open(&envelope), Err(SessionError::AlreadyOpened));
}

#[test]
fn messages_open_in_any_order() {
    let mut members = group_of(2);
    let envelopes: Vec<_> = (0..20).map(|n| members[0].say(&n.to_string())).collect();
    for (n, envelope) in envelopes.iter().enumerate().rev() {
        assert_eq!(members[1].read(envelope).1, n.to_string());
    }
}

#[test]
fn every_envelope_has_the_length_of_a_bucket() {
    let mut members = group_of(2);
    let author = members[0].id();
    let lengths: BTreeSet<_> = [0, 1, 100, 300, 1000, 5000, 40_000, 100_000, 200_000, 256 * 1024]
        .into_iter()
        .enumerate()
        .map(|(seq, len)| {
            let content = Content::text(&"x".repeat(len));
            let message = message(author, u64::try_from(seq).unwrap(), content);
            let envelope = members[0].engine.seal(GROUP, &message, NOW).unwrap();
            let Opened::Message { message: opened, .. } = members[1].open(&envelope).unwrap()
            else {
                panic!("not a message")
            };
            assert_eq!(opened, message);
            envelope.as_bytes().len()
        })
        .collect();
    assert!(lengths.len() > 4);
    assert!(lengths.iter().all(|len| BUCKETS.contains(len) || len % BUCKET_STEP == 0));
}

#[test]
fn tags_rotate_by_day_and_by_epoch_and_are_found_by_all_members() {
    let mut members = group_of(3);
    let mut seen = BTreeSet::new();
    for (epoch, day) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        if epoch > members[0].epoch() {
            super::world::remove(&mut members, 2);
            members.pop();
        }
        let now = NOW + day * WINDOW_MS;
        let message = members[0].message("hello");
        let envelope = members[0].engine.seal(GROUP, &message, now).unwrap();
        assert!(seen.insert(envelope.tag()), "a tag came back");
        for member in &members {
            assert!(member.engine.tags(GROUP, now).unwrap().contains(&envelope.tag()));
            let late = member.engine.tags(GROUP, now + 2 * WINDOW_MS).unwrap();
            assert!(!late.contains(&envelope.tag()));
        }
    }
}

#[test]
fn an_envelope_that_was_on_its_way_for_days_still_opens() {
    let mut members = group_of(2);
    let envelope = members[0].say("hello");
    let later = members[1].engine.open(GROUP, &envelope, NOW + 30 * WINDOW_MS);
    assert!(matches!(later, Ok(Opened::Message { .. })));
}

#[test]
fn nobody_outside_opens_an_envelope() {
    let mut members = group_of(2);
    let envelope = members[0].say("hello");
    let mut carol = Member::new(9);
    assert_eq!(carol.open(&envelope), Err(SessionError::UnknownGroup));
    // A member of another group with the same id has other keys.
    carol.create();
    assert_eq!(carol.open(&envelope), Err(SessionError::UnknownEpoch));
}
