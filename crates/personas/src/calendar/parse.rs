//! From the text of a calendar to its events.

use calcard::{
    Entry, Parser,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDuration, ICalendarEntry,
        ICalendarParameterName, ICalendarPeriod, ICalendarProperty, ICalendarStatus,
        ICalendarTransparency, ICalendarValue,
    },
};

use super::{
    error::CalendarError,
    expand::Budget,
    moment::{Length, Moment},
    rule::Rule,
    zone::Zones,
};

/// The longest calendar that is read, in bytes.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most events a calendar may have.
pub const EVENTS_MAX: usize = 10_000;

/// The most components of any kind, so that a file of nothing but `BEGIN` costs little memory.
const COMPONENTS_MAX: usize = 50_000;

/// One VEVENT.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) uid: String,
    pub(super) start: Moment,
    pub(super) length: Length,
    pub(super) rules: Vec<Rule>,
    pub(super) more: Vec<(Moment, Option<Length>)>,
    pub(super) except: Vec<Moment>,
    /// The instance of the event with the same UID that this one stands for.
    pub(super) replaces: Option<Replaces>,
    /// Whether it takes up no time: cancelled, or marked as transparent.
    pub(super) free: bool,
}

/// Which instances an override stands for.
#[derive(Debug, Clone)]
pub(super) struct Replaces {
    pub(super) instance: Moment,
    pub(super) and_later: bool,
}

/// The events of a text, and the TZIDs in it that mean nothing.
pub(super) struct Parsed {
    pub(super) events: Vec<Event>,
    pub(super) unknown_zones: std::collections::BTreeSet<String>,
}

/// Takes a text apart. A text of blanks is a calendar without events.
pub(super) fn parse(ics: &str) -> Result<Parsed, CalendarError> {
    check_size(ics)?;
    let mut parsed = Parsed { events: Vec::new(), unknown_zones: Default::default() };
    let mut budget = Budget::new();
    for ical in calendars(ics)? {
        let zones = Zones::read(&ical, &mut budget)?;
        for component in &ical.components {
            if component.component_type == ICalendarComponentType::VEvent {
                parsed.events.extend(event(component, &zones)?);
            }
        }
        parsed.unknown_zones.extend(zones.into_unknown());
    }
    Ok(parsed)
}

/// The UIDs of a text's events.
pub(super) fn uids(ics: &str) -> Result<Vec<String>, CalendarError> {
    check_size(ics)?;
    let calendars = calendars(ics)?;
    let components = calendars.iter().flat_map(|ical| &ical.components);
    Ok(components
        .filter(|component| component.component_type == ICalendarComponentType::VEvent)
        .filter_map(ICalendarComponent::uid)
        .map(str::to_owned)
        .collect())
}

fn check_size(ics: &str) -> Result<(), CalendarError> {
    if ics.len() > BYTES_MAX {
        return Err(CalendarError::TooLarge { bytes: ics.len(), max: BYTES_MAX });
    }
    let (mut events, mut components) = (0, 0);
    for line in ics.split('\n') {
        let starts_with = |prefix: &str| {
            line.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        components += usize::from(starts_with("BEGIN"));
        events += usize::from(starts_with("BEGIN:VEVENT"));
    }
    if events > EVENTS_MAX {
        return Err(CalendarError::TooMany { what: "events", max: EVENTS_MAX });
    }
    if components > COMPONENTS_MAX {
        return Err(CalendarError::TooMany { what: "components", max: COMPONENTS_MAX });
    }
    Ok(())
}

/// The VCALENDAR objects of a text, one after the other as they may stand in a file.
fn calendars(ics: &str) -> Result<Vec<ICalendar>, CalendarError> {
    let mut calendars = Vec::new();
    let mut parser = Parser::new(ics);
    loop {
        match parser.entry() {
            Entry::ICalendar(ical) => {
                let root = ical.components.first().map(|root| &root.component_type);
                if root != Some(&ICalendarComponentType::VCalendar) {
                    return Err(CalendarError::NotACalendar("it does not begin with VCALENDAR"));
                }
                calendars.push(ical);
            }
            Entry::Eof => return Ok(calendars),
            Entry::InvalidLine(line) if line.trim().is_empty() => {}
            Entry::TooManyComponents => {
                return Err(CalendarError::TooMany { what: "components", max: COMPONENTS_MAX });
            }
            Entry::UnterminatedComponent(_) | Entry::UnexpectedComponentEnd { .. } => {
                return Err(CalendarError::NotACalendar("a component does not end"));
            }
            _ => return Err(CalendarError::NotACalendar("there is a line that is none of its")),
        }
    }
}

/// The event of a component; `None` when it lies at no time.
fn event(component: &ICalendarComponent, zones: &Zones) -> Result<Option<Event>, CalendarError> {
    let uid = component.uid().unwrap_or_default().to_owned();
    let unreadable = |property| CalendarError::Unreadable { uid: uid.clone(), property };
    let moments = |name: &ICalendarProperty, called| {
        let mut moments = Vec::new();
        for entry in component.properties(name) {
            for value in &entry.values {
                moments.push(moment(entry, value, zones).ok_or_else(|| unreadable(called))?);
            }
        }
        Ok(moments)
    };
    let first = |name: &ICalendarProperty| {
        component.property(name).and_then(|entry| Some((entry, entry.values.first()?)))
    };

    let replaced = moments(&ICalendarProperty::RecurrenceId, "RECURRENCE-ID")?;
    let replaced = replaced.into_iter().next();
    let starts = moments(&ICalendarProperty::Dtstart, "DTSTART")?;
    // An override may leave its start where it was.
    let Some(start) = starts.into_iter().next().or_else(|| replaced.clone()) else {
        return Ok(None);
    };
    let end = moments(&ICalendarProperty::Dtend, "DTEND")?.into_iter().next();
    let length = match (end, first(&ICalendarProperty::Duration)) {
        (Some(end), _) => start.length_to(&end),
        (None, Some((_, ICalendarValue::Duration(duration)))) => length_of(duration),
        (None, Some(_)) => return Err(unreadable("DURATION")),
        (None, None) if start.is_day() => Length::Nominal { days: 1, ms: 0 },
        (None, None) => Length::Exact(0),
    };
    let mut rules = Vec::new();
    for entry in component.properties(&ICalendarProperty::Rrule) {
        let Some(ICalendarValue::RecurrenceRule(rule)) = entry.values.first() else {
            return Err(unreadable("RRULE"));
        };
        rules.push(Rule::read(rule, &start, &uid)?);
    }
    let mut more = Vec::new();
    for entry in component.properties(&ICalendarProperty::Rdate) {
        for value in &entry.values {
            more.push(extra(entry, value, zones).ok_or_else(|| unreadable("RDATE"))?);
        }
    }
    Ok(Some(Event {
        length,
        rules,
        more,
        except: moments(&ICalendarProperty::Exdate, "EXDATE")?,
        replaces: replaced.map(|instance| Replaces { instance, and_later: and_later(component) }),
        free: component.status() == Some(&ICalendarStatus::Cancelled)
            || component.transparency() == Some(&ICalendarTransparency::Transparent),
        start,
        uid,
    }))
}

fn moment(entry: &ICalendarEntry, value: &ICalendarValue, zones: &Zones) -> Option<Moment> {
    match value {
        ICalendarValue::PartialDateTime(value) => Moment::read(entry, value, zones),
        _ => None,
    }
}

/// An RDATE, which may bring its own length.
fn extra(
    entry: &ICalendarEntry,
    value: &ICalendarValue,
    zones: &Zones,
) -> Option<(Moment, Option<Length>)> {
    match value {
        ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => {
            let start = Moment::read(entry, start, zones)?;
            let length = start.length_to(&Moment::read(entry, end, zones)?);
            Some((start, Some(length)))
        }
        ICalendarValue::Period(ICalendarPeriod::Duration { start, duration }) => {
            Some((Moment::read(entry, start, zones)?, Some(length_of(duration))))
        }
        value => Some((moment(entry, value, zones)?, None)),
    }
}

/// Days and weeks of a duration are days on the calendar, the rest is exact.
fn length_of(duration: &ICalendarDuration) -> Length {
    if duration.neg {
        return Length::Exact(0);
    }
    let days = i64::from(duration.weeks) * 7 + i64::from(duration.days);
    let seconds = i64::from(duration.hours) * 3600
        + i64::from(duration.minutes) * 60
        + i64::from(duration.seconds);
    Length::Nominal { days, ms: seconds.saturating_mul(1000) }
}

fn and_later(component: &ICalendarComponent) -> bool {
    component.property(&ICalendarProperty::RecurrenceId).is_some_and(|entry| {
        // Of its values only THISANDFUTURE exists still, and the parser keeps no other.
        entry.has_parameter(&ICalendarParameterName::Range)
    })
}
