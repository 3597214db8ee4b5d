//! Reading calendars by other means than the nodes do.
//!
//! Another parser (`icalendar`), another expansion of recurrences and another copy of the time
//! zones (`rrule`): what both readings agree on is no mistake of either.

use std::{ops::Range, path::Path};

use anyhow::{Context, bail, ensure};
use icalendar::{Calendar, CalendarComponent, Component, Event};
use rrule::RRuleSet;

/// Recurrences of one event that are looked at.
const OCCURRENCES_MAX: u16 = 1_000;

/// One occurrence of an event, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its title.
    pub title: String,
    /// From, and up to but not including.
    pub time: Range<i64>,
    /// The proposal that decided it, if a persona booked it.
    pub decision: Option<String>,
}

/// All entries of a calendar file that begin within `window`, recurrences expanded.
///
/// # Errors
/// The file cannot be read, or holds what this reader does not know.
pub fn entries(file: &Path, window: Range<i64>) -> anyhow::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(file)?;
    let calendar: Calendar = text.parse().map_err(anyhow::Error::msg)?;
    let events: Vec<&Event> =
        calendar.components.iter().filter_map(CalendarComponent::as_event).collect();
    // Whole days have no zone of their own; they are the days of the calendar's owner.
    let zone = events
        .iter()
        .filter_map(|event| event.properties().get("DTSTART")?.params().get("TZID"))
        .map(|zone| zone.value().to_owned())
        .next()
        .unwrap_or_else(|| "UTC".to_owned());
    let mut entries = Vec::new();
    for event in events {
        expand(event, &zone, &window, &mut entries)?;
    }
    entries.sort_by_key(|entry| entry.time.start);
    Ok(entries)
}

/// Whether none of the entries overlaps a time, those booked by a persona left aside.
pub fn is_free(entries: &[Entry], time: &Range<i64>) -> bool {
    let overlaps = |entry: &Entry| entry.time.start < time.end && time.start < entry.time.end;
    !entries.iter().any(|entry| entry.decision.is_none() && overlaps(entry))
}

/// An option of a scheduling vote, `<instant>/<instant>`, in milliseconds since the Unix epoch.
///
/// # Errors
/// It is no such option.
pub fn slot(option: &str) -> anyhow::Result<Range<i64>> {
    let (start, end) = option.split_once('/').context("a slot is two instants")?;
    let instant = |text: &str| -> anyhow::Result<i64> {
        Ok(text.parse::<jiff::Timestamp>()?.as_millisecond())
    };
    let slot = instant(start)?..instant(end)?;
    ensure!(slot.start < slot.end, "{option} ends before it begins");
    Ok(slot)
}

fn expand(
    event: &Event,
    zone: &str,
    window: &Range<i64>,
    entries: &mut Vec<Entry>,
) -> anyhow::Result<()> {
    for unknown in ["RDATE", "EXRULE", "DURATION", "RECURRENCE-ID"] {
        ensure!(event.property_value(unknown).is_none(), "this reader does not know {unknown}");
    }
    let repeated = event.multi_properties().keys().find(|name| *name != "ATTENDEE");
    ensure!(repeated.is_none(), "this reader does not know repeated {repeated:?}");
    let start = line(event, "DTSTART", zone)?;
    let length = first(&line(event, "DTEND", zone)?)? - first(&start)?;
    let rule = event.property_value("RRULE").unwrap_or("FREQ=DAILY;COUNT=1");
    let set: RRuleSet = format!("DTSTART{start}\nRRULE:{rule}").parse()?;
    let found = set.all(OCCURRENCES_MAX);
    for date in found.dates {
        let at = date.timestamp_millis();
        if at >= window.end {
            return Ok(());
        }
        if at >= window.start {
            entries.push(Entry {
                title: event.get_summary().unwrap_or_default().to_owned(),
                time: at..at + length,
                decision: event.property_value("X-CONCLAVE-DECISION").map(str::to_owned),
            });
        }
    }
    if found.limited {
        bail!("{rule} does not reach the end of the window in {OCCURRENCES_MAX} steps");
    }
    Ok(())
}

/// What follows the name in a line about a time, such as `;TZID=Europe/London:20261124T190000`.
fn line(event: &Event, name: &str, zone: &str) -> anyhow::Result<String> {
    let property = event.properties().get(name).with_context(|| format!("no {name}"))?;
    let value = property.value();
    Ok(match property.params().get("TZID") {
        Some(own) => format!(";TZID={}:{value}", own.value()),
        None if value.ends_with('Z') => format!(":{value}"),
        None if value.len() == "20261124".len() => format!(";TZID={zone}:{value}T000000"),
        None => format!(";TZID={zone}:{value}"),
    })
}

/// The instant such a line means.
fn first(line: &str) -> anyhow::Result<i64> {
    let set: RRuleSet = format!("DTSTART{line}\nRRULE:FREQ=DAILY;COUNT=1").parse()?;
    let date = set.into_iter().next().context("no such time")?;
    Ok(date.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_weekly_event_keeps_its_hour_when_the_clocks_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.ics");
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\n\
            UID:1\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Choir\r\n\
            DTSTART;TZID=Europe/Berlin:20261019T190000\r\n\
            DTEND;TZID=Europe/Berlin:20261019T210000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\n\
            END:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20260101T000000Z\r\n\
            DTSTART;VALUE=DATE:20261021\r\nDTEND;VALUE=DATE:20261022\r\nEND:VEVENT\r\n\
            END:VCALENDAR\r\n";
        std::fs::write(&file, text).unwrap();
        let window = ms("2026-10-18T00:00:00Z")..ms("2026-10-28T00:00:00Z");
        let found = entries(&file, window).unwrap();
        let times: Vec<_> = found.iter().map(|entry| entry.time.clone()).collect();
        assert_eq!(
            times,
            [
                ms("2026-10-19T17:00:00Z")..ms("2026-10-19T19:00:00Z"),
                ms("2026-10-20T22:00:00Z")..ms("2026-10-21T22:00:00Z"),
                ms("2026-10-26T18:00:00Z")..ms("2026-10-26T20:00:00Z"),
            ]
        );
        assert!(!is_free(&found, &slot("2026-10-26T19:59:00Z/2026-10-26T21:00:00Z").unwrap()));
        assert!(is_free(&found, &slot("2026-10-26T20:00:00Z/2026-10-26T21:00:00Z").unwrap()));
    }
}
