//! What must hold whatever the liars did.

use std::collections::BTreeSet;

use rand::Rng;

use super::{arena::Arena, member::Bytes};
use crate::decision::{
    Certificate, Digest, Entry, Kind, Offence, Phase, Slot, Statement, TrustAnchors, verify,
};

/// Rows a member may have on disk for each seat: what it votes in sixty-four views, in four ways,
/// its lists, and the evidence against it.
const ROWS_PER_SEAT: usize = 64 * 4 + 40;

/// What came of one run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) complaints: Vec<String>,
    pub(super) forked: bool,
    /// The fewest that were named by a member who saw the fork.
    pub(super) culprits: usize,
    pub(super) decided: usize,
    pub(super) accused: usize,
    pub(super) views: u32,
    pub(super) receipts: usize,
    pub(super) messages: usize,
}

/// Plays one run and checks it.
pub(super) fn judge(n: usize, liars: usize, seed: u64) -> Outcome {
    examine(&mut Arena::new(n, liars, seed))
}

/// Plays the run of this arena and checks it.
pub(super) fn examine(arena: &mut Arena) -> Outcome {
    let n = arena.charter.electorate().len();
    arena.run();
    let mut outcome = Outcome::default();
    let decided = arena.honest().filter(|m| m.decision.certificate().is_some()).count();
    outcome.decided = decided;
    let within = arena.is_within_tolerance();
    if within && decided < arena.honest().count() {
        outcome.complaints.push(format!("only {decided} decided"));
    }
    let receipts = receipts(arena);
    outcome.receipts = receipts.len();
    outcome.views = arena.known.voted(Kind::Notarize).iter().map(|(v, _)| *v).max().unwrap_or(0);

    let certificates = all_certificates(arena);
    let digests: BTreeSet<Digest> = certificates.iter().map(Certificate::digest).collect();
    outcome.forked = digests.len() > 1;
    if outcome.forked && within {
        outcome.complaints.push(format!("{} results have certificates", digests.len()));
    }
    if within {
        inner_agreement(arena, &mut outcome);
    }
    anchored(arena, &certificates, &mut outcome);
    // Everyone sees everything: the truth about liars comes out, and nothing about others.
    if !within || arena.rng.gen_bool(0.25) {
        let files: Vec<Bytes> = certificates.iter().map(|c| c.to_bytes().into()).collect();
        arena.exchange(&files);
        counted(arena, &receipts, &certificates, within, &mut outcome);
    }
    accusations(arena, &mut outcome);
    if outcome.forked {
        culprits(arena, &mut outcome);
    }
    for member in arena.honest() {
        if member.rows() > ROWS_PER_SEAT * n {
            outcome.complaints.push(format!(
                "{} rows on the disk of {}",
                member.rows(),
                member.seat
            ));
        }
    }
    outcome.messages = arena.known.history.len();
    outcome
}

fn all_certificates(arena: &mut Arena) -> Vec<Certificate> {
    let mut all = arena.forge_certificates();
    all.extend(arena.honest().flat_map(|member| member.certificates.iter().cloned()));
    let mut seen = BTreeSet::new();
    all.retain(|certificate| seen.insert(certificate.digest()));
    all
}

/// A stranger with the members' keys finds every certificate valid.
fn anchored(arena: &Arena, certificates: &[Certificate], outcome: &mut Outcome) {
    let trust: TrustAnchors = arena.charter.electorate().iter().copied().collect();
    for certificate in certificates {
        if !verify(certificate, &trust).is_valid() {
            outcome.complaints.push("a certificate does not hold".into());
        }
    }
}

/// Even without "confirm once" there would be one result: a quorum, all liars with it, finalized
/// one value only.
fn inner_agreement(arena: &Arena, outcome: &mut Outcome) {
    let mut values = BTreeSet::new();
    for (view, value) in arena.known.voted(Kind::Finalize) {
        let mut sealers: BTreeSet<u16> =
            arena.known.signers(Kind::Finalize, view, value).into_keys().collect();
        sealers.extend(&arena.liars);
        if sealers.len() >= usize::from(arena.charter.quorum().q) {
            values.extend(value);
        }
    }
    if values.len() > 1 {
        outcome.complaints.push(format!("{} values could be finalized", values.len()));
    }
}

/// Honest voters whom a quorum told that their ballot is held.
fn receipts(arena: &Arena) -> Vec<Entry> {
    let q = arena.charter.quorum().q;
    let told = arena.honest().filter(|m| m.decision.view().receipts.is_some_and(|r| r >= q));
    told.filter_map(|member| match member.decision.guard().used(Slot::Ballot) {
        Some(Statement::Ballot(ballot)) => {
            Some(Entry { voter: ballot.voter, ballot: ballot.hash(arena.charter.id()) })
        }
        _ => None,
    })
    .collect()
}

/// A receipt of a quorum counts, or a sealer is proved to have broken its word.
fn counted(
    arena: &Arena,
    receipts: &[Entry],
    certificates: &[Certificate],
    within: bool,
    outcome: &mut Outcome,
) {
    for certificate in certificates {
        let counts = |entry: &Entry| {
            let ballots = &certificate.content().ballots;
            ballots.iter().any(|record| record.ballot.hash(arena.charter.id()) == entry.ballot)
        };
        for entry in receipts.iter().filter(|entry| !counts(entry)) {
            let broke = arena.honest().all(|member| {
                member.evidence.iter().any(|evidence| evidence.offence == Offence::Lists)
            });
            if within || !broke {
                outcome.complaints.push(format!("the ballot of {} was left out", entry.voter));
            }
        }
    }
}

/// Nobody honest is ever named.
fn accusations(arena: &Arena, outcome: &mut Outcome) {
    let mut named = BTreeSet::new();
    for member in &arena.members {
        let view = member.decision.view();
        for evidence in member.evidence.iter().chain(&view.evidence) {
            let seat = arena.charter.seat(&evidence.culprit).expect("a member");
            if !arena.liars.contains(&seat) {
                outcome.complaints.push(format!("honest {seat} accused: {:?}", evidence.offence));
            }
            named.insert(seat);
        }
    }
    outcome.accused = named.len();
}

/// Whoever sees two certificates acts on neither, and can name `2q - n`.
fn culprits(arena: &Arena, outcome: &mut Outcome) {
    let quorum = arena.charter.quorum();
    let least = usize::from(2 * quorum.q - quorum.n);
    outcome.culprits = usize::MAX;
    for member in arena.honest() {
        let view = member.decision.view();
        if view.phase != Phase::Forked || member.decision.certificate().is_some() {
            outcome.complaints.push(format!("{} does not see the fork", member.seat));
        }
        let twice = |e: &&crate::decision::Evidence| e.offence == Offence::TwoConfirmations;
        let named = view.evidence.iter().filter(twice).count();
        if named < least {
            outcome.complaints.push(format!("only {named} of {least} named"));
        }
        outcome.culprits = outcome.culprits.min(named);
    }
}
