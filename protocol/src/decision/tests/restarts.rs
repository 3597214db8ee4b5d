//! Crashes at any moment. The world itself panics when a slot is signed twice.

use super::{
    simulation::world,
    world::{DEADLINE, seeds},
};
use crate::decision::{Choice, Decision, Effect, Input, Phase, RestoreError, VoteRefusal};

const FAR: u64 = DEADLINE + 10 * 24 * 3_600_000;

#[test]
fn crashes_at_random_moments_change_nothing() {
    for count in [1, 2, 3, 4, 5, 7] {
        for seed in seeds(6) {
            let mut world = world(count, seed);
            for node in 0..count {
                world.vote(node, if node == 1 { Choice::No } else { Choice::Yes });
            }
            world.restarts = 0.05;
            // Sooner or later the crashes end, and what was lost is sent again.
            for _ in 0..400 {
                world.run_some();
            }
            world.restarts = 0.0;
            for node in 0..count {
                world.restart(node);
            }
            world.run(FAR);
            assert!(world.all_decided(), "{count} members, seed {seed}");
            assert!(world.agreed().is_some());
            world.check_receipts();
            assert!(world.named().is_empty(), "{count} members, seed {seed}");
        }
    }
}

#[test]
fn a_restored_decision_knows_what_it_knew() {
    let mut world = world(4, 2);
    for node in 0..4 {
        world.vote(node, Choice::Yes);
    }
    world.run(FAR);
    for node in 0..4 {
        let before = world.nodes[node].decision.view();
        let digest = world.nodes[node].decision.certificate().unwrap().digest();
        world.restart(node);
        let after = &world.nodes[node].decision;
        assert_eq!(after.view().phase, Phase::Decided);
        assert_eq!(after.view().voters, before.voters);
        assert_eq!(after.view().receipts, before.receipts);
        assert_eq!(after.certificate().unwrap().digest(), digest);
    }
}

#[test]
fn a_signature_waits_for_the_disk() {
    let world = world(2, 0);
    let electorate = world.charter.electorate().to_vec();
    let proposal = world.nodes[0].decision.signed_proposal().clone();
    let key = &world.keys[0];
    let mut decision = Decision::new(proposal, electorate, key.id()).unwrap();
    let broadcasts = |decision: &mut Decision| {
        let mut count = 0;
        while let Some(effect) = decision.poll_effect() {
            count += usize::from(matches!(effect, Effect::Broadcast(_)));
        }
        count
    };
    decision.handle(Input::Vote(Choice::Yes), key, world.now);
    // A write that was not even polled cannot be on disk, whatever is said.
    decision.handle(Input::Stored, key, world.now);
    assert_eq!(broadcasts(&mut decision), 0);
    decision.handle(Input::Timeout, key, world.now);
    assert_eq!(broadcasts(&mut decision), 0);
    decision.handle(Input::Stored, key, world.now);
    assert_eq!(broadcasts(&mut decision), 1);
}

#[test]
fn damaged_or_missing_rows_are_refused() {
    let world = world(2, 0);
    let me = world.keys[0].id();
    let none: [(Vec<u8>, Vec<u8>); 0] = [];
    assert_eq!(Decision::restore(none, me).unwrap_err(), RestoreError::Missing("proposal"));
    let proposal = world.nodes[0].decision.signed_proposal().to_bytes();
    let rows = [(b"proposal".to_vec(), proposal)];
    assert_eq!(Decision::restore(rows, me).unwrap_err(), RestoreError::Missing("electorate"));
    let rows = [
        (b"proposal".to_vec(), b"nonsense".to_vec()),
        (b"electorate".to_vec(), crate::wire::encode(&world.charter.electorate())),
    ];
    assert_eq!(Decision::restore(rows, me).unwrap_err(), RestoreError::Damaged("proposal".into()));
}

#[test]
fn what_was_signed_but_not_sent_is_sent_after_a_restart() {
    let mut world = world(3, 0);
    world.handle(0, Input::Vote(Choice::No));
    world.flush(0);
    // Signed, and lost on its way out.
    world.restart(0);
    assert_eq!(world.nodes[0].decision.poll_timeout(), Some(0));
    world.handle(0, Input::Timeout);
    world.send(0);
    assert_eq!(world.history.len(), 1);
    assert_ne!(world.nodes[0].decision.poll_timeout(), Some(0));
    let (to, bytes) = world.network.remove(0);
    world.handle(to, Input::Message(bytes));
    assert_eq!(world.nodes[to].decision.view().voters[0].choice, Some(Choice::No));
    // The slot is used, whatever the owner would rather say now.
    let key = &world.keys[0];
    world.nodes[0].decision.handle(Input::Vote(Choice::Yes), key, world.now);
    let refused = std::iter::from_fn(|| world.nodes[0].decision.poll_effect())
        .any(|effect| effect == Effect::Refused(VoteRefusal::AlreadyVoted));
    assert!(refused);
}

#[test]
fn a_restored_sealer_still_holds_what_it_said_it_holds() {
    let mut world = world(4, 0);
    for node in 0..3 {
        world.vote(node, Choice::Yes);
    }
    for until in [DEADLINE - 1, FAR] {
        world.run(until);
        let held = world.nodes[0].decision.held();
        assert_eq!(held.len(), 3);
        world.restart(0);
        assert_eq!(world.nodes[0].decision.held(), held);
    }
}
