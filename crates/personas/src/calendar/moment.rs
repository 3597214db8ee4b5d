//! A day, or a time in a zone, as a calendar writes it.

use calcard::{common::PartialDateTime, icalendar::ICalendarEntry};
use jiff::{civil::Date, tz::TimeZone};

use super::{
    days::{self, Civil, DAY},
    zone::{Zone, Zones},
};

/// A point in a calendar.
#[derive(Debug, Clone)]
pub(super) enum Moment {
    /// A whole day, wherever its reader is, as its number.
    Day(i64),
    /// What the clocks of a zone show.
    Time {
        /// What they show.
        wall: i64,
        /// Whose clocks.
        zone: Zone,
    },
}

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many milliseconds, whatever the clocks do.
    Exact(i64),
    /// So many days on the calendar, then so many milliseconds.
    Nominal {
        /// Days.
        days: i64,
        /// Milliseconds after them.
        ms: i64,
    },
}

impl Length {
    /// An upper bound in milliseconds: no day is longer than 26 hours in any zone.
    pub(super) fn ms_max(self) -> i64 {
        match self {
            Self::Exact(ms) => ms.max(0),
            Self::Nominal { days, ms } => {
                days.saturating_mul(26 * 3_600_000).saturating_add(ms).max(0)
            }
        }
    }
}

impl Moment {
    /// The moment a property's value means, with the zone its TZID names.
    pub(super) fn read(
        entry: &ICalendarEntry,
        value: &PartialDateTime,
        zones: &Zones,
    ) -> Option<Self> {
        let day = day_of(value)?;
        let Some(time) = time_of(value) else {
            return value.hour.is_none().then_some(Self::Day(day));
        };
        let wall = day * DAY + time;
        let zone = match offset_ms(value) {
            Some(offset) => return Some(Self::Time { wall: wall - offset, zone: Zone::utc() }),
            None if value.tz_hour.is_some() => return None,
            None => zones.resolve(entry.tz_id()),
        };
        Some(Self::Time { wall, zone })
    }

    /// What the wall clock shows; midnight for a day.
    pub(super) fn wall(&self) -> i64 {
        match self {
            Self::Day(day) => day * DAY,
            Self::Time { wall, .. } => *wall,
        }
    }

    /// Whose clock it is; a day is a day of the reader's.
    pub(super) fn zone(&self) -> &Zone {
        match self {
            Self::Day(_) => &Zone::Floating,
            Self::Time { zone, .. } => zone,
        }
    }

    /// Whether it is a whole day.
    pub(super) fn is_day(&self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// The instant, for a reader in this zone.
    pub(super) fn at(&self, reader: &TimeZone) -> i64 {
        self.zone().instant(self.wall(), reader)
    }

    /// The time from this moment to a later one, as the calendar means it.
    pub(super) fn length_to(&self, end: &Self) -> Length {
        match (self, end) {
            (Self::Day(from), Self::Day(to)) => Length::Nominal { days: (to - from).max(0), ms: 0 },
            // Both on clocks without a known zone: their difference is all there is.
            (Self::Time { zone: Zone::Floating, .. }, Self::Time { zone: Zone::Floating, .. }) => {
                Length::Exact((end.wall() - self.wall()).max(0))
            }
            _ => Length::Exact((end.at(&TimeZone::UTC) - self.at(&TimeZone::UTC)).max(0)),
        }
    }
}

/// The number of a value's day, if there is such a day.
pub(super) fn day_of(value: &PartialDateTime) -> Option<i64> {
    let (year, month, day) = (value.year?, value.month?, value.day?);
    let year_number = i16::try_from(year).ok()?;
    Date::new(year_number, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(days::number(Civil { year: year.into(), month: month.into(), day: day.into() }))
}

/// Milliseconds since midnight of a value's time, if there is such a time.
pub(super) fn time_of(value: &PartialDateTime) -> Option<i64> {
    let hour = i64::from(value.hour?);
    let minute = i64::from(value.minute.unwrap_or(0));
    // A leap second is written as 60 and does not exist on a civil clock.
    let second = i64::from(value.second.unwrap_or(0).min(59));
    (hour < 24 && minute < 60).then_some(((hour * 60 + minute) * 60 + second) * 1000)
}

/// Milliseconds that a value is ahead of UTC, if it says so.
pub(super) fn offset_ms(value: &PartialDateTime) -> Option<i64> {
    let minutes = i64::from(value.tz_hour?) * 60 + i64::from(value.tz_minute.unwrap_or(0));
    let minutes = if value.tz_minus { -minutes } else { minutes };
    (minutes.abs() < 26 * 60).then_some(minutes * 60_000)
}
