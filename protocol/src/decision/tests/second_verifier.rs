//! Certificates of every method and shape, some of them damaged, before two verifiers: ours, and
//! one in Python that was written from the specification alone.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::world::{keys, terms};
use crate::{
    decision::{
        Ballot, BallotRecord, Base, Caster, Certificate, Charter, Choice, Confirm, CutContent,
        CutError, Entry, Fraction, Held, MANDATE_MS_MAX, Mandate, Method, Methods, Proposal, Reach,
        Reason, Rule, Salt, SealerSignature, SignedMandate, SignedMessage, SignedProposal,
        Statement, Topic, TrustAnchors, Verdict, certificate::Origin, commit, is_about_times,
        verify,
    },
    identity::{ConversationId, PersonaKey, ProposalId},
};

const CERTIFICATES: u64 = 1_000;

/// Random byte edits tried; `BYTE_EDITS` asks for more.
fn byte_edits() -> u64 {
    let text = std::env::var("BYTE_EDITS").ok();
    text.map_or(5_000, |text| text.parse().expect("a number of edits"))
}

fn any_rule(rng: &mut ChaCha8Rng, options: u16, voters: u16) -> Rule {
    let quorum = rng.gen_range(0..=voters.min(3));
    let den = rng.gen_range(1..=10);
    let base = if rng.r#gen() { Base::Cast } else { Base::Electorate };
    let num = rng.gen_range(1..=den);
    if options == 0 {
        let holders: Vec<u16> = (0..voters).filter(|_| rng.gen_bool(0.3)).collect();
        return match rng.gen_range(0..3) {
            0 => Rule::Consent { quorum },
            1 if !holders.is_empty() => Rule::Veto { num, den, base, quorum, holders },
            _ => Rule::Threshold { num, den, base, quorum },
        };
    }
    let minimum = Fraction { num: rng.gen_range(0..=den), den };
    let winners = rng.gen_range(1..=options);
    match rng.gen_range(0..4) {
        0 => Rule::Score { points: rng.gen_range(1..=10), winners, quorum },
        1 => Rule::Suitability { winners, minimum, quorum },
        2 if options > 1 => Rule::Ranked { quorum },
        _ => Rule::Approval { winners, minimum, quorum },
    }
}

fn any_choice(rng: &mut ChaCha8Rng, rule: &Rule, options: u16) -> Choice {
    if rng.gen_bool(0.1) {
        return Choice::Abstain;
    }
    let mut points = |most: u8| (0..options).map(|_| rng.gen_range(0..=most)).collect();
    match rule {
        Rule::Score { points: most, .. } => Choice::Points(points(*most)),
        Rule::Suitability { .. } => Choice::Points(points(2)),
        Rule::Ranked { .. } => {
            let mut all: Vec<u16> = (0..options).collect();
            all.shuffle(rng);
            all.truncate(rng.gen_range(0..=usize::from(options)));
            Choice::Rank(all)
        }
        Rule::Approval { .. } => Choice::Approve((0..options).filter(|_| rng.r#gen()).collect()),
        Rule::Consent { .. } if rng.gen_bool(0.1) => Choice::Object("Zu spät\nfor us".into()),
        Rule::Threshold { .. } | Rule::Veto { .. } if rng.r#gen() => Choice::No,
        _ => Choice::Yes,
    }
}

/// Says who casts a ballot at a time.
type Marks = fn(&mut ChaCha8Rng, &Charter, &PersonaKey, u64) -> Caster;

/// Whoever casts a ballot: the owner, or the persona under a mandate that covers it.
fn any_caster(
    rng: &mut ChaCha8Rng,
    charter: &Charter,
    key: &PersonaKey,
    cast_at_ms: u64,
) -> Caster {
    let proposal = charter.proposal();
    if matches!(proposal.rule, Rule::Reveal(_)) {
        return Caster::Committed;
    }
    if rng.gen_bool(0.4) {
        return Caster::Owner;
    }
    let reaches =
        [Reach::Everywhere, Reach::Conversation(proposal.group), Reach::Proposal(charter.id())];
    let about_times = is_about_times(proposal) && rng.r#gen();
    let others = Method::ALL.into_iter().filter(|_| rng.r#gen());
    let methods = others.chain([proposal.rule.method()]).collect();
    let mandate = Mandate {
        number: rng.r#gen(),
        reach: *reaches.choose(rng).expect("there are three"),
        topic: if about_times { Topic::Times } else { Topic::Any },
        methods,
        granted_at_ms: cast_at_ms - rng.gen_range(0..=MANDATE_MS_MAX / 2),
        expires_at_ms: cast_at_ms + rng.gen_range(0..=MANDATE_MS_MAX / 2),
    };
    Caster::Persona(SignedMandate::sign(mandate, key))
}

/// A mandate that does not cover the ballot it stands in, under the right key or a wrong one.
fn wrong_caster(
    rng: &mut ChaCha8Rng,
    charter: &Charter,
    right: &PersonaKey,
    cast_at_ms: u64,
) -> Caster {
    let keys = keys(charter.electorate().len() + 1);
    let mut mandate = Mandate {
        number: 1,
        reach: Reach::Everywhere,
        topic: Topic::Any,
        methods: Methods::all(),
        granted_at_ms: cast_at_ms - 1,
        expires_at_ms: cast_at_ms + 1,
    };
    let mut key = right;
    match rng.gen_range(0..9) {
        0 => mandate.expires_at_ms = cast_at_ms - 1,
        1 => mandate.granted_at_ms = cast_at_ms + 1,
        2 => mandate.reach = Reach::Conversation(ConversationId([77; 16])),
        3 => mandate.reach = Reach::Proposal(ProposalId([77; 32])),
        4 if !is_about_times(charter.proposal()) => mandate.topic = Topic::Times,
        5 => mandate.methods = [].into_iter().collect(),
        6 => mandate.granted_at_ms = cast_at_ms - MANDATE_MS_MAX,
        7 => return Caster::Committed,
        _ => key = keys.iter().find(|key| key.id() != right.id()).expect("there is one more"),
    }
    Caster::Persona(SignedMandate::sign(mandate, key))
}

/// Ballots of most voters, none of some and two of others; in the second half of a hidden vote
/// only of those who committed.
fn any_ballots(
    rng: &mut ChaCha8Rng,
    keys: &[PersonaKey],
    charter: &Charter,
    marks: Marks,
    choice: impl Fn(&mut ChaCha8Rng, u16) -> Option<Choice>,
) -> Vec<Ballot> {
    let mut ballots = Vec::new();
    for voter in 0..u16::try_from(charter.electorate().len()).unwrap() {
        let count = [0, 1, 1, 1, 1, 1, 1, 2][rng.gen_range(0..8)];
        for _ in 0..count {
            let proposal = charter.proposal();
            let cast_at_ms = rng.gen_range(proposal.opens_at_ms..=proposal.deadline_ms);
            if let Some(choice) = choice(rng, voter) {
                let by = marks(rng, charter, &keys[usize::from(voter)], cast_at_ms);
                ballots.push(Ballot { voter, cast_at_ms, choice, by });
            }
        }
    }
    ballots
}

/// Lists and confirmations of some quorum.
fn certify(
    rng: &mut ChaCha8Rng,
    keys: &[PersonaKey],
    charter: &Charter,
    origin: impl Into<Origin>,
    cast: Vec<Ballot>,
) -> Certificate {
    let id = charter.id();
    let sign = |statement: &Statement| {
        SignedMessage::sign(id, statement, &keys[usize::from(statement.signer())]).signature()
    };
    let record = |ballot: Ballot| {
        let entry = Entry { voter: ballot.voter, ballot: ballot.hash(id) };
        let signature = sign(&Statement::Ballot(ballot.clone()));
        (entry, BallotRecord { ballot, signature })
    };
    let ballots: BTreeMap<_, _> = cast.into_iter().map(record).collect();
    let quorum = charter.quorum();
    let mut sealers: Vec<u16> = (0..quorum.n).collect();
    sealers.shuffle(rng);
    let lists: Vec<Held> = sealers[..usize::from(quorum.q)]
        .iter()
        .map(|sealer| Held {
            sealer: *sealer,
            seq: rng.gen_range(1..9),
            closed: true,
            entries: ballots.keys().filter(|_| rng.gen_bool(0.9)).copied().collect(),
        })
        .collect();
    let signed: Vec<_> =
        lists.iter().map(|list| (list, sign(&Statement::Held(list.clone())))).collect();
    let content = CutContent::build(charter, &signed, |e| ballots.get(e).cloned()).unwrap();
    let value = content.digest(id);
    sealers.shuffle(rng);
    let mut confirms: Vec<_> = sealers[..usize::from(quorum.q)]
        .iter()
        .map(|sealer| {
            let confirm = Confirm { sealer: *sealer, value };
            SealerSignature { sealer: *sealer, signature: sign(&Statement::Confirm(confirm)) }
        })
        .collect();
    confirms.sort_unstable_by_key(|confirm| confirm.sealer);
    Certificate::build(charter, origin, content, confirms)
}

/// A certificate as honest members could have made it, without playing the protocol. Some are of
/// hidden votes, most of these with the choices revealed.
fn any_certificate(seed: u64) -> Certificate {
    certificate_by(seed, any_caster)
}

fn certificate_by(seed: u64, marks: Marks) -> Certificate {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let voters = if rng.gen_bool(0.05) { 17 } else { rng.gen_range(1..=7) };
    let keys = keys(usize::from(voters));
    let options = if rng.r#gen() { 0 } else { rng.gen_range(1..=5) };
    let rule = any_rule(&mut rng, options, voters);
    let name = |i| match seed % 3 {
        0 => format!("2031-05-0{}T18:00:00Z/2031-05-0{}T20:00:00Z", i + 1, i + 1),
        _ => format!("Tag {i} – Früh"),
    };
    let names: Vec<String> = (0..options).map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_hidden = rng.gen_bool(0.3);
    let asked = if is_hidden {
        Rule::Hidden { rule: Box::new(rule.clone()), reveal_ms: rng.gen_range(1_000..600_000) }
    } else {
        rule.clone()
    };
    let mut terms = terms(asked, &names, keys[0].id());
    terms.nonce = rng.r#gen();
    let electorate: Vec<_> = keys.iter().map(PersonaKey::id).collect();
    let frozen = Proposal::freeze(terms, &electorate).unwrap();
    let proposal = SignedProposal::sign(&frozen, &keys[0]);
    let charter = Charter::new(&proposal, electorate).unwrap();
    if !is_hidden {
        let cast = any_ballots(&mut rng, &keys, &charter, marks, |rng, _| {
            Some(any_choice(rng, &rule, options))
        });
        return certify(&mut rng, &keys, &charter, &proposal, cast);
    }
    let secrets: Vec<(Salt, Choice)> =
        (0..voters).map(|_| (rng.r#gen(), any_choice(&mut rng, &rule, options))).collect();
    let secret = |voter: u16| secrets[usize::from(voter)].clone();
    let cast = any_ballots(&mut rng, &keys, &charter, marks, |_, voter| {
        let (salt, choice) = secret(voter);
        Some(Choice::Commit(commit(charter.id(), voter, &salt, &choice)))
    });
    let hidden = certify(&mut rng, &keys, &charter, &proposal, cast);
    let Some(charter) = Charter::revealing(&hidden) else { return hidden };
    let Rule::Reveal(reveal) = charter.proposal().rule.clone() else { panic!() };
    let cast = any_ballots(&mut rng, &keys, &charter, marks, |_, voter| {
        let (salt, choice) = secret(voter);
        let committed = reveal.commitments.iter().any(|commitment| commitment.voter == voter);
        committed.then(|| Choice::Reveal { salt, choice: Box::new(choice) })
    });
    certify(&mut rng, &keys, &charter, Origin::Revealed(Box::new(hidden)), cast)
}

fn trust(certificate: &Certificate) -> TrustAnchors {
    certificate.roster().iter().copied().collect()
}

/// One byte or more changed, removed, repeated or added.
fn edit(rng: &mut ChaCha8Rng, bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = rng.gen_range(0..changed.len());
    match rng.gen_range(0..6) {
        0 => changed.truncate(at),
        1 => {
            changed.remove(at);
        }
        2 => changed.insert(at, rng.r#gen()),
        3 => {
            let other = rng.gen_range(0..changed.len());
            changed.swap(at, other);
        }
        _ => changed[at] ^= rng.gen_range(1..=255),
    }
    changed
}

/// A certificate with one of its parts told otherwise and everything else left as it was.
fn lie(rng: &mut ChaCha8Rng, certificate: &Certificate) -> Option<Certificate> {
    let mut content = certificate.content().clone();
    let mut confirms = certificate.confirms().to_vec();
    let ballots = content.ballots.len();
    match rng.gen_range(0..16) {
        0 => content.result.tally.reverse(),
        1 => content.result.cast += 1,
        2 => content.result.electorate += 1,
        3 => content.result.void.push(0),
        4 => content.result.tally.push(0),
        5 => drop(content.ballots.pop()?),
        6 if ballots > 1 => content.ballots.swap(0, ballots - 1),
        7 => content.ballots.push(content.ballots.last()?.clone()),
        8 => content.ballots.first_mut()?.ballot.cast_at_ms += 1,
        9 => content.held.first_mut()?.seq += 1,
        10 => *content.held.first_mut()?.bitmap.first_mut()? ^= 1,
        11 => drop(content.held.pop()?),
        12 => drop(confirms.pop()?),
        13 => match &mut content.ballots.first_mut()?.ballot.choice {
            Choice::Reveal { salt, .. } => salt[0] ^= 1,
            _ => return None,
        },
        14 => match &mut content.ballots.first_mut()?.ballot.choice {
            Choice::Reveal { choice, .. } => **choice = Choice::Abstain,
            other => *other = Choice::Abstain,
        },
        _ => confirms.push(*confirms.first()?),
    }
    let charter = match certificate.hidden() {
        Some(hidden) => Charter::revealing(hidden).unwrap(),
        None => Charter::new(certificate.signed_proposal(), certificate.roster().to_vec()).unwrap(),
    };
    let lied = Certificate::build(&charter, certificate.origin(), content, confirms);
    (lied != *certificate).then_some(lied)
}

fn name(bytes: &[u8], trust: &TrustAnchors) -> &'static str {
    match Certificate::from_bytes(bytes).map(|certificate| verify(&certificate, trust)) {
        Ok(Verdict::Valid(_)) => "valid",
        Ok(Verdict::Unanchored(_)) => "unanchored",
        Ok(Verdict::Invalid(_)) | Err(_) => "invalid",
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A Python that has the package with Ed25519: the one of this machine, or one made under
/// `target/`.
fn python() -> Option<PathBuf> {
    let works = |python: &Path| {
        let tried = Command::new(python).args(["-c", "import cryptography"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let system = PathBuf::from("python3");
    if works(&system) {
        return Some(system);
    }
    let folder = root().join("target/second-verifier");
    let own = folder.join("bin/python");
    if !works(&own) {
        let run = |program: &Path, arguments: &[&str]| {
            let done = Command::new(program).args(arguments).output();
            done.is_ok_and(|done| done.status.success())
        };
        run(&system, &["-m", "venv", folder.to_str()?]);
        run(&own, &["-m", "pip", "install", "--quiet", "cryptography"]);
    }
    works(&own).then_some(own)
}

/// What the second verifier says to each; none where it cannot run.
fn second_verdicts(cases: &[(Vec<u8>, Vec<String>)]) -> Option<Vec<serde_json::Value>> {
    let Some(python) = python() else {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "the second verifier needs python3 with the package cryptography");
        eprintln!("skipped: the second verifier; run pip install cryptography");
        return None;
    };
    let mut child = Command::new(python)
        .arg("-B")
        .arg(root().join("tests/verify/verify.py"))
        .arg("--batch")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases
        .iter()
        .map(|(bytes, trust)| {
            let certificate = data_encoding::BASE64.encode(bytes);
            serde_json::json!({"certificate": certificate, "trust": trust}).to_string() + "\n"
        })
        .collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    Some(answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn both_verifiers_refuse_every_mandate_that_does_not_cover_its_ballot() {
    let mut cases = Vec::new();
    for seed in 0..300 {
        let certificate = certificate_by(seed, wrong_caster);
        let first = certificate.hidden().unwrap_or(&certificate);
        if first.content().ballots.is_empty() {
            continue;
        }
        let whole = certificate.to_bytes();
        let verdict = verify(&certificate, &trust(&certificate));
        let of_a_ballot = |reason: &Reason| match reason {
            Reason::Cut(CutError::Ballot(_)) => true,
            // In the second half it is the first certificate that does not hold.
            _ => certificate.hidden().is_some(),
        };
        assert!(matches!(&verdict, Verdict::Invalid(reason) if of_a_ballot(reason)), "{verdict:?}");
        cases.push((whole, certificate.roster().iter().map(ToString::to_string).collect()));
    }
    assert!(cases.len() > 200);
    let Some(answers) = second_verdicts(&cases) else { return };
    for answer in answers {
        assert_eq!(answer["verdict"], "invalid", "{answer}");
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains("mandate") || reason.contains("mark"), "{answer}");
    }
}

#[test]
fn two_verifiers_agree_on_certificates_of_every_method_and_on_damaged_ones() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut cases = Vec::new();
    let mut ours = Vec::new();
    for seed in 0..CERTIFICATES {
        let certificate = any_certificate(seed);
        let mut trusted: Vec<_> = certificate.roster().to_vec();
        if seed % 5 == 0 {
            trusted.pop();
        }
        let anchors: TrustAnchors = trusted.iter().copied().collect();
        let dids: Vec<String> = trusted.iter().map(ToString::to_string).collect();
        let whole = certificate.to_bytes();
        let expected = if seed % 5 == 0 { "unanchored" } else { "valid" };
        assert_eq!(name(&whole, &anchors), expected, "certificate {seed}");
        let mut versions = vec![edit(&mut rng, &whole)];
        versions.extend(lie(&mut rng, &certificate).map(|lied| lied.to_bytes()));
        versions.push(whole);
        for bytes in versions {
            ours.push((name(&bytes, &anchors), certificate.digest()));
            cases.push((bytes, dids.clone()));
        }
    }
    let Some(theirs) = second_verdicts(&cases) else { return };
    assert_eq!(theirs.len(), ours.len());
    for (i, ((verdict, digest), answer)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(answer["verdict"], *verdict, "case {i}: {answer}");
        if *verdict != "invalid" {
            assert_eq!(answer["digest"], data_encoding::HEXLOWER.encode(digest), "case {i}");
        }
    }
    let valid = ours.iter().filter(|(verdict, _)| *verdict == "valid").count();
    println!("{} cases, {valid} of them valid: both verifiers say the same", ours.len());
}

#[test]
fn no_edited_certificate_is_accepted_by_either_verifier() {
    let certificates: Vec<_> = (0..40).map(|seed| any_certificate(10_000 + seed)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for _ in 0..200 {
        for certificate in &certificates {
            if let Some(lied) = lie(&mut rng, certificate) {
                assert_eq!(name(&lied.to_bytes(), &trust(certificate)), "invalid");
            }
        }
    }
    let (mut edits, mut refused) = (0, 0);
    while edits < byte_edits() {
        // So many at a time as fit into memory.
        let count = (byte_edits() - edits).min(5_000);
        let mut cases = Vec::new();
        while cases.len() < usize::try_from(count).unwrap() {
            let certificate = certificates.choose(&mut rng).unwrap();
            let whole = certificate.to_bytes();
            let changed = edit(&mut rng, &whole);
            if changed != whole {
                assert_eq!(name(&changed, &trust(certificate)), "invalid");
                let dids = certificate.roster().iter().map(ToString::to_string).collect();
                cases.push((changed, dids));
            }
        }
        edits += count;
        let Some(answers) = second_verdicts(&cases) else { return };
        assert_eq!(answers.len(), cases.len());
        let accepted = answers.iter().find(|answer| answer["verdict"] != "invalid");
        assert_eq!(accepted, None);
        refused += answers.len();
    }
    println!("{refused} edits: none accepted by either verifier");
}
