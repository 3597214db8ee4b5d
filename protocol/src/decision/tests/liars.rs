//! Members who sign what no honest member signs. A liar is a *twin*: two honest nodes with one
//! key, each talking to its own half of the group.

use super::{
    simulation::world,
    world::{DEADLINE, OPENS, World, seeds},
};
use crate::decision::{
    Ballot, Caster, Charter, Choice, Confirm, Input, Kind, Offence, Outcome, Phase, Quorum,
    SignedMessage, Statement, TrustAnchors, Verdict, peek, verify,
};

const FAR: u64 = DEADLINE + 10 * 24 * 3_600_000;

fn ballot(world: &World, voter: u16, choice: Choice) -> Vec<u8> {
    let ballot = Ballot { voter, cast_at_ms: OPENS + 5, choice, by: Caster::Owner };
    let key = &world.keys[usize::from(voter)];
    SignedMessage::sign(world.charter.id(), &Statement::Ballot(ballot), key).to_bytes()
}

#[test]
fn a_voter_with_two_ballots_is_void_and_named() {
    for seed in seeds(6) {
        let mut world = world(4, seed);
        world.liars.insert(3);
        world.nodes[3].reachable = false;
        for node in 0..3 {
            world.vote(node, Choice::Yes);
        }
        let (yes, no) = (ballot(&world, 3, Choice::Yes), ballot(&world, 3, Choice::No));
        world.network.push((0, yes.clone()));
        world.network.push((1, no.clone()));
        world.network.push((2, if seed % 2 == 0 { yes } else { no }));
        world.run(FAR);
        assert!(world.all_decided());
        let certificate = world.agreed().unwrap();
        let result = certificate.result();
        assert!(world.named().is_subset(&[3].into()));
        // Whether the cut saw both depends on timing; where it did, none counts.
        if result.void == [3] {
            assert_eq!((result.cast, &result.tally[..]), (3, &[3, 0, 0][..]));
            assert!(world.named().contains(&3));
        } else {
            assert_eq!(result.cast, 4);
        }
        let trust: TrustAnchors = world.charter.electorate().iter().copied().collect();
        let Verdict::Valid(verified) = verify(&certificate, &trust) else { panic!() };
        assert_eq!(verified.void.len(), result.void.len());
    }
}

#[test]
fn two_ballots_known_to_all_before_the_deadline_are_always_void() {
    let mut world = world(5, 1);
    world.liars.insert(4);
    world.nodes[4].reachable = false;
    for choice in [Choice::Yes, Choice::No] {
        let bytes = ballot(&world, 4, choice);
        (0..4).for_each(|node| world.network.push((node, bytes.clone())));
    }
    world.run(DEADLINE - 1);
    for node in 0..4 {
        let evidence = &world.nodes[node].evidence;
        assert_eq!(evidence.len(), 1);
        assert_eq!(evidence[0].offence, Offence::TwoBallots);
        assert!(world.nodes[node].decision.view().voters[4].void);
        world.vote(node, Choice::Yes);
    }
    world.run(FAR);
    let certificate = world.agreed().unwrap();
    assert_eq!(certificate.result().void, [4]);
    assert_eq!(certificate.result().cast, 4);
    assert_eq!(certificate.result().outcome, Outcome::Accepted);
}

#[test]
fn twins_within_the_tolerance_neither_split_the_group_nor_frame_anyone() {
    for count in [4usize, 5, 7] {
        let liars = usize::from(Quorum::of(u16::try_from(count).unwrap()).f);
        for seed in seeds(6) {
            let mut world = world(count, seed);
            let proposal = world.nodes[0].decision.signed_proposal().clone();
            let first = usize::try_from(seed).unwrap() % count;
            for i in 0..liars {
                let seat = (first + i) % count;
                world.liars.insert(seat);
                world.add(seat, &proposal);
            }
            // Nodes behind the first `count` are the second halves. Even nodes hear the first
            // half of a liar, odd ones the second; honest members are heard by all.
            let honest: Vec<_> = (0..world.nodes.len())
                .map(|node| !world.liars.contains(&world.nodes[node].seat))
                .collect();
            world.hears = Box::new(move |listener, speaker| {
                honest[speaker] || (listener % 2 == 0) == (speaker < count)
            });
            for node in 0..world.nodes.len() {
                world.vote(node, if node % 2 == 0 { Choice::Yes } else { Choice::No });
            }
            world.run(FAR);
            // Whatever was missed arrives in the end.
            world.hears = Box::new(|_, _| true);
            for node in 0..world.nodes.len() {
                let late: Vec<_> = world.history.iter().map(|b| (node, b.clone())).collect();
                world.network.extend(late);
            }
            world.run(FAR + 24 * 3_600_000);
            assert!(world.named().is_subset(&world.liars), "{:?}", world.named());
            for node in 0..count {
                if !world.liars.contains(&node) {
                    let phase = world.nodes[node].decision.view().phase;
                    assert_eq!(phase, Phase::Decided, "{count} members, seed {seed}");
                }
            }
            assert!(world.agreed().is_some());
            world.check_receipts();
        }
    }
}

#[test]
fn too_many_liars_can_fork_and_are_then_named() {
    // Everyone lies: two halves of four twins decide two different things.
    let mut one = world(4, 1);
    let mut other = world(4, 2);
    for node in 0..4 {
        one.vote(node, Choice::Yes);
        other.vote(node, Choice::No);
    }
    one.run(FAR);
    other.run(FAR);
    let (yes, no) = (one.agreed().unwrap(), other.agreed().unwrap());
    assert_ne!(yes.digest(), no.digest());
    one.liars.extend(0..4);
    one.handle(0, Input::Message(no.to_bytes()));
    let view = one.nodes[0].decision.view();
    assert_eq!(view.phase, Phase::Forked);
    assert!(one.nodes[0].decision.certificate().is_none());
    let guilty = view.evidence.iter().filter(|e| e.offence == Offence::TwoConfirmations).count();
    assert!(guilty >= 2, "at least 2q - n are named, found {guilty}");
    // And it stays so.
    one.flush(0);
    one.restart(0);
    assert_eq!(one.nodes[0].decision.view().phase, Phase::Forked);
}

#[test]
fn a_lone_liar_cannot_confirm_for_others() {
    let mut world = world(4, 1);
    let confirm = Statement::Confirm(Confirm { sealer: 2, value: [1; 32] });
    let forged = SignedMessage::sign(world.charter.id(), &confirm, &world.keys[3]);
    world.handle(0, Input::Message(forged.to_bytes()));
    assert_eq!(world.nodes[0].decision.view().refused, 1);
    assert_eq!(world.nodes[0].decision.view().phase, Phase::Open);
}

#[test]
fn a_leader_who_tells_only_some_does_not_stop_the_others() {
    for seed in seeds(8) {
        let mut world = world(4, seed);
        let leader = usize::from(world.charter.leader(1));
        let left_out = (leader + 1 + usize::try_from(seed).unwrap() % 3) % 4;
        (0..4).for_each(|node| world.vote(node, Choice::Yes));
        world.hears = Box::new(move |listener, speaker| speaker != leader || listener != left_out);
        // Everyone gets the ballots. The leader then falls silent as soon as it has notarized its
        // own cut, so that nothing is finalized by a quorum, and one of three has not seen it.
        let by_leader = |charter: &Charter, bytes: &[u8]| {
            let message = SignedMessage::from_bytes(bytes).unwrap();
            message.kind() == Some(Kind::Notarize)
                && usize::from(message.open(charter).unwrap().signer()) == leader
        };
        while !world.history.iter().any(|bytes| by_leader(&world.charter, bytes)) {
            world.run_some();
        }
        world.nodes[leader].reachable = false;
        world.run(OPENS + 5_000);
        assert!(world.nodes.iter().all(|node| node.certificates.is_empty()), "seed {seed}");
        world.run(FAR);
        assert!(world.all_decided(), "seed {seed}");
        assert_eq!(world.agreed().unwrap().result().cast, 4);
        assert!(world.named().is_empty());
    }
}

#[test]
fn what_was_not_seen_is_not_finalized() {
    let mut source = world(4, 1);
    (0..4).for_each(|node| source.vote(node, Choice::Yes));
    source.run(FAR);
    let mut fresh = world(4, 1);
    let of_kind = |wanted: Kind| {
        let is_wanted = |bytes: &&Vec<u8>| peek(bytes).is_ok_and(|head| head.kind == wanted);
        source.history.iter().filter(is_wanted).cloned().collect::<Vec<_>>()
    };
    let mut signs = |wanted: Kind, given: Kind| {
        of_kind(given).into_iter().for_each(|bytes| fresh.handle(0, Input::Message(bytes)));
        fresh.flush(0);
        fresh.send(0);
        fresh.history.iter().any(|bytes| peek(bytes).is_ok_and(|head| head.kind == wanted))
    };
    assert!(!signs(Kind::Finalize, Kind::Notarize));
    assert!(!signs(Kind::Confirm, Kind::Finalize));
    assert!(signs(Kind::Finalize, Kind::Cut));
    assert!(signs(Kind::Confirm, Kind::Cut));
}
