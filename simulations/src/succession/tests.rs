//! The configurations that are visited whole, and the mutants.
//!
//! What runs with the other tests takes seconds; the rest is `#[ignore]`d and run by
//! `cargo test --release -p simulations succession -- --ignored --nocapture`.

use super::{
    state::Change::{Add, Refresh, Remove},
    *,
};

/// Four members, one removal, two elections.
const REMOVAL: Config = Config {
    members: 4,
    term_max: 2,
    changes: &[Remove],
    stands: 2,
    crashes: 0,
    lies: false,
    deputies: false,
    tells: false,
    heals: true,
    mutant: None,
};

/// Two changes, one election.
const CHANGES: Config = Config { changes: &[Refresh, Remove], stands: 1, ..REMOVAL };

/// Three members, a crash, and everybody tells what it followed.
const CRASH: Config =
    Config { members: 3, changes: &[Refresh], crashes: 1, tells: true, ..REMOVAL };

/// Four members, a crash, two candidates of one term and two terms.
const DUEL: Config = Config { changes: &[Refresh], crashes: 1, ..REMOVAL };

/// The first holder signs two entries for one epoch.
const LIAR: Config = Config { changes: &[Refresh], stands: 1, lies: true, ..REMOVAL };

/// Deputies act without a majority.
const DEPUTY: Config = Config { changes: &[Refresh], stands: 2, deputies: true, ..REMOVAL };

/// The roster grows before the election.
const GROWTH: Config = Config { members: 3, changes: &[Add, Remove], stands: 1, ..REMOVAL };

/// The same, for safety only: five times as many states in the time.
const fn safe(config: Config) -> Config {
    Config { heals: false, ..config }
}

fn holds(config: Config) {
    let began = std::time::Instant::now();
    let findings = config.explore();
    println!(
        "{} states, depth {}, {:.1} s",
        findings.states,
        findings.depth,
        began.elapsed().as_secs_f64()
    );
    assert!(findings.violation.is_none(), "{:#?}", findings.violation);
    assert!(findings.states > 500, "only {} states: nothing happened", findings.states);
}

fn caught(config: Config, mutant: Mutant, by: &[Violation]) {
    let heals = by.contains(&Violation::DoesNotHeal);
    let findings = Config { mutant: Some(mutant), heals, ..config }.explore();
    println!("{mutant:?}: {} states", findings.states);
    let found = findings.violation.map(|(found, _)| found);
    assert!(found.is_some_and(|found| by.contains(&found)), "{mutant:?}: {found:?}");
}

macro_rules! visited_whole {
    ($($(#[$slow:meta])? $test:ident: $config:expr;)*) => {
        $(#[test]
        $(#[$slow])?
        fn $test() {
            holds($config);
        })*
    };
}

visited_whole! {
    one_election_heals_and_is_safe: Config { changes: &[Refresh], stands: 1, ..REMOVAL };
    three_members_a_crash_and_two_terms: Config { members: 3, changes: &[], crashes: 1, ..REMOVAL };
    #[ignore = "minutes"] one_removal_and_two_elections: safe(REMOVAL);
    #[ignore = "minutes"] two_changes_and_an_election_heal: CHANGES;
    #[ignore = "minutes"] a_crash_while_all_tell_what_they_followed: CRASH;
    #[ignore = "minutes"] two_candidates_and_a_crash: safe(DUEL);
    #[ignore = "minutes"] a_sequencer_that_contradicts_itself: LIAR;
    #[ignore = "minutes"] deputies_without_a_majority: safe(DEPUTY);
    #[ignore = "minutes"] a_roster_that_changes_before_the_election: GROWTH;
}

#[test]
fn a_vote_forgotten_in_a_crash_is_caught() {
    let config = Config { members: 3, changes: &[], crashes: 1, ..REMOVAL };
    caught(config, Mutant::ForgetsItsVote, &[Violation::TwoHolders]);
}

#[test]
fn a_second_vote_in_one_term_is_caught() {
    let config = Config { members: 3, changes: &[], ..REMOVAL };
    caught(config, Mutant::VotesTwice, &[Violation::TwoHolders]);
}

#[test]
fn a_minority_that_elects_is_caught() {
    let config = Config { members: 3, changes: &[], ..REMOVAL };
    caught(config, Mutant::OneVoteLess, &[Violation::TwoHolders]);
}

#[test]
fn an_entry_forgotten_in_a_crash_is_caught() {
    let config = Config { changes: &[Refresh], stands: 1, crashes: 1, ..REMOVAL };
    caught(config, Mutant::ForgetsWhatItFollowed, &[Violation::FinalLeft]);
}

#[test]
fn following_a_deposed_sequencer_is_caught() {
    let config = Config { changes: &[Refresh], stands: 1, ..REMOVAL };
    caught(config, Mutant::FollowsTheDeposed, &[Violation::FinalLeft, Violation::TwoFinal]);
}

#[test]
fn a_new_sequencer_that_ignores_what_its_voters_followed_is_caught() {
    let config = Config { changes: &[Refresh], stands: 1, ..REMOVAL };
    caught(config, Mutant::StartsFromItsOwnHead, &[Violation::FinalLeft, Violation::TwoFinal]);
}

#[test]
fn a_longer_branch_without_votes_is_caught() {
    let config = Config { changes: &[Refresh, Refresh], stands: 1, ..REMOVAL };
    caught(config, Mutant::LongestBranchWins, &[Violation::FinalLeft, Violation::TwoFinal]);
}

#[test]
fn removals_that_are_forgotten_are_caught() {
    let config = Config { stands: 1, ..REMOVAL };
    caught(config, Mutant::ForgetsRemovals, &[Violation::RemovedReads]);
}

#[test]
fn members_left_behind_are_caught() {
    let config = Config { changes: &[Refresh], stands: 1, ..REMOVAL };
    caught(config, Mutant::NeverCatchesUp, &[Violation::DoesNotHeal]);
}

#[test]
fn an_election_that_is_never_tried_again_is_caught() {
    let config = Config { members: 3, changes: &[], ..REMOVAL };
    caught(config, Mutant::GivesUpAfterATie, &[Violation::DoesNotHeal]);
}

#[test]
#[ignore = "minutes"]
fn guessing_between_two_entries_is_caught() {
    let by = [Violation::FinalLeft, Violation::TwoFinal];
    caught(LIAR, Mutant::GuessesWhenUndecided, &by);
}
