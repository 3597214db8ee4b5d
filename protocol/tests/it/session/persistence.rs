//! A node that stops and starts goes on exactly where it was.

use protocol::{
    identity::ConversationId,
    session::{GroupEngine, OpenMls, SessionError, WINDOW_MS},
};

use super::world::{GROUP, Member, NOW, assert_agree, group_of};

#[test]
fn a_restart_between_any_two_steps_changes_nothing() {
    let mut members = group_of(3);
    let restart = |members: &mut Vec<Member>| members.iter_mut().for_each(Member::restart);
    restart(&mut members);
    let one = members[0].say("one");
    restart(&mut members);
    assert_eq!(members[1].read(&one).1, "one");
    restart(&mut members);
    assert_eq!(members[1].open(&one), Err(SessionError::AlreadyOpened));
    let two = members[0].say("two");
    assert_eq!(members[1].read(&two).1, "two");

    let mut dora = Member::new(9);
    let change = members[0].add(&mut [&mut dora]);
    dora.restart();
    restart(&mut members);
    let envelope = change.envelope.unwrap();
    members[1].open(&envelope).unwrap();
    members[2].open(&envelope).unwrap();
    dora.engine.join(&change.welcome.unwrap(), NOW).unwrap();
    members.push(dora);
    restart(&mut members);
    assert_agree(&members);
    // A message of the epoch before, opened after a restart in the new one.
    assert_eq!(members[2].read(&one).1, "one");
    let three = members[3].say("three");
    assert_eq!(members[0].read(&three).1, "three");
}

#[test]
fn a_restart_keeps_position_tags_and_receipts() {
    let mut members = group_of(2);
    let envelope = members[0].say("hello").id();
    let before = &members[1].engine;
    let (position, tags) = (before.position(GROUP), before.tags(GROUP, NOW));
    let receipt = before.receipt(GROUP, envelope);
    members[1].restart();
    let after = &members[1].engine;
    assert_eq!(after.position(GROUP), position);
    assert_eq!(after.tags(GROUP, NOW), tags);
    assert_eq!(after.receipt(GROUP, envelope), receipt);
    assert_eq!(after.groups(), vec![GROUP]);
    assert_eq!(members[1].save(), 0);
}

#[test]
fn rows_that_are_damaged_are_our_fault_and_no_panic() {
    let mut members = group_of(2);
    members[1].save();
    let keys: Vec<_> = members[1].disk.keys().cloned().collect();
    let mut refused = 0;
    for key in keys {
        let mut rows = members[1].disk.clone();
        rows.insert(key, vec![0xc1]);
        match OpenMls::new(&members[1].key, rows) {
            Err(SessionError::State(_)) => refused += 1,
            Err(other) => panic!("{other}"),
            Ok(_) => {}
        }
    }
    assert!(refused >= 8, "{refused}");
}

#[test]
fn a_key_package_lasts_a_week_and_one_use() {
    let mut members = group_of(1);
    let mut bob = Member::new(2);
    let day = |n: u64| NOW + n * WINDOW_MS;
    let package = |bob: &mut Member, n| bob.engine.last_resort_key_package(day(n)).unwrap();

    let first = package(&mut bob, 0);
    bob.restart();
    assert_eq!(package(&mut bob, 6), first);
    let second = package(&mut bob, 7);
    assert_ne!(second, first);

    let change = members[0].engine.add(GROUP, std::slice::from_ref(&second), day(7)).unwrap();
    bob.engine.join(&change.welcome.unwrap(), day(7)).unwrap();
    let third = package(&mut bob, 8);
    assert_ne!(third, second);
    assert_eq!(package(&mut bob, 8), third);
}

#[test]
fn a_replaced_key_package_opens_welcomes_for_two_weeks_and_is_then_gone() {
    let day = |n: u64| NOW + n * WINDOW_MS;
    for (age, joins) in [(20, true), (21, false)] {
        let (mut alice, mut bob) = (Member::new(1), Member::new(2));
        alice.create();
        let first = bob.engine.last_resort_key_package(day(0)).unwrap();
        bob.engine.last_resort_key_package(day(7)).unwrap();
        bob.engine.last_resort_key_package(day(age)).unwrap();
        let change = alice.engine.add(GROUP, &[first], NOW).unwrap();
        let joined = bob.engine.join(&change.welcome.unwrap(), NOW);
        let expected = if joins { Ok(GROUP) } else { Err(SessionError::NotInvited) };
        assert_eq!(joined, expected, "after {age} days");
    }
}

#[test]
fn one_key_package_serves_two_groups() {
    let (mut alice, mut carol, mut bob) = (Member::new(1), Member::new(3), Member::new(2));
    let package = bob.key_package();
    let other = ConversationId([0xc1; 16]);
    let invite = |member: &mut Member, group| {
        let policy = protocol::session::GroupPolicy::by(member.id());
        member.engine.create(group, policy, NOW).unwrap();
        member.engine.add(group, std::slice::from_ref(&package), NOW).unwrap().welcome.unwrap()
    };
    let welcomes = [invite(&mut alice, GROUP), invite(&mut carol, other)];
    for welcome in &welcomes {
        bob.engine.join(welcome, NOW).unwrap();
    }
    bob.engine.forget(other);
    bob.restart();
    assert_eq!(bob.engine.groups(), vec![GROUP]);
    let hello = alice.say("hello");
    assert_eq!(bob.read(&hello).1, "hello");
}
