//! Honest members, any order, some of them asleep.

use super::world::{DEADLINE, World, keys, majority, propose, seeds, terms};
use crate::decision::{
    Choice, Outcome, Phase, Quorum, TrustAnchors, Verdict, read_json, render_json, verify,
};

const FAR: u64 = DEADLINE + 10 * 24 * 3_600_000;
const SIZES: [usize; 7] = [1, 2, 3, 4, 5, 7, 10];

pub(super) fn world(count: usize, seed: u64) -> World {
    let keys = keys(count);
    World::new(count, propose(&keys, terms(majority(), &[], keys[0].id())), seed)
}

fn check_certificates(world: &World) {
    world.check_receipts();
    let trust: TrustAnchors = world.charter.electorate().iter().copied().collect();
    for node in &world.nodes {
        for certificate in &node.certificates {
            assert!(verify(certificate, &trust).is_valid());
            let fewer = TrustAnchors::new(world.charter.electorate().iter().skip(1).copied());
            assert!(matches!(verify(certificate, &fewer), Verdict::Unanchored(_)));
            assert_eq!(read_json(render_json(certificate).as_bytes()).as_ref(), Ok(certificate));
        }
        assert!(node.certificates.len() <= 1);
    }
}

#[test]
fn everyone_awake_decides_at_once_and_alike() {
    for count in SIZES {
        for seed in seeds(4) {
            let mut world = world(count, seed);
            for node in 0..count {
                world.vote(node, if node % 3 == 0 { Choice::No } else { Choice::Yes });
            }
            world.run(FAR);
            let certificate = world.agreed().unwrap();
            assert!(world.all_decided(), "{count} members, seed {seed}");
            assert!(world.now < DEADLINE, "waited although all had voted");
            assert_eq!(usize::try_from(certificate.result().cast), Ok(count));
            let expected = if count == 1 { Outcome::Rejected } else { Outcome::Accepted };
            let expected = if count == 4 { Outcome::Accepted } else { expected };
            assert_eq!(certificate.result().outcome, expected, "{count}");
            assert!(world.named().is_empty());
            check_certificates(&world);
        }
    }
}

#[test]
fn silent_members_within_the_tolerance_stop_nobody() {
    for count in SIZES {
        let silent = count - usize::from(Quorum::of(u16::try_from(count).unwrap()).q);
        for seed in seeds(3) {
            for silent in 0..=silent {
                let mut world = world(count, seed);
                // Other seats are silent for other seeds, so leaders are among them.
                for i in 0..silent {
                    let node = (usize::try_from(seed).unwrap() + i) % count;
                    world.nodes[node].reachable = false;
                }
                for node in 0..count {
                    if world.nodes[node].reachable {
                        world.vote(node, Choice::Yes);
                    }
                }
                world.run(FAR);
                assert!(world.all_decided(), "{count} members, {silent} silent, seed {seed}");
                let certificate = world.agreed().unwrap();
                assert_eq!(usize::try_from(certificate.result().cast), Ok(count - silent));
                assert!(world.named().is_empty());
                check_certificates(&world);
            }
        }
    }
}

#[test]
fn without_a_quorum_nothing_is_decided_and_the_wait_is_shown() {
    for count in [2, 3, 4, 7] {
        let mut world = world(count, 1);
        let quorum = Quorum::of(u16::try_from(count).unwrap());
        for node in usize::from(quorum.q) - 1..count {
            world.nodes[node].reachable = false;
        }
        for node in 0..usize::from(quorum.q) - 1 {
            world.vote(node, Choice::Yes);
        }
        world.run(FAR);
        assert!(world.agreed().is_none());
        let phase = world.nodes[0].decision.view().phase;
        assert!(
            matches!(phase, Phase::Closing { lists, quorum: q, .. } if lists + 1 == q && q == quorum.q),
            "{phase:?}"
        );
    }
}

#[test]
fn a_member_that_slept_through_everything_arrives_at_the_same_result() {
    for count in [3, 4, 7] {
        for seed in seeds(6) {
            let mut world = world(count, seed);
            let sleeper = usize::try_from(seed).unwrap() % count;
            world.nodes[sleeper].reachable = false;
            for node in (0..count).filter(|node| *node != sleeper) {
                world.vote(node, Choice::Yes);
            }
            world.run(FAR);
            let before = world.agreed().unwrap();
            world.nodes[sleeper].reachable = true;
            assert!(world.nodes[sleeper].certificates.is_empty());
            // Everything at once; the network picks in random order.
            let late: Vec<_> = world.history.iter().map(|b| (sleeper, b.clone())).collect();
            world.network.extend(late);
            world.run(FAR + 3_600_000);
            assert!(world.all_decided());
            assert_eq!(world.agreed().unwrap().digest(), before.digest());
            assert_eq!(world.nodes[sleeper].certificates.len(), 1);
            assert!(world.named().is_empty());
        }
    }
}

#[test]
fn a_late_quorum_wakes_a_decision_that_waited() {
    for seed in seeds(6) {
        let mut world = world(4, seed);
        world.nodes[2].reachable = false;
        world.nodes[3].reachable = false;
        for node in 0..4 {
            if world.nodes[node].reachable {
                world.vote(node, Choice::Yes);
            }
        }
        world.run(FAR);
        assert!(world.agreed().is_none());
        world.nodes[2].reachable = true;
        let late: Vec<_> = world.history.iter().map(|b| (2, b.clone())).collect();
        world.network.extend(late);
        world.run(FAR + 24 * 3_600_000);
        assert!(world.all_decided(), "seed {seed}");
        assert!(world.named().is_empty());
    }
}

#[test]
fn early_close_ends_when_the_outcome_is_certain() {
    for (early, waits) in [(true, false), (false, true)] {
        let keys = keys(5);
        let mut terms = terms(majority(), &[], keys[0].id());
        terms.early_close = early;
        let mut world = World::new(5, propose(&keys, terms), 3);
        world.nodes[4].reachable = false;
        for node in 0..4 {
            world.vote(node, Choice::Yes);
        }
        world.run(FAR);
        assert!(world.all_decided());
        assert_eq!(world.now > DEADLINE, waits);
        assert_eq!(world.agreed().unwrap().result().outcome, Outcome::Accepted);
    }
}

#[test]
fn more_members_than_sealers_vote_and_learn_the_result() {
    let mut world = world(16, 5);
    for node in 0..16 {
        world.vote(node, Choice::Yes);
    }
    world.run(FAR);
    assert!(world.all_decided());
    assert_eq!(world.charter.quorum(), Quorum::of(13));
    assert_eq!(world.agreed().unwrap().result().cast, 16);
    check_certificates(&world);
}

#[test]
fn a_voter_sees_who_holds_the_ballot_and_receipts_are_gathered() {
    let mut world = world(4, 9);
    for node in 0..3 {
        world.vote(node, Choice::Yes);
    }
    world.run(DEADLINE - 1);
    assert_eq!(world.nodes[0].decision.view().receipts, Some(4));
    assert_eq!(world.nodes[3].decision.view().receipts, None);
    assert_eq!(world.nodes[3].decision.view().phase, Phase::Open);
    let voted = world.nodes[3].decision.view().voters;
    assert_eq!(voted.iter().filter(|v| v.choice == Some(Choice::Yes)).count(), 3);
    // Three ballots came in one burst: at most one receipt of each sealer, and one for the
    // sealer's own ballot.
    let receipts = world.history.iter().filter(|bytes| {
        crate::decision::peek(bytes).is_ok_and(|head| head.kind == crate::decision::Kind::Held)
    });
    assert!(receipts.count() <= 8);
}
