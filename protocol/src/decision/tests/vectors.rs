//! The published vectors: certificate files with the verdict every verifier must give.

use serde::{Deserialize, Serialize};

use super::world::{DEADLINE, OPENS, World, keys, majority, propose, terms};
use crate::decision::{
    Ballot, Caster, Certificate, Choice, Fraction, Rule, SignedMessage, Statement, TrustAnchors,
    Verdict,
    mutant::{self, Mutant},
    read_json, render_json, verify,
};

#[derive(Serialize, Deserialize)]
struct Vector {
    description: String,
    /// `valid`, `unanchored` or `invalid`.
    verdict: String,
    /// Personas the verifier trusts.
    trust: Vec<String>,
    /// What every certificate of this decision has in common.
    digest: String,
    /// The certificate file, whole.
    file: String,
}

fn decide(count: usize, rule: Rule, options: &[&str], choices: &[Option<Choice>]) -> World {
    let keys = keys(count);
    let mut world = World::new(count, propose(&keys, terms(rule, options, keys[0].id())), 1);
    for (node, choice) in choices.iter().enumerate() {
        match choice {
            Some(choice) => world.vote(node, choice.clone()),
            None => world.nodes[node].reachable = false,
        }
    }
    world
}

fn vector(
    description: &str,
    verdict: &str,
    certificate: &Certificate,
    trust: &[crate::identity::PersonaId],
) -> Vector {
    Vector {
        description: description.into(),
        verdict: verdict.into(),
        trust: trust.iter().map(ToString::to_string).collect(),
        digest: data_encoding::HEXLOWER.encode(&certificate.digest()),
        file: render_json(certificate),
    }
}

/// Every vector, made anew.
fn vectors() -> Vec<(&'static str, Vector)> {
    let (yes, no) = (Some(Choice::Yes), Some(Choice::No));
    let mut four = decide(4, majority(), &[], &[yes.clone(), yes.clone(), no, None]);
    four.run(DEADLINE + 3_600_000);
    let certificate = four.agreed().unwrap();
    let all = four.charter.electorate().to_vec();

    let rule = Rule::Approval { winners: 1, minimum: Fraction { num: 1, den: 2 }, quorum: 3 };
    let approve = |list: &[u16]| Some(Choice::Approve(list.to_vec()));
    let choices = [approve(&[0, 2]), approve(&[1, 2]), approve(&[2]), None];
    let mut void = decide(4, rule, &["Friday", "Saturday", "Sunday"], &choices);
    // The fourth voter signs two ballots, both early enough for everyone to see them.
    for list in [vec![0], vec![1]] {
        let choice = Choice::Approve(list);
        let by = Caster::Owner;
        let ballot = Ballot { voter: 3, cast_at_ms: OPENS + 1, choice, by };
        let statement = Statement::Ballot(ballot);
        let message = SignedMessage::sign(void.charter.id(), &statement, &void.keys[3]);
        for node in 0..3 {
            void.handle(node, crate::decision::Input::Message(message.to_bytes()));
        }
    }
    void.liars.insert(3);
    void.run(DEADLINE + 3_600_000);
    let void_certificate = void.agreed().unwrap();
    assert_eq!(void_certificate.result().void, [3]);

    let mut content = certificate.content().clone();
    content.result.tally.swap(0, 1);
    let confirms = certificate.confirms().to_vec();
    let proposal = certificate.signed_proposal();
    let lied = Certificate::build(&four.charter, proposal, content, confirms);
    let [committed, revealed, changed] = hidden();
    vec![
        ("accepted", vector("Three of four vote, two say yes", "valid", &certificate, &all)),
        (
            "unanchored",
            vector("One member's key is not trusted", "unanchored", &certificate, &all[1..]),
        ),
        (
            "void",
            vector(
                "Approval; one voter signed twice and is void",
                "valid",
                &void_certificate,
                &all,
            ),
        ),
        ("invalid-tally", vector("The tally is swapped", "invalid", &lied, &all)),
        ("hidden", vector("Hidden; four commit, one never reveals", "valid", &revealed, &all)),
        ("hidden-committed", vector("The first half of the same vote", "valid", &committed, &all)),
        (
            "invalid-hidden",
            vector("A choice other than the one committed to", "invalid", &changed, &all),
        ),
    ]
}

/// A hidden vote of four: the certificate of its first half, of the whole, and one in which the
/// first voter says no instead of the yes it committed to, signed by all who have to.
fn hidden() -> [Certificate; 3] {
    let rule = Rule::Hidden { rule: Box::new(majority()), reveal_ms: 60_000 };
    let mut first = decide(4, rule, &[], &[]);
    for (node, choice) in [Choice::Yes, Choice::No, Choice::Yes, Choice::No].into_iter().enumerate()
    {
        first.vote_hidden(node, choice);
    }
    first.run(DEADLINE + 3_600_000);
    let committed = first.agreed().unwrap();
    let mut second = World::revealing(&first, 1);
    for node in 0..3 {
        second.vote(node, first.nodes[node].decision.secret().unwrap());
    }
    second.run(DEADLINE + 3_600_000);
    let revealed = second.agreed().unwrap();
    assert_eq!((revealed.unrevealed(), &revealed.result().tally[..]), (vec![3], &[2, 1, 0][..]));
    let changed = mutant::with(Mutant::RevealUnchecked, || {
        let mut second = World::revealing(&first, 1);
        for node in 0..3 {
            let Some(Choice::Reveal { salt, choice }) = first.nodes[node].decision.secret() else {
                panic!("nothing was committed to")
            };
            let choice = if node == 0 { Box::new(Choice::No) } else { choice };
            second.vote(node, Choice::Reveal { salt, choice });
        }
        second.run(DEADLINE + 3_600_000);
        second.agreed().unwrap()
    });
    [committed, revealed, changed]
}

fn path(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors");
    folder.join(format!("certificate-{name}.json"))
}

#[test]
fn published_vectors_get_their_verdict() {
    for (name, made) in vectors() {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let vector: Vector = serde_json::from_str(&text).unwrap();
        let trust: TrustAnchors = vector.trust.iter().map(|did| did.parse().unwrap()).collect();
        let certificate = read_json(vector.file.as_bytes()).unwrap();
        let verdict = match verify(&certificate, &trust) {
            Verdict::Valid(_) => "valid",
            Verdict::Unanchored(_) => "unanchored",
            Verdict::Invalid(_) => "invalid",
        };
        assert_eq!(verdict, vector.verdict, "{name}");
        assert_eq!(data_encoding::HEXLOWER.encode(&certificate.digest()), vector.digest);
        // The same keys, votes and seed still give the same bytes: the format has not moved.
        assert_eq!(vector.file, made.file, "{name}");
    }
}

#[test]
#[ignore = "writes the vectors; run it after a deliberate change of format"]
fn write_vectors() {
    for (name, vector) in vectors() {
        let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
        std::fs::write(path(name), text).unwrap();
    }
}
