//! Bytes from anyone, of any kind.

use proptest::prelude::*;

use super::{simulation::world, world::DEADLINE};
use crate::{
    decision::{
        Certificate, Choice, Input, Kind, Proof, SignedMessage, SignedProposal, Statement, peek,
        read_json,
    },
    identity::ProposalId,
};

fn head(kind: u8, proposal: ProposalId, rest: &[u8]) -> Vec<u8> {
    [&[1, kind], proposal.as_bytes(), rest].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn decoders_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0u8..14) {
        let whole = head(kind, ProposalId([0; 32]), &bytes);
        for bytes in [&bytes, &whole] {
            let _ = peek(bytes);
            let _ = SignedMessage::from_bytes(bytes);
            let _ = SignedProposal::from_bytes(bytes).map(|proposal| proposal.verify());
            let _ = Certificate::from_bytes(bytes);
            let _ = Proof::from_bytes(bytes);
            let _ = read_json(bytes);
            if let Some(kind) = Kind::from_number(kind) {
                let _ = Statement::decode(kind, bytes);
            }
        }
    }

    #[test]
    fn no_message_makes_a_member_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        kind in 0u8..14,
        now in any::<u64>(),
    ) {
        let mut world = world(3, 1);
        let id = world.charter.id();
        world.now = now;
        world.handle(0, Input::Message(bytes.clone()));
        world.handle(0, Input::Message(head(kind, id, &bytes)));
        world.handle(0, Input::Timeout);
        world.nodes[0].decision.view();
        world.nodes[0].decision.poll_timeout();
    }

    #[test]
    fn damaged_messages_of_a_real_decision_change_nothing(
        seed in 0u64..1000,
        at in any::<prop::sample::Index>(),
        flip in 1u8..=255,
    ) {
        let mut world = world(3, seed);
        for node in 0..3 {
            world.vote(node, Choice::Yes);
        }
        world.run(DEADLINE);
        let expected = world.agreed().unwrap().digest();
        let mut fresh = super::simulation::world(3, seed);
        for bytes in &world.history {
            let mut changed = bytes.clone();
            let at = at.index(changed.len());
            changed[at] ^= flip;
            fresh.handle(0, Input::Message(changed));
        }
        prop_assert!(fresh.nodes[0].decision.certificate().is_none());
        prop_assert!(fresh.named().is_empty());
        for bytes in &world.history {
            fresh.handle(0, Input::Message(bytes.clone()));
        }
        prop_assert_eq!(fresh.nodes[0].decision.certificate().map(Certificate::digest), Some(expected));
    }
}

#[test]
fn a_voter_who_signs_a_thousand_ballots_fills_nothing() {
    let mut world = world(4, 1);
    world.liars.insert(3);
    for i in 0..1000 {
        let ballot = crate::decision::Ballot {
            voter: 3,
            cast_at_ms: super::world::OPENS + i,
            choice: Choice::Yes,
            by: crate::decision::Caster::Owner,
        };
        let statement = Statement::Ballot(ballot);
        let bytes = SignedMessage::sign(world.charter.id(), &statement, &world.keys[3]).to_bytes();
        world.handle(0, Input::Message(bytes));
        world.flush(0);
    }
    // The proposal, the electorate, two ballots, one pair of evidence, its report and its slot.
    assert!(world.rows(0) <= 8, "{}", world.rows(0));
}
