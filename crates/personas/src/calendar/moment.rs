//! A date, or a time in a zone, as a calendar writes it.

use calcard::{common::PartialDateTime, icalendar::ICalendarEntry};
use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::zone::{Zone, Zones, wall_ms};

/// A point in a calendar.
#[derive(Debug, Clone)]
pub(super) enum Moment {
    /// A whole day, wherever its reader is.
    Day(Date),
    /// What the clocks of a zone show.
    Time {
        /// What they show.
        civil: DateTime,
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
        let date = Date::new(
            i16::try_from(value.year?).ok()?,
            i8::try_from(value.month?).ok()?,
            i8::try_from(value.day?).ok()?,
        )
        .ok()?;
        let Some(hour) = value.hour else { return Some(Self::Day(date)) };
        // A leap second is written as 60 and does not exist on a civil clock.
        let second = value.second.unwrap_or(0).min(59);
        let minute = i8::try_from(value.minute.unwrap_or(0)).ok()?;
        let time =
            jiff::civil::Time::new(i8::try_from(hour).ok()?, minute, i8::try_from(second).ok()?, 0)
                .ok()?;
        let civil = date.to_datetime(time);
        let zone = match value.tz_hour {
            Some(_) => Zone::Named(TimeZone::fixed(offset_of(value)?)),
            None => zones.resolve(entry.tz_id()),
        };
        Some(Self::Time { civil, zone })
    }

    /// What the wall clock shows; midnight for a day.
    pub(super) fn civil(&self) -> DateTime {
        match self {
            Self::Day(date) => date.at(0, 0, 0, 0),
            Self::Time { civil, .. } => *civil,
        }
    }

    /// Whose clock it is; a day is a day of the reader's.
    pub(super) fn zone(&self) -> Zone {
        match self {
            Self::Day(_) => Zone::Floating,
            Self::Time { zone, .. } => zone.clone(),
        }
    }

    /// Whether it is a whole day.
    pub(super) fn is_day(&self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// The instant, for a reader in this zone.
    pub(super) fn at(&self, reader: &TimeZone) -> i64 {
        self.zone().instant(self.civil(), reader)
    }

    /// Milliseconds from this moment to a later one, as the calendar means it.
    pub(super) fn length_to(&self, end: &Self) -> Length {
        match (self, end) {
            (Self::Day(from), Self::Day(to)) => {
                Length::Nominal { days: crate::time::days_between(*from, *to).max(0), ms: 0 }
            }
            // Both ends on clocks without a known zone: their difference is all there is.
            (Self::Time { zone: Zone::Floating, .. }, Self::Time { zone: Zone::Floating, .. }) => {
                Length::Exact(wall_ms(end.civil()).saturating_sub(wall_ms(self.civil())).max(0))
            }
            _ => {
                let (from, to) = (self.at(&TimeZone::UTC), end.at(&TimeZone::UTC));
                Length::Exact(to.saturating_sub(from).max(0))
            }
        }
    }
}

/// The offset from UTC that is written behind a time, or stands alone as an offset.
pub(super) fn offset_of(value: &PartialDateTime) -> Option<jiff::tz::Offset> {
    let hours = i32::from(value.tz_hour?);
    let seconds = hours * 3600 + i32::from(value.tz_minute.unwrap_or(0)) * 60;
    let seconds = if value.tz_minus { -seconds } else { seconds };
    jiff::tz::Offset::from_seconds(seconds).ok()
}
