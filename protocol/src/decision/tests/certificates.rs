//! What a changed certificate is worth: nothing.

use super::{
    simulation::world,
    world::{DEADLINE, World, keys, propose, terms},
};
use crate::decision::{
    Certificate, Choice, Fraction, Outcome, Rule, TrustAnchors, Verdict, read_json, render_json,
    verify,
};

fn small() -> (Certificate, TrustAnchors) {
    let keys = keys(2);
    let rule = Rule::Approval { winners: 1, minimum: Fraction { num: 1, den: 2 }, quorum: 1 };
    let options = ["Friday", "Saturday"];
    let mut world = World::new(2, propose(&keys, terms(rule, &options, keys[0].id())), 1);
    world.vote(0, Choice::Approve(vec![0, 1]));
    world.vote(1, Choice::Approve(vec![1]));
    world.run(DEADLINE);
    let trust = world.charter.electorate().iter().copied().collect();
    (world.agreed().unwrap(), trust)
}

#[test]
fn the_certificate_says_what_was_voted() {
    let (certificate, trust) = small();
    let Verdict::Valid(verified) = verify(&certificate, &trust) else { panic!() };
    assert_eq!(verified.result.outcome, Outcome::Winners { options: vec![1], tie: false });
    assert_eq!(verified.result.tally, [1, 2]);
    let file = render_json(&certificate);
    for part in ["\"Saturday\"", "did:key:z6Mk", "\"deadline\": \"2030-03-17T18:46:40.000Z\""] {
        assert!(file.contains(part), "{part} in {file}");
    }
}

#[test]
fn every_changed_byte_of_a_certificate_makes_it_worthless() {
    let (certificate, trust) = small();
    let bytes = certificate.to_bytes();
    assert_eq!(Certificate::from_bytes(&bytes).as_ref(), Ok(&certificate));
    for at in 0..bytes.len() {
        for flip in [1u8, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            if let Ok(certificate) = Certificate::from_bytes(&changed) {
                let verdict = verify(&certificate, &trust);
                assert!(matches!(verdict, Verdict::Invalid(_)), "byte {at} xor {flip}");
            }
        }
    }
    for len in 0..bytes.len() {
        assert!(Certificate::from_bytes(&bytes[..len]).is_err());
    }
    assert!(Certificate::from_bytes(&[bytes, vec![0]].concat()).is_err());
}

#[test]
fn every_changed_byte_of_the_file_is_noticed() {
    let (certificate, _) = small();
    let file = render_json(&certificate).into_bytes();
    assert_eq!(read_json(&file).as_ref(), Ok(&certificate));
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(read_json(&changed).is_err(), "byte {at}");
    }
    assert!(read_json(&file[..file.len() - 1]).is_err());
    assert!(read_json(&[&file[..], b" "].concat()).is_err());
}

#[test]
fn parts_of_another_certificate_do_not_fit() {
    let certificate_of = |count: usize, choice: Choice| {
        let mut world = world(count, 4);
        for node in 0..count {
            world.vote(node, choice.clone());
        }
        world.run(DEADLINE);
        let trust: TrustAnchors = world.charter.electorate().iter().copied().collect();
        (world.agreed().unwrap(), trust)
    };
    let (yes, trust) = certificate_of(4, Choice::Yes);
    let (no, _) = certificate_of(4, Choice::No);
    assert_eq!(yes.proposal_id(), no.proposal_id());
    assert!(verify(&yes, &trust).is_valid() && verify(&no, &trust).is_valid());
    let mixed = Certificate::build(
        &crate::decision::Charter::new(yes.signed_proposal(), yes.roster().to_vec()).unwrap(),
        yes.signed_proposal(),
        yes.content().clone(),
        no.confirms().to_vec(),
    );
    assert!(matches!(verify(&mixed, &trust), Verdict::Invalid(_)));
    let mut content = yes.content().clone();
    content.result.outcome = Outcome::Rejected;
    let charter =
        crate::decision::Charter::new(yes.signed_proposal(), yes.roster().to_vec()).unwrap();
    let confirms = yes.confirms().to_vec();
    let lied = Certificate::build(&charter, yes.signed_proposal(), content, confirms.clone());
    assert!(matches!(verify(&lied, &trust), Verdict::Invalid(_)));
    let mut content = yes.content().clone();
    content.ballots.pop();
    let fewer = Certificate::build(&charter, yes.signed_proposal(), content, confirms.clone());
    assert!(matches!(verify(&fewer, &trust), Verdict::Invalid(_)));
    let mut doubled = confirms;
    doubled[1] = doubled[0];
    let repeated =
        Certificate::build(&charter, yes.signed_proposal(), yes.content().clone(), doubled);
    assert!(matches!(verify(&repeated, &trust), Verdict::Invalid(_)));
}

#[test]
fn a_hundred_voters_fit_the_limit() {
    let mut world = world(100, 6);
    world.now += 1;
    for node in 0..100 {
        world.vote(node, if node % 5 == 0 { Choice::No } else { Choice::Yes });
    }
    // Only sealers need to hear each other for the certificate to form.
    world.network.retain(|(to, _)| *to < 13);
    world.hears = Box::new(|listener, _| listener < 13);
    world.run(DEADLINE);
    let certificate = world.agreed().unwrap();
    assert_eq!(certificate.result().cast, 100);
    assert!(certificate.to_bytes().len() < 32 * 1024);
    let trust = world.charter.electorate().iter().copied().collect();
    assert!(verify(&certificate, &trust).is_valid());
}
