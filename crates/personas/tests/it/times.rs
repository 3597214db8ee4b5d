//! Writing times down in tests.

use jiff::civil::DateTime;
use personas::{Calendar, TimeRange};

/// The instant at which clocks in a zone show this, such as `2026-03-29 09:00`.
pub(crate) fn at(zone: &str, civil: &str) -> u64 {
    let civil: DateTime = civil.parse().unwrap();
    let ms = civil.in_tz(zone).unwrap().timestamp().as_millisecond();
    u64::try_from(ms).unwrap()
}

/// A range on the clocks of a zone.
pub(crate) fn range(zone: &str, from: &str, to: &str) -> TimeRange {
    TimeRange { start_ms: at(zone, from), end_ms: at(zone, to) }
}

/// Ranges as clocks in a zone show them, for comparing and for reading failures.
pub(crate) fn show(zone: &str, ranges: &[TimeRange]) -> Vec<String> {
    let zone = jiff::tz::TimeZone::get(zone).unwrap();
    let civil = |ms: u64| {
        let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap();
        zone.to_datetime(timestamp)
    };
    let show = |range: &TimeRange| {
        let (start, end) = (civil(range.start_ms), civil(range.end_ms));
        let end_format = if start.date() == end.date() { "%H:%M" } else { "%m-%d %H:%M" };
        format!("{}..{}", start.strftime("%m-%d %H:%M"), end.strftime(end_format))
    };
    ranges.iter().map(show).collect()
}

/// A calendar of events; each is the lines between BEGIN and END.
pub(crate) fn calendar(zones: &str, events: &[&str]) -> String {
    let mut ics = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{zones}");
    for (number, event) in events.iter().enumerate() {
        let uid = if event.contains("UID:") { String::new() } else { format!("UID:{number}\n") };
        let event = format!("BEGIN:VEVENT\n{uid}{}\nEND:VEVENT\n", event.trim());
        for line in event.lines() {
            ics.push_str(line.trim());
            ics.push_str("\r\n");
        }
    }
    ics + "END:VCALENDAR\r\n"
}

/// The busy times of events in a window, both on the clocks of a zone.
pub(crate) fn busy(zone: &str, events: &[&str], from: &str, to: &str) -> Vec<String> {
    let calendar = Calendar::parse(&calendar("", events)).unwrap();
    show(zone, &calendar.busy(range(zone, from, to), zone).unwrap())
}
