//! A recurrence rule, checked.
//!
//! Everything a rule leaves open is filled in from the event's start here, so that working out
//! its days (`expand`) is only filtering.

use std::collections::BTreeSet;

use calcard::common::CalendarScale;
use calcard::icalendar::{
    ICalendarFrequency, ICalendarRecurrenceRule, ICalendarSkip, ICalendarWeekday,
};
use jiff::civil::{DateTime, Time, Weekday};

use super::{
    error::CalendarError,
    moment::{Moment, offset_of},
    zone::wall_ms,
};

/// Most starts a rule may have in a day: one every quarter of an hour.
const STARTS_PER_DAY_MAX: usize = 96;

/// Most positions a rule may name: every day of a leap year.
const POSITIONS_MAX: usize = 366;

/// The period a rule counts in. Minutes and seconds are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
}

/// When a rule ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// At an instant, milliseconds since the Unix epoch.
    Instant(i64),
    /// When the event's own clock shows this.
    Wall(DateTime),
}

/// A checked recurrence rule. Empty lists do not restrict.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) frequency: Frequency,
    pub(super) interval: i64,
    pub(super) count: Option<u32>,
    until: Option<Until>,
    pub(super) week_start: Weekday,
    pub(super) months: BTreeSet<i8>,
    pub(super) week_numbers: BTreeSet<i8>,
    pub(super) year_days: BTreeSet<i16>,
    pub(super) month_days: BTreeSet<i8>,
    /// The weekday, Monday as 1, and which one of the period; 0 is every one.
    pub(super) weekdays: BTreeSet<(i8, i16)>,
    /// Hours an hourly rule is limited to.
    pub(super) hours: BTreeSet<i8>,
    /// Starts within a day, or within an hour for hourly rules (their hour is 0).
    pub(super) times: Vec<Time>,
    pub(super) positions: BTreeSet<i32>,
}

impl Rule {
    /// Checks a rule and completes it from the start of its event.
    pub(super) fn read(
        rule: &ICalendarRecurrenceRule,
        start: &Moment,
        uid: &str,
    ) -> Result<Self, CalendarError> {
        let refuse = |reason| CalendarError::Rule { uid: uid.to_owned(), reason };
        let frequency = match rule.freq {
            ICalendarFrequency::Yearly => Frequency::Yearly,
            ICalendarFrequency::Monthly => Frequency::Monthly,
            ICalendarFrequency::Weekly => Frequency::Weekly,
            ICalendarFrequency::Daily => Frequency::Daily,
            ICalendarFrequency::Hourly if start.is_day() => {
                return Err(refuse("a whole day cannot repeat every hour"));
            }
            ICalendarFrequency::Hourly => Frequency::Hourly,
            ICalendarFrequency::Minutely | ICalendarFrequency::Secondly => {
                return Err(refuse("more often than every hour"));
            }
        };
        if rule.rscale.as_ref().is_some_and(|scale| *scale != CalendarScale::Gregorian)
            || rule.skip.is_some_and(|skip| skip != ICalendarSkip::Omit)
            || rule.bymonth.iter().any(|month| month.is_leap())
        {
            return Err(refuse("by another than the Gregorian calendar"));
        }
        let mut read = Self {
            frequency,
            interval: i64::from(rule.interval.unwrap_or(1).max(1)),
            count: rule.count,
            until: until(rule, start).map_err(refuse)?,
            week_start: rule.wkst.map_or(Weekday::Monday, weekday),
            months: rule
                .bymonth
                .iter()
                .filter_map(|month| i8::try_from(month.month()).ok())
                .collect(),
            week_numbers: rule.byweekno.iter().copied().collect(),
            year_days: rule.byyearday.iter().copied().collect(),
            month_days: rule.bymonthday.iter().copied().collect(),
            weekdays: rule
                .byday
                .iter()
                .map(|day| (weekday(day.weekday).to_monday_one_offset(), day.ordwk.unwrap_or(0)))
                .collect(),
            hours: BTreeSet::new(),
            times: Vec::new(),
            positions: rule.bysetpos.iter().copied().collect(),
        };
        read.check_ranges().map_err(refuse)?;
        read.complete_days(start.civil());
        read.complete_times(rule, start).map_err(refuse)?;
        Ok(read)
    }

    /// When the rule ends, unless it is by count or never.
    pub(super) fn until(&self) -> Option<Until> {
        self.until
    }

    fn check_ranges(&self) -> Result<(), &'static str> {
        let around = |value: i64, max: i64| value != 0 && (-max..=max).contains(&value);
        let all = |good: bool, reason| if good { Ok(()) } else { Err(reason) };
        all(self.months.iter().all(|month| (1..=12).contains(month)), "a month is none")?;
        all(self.week_numbers.iter().all(|week| around((*week).into(), 53)), "a week is none")?;
        all(self.year_days.iter().all(|day| around((*day).into(), 366)), "a day is none")?;
        all(self.month_days.iter().all(|day| around((*day).into(), 31)), "a day is none")?;
        all(self.weekdays.iter().all(|(_, nth)| (-53..=53).contains(nth)), "a weekday is none")?;
        all(self.positions.iter().all(|position| *position != 0), "a position is none")?;
        all(self.positions.len() <= POSITIONS_MAX, "it names too many positions")
    }

    /// RFC 5545, 3.3.10: what the rule does not say comes from the start.
    fn complete_days(&mut self, start: DateTime) {
        let no_days =
            self.weekdays.is_empty() && self.month_days.is_empty() && self.year_days.is_empty();
        if !no_days {
            return;
        }
        let weekday = (start.weekday().to_monday_one_offset(), 0);
        match self.frequency {
            Frequency::Yearly if !self.week_numbers.is_empty() => {
                self.weekdays.insert(weekday);
            }
            Frequency::Yearly => {
                if self.months.is_empty() {
                    self.months.insert(start.month());
                }
                self.month_days.insert(start.day());
            }
            Frequency::Monthly => {
                self.month_days.insert(start.day());
            }
            Frequency::Weekly => {
                self.weekdays.insert(weekday);
            }
            Frequency::Daily | Frequency::Hourly => {}
        }
    }

    fn complete_times(
        &mut self,
        rule: &ICalendarRecurrenceRule,
        start: &Moment,
    ) -> Result<(), &'static str> {
        if start.is_day() {
            self.times = vec![Time::midnight()];
            return Ok(());
        }
        let start = start.civil();
        let hourly = self.frequency == Frequency::Hourly;
        let mut hours = parts(&rule.byhour, start.hour(), 23)?;
        if hourly {
            if !rule.byhour.is_empty() {
                self.hours = hours;
            }
            hours = BTreeSet::from([0]);
        }
        let minutes = parts(&rule.byminute, start.minute(), 59)?;
        // Second 60 is a leap second, which civil clocks do not show.
        let seconds: Vec<u8> = rule.bysecond.iter().map(|second| (*second).min(59)).collect();
        let seconds = parts(&seconds, start.second(), 59)?;
        let starts = hours.len() * minutes.len() * seconds.len();
        if starts * if hourly { 24 } else { 1 } > STARTS_PER_DAY_MAX {
            return Err("more than 96 times a day");
        }
        for hour in hours {
            for minute in &minutes {
                for second in &seconds {
                    self.times.extend(Time::new(hour, *minute, *second, 0).ok());
                }
            }
        }
        Ok(())
    }
}

/// The values of a part of the clock, or the one of the start.
fn parts(values: &[u8], start: i8, max: i8) -> Result<BTreeSet<i8>, &'static str> {
    if values.is_empty() {
        return Ok(BTreeSet::from([start]));
    }
    values
        .iter()
        .map(|value| i8::try_from(*value).ok().filter(|value| *value <= max))
        .collect::<Option<_>>()
        .ok_or("a time is none")
}

fn until(rule: &ICalendarRecurrenceRule, start: &Moment) -> Result<Option<Until>, &'static str> {
    let Some(until) = &rule.until else { return Ok(None) };
    let field = |value: Option<u8>| i8::try_from(value.unwrap_or(0)).ok();
    let read = || {
        let date = jiff::civil::Date::new(
            i16::try_from(until.year?).ok()?,
            field(until.month)?,
            field(until.day)?,
        )
        .ok()?;
        if until.hour.is_none() || start.is_day() {
            // A day as the end includes all of that day.
            return Some(Until::Wall(date.at(23, 59, 59, 0)));
        }
        let second = field(until.second)?.min(59);
        let civil =
            date.to_datetime(Time::new(field(until.hour)?, field(until.minute)?, second, 0).ok()?);
        Some(match offset_of(until) {
            Some(offset) => {
                Until::Instant(wall_ms(civil).saturating_sub(i64::from(offset.seconds()) * 1000))
            }
            None => Until::Wall(civil),
        })
    };
    read().map(Some).ok_or("its end is no date")
}

fn weekday(day: ICalendarWeekday) -> Weekday {
    match day {
        ICalendarWeekday::Monday => Weekday::Monday,
        ICalendarWeekday::Tuesday => Weekday::Tuesday,
        ICalendarWeekday::Wednesday => Weekday::Wednesday,
        ICalendarWeekday::Thursday => Weekday::Thursday,
        ICalendarWeekday::Friday => Weekday::Friday,
        ICalendarWeekday::Saturday => Weekday::Saturday,
        ICalendarWeekday::Sunday => Weekday::Sunday,
    }
}
