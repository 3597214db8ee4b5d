//! A simulation that finds nothing proves something only if it finds a fault that is there.

use super::checks::judge;
use crate::decision::mutant::{Mutant, with};

/// Runs tried before a fault counts as unnoticed.
const RUNS_MAX: u64 = 4_000;

/// Plays with a fault until a checker complains of this.
fn notices(mutant: Mutant, n: usize, liars: usize, wanted: &str) {
    with(mutant, || {
        for seed in 0..RUNS_MAX {
            let outcome = judge(n, liars, seed);
            if let Some(complaint) = outcome.complaints.iter().find(|c| c.contains(wanted)) {
                println!("{mutant:?}: run {seed}: {complaint}");
                return;
            }
        }
        panic!("{mutant:?} went unnoticed in {RUNS_MAX} runs");
    });
}

#[test]
fn a_quorum_with_one_signature_less_is_noticed() {
    notices(Mutant::QuorumLessOne, 4, 1, "results have certificates");
}

#[test]
fn confirming_twice_is_noticed() {
    notices(Mutant::ConfirmTwice, 4, 2, "TwoConfirmations");
}

#[test]
fn finalizing_what_was_given_up_is_noticed() {
    notices(Mutant::FinalizeAfterNullify, 4, 1, "NullifiedAndFinalized");
}

#[test]
#[ignore = "takes minutes unoptimised; tests/exhaustive finds it at once"]
fn a_cut_without_its_nullifications_is_noticed() {
    notices(Mutant::NoNullificationCheck, 4, 1, "could be finalized");
}

#[test]
fn notarizing_twice_is_noticed() {
    notices(Mutant::NotarizeTwice, 4, 1, "TwoNotarizations");
}

#[test]
#[ignore = "takes minutes unoptimised; tests/exhaustive finds it at once"]
fn notarizing_against_what_was_finalized_is_noticed() {
    notices(Mutant::NotarizeAfterFinalize, 4, 1, "NotarizedAndFinalized");
}

#[test]
fn a_list_that_shrinks_is_noticed() {
    notices(Mutant::ListShrinks, 4, 1, "Lists");
}
