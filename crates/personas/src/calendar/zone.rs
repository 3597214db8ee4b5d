//! The zones of a calendar: known by name, or described in the file.
//!
//! A TZID that names an IANA zone, in one of the many spellings programs use, means that zone,
//! whatever the file says about it. Any other TZID means what the file's VTIMEZONE describes.
//! A TZID that is neither is read as the clocks of the calendar's owner, and reported.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::Arc,
};

use calcard::{
    common::timezone::Tz,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarValue,
    },
};
use jiff::{
    Timestamp,
    civil::{DateTime, date},
    tz::TimeZone,
};

use super::{
    error::CalendarError,
    expand::{Budget, Span},
    moment::{Moment, offset_of},
    rule::{Rule, Until},
};
use crate::time;

/// Most changes of the clocks that a described zone may have.
const CHANGES_MAX: usize = 2_000;

/// Whose clocks a time is on.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// The reader's, wherever the reader is.
    Floating,
    /// Those of a zone known by name, or of a fixed offset.
    Named(TimeZone),
    /// Those of a zone the file describes.
    Described(Arc<Described>),
}

/// A zone as a VTIMEZONE describes it.
#[derive(Debug)]
pub(super) struct Described {
    /// Milliseconds added to UTC before the first change.
    before_ms: i64,
    /// Instant of a change and milliseconds added to UTC from then on, in order.
    changes: Vec<(i64, i64)>,
}

/// Milliseconds of a wall clock since 1970 on that same wall.
pub(super) fn wall_ms(civil: DateTime) -> i64 {
    Zone::Floating.instant(civil, &TimeZone::UTC)
}

/// The wall clock so many milliseconds after 1970 on that same wall.
pub(super) fn wall(ms: i64) -> Option<DateTime> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_millisecond(ms).ok()?))
}

impl Zone {
    /// The instant at which these clocks show this. Past the end of time it is its end.
    pub(super) fn instant(&self, civil: DateTime, reader: &TimeZone) -> i64 {
        let zone = match self {
            Self::Floating => reader,
            Self::Named(zone) => zone,
            Self::Described(zone) => return zone.instant(wall_ms(civil)),
        };
        let end = if civil.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
        zone.to_timestamp(civil).unwrap_or(end).as_millisecond()
    }

    /// What these clocks show at an instant.
    pub(super) fn civil(&self, ms: i64, reader: &TimeZone) -> Option<DateTime> {
        let timestamp = Timestamp::from_millisecond(ms).ok()?;
        match self {
            Self::Floating => Some(reader.to_datetime(timestamp)),
            Self::Named(zone) => Some(zone.to_datetime(timestamp)),
            Self::Described(zone) => wall(ms.checked_add(zone.offset_ms(ms))?),
        }
    }
}

impl Described {
    fn offset_ms(&self, ms: i64) -> i64 {
        match self.changes.partition_point(|(at, _)| *at <= ms) {
            0 => self.before_ms,
            after => self.changes[after - 1].1,
        }
    }

    /// RFC 5545, 3.3.5: of two instants the first; in a gap, by the offset before it.
    fn instant(&self, wall_ms: i64) -> i64 {
        let guess = wall_ms.saturating_sub(self.offset_ms(wall_ms));
        let near = self.changes.partition_point(|(at, _)| *at <= guess);
        let offsets = (near.saturating_sub(2)..(near + 2).min(self.changes.len()))
            .map(|index| self.changes[index].1)
            .chain([self.before_ms]);
        let hits = offsets.filter_map(|offset| {
            let ms = wall_ms.checked_sub(offset)?;
            (self.offset_ms(ms) == offset).then_some(ms)
        });
        hits.min().unwrap_or_else(|| {
            let before = self.offset_ms(guess.saturating_sub(86_400_000));
            wall_ms.saturating_sub(before)
        })
    }
}

/// The zones a calendar's TZIDs mean.
#[derive(Debug, Default)]
pub(super) struct Zones {
    described: BTreeMap<String, Zone>,
    named: RefCell<BTreeMap<String, Zone>>,
    unknown: RefCell<BTreeSet<String>>,
}

impl Zones {
    /// Reads the VTIMEZONE components of a calendar.
    pub(super) fn read(ical: &ICalendar, budget: &mut Budget) -> Result<Self, CalendarError> {
        let mut zones = Self::default();
        for component in ical.timezones() {
            let Some(tzid) = component
                .property(&ICalendarProperty::Tzid)
                .and_then(|entry| entry.values.first())
                .and_then(ICalendarValue::as_text)
            else {
                continue;
            };
            let known = component.timezone().and_then(|(_, tz)| known(&tz));
            let zone = match known.or_else(|| by_name(tzid)) {
                Some(zone) => Some(zone),
                None => described(tzid, component, ical, budget)?,
            };
            if let Some(zone) = zone {
                zones.described.insert(tzid.to_owned(), zone);
            }
        }
        Ok(zones)
    }

    /// The zone a TZID means.
    pub(super) fn resolve(&self, tzid: Option<&str>) -> Zone {
        let Some(tzid) = tzid else { return Zone::Floating };
        if let Some(zone) = self.described.get(tzid) {
            return zone.clone();
        }
        if let Some(zone) = self.named.borrow().get(tzid) {
            return zone.clone();
        }
        let zone = by_name(tzid).unwrap_or_else(|| {
            self.unknown.borrow_mut().insert(tzid.to_owned());
            Zone::Floating
        });
        self.named.borrow_mut().insert(tzid.to_owned(), zone.clone());
        zone
    }

    /// The TZIDs that were asked for and meant nothing.
    pub(super) fn into_unknown(self) -> BTreeSet<String> {
        self.unknown.into_inner()
    }
}

/// The zone of a name in any spelling that calendar programs use, such as
/// `W. Europe Standard Time` or `/example.org/20240101/Europe/Berlin`.
fn by_name(name: &str) -> Option<Zone> {
    let exact = || time::zone(name).map(Zone::Named);
    let spelled = || known(&Tz::from_str(name).ok()?);
    let suffixed = || {
        let mut rest = name.strip_prefix('/')?;
        while let Some((_, suffix)) = rest.split_once('/') {
            if let Some(zone) = time::zone(suffix) {
                return Some(Zone::Named(zone));
            }
            rest = suffix;
        }
        None
    };
    exact().or_else(spelled).or_else(suffixed)
}

fn known(tz: &Tz) -> Option<Zone> {
    match tz {
        Tz::Tz(_) => time::zone(&tz.name()?).map(Zone::Named),
        Tz::Fixed(offset) => {
            let offset = jiff::tz::Offset::from_seconds(offset.local_minus_utc()).ok()?;
            Some(Zone::Named(TimeZone::fixed(offset)))
        }
        Tz::Floating => None,
    }
}

/// Builds a zone from its STANDARD and DAYLIGHT parts; `None` when it has none that can be read.
fn described(
    tzid: &str,
    component: &ICalendarComponent,
    ical: &ICalendar,
    budget: &mut Budget,
) -> Result<Option<Zone>, CalendarError> {
    let mut changes = Vec::new();
    for part in component.component_ids.iter().filter_map(|id| ical.component_by_id(*id)) {
        if matches!(
            part.component_type,
            ICalendarComponentType::Standard | ICalendarComponentType::Daylight
        ) {
            add_changes(tzid, part, &mut changes, budget)?;
        }
    }
    changes.sort_unstable();
    let Some((_, _, before_ms)) = changes.first().copied() else { return Ok(None) };
    let changes = changes.into_iter().map(|(at, to, _)| (at, to)).collect();
    Ok(Some(Zone::Described(Arc::new(Described { before_ms, changes }))))
}

/// Adds every change one STANDARD or DAYLIGHT part describes: instant, offset after and before.
fn add_changes(
    tzid: &str,
    part: &ICalendarComponent,
    changes: &mut Vec<(i64, i64, i64)>,
    budget: &mut Budget,
) -> Result<(), CalendarError> {
    let value = |name| part.property(name).and_then(|entry| entry.values.first());
    let offset = |name| match value(name) {
        Some(ICalendarValue::PartialDateTime(value)) => {
            offset_of(value).map(|offset| i64::from(offset.seconds()) * 1000)
        }
        _ => None,
    };
    let start = match part.property(&ICalendarProperty::Dtstart) {
        Some(entry) => match entry.values.first() {
            Some(ICalendarValue::PartialDateTime(value)) => {
                Moment::read(entry, value, &Zones::default())
            }
            _ => None,
        },
        None => None,
    };
    let (Some(start), Some(from), Some(to)) =
        (start, offset(&ICalendarProperty::Tzoffsetfrom), offset(&ICalendarProperty::Tzoffsetto))
    else {
        return Err(CalendarError::Unreadable { uid: tzid.to_owned(), property: "VTIMEZONE" });
    };
    let mut onsets = BTreeSet::from([start.civil()]);
    for entry in part.properties(&ICalendarProperty::Rrule) {
        let Some(ICalendarValue::RecurrenceRule(rule)) = entry.values.first() else {
            return Err(CalendarError::Unreadable { uid: tzid.to_owned(), property: "RRULE" });
        };
        let rule = Rule::read(rule, &start, tzid)?;
        let until = match rule.until() {
            Some(Until::Instant(ms)) => wall(ms.saturating_add(from)),
            Some(Until::Wall(civil)) => Some(civil),
            None => None,
        };
        let span = Span { from: start.civil(), to: date(2100, 1, 1).at(0, 0, 0, 0), until };
        rule.each(start.civil(), span, budget, |onset| {
            onsets.insert(onset);
        })?;
    }
    for entry in part.properties(&ICalendarProperty::Rdate) {
        for value in &entry.values {
            if let ICalendarValue::PartialDateTime(value) = value {
                let onset = Moment::read(entry, value, &Zones::default());
                onsets.extend(onset.map(|onset| onset.civil()));
            }
        }
    }
    if changes.len() + onsets.len() > CHANGES_MAX {
        return Err(CalendarError::TooMany { what: "changes of a time zone", max: CHANGES_MAX });
    }
    changes.extend(onsets.into_iter().map(|onset| (wall_ms(onset).saturating_sub(from), to, from)));
    Ok(())
}
