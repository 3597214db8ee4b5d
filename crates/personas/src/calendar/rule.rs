//! A recurrence rule, checked.
//!
//! Everything a rule leaves open is filled in from the event's start here, so that working out
//! its days (`expand`) is only filtering.

use calcard::{
    common::CalendarScale,
    icalendar::{ICalendarFrequency, ICalendarRecurrenceRule, ICalendarSkip, ICalendarWeekday},
};

use super::{
    days::{self, DAY},
    error::CalendarError,
    moment::{Moment, day_of, offset_ms, time_of},
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
    Wall(i64),
}

/// A checked recurrence rule. Lists are sorted; empty ones do not restrict.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) frequency: Frequency,
    pub(super) interval: i64,
    pub(super) count: Option<u32>,
    until: Option<Until>,
    /// Monday as 1.
    pub(super) week_start: i64,
    pub(super) months: Vec<i64>,
    pub(super) week_numbers: Vec<i64>,
    pub(super) year_days: Vec<i64>,
    pub(super) month_days: Vec<i64>,
    /// The weekday, Monday as 1, and which one of the period; 0 is every one.
    pub(super) weekdays: Vec<(i64, i64)>,
    /// Hours an hourly rule is limited to.
    pub(super) hours: Vec<i64>,
    /// Starts within a day, or within an hour for hourly rules, in milliseconds.
    pub(super) times: Vec<i64>,
    pub(super) positions: Vec<i64>,
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
            week_start: rule.wkst.map_or(1, weekday),
            months: sorted(rule.bymonth.iter().map(|month| i64::from(month.month()))),
            week_numbers: sorted(rule.byweekno.iter().map(|week| i64::from(*week))),
            year_days: sorted(rule.byyearday.iter().map(|day| i64::from(*day))),
            month_days: sorted(rule.bymonthday.iter().map(|day| i64::from(*day))),
            weekdays: sorted(
                rule.byday.iter().map(|day| (weekday(day.weekday), day.ordwk.map_or(0, i64::from))),
            ),
            hours: Vec::new(),
            times: Vec::new(),
            positions: sorted(rule.bysetpos.iter().map(|position| i64::from(*position))),
        };
        read.check_ranges().map_err(refuse)?;
        read.complete_days(start.wall().div_euclid(DAY));
        read.complete_times(rule, start).map_err(refuse)?;
        Ok(read)
    }

    /// When the rule ends, unless it is by count or never.
    pub(super) fn until(&self) -> Option<Until> {
        self.until
    }

    fn check_ranges(&self) -> Result<(), &'static str> {
        let around = |values: &[i64], max: i64| {
            values.iter().all(|value| *value != 0 && (-max..=max).contains(value))
        };
        let all = |good: bool, reason| if good { Ok(()) } else { Err(reason) };
        all(self.months.iter().all(|month| (1..=12).contains(month)), "a month is none")?;
        all(around(&self.week_numbers, 53), "a week is none")?;
        all(around(&self.year_days, 366), "a day is none")?;
        all(around(&self.month_days, 31), "a day is none")?;
        all(self.weekdays.iter().all(|(_, nth)| (-53..=53).contains(nth)), "a weekday is none")?;
        all(self.positions.iter().all(|position| *position != 0), "a position is none")?;
        all(self.positions.len() <= POSITIONS_MAX, "it names too many positions")
    }

    /// RFC 5545, 3.3.10: what the rule does not say comes from the start.
    fn complete_days(&mut self, start: i64) {
        let no_days =
            self.weekdays.is_empty() && self.month_days.is_empty() && self.year_days.is_empty();
        if !no_days {
            return;
        }
        let weekday = (days::weekday(start), 0);
        let date = days::civil(start);
        match self.frequency {
            Frequency::Yearly if !self.week_numbers.is_empty() => self.weekdays.push(weekday),
            Frequency::Yearly => {
                if self.months.is_empty() {
                    self.months.push(date.month);
                }
                self.month_days.push(date.day);
            }
            Frequency::Monthly => self.month_days.push(date.day),
            Frequency::Weekly => self.weekdays.push(weekday),
            Frequency::Daily | Frequency::Hourly => {}
        }
    }

    fn complete_times(
        &mut self,
        rule: &ICalendarRecurrenceRule,
        start: &Moment,
    ) -> Result<(), &'static str> {
        if start.is_day() {
            self.times = vec![0];
            return Ok(());
        }
        let second = start.wall().rem_euclid(DAY) / 1000;
        let hourly = self.frequency == Frequency::Hourly;
        let mut hours = parts(&rule.byhour, second / 3600, 23)?;
        if hourly {
            if !rule.byhour.is_empty() {
                self.hours = hours;
            }
            hours = vec![0];
        }
        let minutes = parts(&rule.byminute, second / 60 % 60, 59)?;
        // Second 60 is a leap second, which civil clocks do not show.
        let seconds: Vec<u8> = rule.bysecond.iter().map(|second| (*second).min(59)).collect();
        let seconds = parts(&seconds, second % 60, 59)?;
        let starts = hours.len() * minutes.len() * seconds.len();
        if starts * if hourly { 24 } else { 1 } > STARTS_PER_DAY_MAX {
            return Err("more than 96 times a day");
        }
        for hour in hours {
            for minute in &minutes {
                let second =
                    seconds.iter().map(|second| ((hour * 60 + minute) * 60 + second) * 1000);
                self.times.extend(second);
            }
        }
        Ok(())
    }
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The values of a part of the clock, or the one of the start.
fn parts(values: &[u8], start: i64, max: u8) -> Result<Vec<i64>, &'static str> {
    if values.is_empty() {
        return Ok(vec![start]);
    }
    if values.iter().any(|value| *value > max) {
        return Err("a time is none");
    }
    Ok(sorted(values.iter().map(|value| i64::from(*value))))
}

fn until(rule: &ICalendarRecurrenceRule, start: &Moment) -> Result<Option<Until>, &'static str> {
    let Some(until) = &rule.until else { return Ok(None) };
    let day = day_of(until).ok_or("its end is no date")?;
    if until.hour.is_none() || start.is_day() {
        // A day as the end includes all of that day.
        return Ok(Some(Until::Wall(day * DAY + DAY - 1)));
    }
    let wall = day * DAY + time_of(until).ok_or("its end is no time")?;
    Ok(Some(match offset_ms(until) {
        Some(offset) => Until::Instant(wall - offset),
        None => Until::Wall(wall),
    }))
}

/// A weekday as a number, Monday as 1.
fn weekday(day: ICalendarWeekday) -> i64 {
    match day {
        ICalendarWeekday::Monday => 1,
        ICalendarWeekday::Tuesday => 2,
        ICalendarWeekday::Wednesday => 3,
        ICalendarWeekday::Thursday => 4,
        ICalendarWeekday::Friday => 5,
        ICalendarWeekday::Saturday => 6,
        ICalendarWeekday::Sunday => 7,
    }
}
