//! Writing an agreed meeting into the text of a calendar.
//!
//! The text around the new event stays as it is, byte for byte: other programs keep things in
//! calendars that this one knows nothing about. The event is written in UTC, which every reader
//! understands without a zone table; the owner's zone is used for the words in its description.

use serde::{Deserialize, Serialize};

use super::{error::CalendarError, parse};
use crate::{
    text,
    time::{self, TimeRange},
};

/// Most octets of a line, its end not counted (RFC 5545, 3.1).
const LINE_OCTETS_MAX: usize = 75;

/// Most bytes of a title, a UID, or an attendee.
const TEXT_BYTES_MAX: usize = 500;

/// Most attendees of a meeting.
const ATTENDEES_MAX: usize = 256;

/// A meeting to be written into a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Names the event for ever; booking it again changes nothing.
    pub uid: String,
    /// What the meeting is.
    pub title: String,
    /// When it is.
    pub range: TimeRange,
    /// IANA name of the owner's zone, for the description.
    pub zone: String,
    /// Who takes part: `did:` and `mailto:` addresses as they are, anything else as a name.
    pub attendees: Vec<String>,
    /// Id of the proposal that decided it, in hexadecimal; written as `X-CONCLAVE-DECISION`.
    pub decision: String,
    /// When this was written down, milliseconds since the Unix epoch; becomes `DTSTAMP`.
    pub stamp_ms: u64,
}

impl Booking {
    fn check(&self) -> Result<(), CalendarError> {
        let require = |holds: bool, field, reason| {
            if holds { Ok(()) } else { Err(CalendarError::Booking { field, reason }) }
        };
        let short = |text: &str| text.len() <= TEXT_BYTES_MAX;
        let plain = |text: &str| short(text) && !text.chars().any(text::is_unsafe);
        require(!self.uid.trim().is_empty(), "uid", "it is empty")?;
        require(plain(&self.uid), "uid", "it is too long or has characters that do not show")?;
        require(short(&self.title), "title", "it is too long")?;
        require(!self.range.is_empty(), "range", "it ends before it starts")?;
        require(utc(self.range.end_ms).is_some(), "range", "it is past the year 9999")?;
        require(utc(self.stamp_ms).is_some(), "stamp_ms", "it is past the year 9999")?;
        require(time::is_zone(&self.zone), "zone", "it is not the name of a time zone")?;
        require(self.attendees.len() <= ATTENDEES_MAX, "attendees", "there are too many")?;
        require(
            self.attendees.iter().all(|attendee| plain(attendee)),
            "attendees",
            "one is too long or has characters that do not show",
        )?;
        require(
            self.decision.len() <= 64 && self.decision.bytes().all(|b| b.is_ascii_hexdigit()),
            "decision",
            "it is not hexadecimal",
        )
    }
}

/// The calendar with the meeting in it. Nothing else in the text changes, and nothing at all
/// when an event with this UID is there already. An empty text becomes a new calendar.
///
/// # Errors
/// [`CalendarError::Booking`] when a field cannot be written, and the errors of reading when the
/// text is no calendar or would be too long.
pub fn book(ics: &str, booking: &Booking) -> Result<String, CalendarError> {
    booking.check()?;
    let event = event(booking);
    let booked = if ics.trim_start_matches('\u{feff}').trim().is_empty() {
        let mut lines = Lines::default();
        lines.push("BEGIN:VCALENDAR");
        lines.push("VERSION:2.0");
        lines.push("PRODID:-//Conclave//Conclave//EN");
        format!("{}{event}END:VCALENDAR\r\n", lines.0)
    } else {
        if parse::uids(ics)?.contains(&booking.uid) {
            return Ok(ics.to_owned());
        }
        let end = end_of_calendar(ics)
            .ok_or(CalendarError::NotACalendar("it does not end with END:VCALENDAR"))?;
        let (before, after) = ics.split_at(end);
        format!("{before}{event}{after}")
    };
    if booked.len() > parse::BYTES_MAX {
        return Err(CalendarError::TooLarge { bytes: booked.len(), max: parse::BYTES_MAX });
    }
    Ok(booked)
}

/// Where the last line `END:VCALENDAR` begins.
fn end_of_calendar(ics: &str) -> Option<usize> {
    let mut at = ics.len();
    for line in ics.split_inclusive('\n').rev() {
        at -= line.len();
        if line.trim_end().eq_ignore_ascii_case("END:VCALENDAR") {
            return Some(at);
        }
    }
    None
}

fn event(booking: &Booking) -> String {
    let mut lines = Lines::default();
    let utc = |ms| utc(ms).unwrap_or_default();
    lines.push("BEGIN:VEVENT");
    lines.push(&format!("UID:{}", escape(&booking.uid)));
    lines.push(&format!("DTSTAMP:{}", utc(booking.stamp_ms)));
    lines.push(&format!("DTSTART:{}", utc(booking.range.start_ms)));
    lines.push(&format!("DTEND:{}", utc(booking.range.end_ms)));
    lines.push(&format!("SUMMARY:{}", escape(&booking.title)));
    lines.push(&format!("DESCRIPTION:{}", escape(&description(booking))));
    for attendee in &booking.attendees {
        lines.push(&attendee_line(attendee));
    }
    lines.push("STATUS:CONFIRMED");
    lines.push("TRANSP:OPAQUE");
    lines.push(&format!("X-CONCLAVE-DECISION:{}", booking.decision));
    lines.push("END:VEVENT");
    lines.0
}

fn description(booking: &Booking) -> String {
    let when = crate::reply::when(&booking.range, &booking.zone);
    format!("Agreed by vote: {when} ({})", booking.zone)
}

/// Addresses stand as they are. Names get an address of our own, because a calendar may send
/// mail to any address it takes for one.
fn attendee_line(attendee: &str) -> String {
    let address = ["did:", "mailto:"].iter().any(|scheme| attendee.starts_with(scheme));
    if address && !attendee.contains(char::is_whitespace) {
        return format!("ATTENDEE:{attendee}");
    }
    // RFC 5545, 3.2: a quoted parameter holds no quote; RFC 6868 has an escape for it.
    let name = attendee.replace('^', "^^").replace('"', "^'");
    format!("ATTENDEE;CN=\"{name}\":conclave:{}", percent_encoded(attendee))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// An instant as `20261201T180000Z`.
fn utc(ms: u64) -> Option<String> {
    let seconds = i64::try_from(ms / 1000).ok()?;
    let shown = jiff::Timestamp::from_second(seconds).ok()?;
    let shown = jiff::tz::TimeZone::UTC.to_datetime(shown);
    Some(shown.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// RFC 5545, 3.3.11. Other control characters have no escape and are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            ';' => escaped.push_str("\\;"),
            ',' => escaped.push_str("\\,"),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Lines, folded at 75 octets and ended as RFC 5545 wants them.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn push(&mut self, line: &str) {
        let mut room = LINE_OCTETS_MAX;
        for c in line.chars() {
            if c.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LINE_OCTETS_MAX - 1;
            }
            room -= c.len_utf8();
            self.0.push(c);
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn booking() -> Booking {
        Booking {
            uid: "d1@conclave".into(),
            title: "Dinner".into(),
            range: TimeRange::starting(1_796_148_000_000, 120),
            zone: "Europe/Berlin".into(),
            attendees: vec!["did:key:z6Mk".into(), "Bob".into()],
            decision: "00ff".into(),
            stamp_ms: 1_796_083_200_000,
        }
    }

    #[test]
    fn a_new_calendar_is_written_line_by_line_as_expected() {
        let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Conclave//Conclave//EN\r\n\
            BEGIN:VEVENT\r\nUID:d1@conclave\r\nDTSTAMP:20261201T000000Z\r\n\
            DTSTART:20261201T180000Z\r\nDTEND:20261201T200000Z\r\nSUMMARY:Dinner\r\n\
            DESCRIPTION:Agreed by vote: Tue 1 Dec 2026\\, 19:00 to 21:00 (Europe/Berlin)\r\n\
            ATTENDEE:did:key:z6Mk\r\nATTENDEE;CN=\"Bob\":conclave:Bob\r\nSTATUS:CONFIRMED\r\n\
            TRANSP:OPAQUE\r\nX-CONCLAVE-DECISION:00ff\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(book("", &booking()).unwrap(), expected);
    }

    #[test]
    fn text_cannot_break_out_of_its_line() {
        let hostile = Booking {
            title: "a;b,c\\d\r\nEND:VEVENT\nX:\u{7}y".into(),
            attendees: vec!["Bo\"b;x=\"y".into()],
            ..booking()
        };
        let text = book("", &hostile).unwrap();
        assert!(text.contains("SUMMARY:a\\;b\\,c\\\\d\\nEND:VEVENT\\nX:y\r\n"), "{text}");
        assert!(text.contains("ATTENDEE;CN=\"Bo^'b;x=^'y\":conclave:Bo%22b%3Bx%3D%22y\r\n"));
        assert_eq!(text.matches("END:VEVENT\r\n").count(), 1);
    }

    #[test]
    fn lines_are_folded_between_characters_at_75_octets() {
        let mut lines = Lines::default();
        lines.push(&"ä".repeat(100));
        let text = lines.0;
        assert!(text.trim_end().split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(text.replace("\r\n ", "").trim_end(), "ä".repeat(100));
    }

    #[test]
    fn a_field_that_cannot_be_written_is_named() {
        let refused = |change: fn(&mut Booking)| {
            let mut booking = booking();
            change(&mut booking);
            match book("", &booking) {
                Err(CalendarError::Booking { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(|b| b.uid = " ".into()), "uid");
        assert_eq!(refused(|b| b.uid = "a\nb".into()), "uid");
        assert_eq!(refused(|b| b.range.end_ms = 0), "range");
        assert_eq!(refused(|b| b.range.end_ms = u64::MAX), "range");
        assert_eq!(refused(|b| b.stamp_ms = u64::MAX), "stamp_ms");
        assert_eq!(refused(|b| b.zone = "Nowhere".into()), "zone");
        assert_eq!(refused(|b| b.attendees = vec!["a\rb".into()]), "attendees");
        assert_eq!(refused(|b| b.decision = "xyz".into()), "decision");
    }

    #[test]
    fn text_that_is_no_calendar_is_refused_and_not_replaced() {
        assert!(matches!(book("hello", &booking()), Err(CalendarError::NotACalendar(_))));
        let unfinished = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n";
        assert!(matches!(book(unfinished, &booking()), Err(CalendarError::NotACalendar(_))));
    }
}
