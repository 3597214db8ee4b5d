//! A meeting that was booked is in the calendar, once, and nothing else has changed.

use personas::{Booking, Calendar, TimeRange, book};

use crate::times::{calendar, range, show};

fn booking(uid: &str, range: TimeRange) -> Booking {
    Booking {
        uid: uid.into(),
        title: "Dinner, with \"friends\"; at Bob's\nbring wine".into(),
        range,
        zone: "Europe/Berlin".into(),
        attendees: vec!["did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".into()],
        decision: "ab".repeat(32),
        stamp_ms: 1_796_083_200_000,
    }
}

fn busy(ics: &str) -> Vec<String> {
    let window = range("Europe/Berlin", "2026-12-01 00:00", "2026-12-08 00:00");
    let calendar = Calendar::parse(ics).unwrap();
    show("Europe/Berlin", &calendar.busy(window, "Europe/Berlin").unwrap())
}

fn evening() -> TimeRange {
    range("Europe/Berlin", "2026-12-03 19:00", "2026-12-03 21:00")
}

#[test]
fn what_is_booked_is_busy() {
    for before in ["", "\u{feff}", "  \r\n", &calendar("", &[])] {
        let after = book(before, &booking("a", evening())).unwrap();
        assert_eq!(busy(&after), ["12-03 19:00..21:00"], "after {before:?}");
    }
}

#[test]
fn booking_again_changes_nothing_even_at_another_time() {
    let once = book("", &booking("a", evening())).unwrap();
    let later = range("Europe/Berlin", "2026-12-04 19:00", "2026-12-04 21:00");
    assert_eq!(book(&once, &booking("a", evening())).unwrap(), once);
    assert_eq!(book(&once, &booking("a", later)).unwrap(), once);
    let twice = book(&once, &booking("b", later)).unwrap();
    assert_eq!(busy(&twice), ["12-03 19:00..21:00", "12-04 19:00..21:00"]);
}

#[test]
fn everything_else_in_the_file_stays_as_it_was() {
    // Line ends of two kinds, a folded line that looks like the end, properties nobody knows.
    let before = "BEGIN:VCALENDAR\nVERSION:2.0\nX-ODD;A=\"b:c\":  trailing  \r\n\
        BEGIN:VEVENT\nUID:x\nDTSTART:20261201T100000Z\nDURATION:PT1H\nDESCRIPTION:folded\n \
        END:VCALENDAR\nEND:VEVENT\nend:vcalendar  \n\n";
    let after = book(before, &booking("a", evening())).unwrap();
    let start = after.find("BEGIN:VEVENT\r\nUID:a\r\n").unwrap();
    let end = start + after[start..].find("END:VEVENT\r\n").unwrap() + "END:VEVENT\r\n".len();
    assert_eq!(format!("{}{}", &after[..start], &after[end..]), before);
    assert_eq!(busy(&after), ["12-01 11:00..12:00", "12-03 19:00..21:00"]);
}

#[test]
fn a_uid_that_needs_escaping_or_folding_is_recognised() {
    for uid in ["a;b,c\\d".to_owned(), "x".repeat(200), "ü".repeat(100)] {
        let once = book("", &booking(&uid, evening())).unwrap();
        assert_eq!(book(&once, &booking(&uid, evening())).unwrap(), once, "{uid}");
    }
}

#[test]
fn a_booking_into_a_file_of_two_calendars_goes_into_the_last() {
    let before =
        calendar("", &["UID:x\nDTSTART:20261201T100000Z\nDURATION:PT1H"]) + &calendar("", &[]);
    let after = book(&before, &booking("a", evening())).unwrap();
    assert!(after.starts_with(before.strip_suffix("END:VCALENDAR\r\n").unwrap()));
    assert_eq!(busy(&after).len(), 2);
}

#[test]
fn the_decision_and_who_takes_part_can_be_read_back() {
    let text = book("", &booking("a", evening())).unwrap().replace("\r\n ", "");
    assert!(text.contains(&format!("X-CONCLAVE-DECISION:{}\r\n", "ab".repeat(32))));
    assert!(text.contains("ATTENDEE:did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK\r\n"));
    assert!(text.lines().all(|line| !line.contains('\t')));
}
