//! When a calendar's owner is busy.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    days::DAY,
    error::CalendarError,
    expand::{Budget, Span},
    moment::{Length, Moment},
    parse::{self, Event},
    rule::Until,
    zone::{Changes, Zone},
};
use crate::time::{self, DAY_MS, TimeRange};

/// The longest window whose busy times are worked out at once, in days.
pub const WINDOW_DAYS_MAX: u64 = 800;

/// What a wall clock may be away from UTC, with room to spare.
const MARGIN: i64 = 2 * DAY;

/// How far around the window the changes of a zone's clocks are looked up once and for all.
const LOOKED_UP: i64 = 40 * DAY;

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
        let mut query = Query {
            reader,
            from,
            to,
            budget: Budget::new(),
            clocks: BTreeMap::new(),
            taken: Vec::new(),
        };
        for event in &self.events {
            if event.replaces.is_none() {
                query.event(event, &self.overrides_of(event))?;
            } else if !event.free {
                let clock = query.clock(event.start.zone());
                query.take(event.start.wall(), &clock, event.length);
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
    /// The clocks of named zones around the window, by name.
    clocks: BTreeMap<String, Arc<Changes>>,
    taken: Vec<TimeRange>,
}

/// The clocks of a zone, quick to read near the window.
struct Clock {
    zone: Zone,
    near: Arc<Changes>,
    /// The walls for which `near` is right.
    from: i64,
    to: i64,
}

/// What overrides do to the instances of an event.
#[derive(Default)]
struct Overrides<'a> {
    /// Instants of instances that are replaced or left out.
    gone: BTreeSet<i64>,
    /// Days on which every instance is left out, as numbers.
    gone_days: BTreeSet<i64>,
    /// From an instant on: how far the instances move on their wall clock, and as which event.
    later: BTreeMap<i64, (i64, &'a Event)>,
}

impl Query {
    fn clock(&mut self, zone: &Zone) -> Clock {
        let (from, to) = (self.from - LOOKED_UP, self.to.saturating_add(LOOKED_UP));
        let named = match zone {
            Zone::Described(changes) => {
                let near = Arc::clone(changes);
                return Clock { zone: zone.clone(), near, from: i64::MIN, to: i64::MAX };
            }
            Zone::Floating => &self.reader,
            Zone::Named(zone) => zone,
        };
        let stamp = |ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
        let look_up = || Arc::new(Changes::between(named, stamp(from), stamp(to)));
        let near = match named.iana_name() {
            Some(name) if self.clocks.contains_key(name) => Arc::clone(&self.clocks[name]),
            Some(name) => {
                let near = look_up();
                self.clocks.insert(name.to_owned(), Arc::clone(&near));
                near
            }
            None => look_up(),
        };
        Clock { zone: zone.clone(), near, from: from + MARGIN, to: to - MARGIN }
    }

    fn instant(&self, wall: i64, clock: &Clock) -> i64 {
        if (clock.from..clock.to).contains(&wall) {
            clock.near.instant(wall)
        } else {
            clock.zone.instant(wall, &self.reader)
        }
    }

    /// Takes the time of every instance of an event.
    fn event(&mut self, event: &Event, overrides: &[&Event]) -> Result<(), CalendarError> {
        let clock = self.clock(event.start.zone());
        let overrides = self.overrides(event, overrides)?;
        self.instance(event, &clock, event.start.wall(), None, &overrides);
        for (start, length) in &event.more {
            self.budget.spend(1)?;
            let wall = clock.zone.wall(start.at(&self.reader), &self.reader);
            self.instance(event, &clock, wall, *length, &overrides);
        }
        let later = overrides.later.values();
        let reach = later.clone().fold(event.length.ms_max(), |reach, (moved, later)| {
            reach.max(later.length.ms_max().saturating_add(moved.saturating_abs()))
        });
        let ahead = later.map(|(moved, _)| moved.saturating_abs()).max().unwrap_or(0);
        for rule in &event.rules {
            let span = Span {
                from: self.from.saturating_sub(reach).saturating_sub(MARGIN),
                to: self.to.saturating_add(ahead).saturating_add(MARGIN),
                until: match rule.until() {
                    Some(Until::Wall(wall)) => wall,
                    Some(Until::Instant(ms)) => clock.zone.wall(ms, &self.reader),
                    None => i64::MAX,
                },
            };
            let mut starts = Vec::new();
            rule.each(event.start.wall(), span, &mut self.budget, |start| starts.push(start))?;
            for start in starts {
                self.instance(event, &clock, start, None, &overrides);
            }
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
                let wall = |ms| event.start.zone().wall(ms, &self.reader);
                let moved = wall(other.start.at(&self.reader)).saturating_sub(wall(instance));
                read.later.insert(instance, (moved, other));
            }
        }
        Ok(read)
    }

    /// Takes the time of one instance, unless an override or exception says otherwise.
    fn instance(
        &mut self,
        event: &Event,
        clock: &Clock,
        start: i64,
        length: Option<Length>,
        overrides: &Overrides<'_>,
    ) {
        let ms = self.instant(start, clock);
        if overrides.gone.contains(&ms) || overrides.gone_days.contains(&start.div_euclid(DAY)) {
            return;
        }
        match overrides.later.range(..=ms).next_back() {
            Some((_, (moved, later))) if !later.free => {
                self.take(start.saturating_add(*moved), clock, later.length);
            }
            Some(_) => {}
            None if event.free => {}
            None => self.take(start, clock, length.unwrap_or(event.length)),
        }
    }

    /// Takes the part of a time that lies in the window.
    fn take(&mut self, start: i64, clock: &Clock, length: Length) {
        let from = self.instant(start, clock);
        let to = match length {
            Length::Exact(ms) => from.saturating_add(ms),
            Length::Nominal { days: 0, ms } => from.saturating_add(ms),
            Length::Nominal { days, ms } => {
                let end = start.saturating_add(days.saturating_mul(DAY));
                self.instant(end, clock).saturating_add(ms)
            }
        };
        let (from, to) = (from.max(self.from), to.min(self.to));
        if let (Ok(start_ms), Ok(end_ms)) = (u64::try_from(from), u64::try_from(to)) {
            self.taken.extend(TimeRange::new(start_ms, end_ms));
        }
    }
}
