//! Adding and removing personas.

use protocol::{
    identity::{ConversationId, PersonaId},
    session::{
        CREDENTIAL_LIFETIME_MS, CredentialError, EntryError, Fault, GroupEngine, GroupPolicy,
        Invitation, OpenMls, Opened, SessionError, WINDOW_MS,
    },
};

use super::world::{GROUP, Member, NOW, assert_agree, group_of, remove};

#[test]
fn a_group_begins_with_its_creator_alone_and_nobody_to_tell() {
    let (mut alice, mut bob) = (Member::new(1), Member::new(2));
    alice.create();
    assert_eq!(alice.engine.roster(GROUP).unwrap(), vec![alice.id()]);
    assert_eq!(alice.engine.policy(GROUP).unwrap(), GroupPolicy::by(alice.id()));
    let change = alice.add(&mut [&mut bob]);
    assert_eq!(change.envelope, None);
    assert_eq!((change.added, change.removed), (vec![bob.id()], vec![]));
    assert!(change.welcome.is_some());
}

#[test]
fn members_follow_an_addition_and_the_new_one_reads_only_what_comes_after() {
    let mut members = group_of(3);
    let before = members[0].say("before");
    let mut dora = Member::new(9);
    let change = members[0].add(&mut [&mut dora]);
    let envelope = change.envelope.unwrap();
    for member in &mut members[1..] {
        let (by, added) = (member_id(1), vec![dora.id()]);
        let expected = Opened::Change { by, added, removed: vec![], epoch: 2 };
        assert_eq!(member.open(&envelope), Ok(expected));
    }
    dora.engine.join(&change.welcome.unwrap(), NOW).unwrap();
    members.push(dora);
    assert_agree(&members);
    assert_eq!(members[3].open(&before), Err(SessionError::UnknownEpoch));
    let after = members[0].say("after");
    assert_eq!(members[3].read(&after).1, "after");
}

#[test]
fn several_join_with_one_welcome() {
    let mut members = group_of(2);
    let (mut dora, mut emil) = (Member::new(8), Member::new(9));
    let change = members[0].add(&mut [&mut dora, &mut emil]);
    members[1].open(&change.envelope.unwrap()).unwrap();
    let welcome = change.welcome.unwrap();
    dora.engine.join(&welcome, NOW).unwrap();
    emil.engine.join(&welcome, NOW).unwrap();
    members.extend([dora, emil]);
    assert_agree(&members);
    assert_eq!(members[0].engine.roster(GROUP).unwrap().len(), 4);
}

#[test]
fn a_removed_member_reads_nothing_later_and_keeps_no_row_of_the_group() {
    let mut members = group_of(3);
    let before = members[1].say("before");
    let envelope = {
        let persona = members[2].id();
        let change = members[0].engine.remove(GROUP, &[persona], NOW).unwrap();
        assert_eq!(change.removed, vec![persona]);
        assert_eq!(change.welcome, None);
        change.envelope.unwrap()
    };
    members[1].open(&envelope).unwrap();
    members[2].save();
    assert!(members[2].disk.keys().any(|key| key.starts_with(b"g")));
    assert_eq!(members[2].open(&envelope), Ok(Opened::Evicted));

    let mut gone = members.pop().unwrap();
    gone.save();
    assert!(!gone.disk.keys().any(|key| key.starts_with(b"g") || key.starts_with(b"r")));
    assert_eq!(gone.engine.groups(), vec![]);
    assert_eq!(gone.open(&before), Err(SessionError::UnknownGroup));
    let after = members[0].say("after");
    assert_eq!(gone.open(&after), Err(SessionError::UnknownGroup));
    assert_eq!(members[1].read(&after).1, "after");
    assert_eq!(members[0].read(&before).1, "before");
    assert_agree(&members);
}

#[test]
fn a_removed_member_that_never_saw_its_removal_cannot_read_on() {
    let mut members = group_of(3);
    let persona = members[2].id();
    members[0].engine.remove(GROUP, &[persona], NOW).unwrap();
    let after = members[0].say("after");
    assert_eq!(members[2].open(&after), Err(SessionError::UnknownEpoch));
}

#[test]
fn who_was_removed_can_be_added_again() {
    let mut members = group_of(3);
    remove(&mut members, 2);
    let mut back = members.pop().unwrap();
    let change = members[0].add(&mut [&mut back]);
    members[1].open(&change.envelope.unwrap()).unwrap();
    back.engine.join(&change.welcome.unwrap(), NOW).unwrap();
    members.push(back);
    assert_agree(&members);
}

#[test]
fn only_the_sequencer_changes_the_group() {
    let mut members = group_of(3);
    let (carol, package) = (members[2].id(), Member::new(9).key_package());
    let bob = &mut members[1].engine;
    assert_eq!(bob.remove(GROUP, &[carol], NOW), Err(SessionError::NotSequencer));
    assert_eq!(bob.add(GROUP, &[package], NOW), Err(SessionError::NotSequencer));
}

#[test]
fn changes_that_make_no_sense_are_refused_and_change_nothing() {
    let mut members = group_of(3);
    members[0].save();
    let position = members[0].engine.position(GROUP);
    let (alice, bob, stranger) = (members[0].id(), members[1].id(), PersonaId([9; 32]));
    let again = members[1].key_package();
    let new = Member::new(9).key_package();
    let engine = &mut members[0].engine;
    let refused = [
        (engine.remove(GROUP, &[stranger], NOW), SessionError::NotMember(stranger)),
        (engine.remove(GROUP, &[alice], NOW), SessionError::OwnLeaf),
        (engine.remove(GROUP, &[], NOW), SessionError::Nobody),
        (engine.add(GROUP, &[], NOW), SessionError::Nobody),
        (engine.add(GROUP, &[again], NOW), SessionError::AlreadyMember(bob)),
        (
            engine.add(GROUP, &[new.clone(), new], NOW),
            SessionError::AlreadyMember(Member::new(9).id()),
        ),
        (engine.remove(ConversationId([7; 16]), &[bob], NOW), SessionError::UnknownGroup),
    ];
    for (result, expected) in refused {
        assert_eq!(result, Err(expected));
    }
    let policy = GroupPolicy::by(alice);
    assert_eq!(engine.create(GROUP, policy, NOW), Err(SessionError::GroupExists));
    assert_eq!(engine.position(GROUP), position);
    assert_eq!(members[0].save(), 0);
}

#[test]
fn a_policy_by_somebody_else_starts_no_group() {
    let mut alice = Member::new(1);
    let policy = GroupPolicy::by(PersonaId([9; 32]));
    assert_eq!(alice.engine.create(GROUP, policy, NOW), Err(SessionError::Policy("creator")));
    assert_eq!(alice.engine.groups(), vec![]);
    assert_eq!(alice.save(), 0);
}

#[test]
fn a_welcome_for_others_or_with_a_wrong_entry_is_refused_and_leaves_nothing() {
    let (mut alice, mut bob, mut carol) = (Member::new(1), Member::new(2), Member::new(3));
    carol.key_package();
    carol.save();
    alice.create();
    let first = alice.add(&mut [&mut bob]).welcome.unwrap();
    assert_eq!(carol.engine.join(&first, NOW), Err(SessionError::NotInvited));

    let second = alice.add(&mut [&mut carol]).welcome.unwrap();
    let [first, mut mixed] = [&first, &second].map(|bytes| Invitation::from_bytes(bytes).unwrap());
    mixed.entry = first.entry;
    assert!(matches!(carol.engine.join(&mixed.to_bytes(), NOW), Err(SessionError::Entry(_))));
    assert_eq!(carol.engine.groups(), vec![]);
    assert_eq!(carol.save(), 0);

    assert_eq!(carol.engine.join(&second, NOW), Ok(GROUP));
    assert_eq!(carol.engine.join(&second, NOW), Err(SessionError::GroupExists));
}

#[test]
fn a_later_welcome_takes_the_place_of_a_membership_whose_end_was_not_seen() {
    let (mut alice, mut bob) = (Member::new(1), Member::new(2));
    alice.create();
    let first = alice.add(&mut [&mut bob]).welcome.unwrap();
    bob.engine.join(&first, NOW).unwrap();
    bob.save();
    let id = bob.id();
    alice.engine.remove(GROUP, &[id], NOW).unwrap();
    let second = alice.add(&mut [&mut bob]).welcome.unwrap();
    bob.restart();
    assert_eq!(bob.engine.join(&second, NOW), Ok(GROUP));
    assert_eq!(bob.engine.position(GROUP), alice.engine.position(GROUP));
    bob.save();
    assert_eq!(bob.engine.join(&first, NOW), Err(SessionError::GroupExists));
    assert_eq!(bob.save(), 0);
    bob.restart();
    assert_eq!(bob.engine.position(GROUP), alice.engine.position(GROUP));
}

#[test]
fn only_the_creator_of_a_group_can_welcome_a_member_of_it_again() {
    let (mut alice, mut bob, mut mallory) = (Member::new(1), Member::new(2), Member::new(3));
    alice.create();
    let welcome = alice.add(&mut [&mut bob]).welcome.unwrap();
    bob.engine.join(&welcome, NOW).unwrap();
    bob.save();
    let position = bob.engine.position(GROUP);
    mallory.create();
    mallory.add(&mut [&mut Member::new(4)]);
    let false_welcome = mallory.add(&mut [&mut bob]).welcome.unwrap();
    bob.save();
    assert_eq!(bob.engine.join(&false_welcome, NOW), Err(SessionError::GroupExists));
    assert_eq!(bob.engine.position(GROUP), position);
    assert_eq!(bob.save(), 0);
}

#[test]
fn forgetting_a_group_deletes_all_its_rows_and_no_other_group() {
    let mut alice = Member::new(1);
    alice.create();
    let other = ConversationId([0xc1; 16]);
    let policy = GroupPolicy::by(alice.id());
    alice.engine.create(other, policy, NOW).unwrap();
    alice.save();
    let all = alice.disk.len();
    alice.engine.forget(GROUP);
    alice.save();
    assert_eq!(alice.engine.groups(), vec![other]);
    assert_eq!(alice.engine.position(GROUP), Err(SessionError::UnknownGroup));
    // All that is left besides the other group is the number of the device.
    assert_eq!(alice.disk.len(), (all - 1) / 2 + 1);
    alice.restart();
    assert!(alice.engine.position(other).is_ok());
}

#[test]
fn a_group_can_be_changed_for_years_because_the_sequencer_renews_its_leaf() {
    let mut members = group_of(2);
    let mut now = NOW;
    // Half a year apart, and then after a silence longer than any credential lasts.
    for (seed, months) in [(100, 6), (101, 6), (102, 6), (103, 20)] {
        now += months * 30 * WINDOW_MS;
        let mut other = Member::new(seed);
        let package = other.engine.last_resort_key_package(now).unwrap();
        let change = members[0].engine.add(GROUP, &[package], now).unwrap();
        members[1].engine.open(GROUP, &change.envelope.unwrap(), now).unwrap();
        other.engine.join(&change.welcome.unwrap(), now).unwrap();
        let persona = other.id();
        let change = members[0].engine.remove(GROUP, &[persona], now).unwrap();
        members[1].engine.open(GROUP, &change.envelope.unwrap(), now).unwrap();
    }
    assert_agree(&members);
}

#[test]
fn a_key_package_whose_credential_is_over_adds_nobody() {
    let (mut alice, mut bob) = (Member::new(1), Member::new(2));
    alice.create();
    let package = bob.key_package();
    let later = alice.engine.add(GROUP, &[package], NOW + CREDENTIAL_LIFETIME_MS);
    assert_eq!(later, Err(SessionError::Credential(CredentialError::Expired)));
}

#[test]
fn two_commits_for_one_epoch_convict_the_sequencer() {
    let mut members = group_of(4);
    members[0].save();
    let copy = OpenMls::new(&members[0].key, members[0].disk.clone()).unwrap();
    let (bob, carol) = (members[1].id(), members[2].id());
    let first = members[0].engine.remove(GROUP, &[bob], NOW).unwrap().envelope.unwrap();
    members[0].engine = copy;
    let second = members[0].engine.remove(GROUP, &[carol], NOW).unwrap().envelope.unwrap();
    let dora = &mut members[3];
    dora.open(&first).unwrap();
    dora.save();
    let expected = SessionError::Entry(EntryError::Equivocation);
    assert_eq!(dora.open(&second), Err(expected.clone()));
    assert_eq!(expected.fault(), Fault::Peer);
    assert_eq!(dora.save(), 0);
}

fn member_id(seed: u8) -> PersonaId {
    Member::new(seed).id()
}
