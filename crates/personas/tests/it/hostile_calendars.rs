//! Calendars made to keep a node busy, to fill its memory, or to look free.

use std::time::{Duration, Instant};

use personas::{Calendar, CalendarError};

use crate::times::{calendar, range};

/// Generous for a loaded machine and a build without optimisation; the work itself is counted.
const SOON: Duration = Duration::from_secs(20);

/// Reads the calendar and works out a year of it, within the time allowed.
#[track_caller]
fn year_of(ics: &str) -> Result<usize, CalendarError> {
    let began = Instant::now();
    let window = range("UTC", "2026-01-01 00:00", "2027-01-01 00:00");
    let found = Calendar::parse(ics).and_then(|calendar| calendar.busy(window, "UTC"));
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    found.map(|ranges| ranges.len())
}

fn one(rule: &str) -> Result<usize, CalendarError> {
    year_of(&calendar("", &[&format!("DTSTART:20260101T090000Z\nDURATION:PT1M\nRRULE:{rule}")]))
}

#[test]
fn rules_finer_than_an_hour_are_refused() {
    for rule in [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=30",
        "FREQ=HOURLY;BYMINUTE=0,10,20,30,40",
        "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;BYMINUTE=0,1,2,3,4,5,6,7,8",
        "FREQ=YEARLY;BYMINUTE=0,1,2,3,4,5,6,7,8,9;BYSECOND=0,1,2,3,4,5,6,7,8,9",
    ] {
        assert!(matches!(one(rule), Err(CalendarError::Rule { .. })), "{rule}");
    }
}

#[test]
fn rules_that_name_no_real_day_are_refused() {
    for rule in [
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=40",
        "FREQ=YEARLY;BYWEEKNO=54",
        "FREQ=YEARLY;BYYEARDAY=367",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=MONTHLY;BYDAY=99MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0",
        "FREQ=DAILY;UNTIL=20269999",
        "RSCALE=HEBREW;FREQ=YEARLY",
        "FREQ=YEARLY;SKIP=FORWARD;BYMONTHDAY=31",
    ] {
        assert!(matches!(one(rule), Err(CalendarError::Rule { .. })), "{rule}");
    }
}

#[test]
fn rules_that_never_match_end() {
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=4000000000",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=HOURLY;BYMONTH=4;BYMONTHDAY=31;COUNT=9",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300",
        "FREQ=WEEKLY;INTERVAL=65535",
        "FREQ=YEARLY;INTERVAL=65535;COUNT=4294967295",
    ] {
        assert_eq!(one(rule), Ok(1), "only the start itself: {rule}");
    }
}

#[test]
fn more_work_than_is_reasonable_is_refused_and_not_begun_twice() {
    let event = "DTSTART:19000101T000000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY;COUNT=4000000000";
    assert_eq!(year_of(&calendar("", &[event; 200])), Err(CalendarError::TooMuchWork));
    let event = "DTSTART:20250101T000000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY;BYMINUTE=0,15,30,45";
    assert_eq!(year_of(&calendar("", &[event; 1000])), Err(CalendarError::TooMuchWork));
    let event = "DTSTART:19000101T000000Z\nDURATION:P36500D\nRRULE:FREQ=DAILY";
    assert_eq!(year_of(&calendar("", &[event; 500])), Err(CalendarError::TooMuchWork));
}

#[test]
fn the_largest_honest_calendar_is_read() {
    let event =
        "DTSTART;TZID=Europe/Berlin:20250101T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO";
    let events = vec![event; 10_000];
    assert!(year_of(&calendar("", &events)).is_ok());
    let birthdays = vec!["DTSTART;VALUE=DATE:19510614\nRRULE:FREQ=YEARLY"; 10_000];
    assert_eq!(year_of(&calendar("", &birthdays)), Ok(1));
}

#[test]
fn more_events_components_or_bytes_than_allowed_are_refused() {
    let events = vec!["DTSTART:20260101T090000Z"; 10_001];
    let refused = year_of(&calendar("", &events));
    assert_eq!(refused, Err(CalendarError::TooMany { what: "events", max: 10_000 }));
    let nested = "BEGIN:A\r\n".repeat(60_000);
    let refused = year_of(&calendar(&nested, &[]));
    assert_eq!(refused, Err(CalendarError::TooMany { what: "components", max: 50_000 }));
    let long = "x".repeat(5 * 1024 * 1024);
    assert!(matches!(year_of(&long), Err(CalendarError::TooLarge { .. })));
}

#[test]
fn deep_nesting_and_endless_lines_do_no_harm() {
    let nested = "BEGIN:A\r\n".repeat(40_000);
    let text = calendar(&nested, &["DTSTART:20260101T090000Z\nDURATION:PT1H"]);
    assert!(year_of(&text).is_ok());
    let dates = vec!["20260101T090000Z"; 200_000].join(",");
    let event = format!("DTSTART:20260101T090000Z\nDURATION:PT1H\nEXDATE:{dates}");
    assert_eq!(year_of(&calendar("", &[&event])), Ok(0));
    let summary =
        format!("DTSTART:20260101T090000Z\nDURATION:PT1H\nSUMMARY:{}", "\\,".repeat(1_000_000));
    assert_eq!(year_of(&calendar("", &[&summary])), Ok(1));
}

#[test]
fn lengths_beyond_the_end_of_time_fill_the_window() {
    for length in ["DURATION:P4000000000W", "DURATION:PT4294967295H", "DTEND:99991231T235959Z"] {
        let event = format!("DTSTART:20260101T000000Z\n{length}");
        let window = range("UTC", "2026-06-01 00:00", "2026-06-02 00:00");
        let calendar = Calendar::parse(&calendar("", &[&event])).unwrap();
        assert_eq!(calendar.busy(window, "UTC"), Ok(vec![window]), "{length}");
    }
    let backwards = "DTSTART:20260101T100000Z\nDTEND:20260101T090000Z";
    assert_eq!(year_of(&calendar("", &[backwards])), Ok(0));
    let negative = "DTSTART:20260101T100000Z\nDURATION:-PT5H";
    assert_eq!(year_of(&calendar("", &[negative])), Ok(0));
}

#[test]
fn a_zone_that_changes_its_clocks_all_the_time_is_refused() {
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Busy\r\nBEGIN:STANDARD\r\nDTSTART:19000101T000000\r\n\
        TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=DAILY\r\nEND:STANDARD\r\n\
        END:VTIMEZONE\r\n";
    let refused = year_of(&calendar(zone, &[]));
    assert!(matches!(refused, Err(CalendarError::TooMany { .. })), "{refused:?}");
}
