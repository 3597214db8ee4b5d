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
    tz::{Offset, TimeZone},
};

use super::{
    days,
    error::CalendarError,
    expand::{Budget, Span},
    moment::{Moment, offset_ms},
    rule::{Rule, Until},
};
use crate::time;

/// Most changes of the clocks that a described zone may have.
const CHANGES_MAX: usize = 2_000;

/// Described zones change their clocks until this year.
const LAST_YEAR: i64 = 2100;

/// Whose clocks a time is on.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// The reader's, wherever the reader is.
    Floating,
    /// Those of a zone known by name, or of a fixed offset.
    Named(TimeZone),
    /// Those of a zone the file describes.
    Described(Arc<Changes>),
}

/// The clocks of a zone, as the instants at which they change.
#[derive(Debug)]
pub(super) struct Changes {
    /// Milliseconds ahead of UTC before the first change.
    before: i64,
    /// Instant of a change, and milliseconds ahead of UTC from then on; in order.
    list: Vec<(i64, i64)>,
}

impl Zone {
    /// Universal time.
    pub(super) fn utc() -> Self {
        Self::Named(TimeZone::UTC)
    }

    /// The instant at which these clocks show this. Past the end of time it is its end.
    pub(super) fn instant(&self, wall: i64, reader: &TimeZone) -> i64 {
        let zone = match self {
            Self::Floating => reader,
            Self::Named(zone) => zone,
            Self::Described(changes) => return changes.instant(wall),
        };
        let end = if wall > 0 { Timestamp::MAX } else { Timestamp::MIN };
        let civil = Timestamp::from_millisecond(wall).map(|shown| TimeZone::UTC.to_datetime(shown));
        civil.and_then(|civil| zone.to_timestamp(civil)).unwrap_or(end).as_millisecond()
    }

    /// What these clocks show at an instant.
    pub(super) fn wall(&self, ms: i64, reader: &TimeZone) -> i64 {
        let zone = match self {
            Self::Floating => reader,
            Self::Named(zone) => zone,
            Self::Described(changes) => return ms.saturating_add(changes.offset(ms)),
        };
        let end = if ms > 0 { Timestamp::MAX } else { Timestamp::MIN };
        let timestamp = Timestamp::from_millisecond(ms).unwrap_or(end);
        ms.saturating_add(offset_of(zone, timestamp))
    }
}

fn offset_of(zone: &TimeZone, timestamp: Timestamp) -> i64 {
    i64::from(zone.to_offset(timestamp).seconds()) * 1000
}

impl Changes {
    /// The changes of a named zone between two instants.
    pub(super) fn between(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Self {
        let changes = zone.following(from).take_while(|change| change.timestamp() <= to);
        let offset = |offset: Offset| i64::from(offset.seconds()) * 1000;
        Self {
            before: offset_of(zone, from),
            list: changes
                .map(|change| (change.timestamp().as_millisecond(), offset(change.offset())))
                .collect(),
        }
    }

    fn offset(&self, ms: i64) -> i64 {
        match self.list.partition_point(|(at, _)| *at <= ms) {
            0 => self.before,
            after => self.list[after - 1].1,
        }
    }

    /// RFC 5545, 3.3.5: of two instants the first; in a gap, by the offset before it.
    pub(super) fn instant(&self, wall: i64) -> i64 {
        // No clock is more than a day and a bit from UTC: the change that matters is near.
        let near = self.list.partition_point(|(at, _)| *at < wall.saturating_sub(2 * days::DAY));
        let mut offset = if near == 0 { self.before } else { self.list[near - 1].1 };
        for (at, after) in &self.list[near..] {
            // Before the change the clock shows less than this.
            if wall.saturating_sub(offset) < *at {
                break;
            }
            if wall.saturating_sub(*after) < *at {
                // The change skipped this time: it is read by the offset before.
                return wall.saturating_sub(offset);
            }
            offset = *after;
        }
        wall.saturating_sub(offset)
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
            let offset = Offset::from_seconds(offset.local_minus_utc()).ok()?;
            Some(Zone::Named(TimeZone::fixed(offset)))
        }
        Tz::Floating => None,
    }
}

/// Builds a zone from its STANDARD and DAYLIGHT parts; `None` when it has none.
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
    let Some((_, _, before)) = changes.first().copied() else { return Ok(None) };
    let list = changes.into_iter().map(|(at, to, _)| (at, to)).collect();
    Ok(Some(Zone::Described(Arc::new(Changes { before, list }))))
}

/// Adds every change one STANDARD or DAYLIGHT part describes: instant, offset after and before.
fn add_changes(
    tzid: &str,
    part: &ICalendarComponent,
    changes: &mut Vec<(i64, i64, i64)>,
    budget: &mut Budget,
) -> Result<(), CalendarError> {
    let unreadable = |property| CalendarError::Unreadable { uid: tzid.to_owned(), property };
    let offset = |name| match part.property(name)?.values.first()? {
        ICalendarValue::PartialDateTime(value) => offset_ms(value),
        _ => None,
    };
    let moment = |entry, value: &ICalendarValue| match value {
        ICalendarValue::PartialDateTime(value) => Moment::read(entry, value, &Zones::default()),
        _ => None,
    };
    let start = part
        .property(&ICalendarProperty::Dtstart)
        .and_then(|entry| moment(entry, entry.values.first()?));
    let (Some(start), Some(from), Some(to)) =
        (start, offset(&ICalendarProperty::Tzoffsetfrom), offset(&ICalendarProperty::Tzoffsetto))
    else {
        return Err(unreadable("VTIMEZONE"));
    };
    let mut onsets = BTreeSet::from([start.wall()]);
    for entry in part.properties(&ICalendarProperty::Rrule) {
        let Some(ICalendarValue::RecurrenceRule(rule)) = entry.values.first() else {
            return Err(unreadable("RRULE"));
        };
        let rule = Rule::read(rule, &start, tzid)?;
        let until = match rule.until() {
            Some(Until::Instant(ms)) => ms.saturating_add(from),
            Some(Until::Wall(wall)) => wall,
            None => i64::MAX,
        };
        let to = days::year_start(LAST_YEAR) * days::DAY;
        let span = Span { from: start.wall(), to, until };
        rule.each(start.wall(), span, budget, |onset| {
            onsets.insert(onset);
        })?;
    }
    for entry in part.properties(&ICalendarProperty::Rdate) {
        let moments = entry.values.iter().filter_map(|value| moment(entry, value));
        onsets.extend(moments.map(|moment| moment.wall()));
    }
    if changes.len() + onsets.len() > CHANGES_MAX {
        return Err(CalendarError::TooMany { what: "changes of a time zone", max: CHANGES_MAX });
    }
    changes.extend(onsets.into_iter().map(|onset| (onset.saturating_sub(from), to, from)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_give_the_same_instants_as_the_zone_they_come_from() {
        let (from, to) = (1_500_000_000_000, 1_700_000_000_000);
        let stamp = |ms| Timestamp::from_millisecond(ms).unwrap();
        for name in [
            "Europe/Berlin",
            "America/St_Johns",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Asia/Kolkata",
            "Africa/Casablanca",
        ] {
            let zone = time::zone(name).unwrap();
            let changes = Changes::between(&zone, stamp(from), stamp(to));
            let named = Zone::Named(zone);
            let near_changes = changes.list.iter().flat_map(|(at, offset)| {
                (-300..300).map(move |minutes| at + minutes * 600_000 + offset)
            });
            let everywhere = (0..2000).map(|n| from + 5 * days::DAY + n * 90_000_000);
            for wall in near_changes.collect::<Vec<_>>().into_iter().chain(everywhere) {
                let expected = named.instant(wall, &TimeZone::UTC);
                if (from + 3 * days::DAY..to - 3 * days::DAY).contains(&expected) {
                    assert_eq!(changes.instant(wall), expected, "{name} {wall}");
                    assert_eq!(
                        expected + changes.offset(expected),
                        named.wall(expected, &TimeZone::UTC)
                    );
                }
            }
        }
    }
}
