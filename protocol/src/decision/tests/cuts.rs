//! What a cut must prove, one missing proof at a time.

use super::{
    simulation::world,
    world::{DEADLINE, OPENS, World},
};
use crate::decision::{
    Ballot, BallotRecord, Caster, Choice, Cut, CutContent, CutError, MessageError, Nullify,
    RoundVote, RoundVotes, SealerSignature, SignedMessage, Statement,
};

/// Four members, three of whom voted, and the content they agreed on.
fn decided() -> (World, CutContent) {
    let mut world = world(4, 3);
    for node in 0..3 {
        world.vote(node, Choice::Yes);
    }
    world.run(DEADLINE + 3_600_000);
    let content = world.agreed().unwrap().content().clone();
    (world, content)
}

fn votes(world: &World, view: u32, value: Option<[u8; 32]>) -> RoundVotes {
    let sign = |sealer: u16| {
        let statement = match value {
            Some(value) => Statement::Notarize(RoundVote { sealer, view, value }),
            None => Statement::Nullify(Nullify { sealer, view }),
        };
        let key = &world.keys[usize::from(sealer)];
        let signature = SignedMessage::sign(world.charter.id(), &statement, key).signature();
        SealerSignature { sealer, signature }
    };
    RoundVotes { view, value, signatures: (0..world.charter.quorum().q).map(sign).collect() }
}

#[test]
fn a_ballot_in_no_list_does_not_count() {
    let (world, content) = decided();
    let (cast_at_ms, choice) = (OPENS + 1, Choice::Yes);
    let ballot = Ballot { voter: 3, cast_at_ms, choice, by: Caster::Owner };
    let statement = Statement::Ballot(ballot.clone());
    let message = SignedMessage::sign(world.charter.id(), &statement, &world.keys[3]);
    let mut more = content.clone();
    more.ballots.push(BallotRecord { ballot, signature: message.signature() });
    more.result.cast += 1;
    more.result.tally[0] += 1;
    // Three ballots and four fit the same byte, so the bitmaps keep their size.
    assert_eq!(more.check(&world.charter), Err(CutError::Union(3)));
    for record in &mut more.held {
        record.bitmap[0] |= 0b1000;
    }
    assert!(matches!(more.check(&world.charter), Err(CutError::Held(_))));
}

#[test]
fn lists_are_a_quorum_of_different_sealers() {
    let (world, content) = decided();
    assert!(content.check(&world.charter).is_ok());
    let mut fewer = content.clone();
    fewer.held.pop();
    assert_eq!(fewer.check(&world.charter), Err(CutError::Quorum));
    let mut twice = content.clone();
    twice.held[1] = twice.held[0].clone();
    assert_eq!(twice.check(&world.charter), Err(CutError::Quorum));
    let mut swapped = content;
    swapped.ballots.swap(0, 1);
    assert_eq!(swapped.check(&world.charter), Err(CutError::Order));
}

#[test]
fn a_later_view_needs_every_earlier_one_given_up() {
    let (world, content) = decided();
    let cut = |view, notarization, nullifications| Cut {
        leader: world.charter.leader(view),
        view,
        content: content.clone(),
        notarization,
        nullifications,
    };
    let digest = content.digest(world.charter.id());
    let given_up = |view| votes(&world, view, None);
    let field = |name| Err(MessageError::Field(name));
    let check = |cut: Cut| cut.verify(&world.charter);

    assert_eq!(check(cut(1, None, vec![])), Ok(digest));
    assert_eq!(check(cut(1, None, vec![given_up(1)])), field("nullifications"));
    assert_eq!(check(cut(2, None, vec![])), field("nullifications"));
    assert_eq!(check(cut(2, None, vec![given_up(2)])), field("nullifications"));
    assert_eq!(check(cut(2, None, vec![given_up(1)])), Ok(digest));
    assert_eq!(check(cut(3, None, vec![given_up(2), given_up(1)])), field("nullifications"));

    let notarized = |view, value| Some(votes(&world, view, Some(value)));
    assert_eq!(check(cut(3, notarized(1, digest), vec![given_up(2)])), Ok(digest));
    assert_eq!(check(cut(3, notarized(1, digest), vec![])), field("nullifications"));
    assert_eq!(check(cut(3, notarized(2, digest), vec![])), Ok(digest));
    assert_eq!(check(cut(3, notarized(3, digest), vec![])), field("notarization"));
    assert_eq!(check(cut(3, notarized(2, [7; 32]), vec![])), field("notarization"));
}

#[test]
fn giving_up_takes_a_quorum_of_true_signatures() {
    let (world, content) = decided();
    let cut = |votes| Cut {
        leader: world.charter.leader(2),
        view: 2,
        content: content.clone(),
        notarization: None,
        nullifications: vec![votes],
    };
    let mut few = votes(&world, 1, None);
    few.signatures.pop();
    assert_eq!(cut(few).verify(&world.charter), Err(MessageError::Field("signatures")));
    let mut false_one = votes(&world, 1, None);
    false_one.signatures[0].signature = false_one.signatures[1].signature;
    assert_eq!(cut(false_one).verify(&world.charter), Err(MessageError::Signature));
}

#[test]
fn only_its_leader_proposes_in_a_view() {
    let (world, content) = decided();
    let leader = (world.charter.leader(1) + 1) % 4;
    let cut = Cut { leader, view: 1, content, notarization: None, nullifications: vec![] };
    let key = &world.keys[usize::from(leader)];
    let statement = Statement::Cut(Box::new(cut));
    let message = SignedMessage::sign(world.charter.id(), &statement, key);
    assert_eq!(message.open(&world.charter), Err(MessageError::Field("leader")));
}
