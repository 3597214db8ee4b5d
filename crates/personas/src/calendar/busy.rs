//! When a calendar's owner is busy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    error::CalendarError,
    expand::{Budget, Span},
    moment::{Length, Moment},
    parse::{self, Event},
    rule::Until,
    zone::{Zone, wall, wall_ms},
};
use crate::time::{self, DAY_MS, TimeRange};

/// The longest window whose busy times are worked out at once, in days.
pub const WINDOW_DAYS_MAX: u64 = 800;

/// What a wall clock may be away from UTC, with room to spare: two days in milliseconds.
const MARGIN_MS: i64 = 2 * 86_400_000;

/// A calendar that has been read and understood.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    events: Vec<Event>,
    /// Indexes of the events that stand for instances of others, by UID.
    overrides: BTreeMap<String, Vec<usize>>,
    unknown_zones: BTreeSet<String>,
}

impl Calendar {
    /// A calendar without events.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads the text of an iCalendar file. Text of nothing but blanks is an empty calendar.
    ///
    /// # Errors
    /// [`CalendarError`] says which event cannot be read or is refused, or which bound is passed.
    pub fn parse(ics: &str) -> Result<Self, CalendarError> {
        let parsed = parse::parse(ics)?;
        let mut overrides: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, event) in parsed.events.iter().enumerate() {
            if event.replaces.is_some() {
                overrides.entry(event.uid.clone()).or_default().push(index);
            }
        }
        Ok(Self { events: parsed.events, overrides, unknown_zones: parsed.unknown_zones })
    }

    /// How many events there are; one that repeats counts once.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Names of zones that the file uses and nobody knows. Their times are read on the clocks of
    /// the calendar's owner, who should hear about it.
    pub fn unknown_zones(&self) -> impl Iterator<Item = &str> {
        self.unknown_zones.iter().map(String::as_str)
    }

    /// The times in the window that are taken, merged and in order.
    ///
    /// `floating_zone` is the IANA name of the owner's zone: whole days and times without a zone
    /// are meant there. Cancelled and transparent events do not count.
    ///
    /// # Errors
    /// [`CalendarError::WindowTooLong`] past [`WINDOW_DAYS_MAX`], [`CalendarError::UnknownZone`],
    /// and [`CalendarError::TooMuchWork`] when the events repeat too often to work out.
    pub fn busy(
        &self,
        window: TimeRange,
        floating_zone: &str,
    ) -> Result<Vec<TimeRange>, CalendarError> {
        let reader = time::zone(floating_zone)
            .ok_or_else(|| CalendarError::UnknownZone(floating_zone.to_owned()))?;
        if window.is_empty() {
            return Ok(Vec::new());
        }
        if window.end_ms - window.start_ms > WINDOW_DAYS_MAX * DAY_MS {
            return Err(CalendarError::WindowTooLong { days_max: WINDOW_DAYS_MAX });
        }
        let (Ok(from), Ok(to)) = (i64::try_from(window.start_ms), i64::try_from(window.end_ms))
        else {
            return Ok(Vec::new());
        };
        let mut query = Query { reader, from, to, budget: Budget::new(), taken: Vec::new() };
        for event in &self.events {
            if event.replaces.is_some() {
                if !event.free {
                    query.take(&event.start.civil(), &event.start.zone(), event.length);
                }
            } else {
                query.event(event, &self.overrides_of(event))?;
            }
        }
        Ok(TimeRange::merged(query.taken))
    }

    fn overrides_of(&self, event: &Event) -> Vec<&Event> {
        let indexes = self.overrides.get(&event.uid).map(Vec::as_slice).unwrap_or_default();
        indexes.iter().map(|index| &self.events[*index]).collect()
    }
}

/// One question for busy times, while it is answered.
struct Query {
    reader: TimeZone,
    from: i64,
    to: i64,
    budget: Budget,
    taken: Vec<TimeRange>,
}

/// What overrides do to the instances of an event.
#[derive(Default)]
struct Overrides<'a> {
    /// Instants of instances that are replaced or left out.
    gone: BTreeSet<i64>,
    /// Days on which every instance is left out.
    gone_days: BTreeSet<Date>,
    /// From an instant on: how far the instances move on their wall clock, and as which event.
    later: BTreeMap<i64, (i64, &'a Event)>,
}

impl Query {
    /// Takes the time of every instance of an event.
    fn event(&mut self, event: &Event, overrides: &[&Event]) -> Result<(), CalendarError> {
        let zone = event.start.zone();
        let overrides = self.overrides(event, overrides)?;
        let reach =
            overrides.later.values().fold(event.length.ms_max(), |reach, (moved, later)| {
                reach.max(later.length.ms_max().saturating_add(moved.saturating_abs()))
            });
        let back = overrides.later.values().map(|(moved, _)| moved.saturating_abs()).max();
        let mut starts: BTreeMap<DateTime, Option<Length>> = BTreeMap::new();
        starts.insert(event.start.civil(), None);
        for rule in &event.rules {
            let wanted = self.from.saturating_sub(reach).saturating_sub(MARGIN_MS);
            let last = self.to.saturating_add(back.unwrap_or(0)).saturating_add(MARGIN_MS);
            let until = match rule.until() {
                Some(Until::Wall(civil)) => Some(civil),
                Some(Until::Instant(ms)) => zone.civil(ms, &self.reader),
                None => None,
            };
            let span = Span {
                from: wall(wanted).unwrap_or(DateTime::MIN),
                to: wall(last).unwrap_or(DateTime::MAX),
                until,
            };
            rule.each(event.start.civil(), span, &mut self.budget, |start| {
                starts.entry(start).or_insert(None);
            })?;
        }
        for (start, length) in &event.more {
            self.budget.spend(1)?;
            let start = zone.civil(start.at(&self.reader), &self.reader);
            if let Some(start) = start {
                starts.insert(start, *length);
            }
        }
        for (start, length) in starts {
            self.instance(event, &zone, start, length, &overrides);
        }
        Ok(())
    }

    fn overrides<'a>(
        &mut self,
        event: &Event,
        overrides: &[&'a Event],
    ) -> Result<Overrides<'a>, CalendarError> {
        self.budget.spend(overrides.len() + event.except.len())?;
        let mut read = Overrides::default();
        for except in &event.except {
            match except {
                // "Not on this day", for an event at some time of it.
                Moment::Day(day) if !event.start.is_day() => {
                    read.gone_days.insert(*day);
                }
                moment => {
                    read.gone.insert(moment.at(&self.reader));
                }
            }
        }
        for &other in overrides {
            let Some(replaces) = &other.replaces else { continue };
            let instance = replaces.instance.at(&self.reader);
            read.gone.insert(instance);
            if replaces.and_later {
                let zone = event.start.zone();
                let shown = |ms| zone.civil(ms, &self.reader).map(wall_ms);
                let moved = shown(other.start.at(&self.reader)).zip(shown(instance));
                if let Some((to, from)) = moved {
                    read.later.insert(instance, (to.saturating_sub(from), other));
                }
            }
        }
        Ok(read)
    }

    /// Takes the time of one instance, unless an override or exception says otherwise.
    fn instance(
        &mut self,
        event: &Event,
        zone: &Zone,
        start: DateTime,
        length: Option<Length>,
        overrides: &Overrides<'_>,
    ) {
        let ms = zone.instant(start, &self.reader);
        if overrides.gone.contains(&ms) || overrides.gone_days.contains(&start.date()) {
            return;
        }
        match overrides.later.range(..=ms).next_back() {
            Some((_, (moved, later))) if !later.free => {
                if let Some(start) = wall(wall_ms(start).saturating_add(*moved)) {
                    self.take(&start, zone, later.length);
                }
            }
            Some(_) => {}
            None if event.free => {}
            None => self.take(&start, zone, length.unwrap_or(event.length)),
        }
    }

    /// Takes the part of a time that lies in the window.
    fn take(&mut self, start: &DateTime, zone: &Zone, length: Length) {
        let from = zone.instant(*start, &self.reader);
        let to = match length {
            Length::Exact(ms) => from.saturating_add(ms),
            Length::Nominal { days, ms } => time::days_later(start.date(), days)
                .map_or(i64::MAX, |day| zone.instant(day.to_datetime(start.time()), &self.reader))
                .saturating_add(ms),
        };
        let from = from.max(self.from);
        let to = to.min(self.to);
        if let (Ok(start_ms), Ok(end_ms)) = (u64::try_from(from), u64::try_from(to)) {
            self.taken.extend(TimeRange::new(start_ms, end_ms));
        }
    }
}
