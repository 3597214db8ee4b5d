//! What people say, and what is understood: windows, length and people.
//!
//! It is Wednesday, 25 November 2026, 10:20 in Berlin unless said otherwise. The contacts are Bob,
//! Carol, Dave Miller, Dave Jones, Erin, Anne-Marie and Will.

use personas::{Context, MeetingRequest, Participants, Settings, Understanding, understand};

use crate::times::{at, show};

const BERLIN: &str = "Europe/Berlin";
const NOW: &str = "2026-11-25 10:20";

fn contacts() -> Vec<String> {
    ["Bob", "Carol", "Dave Miller", "Dave Jones", "Erin", "Anne-Marie", "Will"]
        .map(String::from)
        .to_vec()
}

fn hear_at(zone: &str, now: &str, text: &str) -> Understanding {
    let settings = Settings { zone: zone.into(), ..Settings::default() };
    let contacts = contacts();
    let context = Context {
        now_ms: at(zone, now),
        zone,
        contacts: &contacts,
        groups: &[],
        settings: &settings,
    };
    understand(text, &context)
}

#[track_caller]
fn request_at(zone: &str, now: &str, text: &str) -> MeetingRequest {
    match hear_at(zone, now, text) {
        Understanding::Schedule(request) => request,
        Understanding::AskBack { question } => panic!("{text}: asks \"{question}\""),
    }
}

fn people(participants: &Participants) -> String {
    match participants {
        Participants::Everyone => "everyone".into(),
        Participants::Named(names) => names.join(" "),
    }
}

/// Checks `windows | minutes | people` of a text heard at a time in a zone.
#[track_caller]
fn check_at(zone: &str, now: &str, text: &str, expected: &str) {
    let request = request_at(zone, now, text);
    let windows = show(zone, &request.windows).join(", ");
    let found = format!("{windows} | {} | {}", request.minutes, people(&request.participants));
    assert_eq!(found, expected, "{text}");
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_at(BERLIN, NOW, text, expected);
}

#[track_caller]
fn asks(text: &str, expected: &str) {
    match hear_at(BERLIN, NOW, text) {
        Understanding::AskBack { question } => {
            assert!(question.contains(expected), "{text}: asks \"{question}\"");
            assert!(question.ends_with(['?', '.']), "{question}");
        }
        Understanding::Schedule(request) => panic!("{text}: {request:?}"),
    }
}

const DINNERS: &str = "11-25 18:00..22:00, 11-26 18:00..22:00, 11-27 18:00..22:00, \
    11-28 18:00..22:00, 11-29 18:00..22:00";

#[test]
fn dinners_this_week() {
    for text in [
        "find a dinner slot this week with Bob and Carol",
        "Find a dinner slot this week with bob and CAROL!",
        "dinner with Carol and Bob this week".replace("Carol and Bob", "Bob and Carol").as_str(),
        "Please schedule dinner with Bob, Carol this week",
        "this week: dinner w/ Bob & Carol",
        "Bob, Carol and me for dinner this week?",
        "could you arrange a dinner for Bob and Carol this week",
    ] {
        check(text, &format!("{DINNERS} | 120 | Bob Carol"));
    }
    for text in [
        "dinner this week with everyone",
        "can we all have dinner this week?",
        "Dinner with everybody later this week",
    ] {
        check(text, &format!("{DINNERS} | 120 | everyone"));
    }
}

#[test]
fn meals_at_their_hours() {
    check("schedule lunch with everyone tomorrow", "11-26 12:00..14:00 | 60 | everyone");
    check(
        "let's have brunch on Sunday with Bob, Carol and Erin",
        "11-29 10:00..14:00 | 120 | Bob Carol Erin",
    );
    check("coffee with Erin at the weekend", "11-28 09:00..18:00, 11-29 09:00..18:00 | 45 | Erin");
    check("breakfast with Bob on Friday", "11-27 07:00..10:00 | 60 | Bob");
    check("drinks tonight with everyone", "11-25 18:00..22:00 | 120 | everyone");
    check("dinner with Bob tomorrow night", "11-26 18:00..22:00 | 120 | Bob");
    check("dinner after 8pm tomorrow with Bob", "11-26 20:00..22:00 | 120 | Bob");
    check("dinner tomorrow at 8 with Bob", "11-26 20:00..22:00 | 120 | Bob");
    check("lunch with Carol on Friday at 1", "11-27 13:00..14:00 | 60 | Carol");
    check("meet Bob for lunch on Friday", "11-27 12:00..14:00 | 60 | Bob");
}

#[test]
fn days_and_parts_of_days() {
    check("an hour on Thursday afternoon", "11-26 12:00..18:00 | 60 | everyone");
    check("30 minutes with Erin next Monday morning", "11-30 08:00..12:00 | 30 | Erin");
    check("30-minute call with Bob on Friday morning", "11-27 09:00..12:00 | 30 | Bob");
    check("an hour with Bob this afternoon", "11-25 12:00..18:00 | 60 | Bob");
    check(
        "a walk with Bob on Saturday or Sunday afternoon",
        "11-28 12:00..18:00, 11-29 12:00..18:00 | 60 | Bob",
    );
    check(
        "meet Bob Friday afternoon or Saturday morning",
        "11-27 12:00..18:00, 11-28 08:00..12:00 | 60 | Bob",
    );
    check(
        "half an hour with Carol the day after tomorrow in the late afternoon",
        "11-27 15:00..18:00 | 30 | Carol",
    );
    check(
        "dinner with Erin on Monday, Tuesday or Thursday next week",
        "11-30 18:00..22:00, 12-01 18:00..22:00, 12-03 18:00..22:00 | 120 | Erin",
    );
    check(
        "dinner with Erin between Monday and Wednesday",
        "11-30 18:00..22:00, 12-01 18:00..22:00, 12-02 18:00..22:00 | 120 | Erin",
    );
    check(
        "dinner with Bob this week but not on Friday",
        "11-25 18:00..22:00, 11-26 18:00..22:00, 11-28 18:00..22:00, 11-29 18:00..22:00 | 120 | Bob",
    );
    check("an hour with Bob tomorrow, not in the morning", "11-26 12:00..22:00 | 60 | Bob");
    check(
        "drinks with Erin before Saturday",
        "11-25 18:00..23:00, 11-26 18:00..23:00, 11-27 18:00..23:00 | 120 | Erin",
    );
    check(
        "lunch with Bob on a weekday next week",
        "11-30 12:00..14:00, 12-01 12:00..14:00, 12-02 12:00..14:00, 12-03 12:00..14:00, 12-04 12:00..14:00 | 60 | Bob",
    );
    check("lunch with Bob on the 1st", "12-01 12:00..14:00 | 60 | Bob");
    check("lunch with Bob on December 24th", "12-24 12:00..14:00 | 60 | Bob");
    check("dinner in 2 days with Bob", "11-27 18:00..22:00 | 120 | Bob");
}

#[test]
fn hours_of_the_clock() {
    check("set up a call with Bob on 2026-12-01 at 15:00", "12-01 15:00..15:30 | 30 | Bob");
    check(
        "book a 45 min sync with Carol between 14:00 and 17:00 on Friday",
        "11-27 14:00..17:00 | 45 | Carol",
    );
    check("call with Bob at 3pm tomorrow", "11-26 15:00..15:30 | 30 | Bob");
    check("call Bob at half past three", "11-25 15:30..16:00 | 30 | Bob");
    check("call with Bob at 9", "11-26 09:00..09:30 | 30 | Bob");
    check("meeting with Erin on Friday from 2 to 4pm", "11-27 14:00..16:00 | 120 | Erin");
    check("Meet Erin tomorrow 14:00-15:30", "11-26 14:00..15:30 | 90 | Erin");
    check("an hour with Carol on Friday before noon", "11-27 08:00..12:00 | 60 | Carol");
    check("two hours tomorrow after 5pm with Bob", "11-26 17:00..22:00 | 120 | Bob");
    check("chat with Bob around 7pm tomorrow", "11-26 18:00..20:45 | 45 | Bob");
    check("a call with Erin in half an hour", "11-25 10:50..11:20 | 30 | Erin");
    check("call with Bob on Friday between 9 and 9:20", "11-27 09:00..09:20 | 20 | Bob");
    check("drinks with Bob on Friday at 23:00", "11-27 23:00..11-28 01:00 | 120 | Bob");
}

#[test]
fn weeks_of_work_and_of_leisure() {
    check(
        "when can we all meet for two hours next week?",
        "11-30 08:00..22:00, 12-01 08:00..22:00, 12-02 08:00..22:00, 12-03 08:00..22:00, 12-04 08:00..22:00, 12-05 08:00..22:00, 12-06 08:00..22:00 | 120 | everyone",
    );
    check(
        "an hour-long planning with the team next week",
        "11-30 09:00..17:00, 12-01 09:00..17:00, 12-02 09:00..17:00, 12-03 09:00..17:00, 12-04 09:00..17:00 | 60 | everyone",
    );
    check(
        "sync with Bob this week",
        "11-25 10:20..17:00, 11-26 09:00..17:00, 11-27 09:00..17:00 | 30 | Bob",
    );
    check("sync with Bob on Saturday", "11-28 09:00..17:00 | 30 | Bob");
    check("a picnic with Erin next weekend", "12-05 11:00..19:00, 12-06 11:00..19:00 | 120 | Erin");
    check("one-on-one with Erin in two weeks on Tuesday", "12-08 09:00..17:00 | 30 | Erin");
    check(
        "lunch with Bob within the next 2 days",
        "11-25 12:00..14:00, 11-26 12:00..14:00, 11-27 12:00..14:00 | 60 | Bob",
    );
}

#[test]
fn spans_said_in_one_breath_are_both_meant() {
    let five = "11-30 12:00..14:00, 12-01 12:00..14:00, 12-02 12:00..14:00, \
        12-03 12:00..14:00, 12-04 12:00..14:00 | 60 | Bob";
    check("lunch with Bob between Monday and Friday next week", five);
    check("lunch with Bob next week from Monday to Friday", five);
    // On a Monday, "Monday to Friday" alone would begin that day.
    check_at(
        BERLIN,
        "2026-11-23 09:00",
        "lunch with Bob between Monday and Friday next week",
        five,
    );
    let two_weeks = request_at(BERLIN, NOW, "lunch with Bob this week or next week");
    assert_eq!(two_weeks.windows.len(), 12);
}

#[test]
fn a_suggestion_is_a_request() {
    check("What about dinner with Carol on Friday?", "11-27 18:00..22:00 | 120 | Carol");
    assert_eq!(request_at(BERLIN, NOW, "how about lunch with Bob tomorrow?").title, "Lunch");
    asks("remind me to call Bob", "\"remind\" I cannot");
}

#[test]
fn people_in_every_way_they_are_named() {
    check("lunch tomorrow with Dave Miller", "11-26 12:00..14:00 | 60 | Dave Miller");
    check(
        "lunch tomorrow with anne-marie and my friend Bob",
        "11-26 12:00..14:00 | 60 | Anne-Marie Bob",
    );
    check("Can Bob and I do lunch tomorrow?", "11-26 12:00..14:00 | 60 | Bob");
    check("lunch tomorrow with Will", "11-26 12:00..14:00 | 60 | Will");
    check("Will Bob be free for lunch tomorrow?", "11-26 12:00..14:00 | 60 | Bob");
    check(
        "lunch tomorrow with everyone but Bob and Carol",
        "11-26 12:00..14:00 | 60 | Dave Miller Dave Jones Erin Anne-Marie Will",
    );
    check("lunch tomorrow at Bob's with Carol", "11-26 12:00..14:00 | 60 | Bob Carol");
    check("lunch with Bob and book it for tomorrow", "11-26 12:00..14:00 | 60 | Bob");
    check(
        "invite Erin, Bob and Carol to lunch tomorrow",
        "11-26 12:00..14:00 | 60 | Erin Bob Carol",
    );
    check("lunch tomorrow", "11-26 12:00..14:00 | 60 | everyone");
}

#[test]
fn titles_come_from_quotes_topics_or_the_kind() {
    let title = |text| request_at(BERLIN, NOW, text).title;
    assert_eq!(title("dinner with Bob tomorrow"), "Dinner");
    assert_eq!(title("an hour with Bob tomorrow"), "Meeting");
    assert_eq!(title("a call with Bob about the new Budget on Friday"), "Call: the new Budget");
    assert_eq!(title("sync tomorrow with Bob to discuss Q4"), "Sync: Q4");
    assert_eq!(title("schedule \"Founders' lunch\" with Bob tomorrow at noon"), "Founders' lunch");
    assert_eq!(title("schedule “Book\u{202e} club” with Bob tomorrow at noon"), "Book club");
}

#[test]
fn late_in_the_week_the_weekend_is_what_remains_of_it() {
    check_at(
        BERLIN,
        "2026-11-27 23:00",
        "dinner this week with Bob",
        "11-28 18:00..22:00, 11-29 18:00..22:00 | 120 | Bob",
    );
    check_at(
        BERLIN,
        "2026-11-28 09:00",
        "sync with Bob this week",
        "11-28 09:00..17:00, 11-29 09:00..17:00 | 30 | Bob",
    );
    check_at(
        BERLIN,
        "2026-11-29 19:30",
        "dinner this week with Bob",
        "11-29 19:30..22:00 | 120 | Bob",
    );
    check_at(
        BERLIN,
        "2026-11-28 12:00",
        "coffee with Bob at the weekend",
        "11-28 12:00..18:00, 11-29 09:00..18:00 | 45 | Bob",
    );
    let late = hear_at(BERLIN, "2026-11-29 20:30", "dinner this week with Bob");
    assert!(matches!(late, Understanding::AskBack { .. }), "{late:?}");
}

#[test]
fn a_weekday_that_is_today_means_today_until_it_is_too_late() {
    check_at(
        BERLIN,
        "2026-11-25 10:20",
        "lunch with Bob on Wednesday",
        "11-25 12:00..14:00 | 60 | Bob",
    );
    check_at(
        BERLIN,
        "2026-11-25 15:00",
        "lunch with Bob on Wednesday",
        "12-02 12:00..14:00 | 60 | Bob",
    );
}

#[test]
fn the_same_words_in_other_zones_and_across_changes_of_the_clocks() {
    check_at(
        "America/Los_Angeles",
        "2026-11-25 10:20",
        "lunch with Bob tomorrow",
        "11-26 12:00..14:00 | 60 | Bob",
    );
    check_at(
        "Asia/Kolkata",
        "2026-11-25 23:50",
        "lunch with Bob tomorrow",
        "11-26 12:00..14:00 | 60 | Bob",
    );
    check_at(
        "Pacific/Auckland",
        "2026-11-25 00:10",
        "dinner today with Bob",
        "11-25 18:00..22:00 | 120 | Bob",
    );
    // The clocks go forward in Berlin on 29 March and back on 25 October.
    check_at(
        BERLIN,
        "2026-03-28 12:00",
        "brunch with Bob tomorrow",
        "03-29 10:00..14:00 | 120 | Bob",
    );
    check_at(
        BERLIN,
        "2026-10-24 12:00",
        "call with Bob tomorrow at 15:00",
        "10-25 15:00..15:30 | 30 | Bob",
    );
    let day = request_at(
        BERLIN,
        "2026-10-24 12:00",
        "an hour tomorrow with Bob between 1:00 am and 4:00 am",
    );
    assert_eq!(day.windows[0].minutes(), 240, "the hour from two to three comes twice");
}

#[test]
fn what_is_past_is_asked_about() {
    asks("dinner with Bob on 2020-01-01", "passed");
    asks("lunch with Bob yesterday", "passed");
    asks("breakfast with Bob today", "passed");
    asks("call with Bob today at 9", "passed");
    asks("lunch with Bob last Friday", "passed");
    asks("lunch with Bob this Monday", "passed");
}

#[test]
fn people_nobody_knows_are_asked_about_by_name() {
    asks("dinner with Zoltan tomorrow", "I do not know Zoltan.");
    asks("dinner with bob and zoltan", "I do not know zoltan.");
    asks("dinner with Bob, Zoltan Kovacs and Mia tomorrow", "I do not know Zoltan Kovacs or Mia.");
    asks("dinner with my wife tomorrow", "I do not know my wife.");
    asks("lunch with Dave tomorrow", "Who do you mean by Dave: Dave Miller or Dave Jones?");
}

#[test]
fn what_leaves_no_time_is_asked_about() {
    asks("two hours with Bob between 14:00 and 15:00 tomorrow", "no room for 120 minutes");
    asks("dinner with Bob on Friday but not on Friday", "leaves no day");
    asks("lunch with Bob on 3/4/2027", "3 April 2027 or 4 March 2027");
    asks("a meeting of 30 hours with Bob", "up to twelve hours");
}

#[test]
fn what_is_no_request_gets_one_good_question() {
    for text in [
        "",
        "hello",
        "how's the weather tomorrow?",
        "thanks!",
        "🎉",
        "42",
        "what is the meaning of life",
    ] {
        asks(
            text,
            "What shall I arrange, with whom and when? For example: dinner this week with Bob.",
        );
    }
    asks("cancel dinner with Bob", "\"cancel\" I cannot");
    asks("please move my lunch with Bob to Friday", "\"move\" I cannot");
    asks(&"dinner ".repeat(1000), "more than I can follow");
    let settings = Settings::default();
    let context =
        Context { now_ms: 0, zone: "Mars", contacts: &[], groups: &[], settings: &settings };
    assert!(
        matches!(understand("dinner", &context), Understanding::AskBack { question } if question.contains("Mars"))
    );
}
