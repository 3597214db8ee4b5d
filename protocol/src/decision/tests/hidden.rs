//! Hidden votes: nobody sees a choice before voting is over, and nobody changes one after.

use super::{
    simulation::world as open_world,
    world::{DEADLINE, OPENS, World, keys, majority, propose, seeds, terms},
};
use crate::{
    decision::{
        Ballot, Base, Caster, Certificate, Choice, Decision, Fraction, Input, Kind, Offence,
        Outcome, Proposal, ProposalError, Reason, Rule, SignedMessage, SignedProposal, Statement,
        TrustAnchors, Verdict, commit,
        mutant::{self, Mutant},
        read_json, render_json, verify,
    },
    identity::PersonaKey,
    wire,
};

const REVEAL_MS: u64 = 60_000;
const FAR: u64 = DEADLINE + 10 * 24 * 3_600_000;

fn hidden(rule: Rule) -> Rule {
    Rule::Hidden { rule: Box::new(rule), reveal_ms: REVEAL_MS }
}

fn world(count: usize, rule: Rule, options: &[&str], seed: u64) -> World {
    let keys = keys(count);
    World::new(count, propose(&keys, terms(hidden(rule), options, keys[0].id())), seed)
}

/// The first half, in which these nodes commit.
fn commit_all(world: &mut World, choices: &[Option<Choice>]) {
    for (node, choice) in choices.iter().enumerate() {
        if let Some(choice) = choice {
            world.vote_hidden(node, choice.clone());
        }
    }
    world.run(FAR);
}

fn reveal(first: &World, second: &mut World, node: usize) {
    if let Some(secret) = first.nodes[node].decision.secret() {
        second.vote(node, secret);
    }
}

fn trust(world: &World) -> TrustAnchors {
    world.charter.electorate().iter().copied().collect()
}

fn check(world: &World, certificate: &Certificate) {
    world.check_receipts();
    assert!(verify(certificate, &trust(world)).is_valid());
    assert_eq!(Certificate::from_bytes(&certificate.to_bytes()).as_ref(), Ok(certificate));
    assert_eq!(read_json(render_json(certificate).as_bytes()).as_ref(), Ok(certificate));
    assert!(world.named().is_empty());
}

#[test]
fn what_is_revealed_is_decided_as_if_it_had_been_open() {
    let minimum = Fraction { num: 1, den: 2 };
    let approval = Rule::Approval { winners: 1, minimum, quorum: 1 };
    for count in [1, 2, 3, 4, 7] {
        for seed in seeds(6) {
            let (rule, options) = if seed % 2 == 0 {
                (majority(), &[][..])
            } else {
                (approval.clone(), &["Soup", "Rice", "Stew"][..])
            };
            let said = |node: usize| {
                let turn = node + usize::try_from(seed).unwrap();
                match (options.len(), turn % 4) {
                    (_, 3) => Choice::Abstain,
                    (0, part) => {
                        if part == 0 {
                            Choice::No
                        } else {
                            Choice::Yes
                        }
                    }
                    (_, part) => Choice::Approve(vec![u16::try_from(part).unwrap()]),
                }
            };
            let choices: Vec<_> = (0..count).map(|node| Some(said(node))).collect();
            let mut first = world(count, rule.clone(), options, seed);
            first.restarts = if seed % 3 == 0 { 0.02 } else { 0.0 };
            commit_all(&mut first, &choices);
            assert!(first.all_decided(), "{count} members, seed {seed}");
            let committed = first.agreed().unwrap();
            assert_eq!(committed.result().outcome, Outcome::Committed);
            check(&first, &committed);
            nothing_was_said(&first);

            let mut second = World::revealing(&first, seed);
            (0..count).for_each(|node| reveal(&first, &mut second, node));
            second.run(FAR);
            assert!(second.all_decided(), "{count} members, seed {seed}");
            let certificate = second.agreed().unwrap();
            check(&second, &certificate);
            assert!(certificate.unrevealed().is_empty());
            let all = (0u16..).zip(choices.iter().flatten());
            let open = rule.decide(options.len(), u32::try_from(count).unwrap(), all);
            assert_eq!(*certificate.result(), open, "{count} members, seed {seed}");
        }
    }
}

/// No message of the first half has a choice in it.
fn nothing_was_said(world: &World) {
    for bytes in &world.history {
        let Ok(message) = SignedMessage::from_bytes(bytes) else { continue };
        match message.open(&world.charter) {
            Ok(Statement::Ballot(ballot)) => assert!(matches!(ballot.choice, Choice::Commit(_))),
            Ok(Statement::Cut(cut)) => {
                let plain = |ballot: &Ballot| !matches!(ballot.choice, Choice::Commit(_));
                assert!(!cut.content.ballots.iter().any(|record| plain(&record.ballot)));
            }
            _ => {}
        }
    }
}

#[test]
fn who_never_reveals_is_named_and_does_not_count() {
    for seed in seeds(6) {
        let (yes, no) = (Some(Choice::Yes), Some(Choice::No));
        let mut first = world(5, majority(), &[], seed);
        commit_all(&mut first, &[yes.clone(), yes, no.clone(), no, None]);
        let mut second = World::revealing(&first, seed);
        (0..3).for_each(|node| reveal(&first, &mut second, node));
        let began = second.now;
        second.run(FAR);
        assert!(second.all_decided(), "seed {seed}");
        assert!(second.now >= began + REVEAL_MS, "nobody waited for the one who hesitates");
        let certificate = second.agreed().unwrap();
        check(&second, &certificate);
        assert_eq!(certificate.unrevealed(), [3]);
        assert_eq!(
            (certificate.result().cast, &certificate.result().tally[..]),
            (3, &[2, 1, 0][..])
        );
        assert_eq!(certificate.result().outcome, Outcome::Accepted);
        let Verdict::Valid(verified) = verify(&certificate, &trust(&second)) else { panic!() };
        assert_eq!(verified.unrevealed, [second.keys[3].id()]);
        let file = render_json(&certificate);
        assert!(file.contains(&format!("\"unrevealed\": [\n    \"{}\"\n  ]", second.keys[3].id())));
        assert!(file.contains(&format!("\"silent\": [\n    \"{}\"\n  ]", second.keys[4].id())));
    }
}

#[test]
fn too_few_commitments_end_it_and_so_do_too_few_revealed() {
    let quorum = Rule::Threshold { num: 1, den: 2, base: Base::Cast, quorum: 3 };
    let yes = Some(Choice::Yes);
    let mut few = world(4, quorum.clone(), &[], 1);
    commit_all(&mut few, &[yes.clone(), yes.clone(), None, None]);
    let certificate = few.agreed().unwrap();
    assert_eq!(certificate.result().outcome, Outcome::NoQuorum);
    assert_eq!(Proposal::reveal(&certificate), None);
    let refused = Decision::reveal(certificate, few.keys[0].id()).err();
    assert_eq!(refused, Some(Reason::Hidden));

    let mut first = world(4, quorum, &[], 1);
    commit_all(&mut first, &[yes.clone(), yes.clone(), yes, None]);
    let mut second = World::revealing(&first, 1);
    (0..2).for_each(|node| reveal(&first, &mut second, node));
    second.run(FAR);
    assert_eq!(second.agreed().unwrap().result().outcome, Outcome::NoQuorum);
}

#[test]
fn two_commitments_are_void_and_named_and_neither_is_revealed() {
    let mut first = world(4, majority(), &[], 3);
    first.liars.insert(3);
    first.nodes[3].reachable = false;
    for salt in [[1; 32], [2; 32]] {
        let hash = commit(first.charter.id(), 3, &salt, &Choice::No);
        let ballot = Ballot {
            voter: 3,
            cast_at_ms: OPENS + 1,
            choice: Choice::Commit(hash),
            by: Caster::Owner,
        };
        let statement = Statement::Ballot(ballot);
        let message = SignedMessage::sign(first.charter.id(), &statement, &first.keys[3]);
        (0..3).for_each(|node| first.handle(node, Input::Message(message.to_bytes())));
    }
    commit_all(&mut first, &[Some(Choice::Yes), Some(Choice::Yes), Some(Choice::Yes), None]);
    assert_eq!(first.named(), [3].into());
    let offences = first.nodes[0].decision.view().evidence;
    assert!(offences.iter().all(|evidence| evidence.offence == Offence::TwoBallots));
    let mut second = World::revealing(&first, 3);
    (0..3).for_each(|node| reveal(&first, &mut second, node));
    second.run(FAR);
    let certificate = second.agreed().unwrap();
    assert_eq!((certificate.void(), certificate.unrevealed()), (vec![3], vec![]));
    assert_eq!(certificate.result().tally, [3, 0, 0]);
}

/// What a member would get by changing its mind, or voting, once it has seen how others did.
fn late_words(world: &World, first: &World, voter: u16) -> Vec<Choice> {
    let salt = [7; 32];
    let mut words = vec![Choice::Reveal { salt, choice: Box::new(Choice::No) }, Choice::No];
    if let Some(Choice::Reveal { salt, .. }) = first.nodes[usize::from(voter)].decision.secret() {
        words.push(Choice::Reveal { salt, choice: Box::new(Choice::No) });
        words.push(Choice::Reveal { salt: [0; 32], choice: Box::new(Choice::Yes) });
    }
    // A commitment that joins late, and another's.
    let hash = commit(world.charter.id(), voter, &salt, &Choice::No);
    words.push(Choice::Commit(hash));
    words.extend(first.nodes[0].decision.secret());
    words
}

/// Runs a vote of four, one of whom lies as it can once the others have revealed. Whether what it
/// says counts.
fn liar_is_counted(commits: bool, seed: u64) -> bool {
    let yes = Some(Choice::Yes);
    let mut first = world(4, majority(), &[], seed);
    commit_all(&mut first, &[yes.clone(), yes.clone(), yes.clone(), yes.filter(|_| commits)]);
    let mut second = World::revealing(&first, seed);
    (0..3).for_each(|node| reveal(&first, &mut second, node));
    second.liars.insert(3);
    for choice in late_words(&second, &first, 3) {
        let ballot = Ballot { voter: 3, cast_at_ms: OPENS, choice, by: Caster::Committed };
        let statement = Statement::Ballot(ballot);
        let message = SignedMessage::sign(second.charter.id(), &statement, &second.keys[3]);
        (0..3).for_each(|node| second.network.push((node, message.to_bytes())));
    }
    second.nodes[3].reachable = false;
    second.run(FAR);
    let certificate = second.agreed().unwrap();
    let result = certificate.result();
    result.tally != [3, 0, 0] || !result.void.is_empty()
}

#[test]
fn nobody_reveals_another_choice_or_votes_after_the_others() {
    for seed in seeds(10) {
        assert!(!liar_is_counted(true, seed), "another choice, seed {seed}");
        assert!(!liar_is_counted(false, seed), "a late vote, seed {seed}");
    }
}

#[test]
fn a_choice_that_is_not_compared_with_its_commitment_is_noticed() {
    assert!(mutant::with(Mutant::RevealUnchecked, || liar_is_counted(true, 1)));
}

#[test]
fn a_vote_without_a_commitment_is_noticed() {
    assert!(mutant::with(Mutant::RevealUncommitted, || liar_is_counted(false, 1)));
}

#[test]
fn one_choice_cannot_be_revealed_as_two_ballots() {
    let mut first = world(4, majority(), &[], 7);
    commit_all(&mut first, &vec![Some(Choice::Yes); 4]);
    let second = World::revealing(&first, 7);
    let secret = first.nodes[3].decision.secret().unwrap();
    let at =
        |cast_at_ms| Ballot { voter: 3, cast_at_ms, choice: secret.clone(), by: Caster::Committed };
    let proposal = second.charter.proposal();
    assert_eq!(at(OPENS).check(proposal), Ok(()));
    for cast_at_ms in [OPENS - 1, OPENS + 1, DEADLINE] {
        assert_eq!(at(cast_at_ms).check(proposal), Err("cast_at_ms"));
    }
}

#[test]
fn a_restart_gives_no_more_time_to_reveal() {
    let mut first = world(4, majority(), &[], 2);
    commit_all(&mut first, &vec![Some(Choice::Yes); 4]);
    let mut second = World::revealing(&first, 2);
    let began = second.now;
    (0..4).for_each(|node| second.handle(node, Input::Timeout));
    (0..4).for_each(|node| second.flush(node));
    second.now = began + REVEAL_MS / 2;
    (0..4).for_each(|node| second.restart(node));
    (0..4).for_each(|node| second.handle(node, Input::Timeout));
    second.run(began + REVEAL_MS + 1_000);
    assert!(second.all_decided(), "nobody revealed, and the time is over");
    assert_eq!(second.agreed().unwrap().unrevealed(), [0, 1, 2, 3]);
}

/// Whether a member reveals for something a single liar made, while voting is still on.
fn is_tricked(seed: u64) -> bool {
    let mut first = world(4, majority(), &[], seed);
    commit_all(&mut first, &vec![Some(Choice::Yes); 4]);
    let certificate = first.agreed().unwrap();
    let mut content = certificate.content().clone();
    // The certificate as it is but for one commitment: its digest is another, and nobody
    // confirmed it.
    content.ballots.pop();
    content.held.iter_mut().for_each(|held| held.bitmap = vec![0b111]);
    content.result.tally[0] -= 1;
    content.result.cast -= 1;
    let confirms = certificate.confirms().to_vec();
    let forged = Certificate::build(&first.charter, certificate.origin(), content, confirms);
    Decision::reveal(forged, first.keys[0].id()).is_ok()
}

#[test]
fn nobody_reveals_for_a_certificate_that_does_not_hold() {
    assert!(!is_tricked(1));
}

#[test]
fn revealing_without_a_proof_is_noticed() {
    assert!(mutant::with(Mutant::RevealUnproved, || is_tricked(1)));
}

#[test]
fn a_choice_chosen_before_a_crash_can_be_revealed_after_it() {
    let mut first = world(4, majority(), &[], 5);
    first.vote_hidden(0, Choice::No);
    let before = first.nodes[0].decision.secret();
    assert!(before.is_some());
    first.restart(0);
    assert_eq!(first.nodes[0].decision.secret(), before);
    commit_all(&mut first, &[None, Some(Choice::Yes), Some(Choice::Yes), Some(Choice::Yes)]);
    let mut second = World::revealing(&first, 5);
    for node in 0..4 {
        reveal(&first, &mut second, node);
        second.restart(node);
    }
    second.run(FAR);
    assert_eq!(second.agreed().unwrap().result().tally, [3, 1, 0]);
}

#[test]
fn hidden_votes_are_not_cast_openly_nor_open_ones_hidden() {
    let refused = |world: &mut World, input: Input| {
        let key = PersonaKey::from_seed(&world.keys[0].seed());
        world.nodes[0].decision.handle(input, &key, OPENS + 1);
        let mut effects = std::iter::from_fn(|| world.nodes[0].decision.poll_effect());
        effects.any(|effect| matches!(effect, crate::decision::Effect::Refused(_)))
    };
    let mut hidden = world(4, majority(), &[], 1);
    let rank = Choice::Rank(vec![0]);
    for choice in [Choice::Yes, Choice::Abstain] {
        assert!(refused(&mut hidden, Input::Vote(choice)));
    }
    assert!(refused(&mut hidden, Input::VoteHidden { choice: rank, salt: [0; 32] }));
    assert!(hidden.nodes[0].decision.secret().is_none());
    let mut open = open_world(4, 1);
    assert!(refused(&mut open, Input::Vote(Choice::Commit([0; 32]))));
    assert!(refused(&mut open, Input::VoteHidden { choice: Choice::Yes, salt: [0; 32] }));
}

#[test]
fn what_is_hidden_is_plain_inside() {
    let keys = keys(4);
    let electorate: Vec<_> = keys.iter().map(PersonaKey::id).collect();
    let freeze = |rule| Proposal::freeze(terms(rule, &[], keys[0].id()), &electorate);
    assert_eq!(freeze(hidden(hidden(majority()))), Err(ProposalError::Field("rule")));
    for reveal_ms in [0, 999, 7 * 24 * 3_600_000 + 1] {
        let rule = Rule::Hidden { rule: Box::new(majority()), reveal_ms };
        assert_eq!(freeze(rule), Err(ProposalError::Field("rule.reveal_ms")));
    }
    let veto = Rule::Veto { num: 1, den: 2, base: Base::Cast, quorum: 1, holders: vec![4] };
    assert_eq!(freeze(hidden(veto)), Err(ProposalError::Field("rule.holders")));

    // The second proposal follows from a certificate; signing one makes none.
    let mut first = world(4, majority(), &[], 1);
    commit_all(&mut first, &vec![Some(Choice::Yes); 4]);
    let second = Proposal::reveal(&first.agreed().unwrap()).unwrap();
    let signed = SignedProposal::sign(&second, &keys[0]);
    assert_eq!(signed.verify(), Err(ProposalError::Field("rule")));

    // Something hidden in something hidden, over and over, ends where its bytes do.
    let mut nested = Choice::Yes;
    for _ in 0..6 {
        nested = Choice::Reveal { salt: [0; 32], choice: Box::new(nested) };
    }
    assert_eq!(wire::decode::<Choice>(&wire::encode(&nested), 512).as_ref(), Ok(&nested));
    for _ in 0..20_000 {
        nested = Choice::Reveal { salt: [0; 32], choice: Box::new(nested) };
        let bytes = wire::encode(&nested);
        if bytes.len() > 4_096 {
            assert!(wire::decode::<Choice>(&bytes, 1 << 20).is_err());
            return;
        }
    }
    panic!("it never grew");
}

#[test]
fn a_revealed_certificate_is_of_its_own_kind() {
    let mut first = world(4, majority(), &[], 1);
    commit_all(&mut first, &vec![Some(Choice::Yes); 4]);
    let mut second = World::revealing(&first, 1);
    (0..4).for_each(|node| reveal(&first, &mut second, node));
    second.run(FAR);
    let bytes = second.agreed().unwrap().to_bytes();
    assert_eq!(crate::decision::peek(&bytes).unwrap().kind, Kind::Revealed);
    // Whoever still reveals and lost everything else is told the result like anyone.
    let mut late = Decision::reveal(first.agreed().unwrap(), first.keys[0].id()).unwrap();
    late.handle(Input::Message(bytes), &first.keys[0], FAR);
    assert!(late.certificate().is_some());
}
