//! A few seeds of every scenario.

use super::SCENARIOS;

/// Runs a scenario with a few seeds; a failure names the seed and what to run.
fn holds(name: &str, seeds: impl IntoIterator<Item = u64>) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let scenario = scenario.expect("a scenario of the table");
    for seed in seeds {
        let outcome = crate::run(scenario, seed, 1, false);
        assert!(
            outcome.complaints.is_empty(),
            "{:#?}\nrun again: cargo run -p simulations -- --scenario {name} --first {seed} \
             --seeds 1 --trace",
            outcome.complaints
        );
        assert!(outcome.frames > 0 && outcome.batches > 0, "nothing happened");
    }
}

macro_rules! scenarios {
    ($($test:ident: $name:literal, $seeds:literal;)*) => {
        $(#[test]
        fn $test() {
            holds($name, 0..$seeds);
        })*
    };
}

scenarios! {
    three_talk_and_vote_when_nothing_goes_wrong: "quiet", 1;
    messages_arrive_once_and_in_order_over_links_that_break: "lossy", 1;
    a_burst_survives_streams_that_die_unnoticed: "burst", 1;
    strangers_meet_over_bad_links_and_crashes: "strangers", 1;
    a_sleeper_gets_a_day_of_mail: "sleeper", 1;
    mail_survives_rotated_tags_and_expired_cards: "holiday", 1;
    crashes_lose_nothing_and_sign_nothing_twice: "crashes", 1;
    a_vote_survives_a_partition: "partition", 1;
    a_hidden_vote_survives_crashes_between_its_halves: "veiled", 2;
    members_come_and_go_while_all_talk: "members", 1;
    a_member_that_missed_many_changes_still_gets_its_mail: "absent", 1;
    who_was_removed_in_its_sleep_learns_so: "expelled", 1;
    who_is_left_elects_another_sequencer: "orphans", 2;
    who_lost_its_disk_comes_back_by_itself: "restored", 2;
    a_dinner_is_booked_where_all_are_free: "dinner", 1;
    two_personas_share_a_node: "housemates", 1;
    everyone_sees_alike_what_was_asked_and_answered: "asked", 2;
    everything_at_once: "storm", 1;
    two_that_are_never_awake_together_talk_by_mailboxes: "asleep", 1;
    four_that_sleep_in_turns_talk_and_vote: "shifts", 1;
}

#[test]
fn who_is_added_and_removed_a_hundred_times_loses_no_change_and_no_welcome() {
    holds("members", [23]);
}

#[test]
fn a_member_is_not_added_by_a_node_that_cannot_welcome_it_yet() {
    holds("members", [139]);
}

#[test]
fn a_vote_said_again_or_passed_on_is_shown_once_as_its_voters() {
    holds("storm", [2, 7, 9]);
}

#[test]
fn two_that_are_never_awake_together_hear_nothing_without_mailboxes() {
    let mut scenario = *SCENARIOS.iter().find(|s| s.name == "asleep").expect("in the table");
    scenario.mailboxes = 0;
    scenario.faults.mailbox_deaths = &[];
    scenario.faults.mail_cuts = 0;
    let outcome = crate::run(&scenario, 0, 1, false);
    assert!(outcome.complaints.iter().any(|said| said.contains("not delivered yet")));
}

#[test]
fn a_scenario_that_needs_it_is_caught_when_its_faults_never_end() {
    let mut scenario = *SCENARIOS.iter().find(|s| s.name == "sleeper").expect("in the table");
    scenario.faults.sleeps = &[(2, 60_000, 365 * 24 * 60 * 60_000)];
    let outcome = crate::run(&scenario, 0, 1, false);
    let missing = |complaint: &String| complaint.contains("has not reached Cleo");
    assert!(outcome.complaints.iter().any(missing), "{:?}", outcome.complaints);
}
