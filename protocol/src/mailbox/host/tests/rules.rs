//! Each rule of `protocol/spec/mailbox.md` by name.

use super::*;

#[test]
fn nothing_is_promised_or_handed_out_before_it_is_on_disk() {
    let mut world = World::with(&[ALICE, BOB]);
    world.watch(BOB, Claim::Token(token(1)));
    let deposits = [group(token(1), 1, &[1]), group(token(1), 2, &[1])];
    for deposit in &deposits {
        world.host.handle(ALICE, Request::Deposit(deposit.clone()), NOW);
    }
    assert_eq!(world.said(), []);
    let batch = world.host.poll_batch().unwrap();
    assert_eq!(batch.changes.len(), 2, "one flush for both");
    assert_eq!(world.said(), []);
    let number = batch.number;
    world.disk.apply(batch);
    world.host.stored(number);
    let [one, two] = [id(&deposits[0]), id(&deposits[1])];
    let expected = [
        (ALICE, Heard::Stored(one)),
        (ALICE, Heard::Stored(two)),
        (BOB, Heard::Entry(one)),
        (BOB, Heard::Entry(two)),
    ];
    assert_eq!(world.said(), expected);
}

#[test]
fn what_was_left_with_a_token_is_not_handed_out_for_the_tag_alone() {
    let mut world = World::with(&[ALICE, BOB]);
    let tag = token(1).tag();
    let (member, stranger) = (group(token(1), 1, &[1]), contact(tag, 2));
    world.deposit(ALICE, &member);
    world.deposit(ALICE, &stranger);
    assert_eq!(world.watch(BOB, Claim::Contact(tag)), [id(&stranger)]);
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), [id(&member)]);
}

#[test]
fn who_leaves_an_envelope_by_the_wrong_right_does_not_keep_the_right_one_out() {
    let mut world = World::with(&[ALICE, BOB]);
    let right = group(token(1), 1, &[1]);
    let wrong = Deposit { access: Access::Work(work(&id(&right))), ..right.clone() };
    assert_eq!(world.deposit(ALICE, &wrong), Heard::Stored(id(&right)));
    assert_eq!(world.deposit(ALICE, &right), Heard::Stored(id(&right)));
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), [id(&right)]);
}

#[test]
fn a_repeated_deposit_adds_its_locks_and_nothing_else() {
    let mut world = World::with(&[ALICE, BOB]);
    let (first, second) = (group(token(1), 1, &[1]), group(token(1), 1, &[2, 3]));
    world.deposit(ALICE, &first);
    assert_eq!(world.deposit(ALICE, &second), Heard::Stored(id(&first)));
    assert_eq!(world.host.counts().envelopes, 1);
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), [id(&first)]);
    world.answer(BOB, id(&first), &[1, 2]);
    assert_eq!(world.host.counts().envelopes, 1, "the third lock is closed");
    world.answer(BOB, id(&first), &[3]);
    assert_eq!(world.host.counts().envelopes, 0);
    assert_eq!(world.disk, Disk::default());
}

#[test]
fn a_repetition_of_what_is_not_on_disk_yet_waits_with_it() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposit = group(token(1), 1, &[1]);
    world.host.handle(ALICE, Request::Deposit(deposit.clone()), NOW);
    let batch = world.host.poll_batch().unwrap();
    world.host.handle(BOB, Request::Deposit(deposit.clone()), NOW);
    assert_eq!((world.host.poll_batch(), world.said()), (None, vec![]));
    world.host.stored(batch.number);
    let stored = Heard::Stored(id(&deposit));
    assert_eq!(world.said(), [(ALICE, stored.clone()), (BOB, stored)]);
}

#[test]
fn locks_beyond_the_most_are_refused_and_change_nothing() {
    let mut world = World::with(&[ALICE]);
    let locks: Vec<u8> = (0..64).collect();
    world.deposit(ALICE, &group(token(1), 1, &locks));
    let more = group(token(1), 1, &[64]);
    assert_eq!(world.deposit(ALICE, &more), Heard::Refused(id(&more), Refusal::Locks));
    let before = world.disk.clone();
    world.deposit(ALICE, &group(token(1), 1, &locks));
    assert_eq!(world.disk, before);
}

#[test]
fn an_envelope_without_locks_stays_until_its_time_is_over() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposit = group(token(1), 1, &[]);
    world.deposit(ALICE, &deposit);
    world.deposit(ALICE, &group(token(1), 1, &[1]));
    world.watch(BOB, Claim::Token(token(1)));
    world.answer(BOB, id(&deposit), &[1]);
    assert_eq!(world.host.counts().envelopes, 1);
    assert_eq!(world.host.poll_timeout(), Some(NOW + KEEP_MS_MAX));
    world.host.on_timeout(NOW + KEEP_MS_MAX - 1);
    assert_eq!(world.host.counts().envelopes, 1);
    world.host.on_timeout(NOW + KEEP_MS_MAX);
    world.settle();
    assert_eq!((world.host.counts().expired, world.disk), (1, Disk::default()));
}

#[test]
fn a_wrong_key_opens_nothing() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposit = group(token(1), 1, &[1]);
    world.deposit(ALICE, &deposit);
    world.answer(BOB, id(&deposit), &[2, 3]);
    assert_eq!(world.host.counts().envelopes, 1);
}

#[test]
fn what_lies_under_a_tag_comes_in_the_order_it_was_left() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposits: Vec<_> = (0..50).map(|n| group(token(1), n, &[1])).collect();
    world.deposit_all(ALICE, &deposits);
    let ids: Vec<_> = deposits.iter().map(id).collect();
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), ids);
}

#[test]
fn at_most_64_entries_are_unanswered_and_each_answer_makes_room() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposits: Vec<_> = (0..70).map(|n| group(token(1), n, &[1])).collect();
    world.deposit_all(ALICE, &deposits);
    let ids: Vec<_> = deposits.iter().map(id).collect();
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), ids[..64]);
    assert_eq!(world.answer(BOB, ids[0], &[1]), ids[64..65], "taken");
    assert_eq!(world.answer(BOB, ids[1], &[]), ids[65..66], "of no use");
    assert_eq!(world.answer(BOB, ids[1], &[]), [], "once is enough");
}

#[test]
fn at_most_4_mebibytes_are_unanswered() {
    let mut world = World::with(&[ALICE, BOB]);
    for n in 0..20 {
        let mut deposit = group(token(1), n, &[1]);
        deposit.envelope = envelope(token(1).tag(), n, 500_000).into_bytes();
        assert_eq!(world.deposit(ALICE, &deposit), Heard::Stored(id(&deposit)));
    }
    assert_eq!(world.watch(BOB, Claim::Token(token(1))).len(), 8);
}

#[test]
fn what_a_reader_cannot_use_is_not_handed_out_again_on_its_connection_and_stays() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposit = group(token(1), 1, &[1]);
    world.deposit(ALICE, &deposit);
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), [id(&deposit)]);
    world.answer(BOB, id(&deposit), &[]);
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), []);
    world.host.disconnected(BOB);
    world.connect(BOB);
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), [id(&deposit)]);
}

#[test]
fn a_tag_claimed_once_more_starts_from_its_first_unanswered_entry() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposits: Vec<_> = (0..3).map(|n| group(token(1), n, &[1])).collect();
    world.deposit_all(ALICE, &deposits);
    let ids: Vec<_> = deposits.iter().map(id).collect();
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), ids);
    world.answer(BOB, ids[0], &[]);
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), ids[1..]);
    assert_eq!(world.answer(BOB, ids[1], &[1]), []);
}

#[test]
fn several_readers_of_a_tag_get_the_same() {
    let mut world = World::with(&[ALICE, BOB, CAROL]);
    world.watch(BOB, Claim::Token(token(1)));
    let deposit = group(token(1), 1, &[1, 2]);
    world.host.handle(ALICE, Request::Deposit(deposit.clone()), NOW);
    let said = world.settle();
    assert!(said.contains(&(BOB, Heard::Entry(id(&deposit)))));
    assert_eq!(world.watch(CAROL, Claim::Token(token(1))), [id(&deposit)]);
    world.answer(BOB, id(&deposit), &[1]);
    world.answer(CAROL, id(&deposit), &[2]);
    assert_eq!(world.disk, Disk::default());
}

#[test]
fn what_was_on_a_broken_link_is_handed_out_again_after_a_pause() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposits: Vec<_> = (0..4).map(|n| group(token(1), n, &[1])).collect();
    world.deposit_all(ALICE, &deposits);
    let ids: Vec<_> = deposits.iter().map(id).collect();
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), ids);
    world.answer(BOB, ids[0], &[1]);
    world.host.lost(BOB, NOW);
    assert_eq!(world.settle(), []);
    let at = world.host.poll_timeout().unwrap();
    assert!(at > NOW && at <= NOW + 60_000);
    world.host.on_timeout(at);
    let again: Vec<_> = ids[1..].iter().map(|id| (BOB, Heard::Entry(*id))).collect();
    assert_eq!(world.settle(), again);
}

#[test]
fn watches_are_counted_per_connection_and_origin_and_given_back() {
    let limits = Limits { watches_per_connection: 3, watches_per_origin: 4, ..Limits::default() };
    let mut world = World::new(limits);
    let claims = |from: u8, to: u8| {
        let claims = (from..to).map(|n| Claim::Token(token(n))).collect();
        Request::Watch(claims)
    };
    world.host.connected(ALICE, origin(1));
    world.host.connected(BOB, origin(1));
    assert_eq!(world.ask(ALICE, claims(0, 5)), [Heard::Watching(3, 2)]);
    assert_eq!(world.ask(ALICE, claims(0, 3)), [Heard::Watching(3, 0)], "the same ones again");
    assert_eq!(world.ask(BOB, claims(0, 2)), [Heard::Watching(1, 1)], "the same origin");
    world.host.disconnected(ALICE);
    assert_eq!(world.ask(BOB, claims(0, 3)), [Heard::Watching(3, 0)]);
    assert_eq!(world.host.counts().watches, 3);
}

fn small() -> Limits {
    // Room for 256 envelopes of 512 bytes with one lock.
    Limits { room_bytes: 256 * Limits::cost(512, 1), ..Limits::default() }
}

/// Deposits until refused: how many were taken, and why no more.
fn fill(
    world: &mut World,
    from: NodeId,
    deposit: impl Fn(u32) -> Deposit,
) -> (u32, Option<Refusal>) {
    for n in 0..2_000 {
        if let Heard::Refused(_, reason) = world.deposit(from, &deposit(n)) {
            return (n, Some(reason));
        }
    }
    (2_000, None)
}

#[test]
fn one_depositor_fills_a_sixteenth_with_a_thousand_keys_and_others_still_get_through() {
    let mut world = World::new(small());
    let mut taken = 0;
    for n in 0..1_000u32 {
        let mut node = [0xee; 32];
        node[..4].copy_from_slice(&n.to_be_bytes());
        world.host.connected(NodeId(node), origin(66));
        let mut secret = [0xee; 32];
        secret[..4].copy_from_slice(&n.to_be_bytes());
        let heard = world.deposit(NodeId(node), &group(Token(secret), n, &[1]));
        taken += u32::from(matches!(heard, Heard::Stored(_)));
    }
    assert_eq!(taken, 16);
    world.connect(ALICE);
    for n in 0..16 {
        let deposit = group(token(1), n, &[1]);
        assert_eq!(world.deposit(ALICE, &deposit), Heard::Stored(id(&deposit)));
    }
}

#[test]
fn one_tag_fills_an_eighth() {
    let mut world = World::new(small());
    let mut taken = 0;
    for depositor in 1..=3 {
        let node = NodeId([depositor; 32]);
        world.connect(node);
        let (count, reason) =
            fill(&mut world, node, |n| group(token(1), n + 1_000 * u32::from(depositor), &[1]));
        taken += count;
        let expected = if depositor < 2 { Refusal::DepositorFull } else { Refusal::TagFull };
        assert_eq!(reason, Some(expected));
    }
    assert_eq!(taken, 32);
}

#[test]
fn a_tag_has_a_number_of_envelopes_too() {
    let mut world = World::new(Limits { tag_entries: 10, ..Limits::default() });
    world.connect(ALICE);
    let filled = fill(&mut world, ALICE, |n| group(token(1), n, &[1]));
    assert_eq!(filled, (10, Some(Refusal::TagFull)));
    let filled = fill(&mut world, ALICE, |n| group(token(2), n, &[1]));
    assert_eq!(filled, (10, Some(Refusal::TagFull)));
}

#[test]
fn first_contacts_fill_an_eighth_and_nobody_alone_fills_a_contact_tag() {
    let room_bytes = 64 * Limits::cost(512, 1);
    let (contact_entries, contact_entries_each) = (3, 2);
    let limits = Limits { room_bytes, contact_entries, contact_entries_each, ..small() };
    let mut world = World::new(limits);
    let tag = |n: u32| Tag([u8::try_from(n).unwrap(); 16]);
    let mut taken = 0;
    for (depositor, same_tag, expected) in [
        (1, true, (2, Refusal::DepositorFull)),
        (2, true, (1, Refusal::TagFull)),
        (3, false, (4, Refusal::DepositorFull)),
        (4, false, (1, Refusal::Full)),
    ] {
        let node = NodeId([depositor; 32]);
        world.connect(node);
        let (count, reason) = fill(&mut world, node, |n| {
            contact(tag(if same_tag { 0 } else { n + 1 }), n + 100 * u32::from(depositor))
        });
        assert_eq!((count, reason), (expected.0, Some(expected.1)));
        taken += count;
    }
    assert_eq!(taken, 8);
    world.connect(NodeId([5; 32]));
    let member = group(token(9), 1, &[1]);
    assert_eq!(world.deposit(NodeId([5; 32]), &member), Heard::Stored(id(&member)));
}

#[test]
fn a_full_mailbox_says_so_and_takes_again_once_something_left() {
    let mut world = World::new(small());
    let mut full = 0;
    for depositor in 1..=17 {
        let node = NodeId([depositor; 32]);
        world.connect(node);
        let (count, reason) = fill(&mut world, node, |n| group(token(depositor), n, &[1]));
        full += count;
        let expected = if depositor < 17 { Refusal::DepositorFull } else { Refusal::Full };
        assert_eq!(reason, Some(expected));
    }
    assert_eq!((full, world.host.counts().room_bytes), (256, small().room_bytes));
    world.answer(ALICE, id(&group(token(1), 0, &[1])), &[1]);
    let late = group(token(17), 0, &[1]);
    assert_eq!(world.deposit(NodeId([17; 32]), &late), Heard::Stored(id(&late)));
}
