//! Messages that come late, twice, or out of their epoch.

use protocol::session::{
    Envelope, Fault, GroupEngine, OUT_OF_ORDER_MAX, OpenMls, Opened, PAST_EPOCHS, SessionError,
};

use super::world::{GROUP, Member, NOW, group_of};

/// Moves Alice, and Bob with her if the commits are to reach him, on by adding others.
fn advance(members: &mut [Member], epochs: usize, deliver: bool) -> Vec<Envelope> {
    (0..epochs)
        .map(|_| {
            let seed = 100 + u8::try_from(members[0].epoch()).unwrap();
            let mut other = Member::new(seed);
            let envelope = members[0].add(&mut [&mut other]).envelope.unwrap();
            if deliver {
                members[1].open(&envelope).unwrap();
            }
            envelope
        })
        .collect()
}

#[test]
fn a_message_opens_three_epochs_late_and_not_four() {
    for (epochs, opens) in [(PAST_EPOCHS, true), (PAST_EPOCHS + 1, false)] {
        let mut members = group_of(2);
        let late = members[0].say("late");
        advance(&mut members, epochs, true);
        match members[1].open(&late) {
            Ok(Opened::Message { .. }) => assert!(opens),
            other => {
                assert!(!opens);
                assert_eq!(other, Err(SessionError::UnknownEpoch));
            }
        }
    }
}

#[test]
fn the_author_of_a_late_message_is_known_even_when_it_left_since() {
    let mut members = group_of(3);
    let (carol, late) = (members[2].id(), members[2].say("late"));
    super::world::remove(&mut members, 2);
    assert_eq!(members[1].read(&late), (carol, "late".into()));
}

#[test]
fn an_envelope_opened_twice_says_so_and_changes_nothing() {
    let mut members = group_of(2);
    let envelope = members[0].say("once");
    members[1].read(&envelope);
    members[1].save();
    let again = members[1].open(&envelope).unwrap_err();
    assert_eq!(again, SessionError::AlreadyOpened);
    assert_eq!(again.fault(), Fault::Late);
    assert_eq!(members[1].save(), 0);
    let next = members[0].say("next");
    assert_eq!(members[1].read(&next).1, "next");
}

#[test]
fn a_commit_opened_twice_says_so_to_members_and_to_the_sequencer() {
    let mut members = group_of(2);
    let envelopes = advance(&mut members, 2, true);
    for envelope in &envelopes {
        for member in &mut members {
            assert_eq!(member.open(envelope), Err(SessionError::AlreadyOpened));
        }
    }
}

#[test]
fn what_comes_before_its_epoch_waits_and_opens_after_the_commits() {
    let mut members = group_of(2);
    let commits = advance(&mut members, 2, false);
    let message = members[0].say("from the future");
    let early = members[1].open(&message).unwrap_err();
    assert_eq!((early.clone(), early.fault()), (SessionError::UnknownEpoch, Fault::Early));
    assert_eq!(members[1].open(&commits[1]), Err(SessionError::UnknownEpoch));
    for commit in &commits {
        members[1].open(commit).unwrap();
    }
    assert_eq!(members[1].read(&message).1, "from the future");
}

#[test]
fn a_message_long_overtaken_has_no_key_any_more() {
    let mut members = group_of(2);
    let last = usize::try_from(OUT_OF_ORDER_MAX).unwrap() + 20;
    let envelopes: Vec<_> = (0..=last).map(|n| members[0].say(&n.to_string())).collect();
    members[1].read(&envelopes[last]);
    assert_eq!(members[1].read(&envelopes[60]).1, "60");
    let gone = members[1].open(&envelopes[0]).unwrap_err();
    assert_eq!((gone.clone(), gone.fault()), (SessionError::KeyGone, Fault::Late));
}

#[test]
fn tags_of_the_past_epochs_are_listened_to_and_then_let_go() {
    let mut members = group_of(2);
    let first = members[0].say("first").tag();
    let heard = |member: &Member| member.engine.tags(GROUP, NOW).unwrap();
    for epochs in 1..=PAST_EPOCHS {
        advance(&mut members, 1, true);
        assert!(heard(&members[1]).contains(&first), "{epochs}");
        assert_eq!(heard(&members[1]).len(), 3 * (epochs + 1));
    }
    advance(&mut members, 1, true);
    assert!(!heard(&members[1]).contains(&first));
    assert_eq!(heard(&members[1]).len(), 3 * (PAST_EPOCHS + 1));
}

#[test]
fn a_sender_restored_from_an_old_copy_is_not_heard_until_it_is_past_what_it_said() {
    let mut members = group_of(2);
    members[0].save();
    let copy = members[0].disk.clone();
    let said = members[0].say("said");
    members[1].read(&said);
    members[0].engine = OpenMls::new(&members[0].key, copy).unwrap();
    let reused = members[0].say("said with a key used before");
    assert_eq!(members[1].open(&reused), Err(SessionError::AlreadyOpened));
    let fresh = members[0].say("said with a key of its own");
    assert_eq!(members[1].read(&fresh).1, "said with a key of its own");
}
