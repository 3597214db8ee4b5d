//! An owner who has not voted hears of it once.

use personas::Settings;
use protocol::decision::Choice;

use super::house::{House, MINUTE_MS};

#[test]
fn who_has_not_voted_is_reminded_in_the_last_quarter_and_once() {
    let mut house = House::new(Settings::default());
    let proposal = house.bob_asks_yes_or_no(60 * MINUTE_MS);
    let (alice, bob) = (house.alice, house.bob);
    let began_ms = house.now_ms;
    house.vote(bob, proposal, Choice::Yes, false).unwrap();
    house.pass(began_ms + 45 * MINUTE_MS - 1);
    assert_eq!(house.reminders(alice, proposal), 0);
    assert!(!house.view(alice, proposal).reminded);
    house.pass(began_ms + 45 * MINUTE_MS);
    assert_eq!(house.reminders(alice, proposal), 1);
    assert!(house.view(alice, proposal).reminded);
    house.pass(began_ms + 70 * MINUTE_MS);
    assert_eq!(house.reminders(alice, proposal), 1, "once for each question");
    assert_eq!(house.reminders(bob, proposal), 0, "Bob has voted");
}

#[test]
fn a_restart_neither_repeats_a_reminder_nor_loses_one() {
    let mut house = House::new(Settings::default());
    let alice = house.alice;
    let proposal = house.bob_asks_yes_or_no(60 * MINUTE_MS);
    let began_ms = house.now_ms;
    house.pass(began_ms + 46 * MINUTE_MS);
    house.restart();
    house.pass(began_ms + 50 * MINUTE_MS);
    assert_eq!(house.reminders(alice, proposal), 1);
    assert!(house.view(alice, proposal).reminded, "a page opened now still shows it");

    // The node sleeps through the moment and wakes before the deadline.
    let later = house.bob_asks_yes_or_no(60 * MINUTE_MS);
    let began_ms = house.now_ms;
    house.pass(began_ms + 10 * MINUTE_MS);
    house.now_ms = began_ms + 59 * MINUTE_MS;
    house.restart();
    assert_eq!(house.reminders(alice, later), 0);
    house.pass(house.now_ms);
    assert_eq!(house.reminders(alice, later), 1);

    // It sleeps through the deadline: there is nothing left to remind of.
    let missed = house.bob_asks_yes_or_no(60 * MINUTE_MS);
    house.now_ms += 61 * MINUTE_MS;
    house.restart();
    house.pass(house.now_ms + MINUTE_MS);
    assert_eq!(house.reminders(alice, missed), 0);
}

#[test]
fn who_votes_after_the_reminder_is_left_in_peace() {
    let mut house = House::new(Settings::default());
    let alice = house.alice;
    let proposal = house.bob_asks_yes_or_no(60 * MINUTE_MS);
    house.pass(house.now_ms + 46 * MINUTE_MS);
    assert!(house.view(alice, proposal).reminded);
    house.vote(alice, proposal, Choice::No, false).unwrap();
    assert!(!house.view(alice, proposal).reminded);
}

#[test]
fn an_owner_whose_calendar_cannot_be_read_hears_at_once_that_a_vote_is_missing() {
    let mut house = House::new(Settings { auto_vote: true, ..Settings::default() });
    house.readable = false;
    let proposal = house.bob_asks(60 * MINUTE_MS);
    assert_eq!(house.reminders(house.alice, proposal), 1);
    assert!(house.asked().is_none(), "there is no choice to suggest");
    assert!(house.alices(proposal).choice.is_none());
}
