//! Which events take up time, and which time they take.

use personas::{Calendar, CalendarError, TimeRange};

use crate::times::{busy, calendar, range, show};

const BERLIN: &str = "Europe/Berlin";

#[test]
fn an_empty_text_is_an_empty_calendar() {
    for text in ["", "\r\n", "  \n\n", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"] {
        let calendar = Calendar::parse(text).unwrap();
        let window = range(BERLIN, "2026-01-01 00:00", "2026-02-01 00:00");
        assert_eq!(calendar.busy(window, BERLIN).unwrap(), vec![]);
    }
    assert!(Calendar::empty().is_empty());
}

#[test]
fn events_are_merged_sorted_and_cut_to_the_window() {
    let events = [
        "DTSTART:20261201T140000Z\nDTEND:20261201T150000Z",
        "DTSTART:20261201T100000Z\nDURATION:PT1H30M",
        "DTSTART:20261201T110000Z\nDTEND:20261201T120000Z",
        "DTSTART:20261130T220000Z\nDTEND:20261201T010000Z",
        "DTSTART:20261201T235900Z\nDTEND:20261202T235900Z",
        "DTSTART:20261201T180000Z",
    ];
    let found = busy("UTC", &events, "2026-12-01 00:00", "2026-12-02 00:00");
    assert_eq!(
        found,
        [
            "12-01 00:00..01:00",
            "12-01 10:00..12:00",
            "12-01 14:00..15:00",
            "12-01 23:59..12-02 00:00"
        ]
    );
}

#[test]
fn cancelled_and_transparent_events_take_no_time() {
    let events = [
        "DTSTART:20261201T100000Z\nDURATION:PT1H\nSTATUS:CANCELLED",
        "DTSTART:20261201T120000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT",
        "DTSTART:20261201T140000Z\nDURATION:PT1H\nSTATUS:TENTATIVE\nTRANSP:OPAQUE",
    ];
    let found = busy("UTC", &events, "2026-12-01 00:00", "2026-12-02 00:00");
    assert_eq!(found, ["12-01 14:00..15:00"]);
}

#[test]
fn a_whole_day_is_a_day_where_its_owner_is() {
    let text = calendar("", &["DTSTART;VALUE=DATE:20260329"]);
    let calendar = Calendar::parse(&text).unwrap();
    for (zone, hours) in [(BERLIN, 23), ("America/New_York", 24), ("Pacific/Auckland", 24)] {
        let window = range(zone, "2026-03-20 00:00", "2026-04-10 00:00");
        let found = calendar.busy(window, zone).unwrap();
        assert_eq!(show(zone, &found), ["03-29 00:00..03-30 00:00"], "{zone}");
        assert_eq!(found[0].minutes(), hours * 60, "{zone}");
    }
}

#[test]
fn whole_days_end_before_their_end_date() {
    let events = ["DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227"];
    let found = busy(BERLIN, &events, "2026-12-01 00:00", "2027-01-01 00:00");
    assert_eq!(found, ["12-24 00:00..12-27 00:00"]);
}

#[test]
fn times_without_a_zone_are_on_the_owners_clock() {
    let calendar =
        Calendar::parse(&calendar("", &["DTSTART:20260701T090000\nDTEND:20260701T100000"]))
            .unwrap();
    for zone in [BERLIN, "Asia/Kolkata", "America/Los_Angeles"] {
        let window = range(zone, "2026-07-01 00:00", "2026-07-02 00:00");
        let found = calendar.busy(window, zone).unwrap();
        assert_eq!(show(zone, &found), ["07-01 09:00..10:00"], "{zone}");
    }
}

#[test]
fn zones_are_known_by_iana_and_windows_names() {
    for tzid in [
        "Europe/Berlin",
        "W. Europe Standard Time",
        "/freeassociation.sourceforge.net/Europe/Berlin",
    ] {
        let event = format!("DTSTART;TZID={tzid}:20260701T090000\nDURATION:PT1H");
        let found = busy("UTC", &[&event], "2026-07-01 00:00", "2026-07-02 00:00");
        assert_eq!(found, ["07-01 07:00..08:00"], "{tzid}");
    }
}

#[test]
fn a_zone_nobody_knows_is_read_as_the_owners_and_reported() {
    let event = "DTSTART;TZID=Company Time:20260701T090000\nDURATION:PT1H";
    let calendar = Calendar::parse(&calendar("", &[event])).unwrap();
    assert_eq!(calendar.unknown_zones().collect::<Vec<_>>(), ["Company Time"]);
    let window = range(BERLIN, "2026-07-01 00:00", "2026-07-02 00:00");
    assert_eq!(show(BERLIN, &calendar.busy(window, BERLIN).unwrap()), ["07-01 09:00..10:00"]);
}

/// Two hours ahead of UTC in winter, three in summer, by the dates of the European Union.
const COMPANY_ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Company Time\r\n\
    BEGIN:STANDARD\r\nDTSTART:19961027T040000\r\nTZOFFSETFROM:+0300\r\nTZOFFSETTO:+0200\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n\
    BEGIN:DAYLIGHT\r\nDTSTART:19970330T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0300\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n";

#[test]
fn a_zone_that_comes_with_the_file_is_used() {
    let event = "DTSTART;TZID=Company Time:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY";
    let calendar = Calendar::parse(&calendar(COMPANY_ZONE, &[event])).unwrap();
    assert_eq!(calendar.unknown_zones().count(), 0);
    let week =
        |from, to| show("UTC", &calendar.busy(range("UTC", from, to), "Asia/Tokyo").unwrap());
    assert_eq!(week("2026-03-23 00:00", "2026-03-24 00:00"), ["03-23 07:00..08:00"]);
    assert_eq!(week("2026-03-30 00:00", "2026-03-31 00:00"), ["03-30 06:00..07:00"]);
    assert_eq!(week("2026-10-26 00:00", "2026-10-27 00:00"), ["10-26 07:00..08:00"]);
}

#[test]
fn a_described_zone_agrees_with_the_named_one_it_describes() {
    // The same rules as Europe/Helsinki, hour by hour around both changes of 2026.
    for day in ["20260328", "20260329", "20260330", "20261024", "20261025", "20261026"] {
        for hour in 0..24 {
            let event = |tzid| format!("DTSTART;TZID={tzid}:{day}T{hour:02}3000\nDURATION:PT10M");
            let found = |event: &str| {
                let calendar = Calendar::parse(&calendar(COMPANY_ZONE, &[event])).unwrap();
                let window = range("UTC", "2026-03-01 00:00", "2026-12-01 00:00");
                show("UTC", &calendar.busy(window, "UTC").unwrap())
            };
            let (ours, theirs) = (event("Company Time"), event("Europe/Helsinki"));
            assert_eq!(found(&ours), found(&theirs), "{day} {hour}:30");
        }
    }
}

#[test]
fn an_end_in_another_zone_is_an_instant_too() {
    // A flight: leaves Berlin at ten, lands in New York at one by its clocks.
    let event = "DTSTART;TZID=Europe/Berlin:20261201T100000\n\
        DTEND;TZID=America/New_York:20261201T130000";
    let found = busy("UTC", &[event], "2026-12-01 00:00", "2026-12-02 00:00");
    assert_eq!(found, ["12-01 09:00..18:00"]);
}

#[test]
fn several_calendars_in_one_file_all_count() {
    let text = calendar("", &["DTSTART:20261201T100000Z\nDURATION:PT1H"])
        + &calendar("", &["DTSTART:20261201T120000Z\nDURATION:PT1H"]);
    let calendar = Calendar::parse(&text).unwrap();
    let window = range("UTC", "2026-12-01 00:00", "2026-12-02 00:00");
    assert_eq!(calendar.len(), 2);
    assert_eq!(calendar.busy(window, "UTC").unwrap().len(), 2);
}

#[test]
fn alarms_and_tasks_inside_a_calendar_take_no_time() {
    let event = "DTSTART:20261201T100000Z\nDURATION:PT1H\nBEGIN:VALARM\nACTION:DISPLAY\n\
        TRIGGER:-PT10M\nEND:VALARM";
    let text = calendar("", &[event]).replace(
        "END:VCALENDAR",
        "BEGIN:VTODO\r\nUID:t\r\nDTSTART:20261201T150000Z\r\nDUE:20261201T160000Z\r\nEND:VTODO\r\nEND:VCALENDAR",
    );
    let calendar = Calendar::parse(&text).unwrap();
    let window = range("UTC", "2026-12-01 00:00", "2026-12-02 00:00");
    assert_eq!(show("UTC", &calendar.busy(window, "UTC").unwrap()), ["12-01 10:00..11:00"]);
}

#[test]
fn what_cannot_be_read_is_refused_by_name_and_not_taken_for_free_time() {
    let refused = |event| Calendar::parse(&calendar("", &[event])).unwrap_err();
    let unreadable = |property| CalendarError::Unreadable { uid: "0".into(), property };
    assert_eq!(refused("DTSTART:tomorrow"), unreadable("DTSTART"));
    assert_eq!(refused("DTSTART:20260230T100000Z"), unreadable("DTSTART"));
    assert_eq!(refused("DTSTART:20260201T100000Z\nDTEND:later"), unreadable("DTEND"));
    assert_eq!(refused("DTSTART:20260201T100000Z\nDURATION:long"), unreadable("DURATION"));
    assert_eq!(refused("DTSTART:20260201T100000Z\nRRULE:FREQ=OFTEN"), unreadable("RRULE"));
    assert_eq!(refused("DTSTART:20260201T100000Z\nEXDATE:never"), unreadable("EXDATE"));
}

#[test]
fn questions_that_make_no_sense_are_answered_as_such() {
    let calendar = Calendar::empty();
    let window = TimeRange { start_ms: 0, end_ms: 1 };
    assert_eq!(
        calendar.busy(window, "Mars/Olympus"),
        Err(CalendarError::UnknownZone("Mars/Olympus".into()))
    );
    let ever = TimeRange { start_ms: 0, end_ms: u64::MAX };
    assert!(matches!(calendar.busy(ever, "UTC"), Err(CalendarError::WindowTooLong { .. })));
    let inverted = TimeRange { start_ms: 5, end_ms: 1 };
    assert_eq!(calendar.busy(inverted, "UTC"), Ok(vec![]));
}
