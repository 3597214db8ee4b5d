//! A hidden vote: both halves are played, the second from a certificate of the first.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{
    super::world::majority,
    arena::{Arena, Secrets, VOTING_MS},
    checks::{Outcome, examine},
};
use crate::decision::{Certificate, Charter, Choice, Rule, certificate::Origin};

/// Plays one hidden vote and checks it.
pub(super) fn judge_hidden(n: usize, liars: usize, seed: u64) -> Outcome {
    let rule = Rule::Hidden { rule: Box::new(majority()), reveal_ms: VOTING_MS };
    let mut first = Arena::of(rule, n, liars, seed);
    let mut outcome = examine(&mut first);
    nothing_is_seen(&first, &mut outcome);
    let certificate = first.honest().find_map(|member| member.decision.certificate()).cloned();
    // Nobody acts on a fork, and nothing follows when nobody committed.
    let Some(certificate) = certificate.filter(|_| !outcome.forked) else { return outcome };
    let Some(charter) = Charter::revealing(&certificate) else { return outcome };

    let secret = |member: &super::member::Member| {
        Some(((member.seat, member.camp), member.decision.secret()?))
    };
    let secrets: Secrets = first.members.iter().filter_map(secret).collect();
    let origin = Origin::Revealed(Box::new(certificate));
    let rng = ChaCha8Rng::seed_from_u64(!seed);
    let mut second = Arena::begin(rng, charter, origin, first.liars.clone(), secrets.clone());
    let then = examine(&mut second);
    outcome.complaints.extend(then.complaints);
    outcome.forked |= then.forked;
    outcome.culprits = then.culprits;
    outcome.decided = then.decided;
    outcome.accused += then.accused;
    outcome.views = outcome.views.max(then.views);
    outcome.receipts += then.receipts;
    outcome.messages += then.messages;
    if let Some(certificate) = second.honest().find_map(|m| m.decision.certificate()) {
        nobody_is_misquoted(&second, &secrets, certificate, &mut outcome);
    }
    outcome
}

/// Nothing said in the first half tells a choice.
fn nothing_is_seen(first: &Arena, outcome: &mut Outcome) {
    let mut choices = first.known.ballots.values().map(|record| &record.ballot.choice);
    if choices.any(|choice| !matches!(choice, Choice::Commit(_))) {
        outcome.complaints.push("a choice was seen while voting was on".into());
    }
}

/// What counts is what was committed to: of honest members what they chose, of others no two
/// things.
fn nobody_is_misquoted(
    second: &Arena,
    secrets: &Secrets,
    certificate: &Certificate,
    outcome: &mut Outcome,
) {
    if !certificate.result().void.is_empty() {
        outcome.complaints.push("one commitment was revealed twice".into());
    }
    for record in &certificate.content().ballots {
        let seat = usize::from(record.ballot.voter);
        let said = secrets.get(&(seat, None));
        if !second.is_liar(seat) && said != Some(&record.ballot.choice) {
            outcome.complaints.push(format!("{seat} is said to have chosen otherwise"));
        }
    }
}
