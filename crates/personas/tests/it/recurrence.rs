//! Events that repeat: their days, their hours across changes of the clocks, their exceptions.

use personas::Calendar;

use crate::times::{at, busy, calendar, range, show};

const BERLIN: &str = "Europe/Berlin";

/// The starts of a rule on the clocks of Berlin, from its first day on.
fn starts(start: &str, rule: &str, from: &str, to: &str) -> Vec<String> {
    let event = format!("DTSTART;TZID=Europe/Berlin:{start}\nDURATION:PT15M\nRRULE:{rule}");
    let days = busy(BERLIN, &[&event], from, to);
    days.iter().map(|range| range.split("..").next().unwrap().to_owned()).collect()
}

#[track_caller]
fn check_days(start: &str, rule: &str, year: &str, expected: &str) {
    let found = starts(start, rule, &format!("{year}-01-01 00:00"), &format!("{year}-12-31 23:59"));
    let days: Vec<&str> = found.iter().map(|start| &start[..5]).collect();
    assert_eq!(days.join(" "), expected, "{rule}");
}

#[test]
fn a_weekly_meeting_keeps_its_hour_when_the_clocks_change() {
    let event = "DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260105T100000\n\
        RRULE:FREQ=WEEKLY";
    let calendar = Calendar::parse(&calendar("", &[event])).unwrap();
    let found = calendar.busy(range("UTC", "2026-03-20 00:00", "2026-04-02 00:00"), "UTC").unwrap();
    assert_eq!(show("UTC", &found), ["03-23 08:00..09:00", "03-30 07:00..08:00"]);
    let found = calendar.busy(range("UTC", "2026-10-18 00:00", "2026-10-28 00:00"), "UTC").unwrap();
    assert_eq!(show("UTC", &found), ["10-19 07:00..08:00", "10-26 08:00..09:00"]);
}

#[test]
fn an_hour_the_clocks_skip_is_held_an_hour_later_and_a_doubled_one_once() {
    let found = starts("20260301T023000", "FREQ=DAILY", "2026-03-28 00:00", "2026-03-31 00:00");
    assert_eq!(found, ["03-28 02:30", "03-29 03:30", "03-30 02:30"]);
    let event = "DTSTART;TZID=Europe/Berlin:20261001T023000\nDURATION:PT15M\nRRULE:FREQ=DAILY";
    let calendar = Calendar::parse(&calendar("", &[event])).unwrap();
    let window = range(BERLIN, "2026-10-25 00:00", "2026-10-26 00:00");
    let found = calendar.busy(window, BERLIN).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].start_ms, at("UTC", "2026-10-25 00:30"), "the first of the two");
}

#[test]
fn a_length_in_days_follows_the_calendar_and_one_in_hours_the_clock() {
    let found = |length: &str| {
        let event = format!("DTSTART;TZID=Europe/Berlin:20260328T120000\n{length}");
        busy("UTC", &[&event], "2026-03-28 00:00", "2026-03-31 00:00")
    };
    assert_eq!(found("DURATION:P1D"), ["03-28 11:00..03-29 10:00"]);
    assert_eq!(found("DURATION:PT24H"), ["03-28 11:00..03-29 11:00"]);
}

#[test]
fn rules_name_the_days_the_standard_says() {
    // Examples of RFC 5545, 3.8.5.3, moved to 2026 where they name a year.
    check_days(
        "20260105T090000",
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "2026",
        "01-05 01-15 01-25 02-04 02-14",
    );
    check_days(
        "20260106T090000",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;COUNT=4",
        "2026",
        "01-06 01-20 02-03 02-17",
    );
    check_days(
        "20260106T090000",
        "FREQ=WEEKLY;UNTIL=20260120T080000Z;WKST=SU;BYDAY=TU,TH",
        "2026",
        "01-06 01-08 01-13 01-15 01-20",
    );
    check_days(
        "20260106T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "2026",
        "01-06 01-11 01-20 01-25",
    );
    check_days(
        "20260106T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "2026",
        "01-06 01-18 01-20 02-01",
    );
    check_days("20260102T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "2026", "01-02 02-06 03-06");
    check_days(
        "20260104T090000",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU",
        "2026",
        "01-04 01-25 03-01 03-29",
    );
    check_days("20260119T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "2026", "01-19 02-16 03-23");
    check_days(
        "20260129T090000",
        "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-3",
        "2026",
        "01-29 02-26 03-29",
    );
    check_days(
        "20260131T090000",
        "FREQ=MONTHLY",
        "2026",
        "01-31 03-31 05-31 07-31 08-31 10-31 12-31",
    );
    check_days(
        "20260213T090000",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "2026",
        "02-13 03-13 11-13",
    );
    check_days(
        "20260101T090000",
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "2026",
        "01-01 01-07 02-05 03-05",
    );
    check_days(
        "20260130T090000",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3",
        "2026",
        "01-30 02-27 03-31",
    );
    check_days("20260610T090000", "FREQ=YEARLY;COUNT=2;BYMONTH=6,7", "2026", "06-10 07-10");
    check_days(
        "20260101T090000",
        "FREQ=YEARLY;COUNT=3;BYYEARDAY=1,100,-1",
        "2026",
        "01-01 04-10 12-31",
    );
    check_days("20260518T090000", "FREQ=YEARLY;BYDAY=20MO", "2026", "05-18");
    check_days("20260511T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "2026", "05-11");
    check_days(
        "20260305T090000",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "2026",
        "03-05 03-12 03-19 03-26",
    );
    check_days(
        "20261103T090000",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "2026",
        "11-03",
    );
}

#[test]
fn a_leap_day_comes_back_only_in_leap_years() {
    for (year, expected) in [("2024", "02-29"), ("2026", ""), ("2028", "02-29")] {
        check_days("20240229T090000", "FREQ=YEARLY", year, expected);
    }
}

#[test]
fn the_first_week_of_a_year_may_begin_in_the_year_before() {
    check_days("20201228T090000", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", "2024", "01-01 12-30");
    check_days("20201228T090000", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", "2026", "12-28");
}

#[test]
fn a_rule_that_began_long_ago_is_as_right_as_a_fresh_one() {
    let window = ("2026-06-01 00:00", "2026-06-08 00:00");
    let found = starts("19700105T090000", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,FR", window.0, window.1);
    let weeks = (at("UTC", "2026-06-01 00:00") - at("UTC", "1970-01-05 00:00")) / 604_800_000;
    assert_eq!(weeks % 3, 0, "the week is one of the rule's");
    assert_eq!(found, ["06-01 09:00", "06-05 09:00"]);
    let found = starts("19000101T090000", "FREQ=DAILY", "2026-06-01 00:00", "2026-06-03 00:00");
    assert_eq!(found, ["06-01 09:00", "06-02 09:00"]);
}

#[test]
fn several_times_a_day_and_every_few_hours() {
    let found = starts(
        "20260601T090000",
        "FREQ=DAILY;BYHOUR=9,15;BYMINUTE=0,30;COUNT=5",
        "2026-06-01 00:00",
        "2026-06-04 00:00",
    );
    assert_eq!(found, ["06-01 09:00", "06-01 09:30", "06-01 15:00", "06-01 15:30", "06-02 09:00"]);
    let found =
        starts("20260601T090000", "FREQ=HOURLY;INTERVAL=6", "2026-06-02 00:00", "2026-06-03 00:00");
    assert_eq!(found, ["06-02 03:00", "06-02 09:00", "06-02 15:00", "06-02 21:00"]);
}

#[test]
fn an_end_in_utc_is_an_instant_and_a_date_includes_its_day() {
    let event = |until: &str| {
        format!(
            "DTSTART;TZID=America/New_York:20260601T200000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL={until}"
        )
    };
    let count =
        |until: &str| busy("UTC", &[&event(until)], "2026-05-01 00:00", "2026-07-01 00:00").len();
    // Eight in the evening in New York is midnight in UTC.
    assert_eq!(count("20260604T000000Z"), 3);
    assert_eq!(count("20260603T235959Z"), 2);
    assert_eq!(count("20260603"), 3);
}

#[test]
fn exceptions_leave_days_out() {
    let event = "DTSTART;TZID=Europe/Berlin:20260601T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=6\n\
        EXDATE;TZID=Europe/Berlin:20260602T090000,20260603T090000\nEXDATE:20260604T070000Z\n\
        EXDATE;VALUE=DATE:20260605";
    let found = busy(BERLIN, &[event], "2026-06-01 00:00", "2026-07-01 00:00");
    assert_eq!(found, ["06-01 09:00..10:00", "06-06 09:00..10:00"]);
}

#[test]
fn extra_dates_and_periods_are_added() {
    let event = "DTSTART:20260601T090000Z\nDURATION:PT1H\nRDATE:20260603T120000Z\n\
        RDATE;VALUE=PERIOD:20260604T120000Z/PT2H,20260605T120000Z/20260605T123000Z";
    let found = busy("UTC", &[event], "2026-06-01 00:00", "2026-07-01 00:00");
    assert_eq!(
        found,
        ["06-01 09:00..10:00", "06-03 12:00..13:00", "06-04 12:00..14:00", "06-05 12:00..12:30"]
    );
}

const STANDUP: &str = "UID:standup\nDTSTART;TZID=Europe/Berlin:20260601T090000\nDURATION:PT1H\n\
    RRULE:FREQ=DAILY;COUNT=5";

#[test]
fn an_override_moves_cancels_or_frees_one_instance_only() {
    let moved = "UID:standup\nRECURRENCE-ID;TZID=Europe/Berlin:20260602T090000\n\
        DTSTART;TZID=Europe/Berlin:20260602T150000\nDURATION:PT30M";
    let cancelled = "UID:standup\nRECURRENCE-ID:20260603T070000Z\nDTSTART:20260603T070000Z\n\
        DURATION:PT1H\nSTATUS:CANCELLED";
    let freed = "UID:standup\nRECURRENCE-ID;TZID=Europe/Berlin:20260604T090000\n\
        DTSTART;TZID=Europe/Berlin:20260604T090000\nDURATION:PT1H\nTRANSP:TRANSPARENT";
    let other = "UID:other\nRECURRENCE-ID;TZID=Europe/Berlin:20260605T090000\n\
        DTSTART;TZID=Europe/Berlin:20260605T120000\nDURATION:PT1H";
    // Overrides may stand before or after the event they belong to.
    for events in
        [[STANDUP, moved, cancelled, freed, other], [moved, other, freed, cancelled, STANDUP]]
    {
        let found = busy(BERLIN, &events, "2026-06-01 00:00", "2026-07-01 00:00");
        assert_eq!(
            found,
            [
                "06-01 09:00..10:00",
                "06-02 15:00..15:30",
                "06-05 09:00..10:00",
                "06-05 12:00..13:00"
            ]
        );
    }
}

#[test]
fn an_override_of_this_and_all_later_instances_moves_them_all() {
    let later = "UID:standup\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260603T090000\n\
        DTSTART;TZID=Europe/Berlin:20260603T110000\nDURATION:PT30M";
    let found = busy(BERLIN, &[STANDUP, later], "2026-06-01 00:00", "2026-07-01 00:00");
    assert_eq!(
        found,
        [
            "06-01 09:00..10:00",
            "06-02 09:00..10:00",
            "06-03 11:00..11:30",
            "06-04 11:00..11:30",
            "06-05 11:00..11:30"
        ]
    );
}

#[test]
fn an_instance_that_began_before_the_window_reaches_into_it() {
    let event = "DTSTART;VALUE=DATE:20260101\nDURATION:P10D\nRRULE:FREQ=MONTHLY";
    let found = busy(BERLIN, &[event], "2026-06-09 00:00", "2026-06-20 00:00");
    assert_eq!(found, ["06-09 00:00..06-11 00:00"]);
}

#[test]
fn a_birthday_of_long_ago_comes_every_year() {
    let event = "DTSTART;VALUE=DATE:19510614\nRRULE:FREQ=YEARLY";
    let found = busy(BERLIN, &[event], "2026-01-01 00:00", "2027-12-31 00:00");
    assert_eq!(found, ["06-14 00:00..06-15 00:00", "06-14 00:00..06-15 00:00"]);
}
