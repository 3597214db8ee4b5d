//! Ranges of time, and the way between instants and what a clock on the wall shows.
//!
//! Instants are milliseconds since the Unix epoch. Zones come from the table compiled into the
//! program, never from the machine, so that every node reads a calendar in the same way.

use std::sync::LazyLock;

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime},
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};

/// Milliseconds in a minute.
pub const MINUTE_MS: u64 = 60_000;

/// Milliseconds in a day of 24 hours.
pub const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// A span of time from `start_ms` up to, but without, `end_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimeRange {
    /// First instant, milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// First instant that no longer belongs to it, milliseconds since the Unix epoch.
    pub end_ms: u64,
}

impl TimeRange {
    /// The range between two instants, if the first lies before the second.
    pub fn new(start_ms: u64, end_ms: u64) -> Option<Self> {
        (start_ms < end_ms).then_some(Self { start_ms, end_ms })
    }

    /// The range of so many minutes from an instant on.
    pub fn starting(start_ms: u64, minutes: u16) -> Self {
        Self { start_ms, end_ms: start_ms.saturating_add(u64::from(minutes) * MINUTE_MS) }
    }

    /// Whole minutes between start and end; 0 for an inverted range.
    pub fn minutes(&self) -> u64 {
        self.end_ms.saturating_sub(self.start_ms) / MINUTE_MS
    }

    /// Whether no instant belongs to it.
    pub fn is_empty(&self) -> bool {
        self.start_ms >= self.end_ms
    }

    /// Whether some instant belongs to both. Ranges that only touch do not overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.overlap(other).is_some()
    }

    /// The instants that belong to both.
    pub fn overlap(&self, other: &Self) -> Option<Self> {
        Self::new(self.start_ms.max(other.start_ms), self.end_ms.min(other.end_ms))
    }

    /// Whether every instant of the other belongs to this one.
    pub fn contains(&self, other: &Self) -> bool {
        self.start_ms <= other.start_ms && other.end_ms <= self.end_ms
    }

    /// The range with so many minutes more at both ends.
    pub fn widened(&self, minutes: u16) -> Self {
        let more = u64::from(minutes) * MINUTE_MS;
        Self {
            start_ms: self.start_ms.saturating_sub(more),
            end_ms: self.end_ms.saturating_add(more),
        }
    }

    /// The same instants in as few ranges as possible, in order. Empty ranges vanish.
    pub fn merged(mut ranges: Vec<Self>) -> Vec<Self> {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_unstable();
        let mut merged: Vec<Self> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start_ms <= last.end_ms => {
                    last.end_ms = last.end_ms.max(range.end_ms);
                }
                _ => merged.push(range),
            }
        }
        merged
    }
}

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of an IANA name such as `Europe/Berlin`.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// Whether this is the IANA name of a zone this program knows.
pub fn is_zone(name: &str) -> bool {
    zone(name).is_some()
}

/// What a wall clock in the zone shows at an instant. Instants past the year 9999 show its end.
pub(crate) fn civil(zone: &TimeZone, ms: u64) -> DateTime {
    let timestamp = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX);
    zone.to_datetime(timestamp)
}

/// The instant at which a wall clock in the zone shows this; the first of two when clocks are set
/// back, and as much later as they jump when they are set forward. `None` before 1970.
pub(crate) fn instant(zone: &TimeZone, civil: DateTime) -> Option<u64> {
    let timestamp = zone.to_timestamp(civil).ok()?;
    u64::try_from(timestamp.as_millisecond()).ok()
}

/// The instant of a minute of a local day. Minute 1440 is the next midnight.
pub(crate) fn minute_of_day(zone: &TimeZone, date: Date, minute: u16) -> Option<u64> {
    let date = days_later(date, i64::from(minute / 1440))?;
    let hour = i8::try_from(minute % 1440 / 60).ok()?;
    let minute = i8::try_from(minute % 60).ok()?;
    instant(zone, date.at(hour, minute, 0, 0))
}

/// Minutes since midnight that a wall clock shows.
pub(crate) fn clock_minutes(civil: DateTime) -> u16 {
    let hour = u16::try_from(civil.hour()).unwrap_or(0);
    let minute = u16::try_from(civil.minute()).unwrap_or(0);
    hour * 60 + minute
}

/// The date so many days later, or earlier when negative, within the years -9999 to 9999.
pub(crate) fn days_later(date: Date, days: i64) -> Option<Date> {
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn ranges_that_touch_do_not_overlap_but_merge() {
        let (a, b) = (TimeRange::new(0, 10).unwrap(), TimeRange::new(10, 20).unwrap());
        assert!(!a.overlaps(&b));
        assert_eq!(TimeRange::merged(vec![b, a]), vec![TimeRange { start_ms: 0, end_ms: 20 }]);
    }

    #[test]
    fn a_range_inside_another_disappears_when_merged() {
        let outer = TimeRange::new(0, 100).unwrap();
        let ranges =
            vec![TimeRange::new(50, 60).unwrap(), outer, TimeRange::new(200, 201).unwrap()];
        assert_eq!(
            TimeRange::merged(ranges),
            vec![outer, TimeRange { start_ms: 200, end_ms: 201 }]
        );
    }

    #[test]
    fn a_local_hour_is_an_hour_earlier_in_summer() {
        let berlin = zone("Europe/Berlin").unwrap();
        let winter = minute_of_day(&berlin, date(2026, 1, 15), 9 * 60).unwrap();
        let summer = minute_of_day(&berlin, date(2026, 7, 15), 9 * 60).unwrap();
        assert_eq!(winter % DAY_MS, 8 * 60 * MINUTE_MS);
        assert_eq!(summer % DAY_MS, 7 * 60 * MINUTE_MS);
    }

    #[test]
    fn the_last_minute_of_a_day_is_the_next_midnight() {
        let utc = zone("UTC").unwrap();
        let end = minute_of_day(&utc, date(2026, 1, 31), 1440).unwrap();
        assert_eq!(civil(&utc, end).date(), date(2026, 2, 1));
    }

    #[test]
    fn names_that_are_no_zones_are_unknown() {
        assert!(is_zone("America/New_York"));
        for name in ["", "Mars/Olympus", "../etc/passwd", "Europe/Berlin\0"] {
            assert!(!is_zone(name), "{name:?}");
        }
    }
}
