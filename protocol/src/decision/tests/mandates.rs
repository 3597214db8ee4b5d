//! Whose ballots count when a persona votes by itself.

use serde::{Deserialize, Serialize};

use super::world::{DEADLINE, OPENS, World, keys, majority, propose, terms};
use crate::{
    decision::{
        Ballot, Base, CastBy, Caster, Choice, Effect, Fraction, Input, MANDATE_MS_MAX, Mandate,
        MessageError, Method, Methods, Offence, Reach, Rule, SignedMandate, SignedMessage,
        Statement, Topic, TrustAnchors, Uncovered, VoteRefusal, render_json, verify,
    },
    identity::{ConversationId, PersonaKey, ProposalId},
    wire,
};

const SPANS: [&str; 2] =
    ["2031-05-09T18:00:00Z/2031-05-09T20:00:00Z", "2031-05-10T18:00:00Z/2031-05-10T20:00:00Z"];

fn approval() -> Rule {
    Rule::Approval { winners: 1, minimum: Fraction { num: 1, den: 2 }, quorum: 1 }
}

fn usual() -> Mandate {
    Mandate {
        number: 4,
        reach: Reach::Everywhere,
        topic: Topic::Times,
        methods: [Method::Approval].into_iter().collect(),
        granted_at_ms: OPENS - 1_000,
        expires_at_ms: DEADLINE,
    }
}

fn scheduling(count: usize) -> World {
    let keys = keys(count);
    World::new(count, propose(&keys, terms(approval(), &SPANS, keys[0].id())), 1)
}

/// A ballot as a liar signs it, without asking anybody.
fn ballot(world: &World, voter: u16, mandate: SignedMandate) -> Vec<u8> {
    let (cast_at_ms, choice) = (OPENS + 5, Choice::Approve(vec![0]));
    let ballot = Ballot { voter, cast_at_ms, choice, by: Caster::Persona(mandate) };
    let key = &world.keys[usize::from(voter)];
    SignedMessage::sign(world.charter.id(), &Statement::Ballot(ballot), key).to_bytes()
}

fn votes_of(world: &World, node: usize, voter: usize) -> Option<Choice> {
    world.nodes[node].decision.view().voters[voter].choice.clone()
}

#[test]
fn who_decided_each_ballot_is_in_the_certificate_and_checked() {
    let mut world = scheduling(4);
    for node in 0..3 {
        let choice = Choice::Approve(vec![0]);
        let input = match node {
            0 => Input::Vote(choice),
            _ => {
                let mandate = SignedMandate::sign(usual(), &world.keys[node]);
                Input::VoteAlone { choice, mandate, salt: None }
            }
        };
        world.handle(node, input);
    }
    world.run(DEADLINE + 3_600_000);
    let certificate = world.agreed().unwrap();
    let trust: TrustAnchors = world.charter.electorate().iter().copied().collect();
    assert!(verify(&certificate, &trust).is_valid());
    assert_eq!(certificate.cast_by(), CastBy { owner: 1, persona: 2 });
    assert_eq!(certificate.caster(0), Some(&Caster::Owner));
    assert_eq!(certificate.caster(2).and_then(Caster::mandate).unwrap().mandate(), &usual());
    assert_eq!(certificate.caster(3), None);
    let file = render_json(&certificate);
    assert!(file.contains("\"cast_by\": {\n    \"owner\": 1,\n    \"persona\": 2\n  }"), "{file}");
    assert!(file.contains("times, by approval, in every conversation"), "{file}");
    // The mark is part of what is signed.
    let mut content = certificate.content().clone();
    content.ballots[1].ballot.by = Caster::Owner;
    assert!(content.check(&world.charter).is_err());
}

#[test]
fn of_a_hidden_vote_the_commitment_says_who_decided() {
    let keys = keys(4);
    let rule = Rule::Hidden { rule: Box::new(approval()), reveal_ms: 60_000 };
    let mut first = World::new(4, propose(&keys, terms(rule, &SPANS, keys[0].id())), 1);
    for node in 0..4 {
        let (choice, salt) = (Choice::Approve(vec![1]), [7; 32]);
        let input = match node {
            0 => Input::VoteHidden { choice, salt },
            _ => {
                let mandate = SignedMandate::sign(usual(), &first.keys[node]);
                Input::VoteAlone { choice, mandate, salt: Some(salt) }
            }
        };
        first.handle(node, input);
    }
    first.run(DEADLINE + 3_600_000);
    let committed = first.agreed().unwrap();
    assert_eq!(committed.cast_by(), CastBy { owner: 1, persona: 3 });
    let mut second = World::revealing(&first, 1);
    for node in 0..3 {
        let secret = first.nodes[node].decision.secret().unwrap();
        second.vote(node, secret);
    }
    second.run(DEADLINE + 10 * 24 * 3_600_000);
    let certificate = second.agreed().unwrap();
    let trust: TrustAnchors = first.charter.electorate().iter().copied().collect();
    assert!(verify(&certificate, &trust).is_valid());
    assert_eq!(certificate.unrevealed(), [3]);
    assert_eq!(certificate.cast_by(), CastBy { owner: 1, persona: 2 }, "what counts");
    assert_eq!(certificate.caster(1).and_then(Caster::mandate).unwrap().mandate(), &usual());
    assert!(render_json(&certificate).contains("times, by approval, in every conversation"));
    // Revealing says nothing anew about it, and voting says it itself.
    let cases = [(&second, Caster::Owner), (&first, Caster::Committed)];
    for (world, by) in cases {
        let record = world.agreed().unwrap().content().ballots[0].clone();
        let ballot = Ballot { by, ..record.ballot };
        let message =
            SignedMessage::sign(world.charter.id(), &Statement::Ballot(ballot), &world.keys[0]);
        assert_eq!(message.open(&world.charter), Err(MessageError::Field("by")));
    }
}

#[test]
fn a_persona_never_signs_what_its_mandate_does_not_cover() {
    let stranger = PersonaKey::from_seed(&[99; 32]);
    let cases = [
        SignedMandate::sign(Mandate { expires_at_ms: OPENS - 1, ..usual() }, &keys(1)[0]),
        SignedMandate::sign(Mandate { methods: Methods::all(), ..usual() }, &stranger),
    ];
    for mandate in cases {
        let mut world = scheduling(1);
        let (core, key) = (&mut world.nodes[0].decision, &world.keys[0]);
        let choice = Choice::Approve(vec![0]);
        let alone = Input::VoteAlone { choice: choice.clone(), mandate, salt: None };
        core.handle(alone, key, OPENS);
        let effects: Vec<_> = std::iter::from_fn(|| core.poll_effect()).collect();
        assert!(effects.contains(&Effect::Refused(VoteRefusal::Mandate)), "{effects:?}");
        assert!(!core.has_voted());
        // Nothing is lost: the owner can still vote.
        core.handle(Input::Vote(choice), key, OPENS);
        assert!(core.has_voted());
    }
}

type Change = fn(Mandate) -> Mandate;

#[test]
fn members_refuse_a_ballot_whose_mandate_does_not_cover_it() {
    let cases: [(&str, Change); 8] = [
        ("expired", |m| Mandate { expires_at_ms: OPENS + 4, ..m }),
        ("not granted yet", |m| Mandate { granted_at_ms: OPENS + 6, ..m }),
        ("for ever", |m| Mandate { granted_at_ms: OPENS - MANDATE_MS_MAX, ..m }),
        ("another conversation", |m| Mandate {
            reach: Reach::Conversation(ConversationId([77; 16])),
            ..m
        }),
        ("another question", |m| Mandate { reach: Reach::Proposal(ProposalId([77; 32])), ..m }),
        ("another method", |m| Mandate {
            methods: Method::ALL.into_iter().filter(|m| *m != Method::Approval).collect(),
            ..m
        }),
        ("no method", |m| Mandate { methods: [].into_iter().collect(), ..m }),
        ("ends before it begins", |m| Mandate { expires_at_ms: m.granted_at_ms - 1, ..m }),
    ];
    let mut world = scheduling(4);
    world.liars.insert(3);
    for (name, change) in cases {
        let signed = SignedMandate::sign(change(usual()), &world.keys[3]);
        let bytes = ballot(&world, 3, signed);
        world.handle(0, Input::Message(bytes));
        assert_eq!(votes_of(&world, 0, 3), None, "{name}");
    }
    // Another persona's mandate, as it stands in that persona's own ballot.
    let of_another = SignedMandate::sign(usual(), &world.keys[1]);
    let bytes = ballot(&world, 3, of_another);
    world.handle(0, Input::Message(bytes));
    assert_eq!(votes_of(&world, 0, 3), None, "of another persona");
    // A bit of a good one changed.
    let good = SignedMandate::sign(usual(), &world.keys[3]);
    let mut forged = wire::encode(&good);
    forged[0] ^= 1;
    let forged: SignedMandate = wire::decode(&forged, 200).unwrap();
    let bytes = ballot(&world, 3, forged);
    world.handle(0, Input::Message(bytes));
    assert_eq!(votes_of(&world, 0, 3), None, "forged");
    // And the good one counts.
    let bytes = ballot(&world, 3, good);
    world.handle(0, Input::Message(bytes));
    assert_eq!(votes_of(&world, 0, 3), Some(Choice::Approve(vec![0])));
}

#[test]
fn a_mandate_for_times_covers_nothing_else() {
    let keys = keys(4);
    let signed = SignedMandate::sign(usual(), &keys[0]);
    let covers = |rule: Rule, options: &[&str]| {
        let world = World::new(4, propose(&keys, terms(rule, options, keys[0].id())), 1);
        let charter = &world.charter;
        signed.mandate().covers(charter.id(), charter.proposal(), OPENS)
    };
    assert_eq!(covers(approval(), &SPANS), Ok(()));
    assert_eq!(covers(approval(), &[SPANS[0], "or never"]), Err(Uncovered::Topic));
    assert_eq!(covers(approval(), &["Lea", "Noor"]), Err(Uncovered::Topic));
    assert_eq!(covers(majority(), &[]), Err(Uncovered::Topic));
    let threshold = Rule::Threshold { num: 1, den: 2, base: Base::Cast, quorum: 1 };
    assert_eq!(covers(threshold, &SPANS), Err(Uncovered::Method));
}

#[test]
fn a_ballot_said_again_as_the_owners_is_a_second_ballot() {
    let mut world = scheduling(4);
    world.liars.insert(3);
    let alone = ballot(&world, 3, SignedMandate::sign(usual(), &world.keys[3]));
    let (cast_at_ms, choice) = (OPENS + 5, Choice::Approve(vec![0]));
    let owner = Ballot { voter: 3, cast_at_ms, choice, by: Caster::Owner };
    let key = &world.keys[3];
    let owner = SignedMessage::sign(world.charter.id(), &Statement::Ballot(owner), key);
    world.handle(0, Input::Message(alone));
    world.handle(0, Input::Message(owner.to_bytes()));
    let view = world.nodes[0].decision.view();
    assert!(view.voters[3].void);
    assert_eq!(view.evidence[0].offence, Offence::TwoBallots);
}

#[test]
fn a_ballot_with_the_longest_mandate_and_reason_fits() {
    let keys = keys(1);
    let mandate = Mandate {
        reach: Reach::Proposal(ProposalId([1; 32])),
        topic: Topic::Any,
        methods: Methods::all(),
        ..usual()
    };
    let signed = SignedMandate::sign(mandate, &keys[0]);
    let choice = Choice::Object("n".repeat(crate::decision::REASON_BYTES_MAX));
    let by = Caster::Persona(signed);
    let statement = Statement::Ballot(Ballot { voter: 0, cast_at_ms: OPENS, choice, by });
    let message = SignedMessage::sign(ProposalId([1; 32]), &statement, &keys[0]);
    assert!(SignedMessage::from_bytes(&message.to_bytes()).is_ok());
    assert_eq!(wire::encode(&signed).len(), 8 + 36 + 4 + 2 + 16 + 64);
}

#[derive(Serialize, Deserialize)]
struct Vector {
    description: String,
    voter: String,
    bytes: String,
    signed: bool,
    group: String,
    proposal: String,
    options: Vec<String>,
    rule: u16,
    cast_at_ms: u64,
    covers: bool,
}

fn vectors() -> Vec<Vector> {
    let keys = keys(2);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let vector = |description: &str, mandate: Mandate, signer: usize, options: &[&str]| {
        let world = World::new(2, propose(&keys, terms(approval(), options, keys[0].id())), 1);
        let (charter, voter) = (&world.charter, keys[0].id());
        let reach = match mandate.reach {
            // "This proposal" is filled in here, where it is known.
            Reach::Proposal(ProposalId(zero)) if zero == [0; 32] => Reach::Proposal(charter.id()),
            other => other,
        };
        let signed = SignedMandate::sign(Mandate { reach, ..mandate }, &keys[signer]);
        let covers = signed.mandate().covers(charter.id(), charter.proposal(), OPENS + 5);
        Vector {
            description: description.into(),
            voter: voter.to_string(),
            bytes: hex(&wire::encode(&signed)),
            signed: signed.verify(&voter).is_ok(),
            group: hex(charter.proposal().group.as_bytes()),
            proposal: hex(charter.id().as_bytes()),
            options: charter.proposal().options.clone(),
            rule: charter.proposal().rule.method() as u16,
            cast_at_ms: OPENS + 5,
            covers: covers.is_ok(),
        }
    };
    let here = Reach::Conversation(ConversationId([3; 16]));
    let there = Reach::Conversation(ConversationId([5; 16]));
    let this = Reach::Proposal(ProposalId([0; 32]));
    let any = Topic::Any;
    vec![
        vector("Times, everywhere", usual(), 0, &SPANS),
        vector("Times, in this conversation", Mandate { reach: here, ..usual() }, 0, &SPANS),
        vector("Times, in another conversation", Mandate { reach: there, ..usual() }, 0, &SPANS),
        vector("Any, this question", Mandate { reach: this, topic: any, ..usual() }, 0, &["Lea"]),
        vector("Times, but these are names", usual(), 0, &["Lea", "Noor"]),
        vector("Expired", Mandate { expires_at_ms: OPENS, ..usual() }, 0, &SPANS),
        vector("Of another persona", usual(), 1, &SPANS),
    ]
}

fn path() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors/mandates.json")
}

#[test]
fn published_mandates_are_judged_as_written() {
    let text = std::fs::read_to_string(path()).unwrap();
    let published: Vec<Vector> = serde_json::from_str(&text).unwrap();
    let made = vectors();
    assert_eq!(published.len(), made.len());
    for (published, made) in published.iter().zip(&made) {
        let same = serde_json::to_value(published).unwrap() == serde_json::to_value(made).unwrap();
        assert!(same, "{}", published.description);
    }
    assert!(made.iter().any(|v| v.covers && v.signed) && made.iter().any(|v| !v.signed));
}

#[test]
#[ignore = "writes the vectors; run it after a deliberate change of format"]
fn write_vectors() {
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    std::fs::write(path(), text).unwrap();
}
