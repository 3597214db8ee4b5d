//! Requests nobody honest makes.

use super::*;
use crate::mailbox::{ANSWERS_MAX, CLAIMS_MAX, LOCKS_MAX};

fn refused(deposit: &Deposit) -> Refusal {
    let mut world = World::with(&[ALICE]);
    let heard = world.deposit(ALICE, deposit);
    assert_eq!(world.disk, Disk::default());
    match heard {
        Heard::Refused(envelope, reason) if envelope == id(deposit) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deposit_that_breaks_a_bound_is_refused_by_the_field_it_breaks() {
    let sound = group(token(1), 1, &[1, 2]);
    for envelope in [vec![], vec![0; 100], vec![0; 512], vec![1; 1024 * 1024]] {
        assert_eq!(refused(&Deposit { envelope, ..sound.clone() }), Refusal::Envelope);
    }
    let not_done = (0..).find(|n| !crate::mailbox::is_done(&id(&sound), *n)).unwrap();
    for access in [Access::Token(token(2)), Access::Work(not_done)] {
        assert_eq!(refused(&Deposit { access, ..sound.clone() }), Refusal::Access);
    }
    let reversed: Vec<_> = sound.locks.iter().rev().copied().collect();
    let twice = vec![sound.locks[0]; 2];
    let many = group(token(1), 1, &(0..=64).collect::<Vec<_>>()).locks;
    assert!(many.len() > LOCKS_MAX);
    for locks in [reversed, twice, many] {
        assert_eq!(refused(&Deposit { locks, ..sound.clone() }), Refusal::Locks);
    }
    for keep_ms in [0, KEEP_MS_MAX + 1, u64::MAX] {
        assert_eq!(refused(&Deposit { keep_ms, ..sound.clone() }), Refusal::Keep);
    }
}

#[test]
fn requests_beyond_their_bounds_or_from_nowhere_are_dropped() {
    let mut world = World::with(&[ALICE]);
    let claims = vec![Claim::Token(token(1)); CLAIMS_MAX + 1];
    let answer = Answer { envelope: EnvelopeId([0; 32]), keys: vec![] };
    let keys = Answer { keys: vec![release(1); LOCKS_MAX + 1], ..answer.clone() };
    for request in [
        Request::Watch(claims),
        Request::Answer(vec![answer; ANSWERS_MAX + 1]),
        Request::Answer(vec![keys]),
    ] {
        assert_eq!(world.ask(ALICE, request), []);
    }
    world.host.handle(BOB, Request::Deposit(group(token(1), 1, &[1])), NOW);
    assert_eq!((world.settle(), world.host.counts().dropped), (vec![], 4));
}

#[test]
fn an_answer_opens_nothing_it_has_no_key_for() {
    let mut world = World::with(&[ALICE, BOB]);
    let deposit = group(token(1), 1, &[1]);
    world.deposit(ALICE, &deposit);
    let before = world.disk.clone();
    let lock = ReleaseKey([0; 32]);
    for keys in [vec![lock; LOCKS_MAX], vec![release(2), release(3)], vec![]] {
        let answers = vec![Answer { envelope: id(&deposit), keys }; ANSWERS_MAX];
        world.ask(BOB, Request::Answer(answers));
    }
    assert_eq!(world.disk, before);
}

#[test]
fn clocks_at_their_ends_do_no_harm() {
    let mut world = World::with(&[ALICE]);
    for now in [0, u64::MAX] {
        world.now = now;
        let deposit = group(token(1), u32::from(now == 0), &[1]);
        assert_eq!(world.deposit(ALICE, &deposit), Heard::Stored(id(&deposit)));
        world.host.lost(ALICE, now);
    }
    world.host.on_timeout(u64::MAX);
    world.settle();
    assert_eq!((world.host.counts().envelopes, world.host.poll_timeout()), (0, None));
}
