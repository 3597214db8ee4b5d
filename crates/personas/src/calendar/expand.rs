//! The starts a rule gives, worked out period by period on the wall clock.
//!
//! Work is counted in a [`Budget`] shared by a whole calendar, so that the time it takes has a
//! bound whatever the rules are. Rules without a count begin near the window and not at their
//! start, however long ago that was.

use jiff::{
    Span as JiffSpan,
    civil::{Date, DateTime, Weekday},
};

use super::{
    error::CalendarError,
    rule::{Frequency, Rule},
};
use crate::time::{days_between, days_later};

/// Steps a calendar may cost. A step is a period or a start: three millions are well below a
/// second in a release build, and enough for the largest calendar with a weekly rule in each of
/// its events, a year ahead.
pub(super) const STEPS_MAX: u64 = 3_000_000;

/// How much work is left.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Budget {
    /// A full budget.
    pub(super) fn new() -> Self {
        Self(STEPS_MAX)
    }

    /// Pays for some steps.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), CalendarError> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.0 = self.0.checked_sub(steps).ok_or(CalendarError::TooMuchWork)?;
        Ok(())
    }
}

/// Which starts are wanted, on the wall clock of the event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// The first that is wanted.
    pub(super) from: DateTime,
    /// The last that is wanted.
    pub(super) to: DateTime,
    /// The last the rule allows.
    pub(super) until: Option<DateTime>,
}

impl Rule {
    /// Calls `emit` with every start of the rule in the span, in order.
    pub(super) fn each(
        &self,
        start: DateTime,
        span: Span,
        budget: &mut Budget,
        mut emit: impl FnMut(DateTime),
    ) -> Result<(), CalendarError> {
        let mut left = self.count.unwrap_or(u32::MAX);
        let mut step = if self.count.is_some() { 0 } else { self.steps_before(start, span.from) };
        while let Some(period) = self.period(start, step) {
            // The first week of a year may begin in the year before.
            if days_later(period.date(), -7).is_none_or(|day| day > span.to.date()) {
                break;
            }
            budget.spend(1)?;
            for at in self.starts(period, budget)? {
                if at > span.to || span.until.is_some_and(|until| at > until) {
                    return Ok(());
                }
                if at < start {
                    continue;
                }
                if left == 0 {
                    return Ok(());
                }
                left -= 1;
                if at >= span.from {
                    emit(at);
                }
            }
            step += 1;
        }
        Ok(())
    }

    /// Periods that certainly end before the wanted span begins.
    fn steps_before(&self, start: DateTime, from: DateTime) -> i64 {
        let years = i64::from(from.year()) - i64::from(start.year());
        let periods = match self.frequency {
            Frequency::Yearly => years,
            Frequency::Monthly => years * 12 + i64::from(from.month()) - i64::from(start.month()),
            Frequency::Weekly => days_between(start.date(), from.date()).div_euclid(7),
            Frequency::Daily => days_between(start.date(), from.date()),
            Frequency::Hourly => days_between(start.date(), from.date()) * 24 - 24,
        };
        // One period of margin: a year's week may begin in the year before.
        ((periods - 1).div_euclid(self.interval) - 1).max(0)
    }

    /// First moment of the period so many steps after the one of the start; `None` past the end
    /// of the calendar.
    fn period(&self, start: DateTime, step: i64) -> Option<DateTime> {
        let ahead = step.checked_mul(self.interval)?;
        let first = match self.frequency {
            Frequency::Yearly => {
                Date::new(i16::try_from(i64::from(start.year()).checked_add(ahead)?).ok()?, 1, 1)
                    .ok()?
            }
            Frequency::Monthly => {
                let month = i64::from(start.year()) * 12 + i64::from(start.month()) - 1 + ahead;
                let year = i16::try_from(month.div_euclid(12)).ok()?;
                Date::new(year, i8::try_from(month.rem_euclid(12)).ok()? + 1, 1).ok()?
            }
            Frequency::Weekly => {
                days_later(week_start(start.date(), self.week_start)?, ahead.checked_mul(7)?)?
            }
            Frequency::Daily => days_later(start.date(), ahead)?,
            Frequency::Hourly => {
                let hour = start.date().at(start.hour(), 0, 0, 0);
                return hour.checked_add(JiffSpan::new().try_hours(ahead).ok()?).ok();
            }
        };
        Some(first.at(0, 0, 0, 0))
    }

    /// The starts of one period, in order.
    fn starts(
        &self,
        period: DateTime,
        budget: &mut Budget,
    ) -> Result<Vec<DateTime>, CalendarError> {
        let days = self.days(period, budget)?;
        let hour_ahead = JiffSpan::new().hours(i64::from(period.hour()));
        let mut starts = Vec::with_capacity(days.len() * self.times.len());
        for day in days {
            for time in &self.times {
                let at = day.to_datetime(*time);
                starts.extend(match self.frequency {
                    Frequency::Hourly => at.checked_add(hour_ahead).ok(),
                    _ => Some(at),
                });
            }
        }
        budget.spend(starts.len())?;
        if self.positions.is_empty() {
            return Ok(starts);
        }
        let mut chosen: Vec<DateTime> =
            self.positions.iter().filter_map(|position| nth(&starts, *position)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }

    /// The days of one period on which the rule starts something, in order.
    fn days(&self, period: DateTime, budget: &mut Budget) -> Result<Vec<Date>, CalendarError> {
        let first = period.date();
        let mut days = match self.frequency {
            Frequency::Yearly if !self.week_numbers.is_empty() => self.days_of_weeks(first),
            Frequency::Yearly if !self.year_days.is_empty() => self
                .year_days
                .iter()
                .filter_map(|day| nth_day(first, first.days_in_year(), *day))
                .collect(),
            Frequency::Yearly => (1..=12)
                .filter(|month| self.months.is_empty() || self.months.contains(month))
                .filter_map(|month| Date::new(first.year(), month, 1).ok())
                .flat_map(|month| self.days_of_month(month))
                .collect(),
            Frequency::Monthly if !self.allows_month(first) => Vec::new(),
            Frequency::Monthly => self.days_of_month(first),
            Frequency::Weekly => {
                let wanted = |day: &Date| self.allows_weekday(*day);
                (0..7).filter_map(|day| days_later(first, day)).filter(wanted).collect()
            }
            Frequency::Daily => vec![first],
            Frequency::Hourly if self.hours.is_empty() || self.hours.contains(&period.hour()) => {
                vec![first]
            }
            Frequency::Hourly => Vec::new(),
        };
        budget.spend(days.len())?;
        days.retain(|day| self.allows(*day));
        days.sort_unstable();
        days.dedup();
        Ok(days)
    }

    /// The days that the rule names within a month; all of them when it names none.
    fn days_of_month(&self, first: Date) -> Vec<Date> {
        let length = i16::from(first.days_in_month());
        if self.month_days.is_empty() {
            return (1..=length).filter_map(|day| nth_day(first, length, day)).collect();
        }
        let days = self.month_days.iter();
        days.filter_map(|day| nth_day(first, length, i16::from(*day))).collect()
    }

    /// The days of the weeks that the rule names. A week belongs to the year most of it lies in.
    fn days_of_weeks(&self, year: Date) -> Vec<Date> {
        let first_week = |year: Date| {
            let fourth = days_later(year, 3)?;
            week_start(fourth, self.week_start)
        };
        let next = Date::new(year.year().saturating_add(1), 1, 1).ok();
        let (Some(first), Some(end)) = (first_week(year), next.and_then(first_week)) else {
            return Vec::new();
        };
        let weeks = days_between(first, end) / 7;
        let numbers = self.week_numbers.iter().map(|number| i64::from(*number));
        numbers
            .map(|number| if number > 0 { number - 1 } else { weeks + number })
            .filter(|week| (0..weeks).contains(week))
            .flat_map(|week| (0..7).filter_map(move |day| days_later(first, week * 7 + day)))
            .collect()
    }

    fn allows_month(&self, day: Date) -> bool {
        self.months.is_empty() || self.months.contains(&day.month())
    }

    fn allows(&self, day: Date) -> bool {
        let month_length = day.days_in_month();
        let year_length = day.days_in_year();
        self.allows_month(day)
            && (self.month_days.is_empty()
                || self.month_days.contains(&day.day())
                || self.month_days.contains(&(day.day() - month_length - 1)))
            && (self.year_days.is_empty()
                || self.year_days.contains(&day.day_of_year())
                || self.year_days.contains(&(day.day_of_year() - year_length - 1)))
            && self.allows_weekday(day)
    }

    fn allows_weekday(&self, day: Date) -> bool {
        if self.weekdays.is_empty() {
            return true;
        }
        let weekday = day.weekday().to_monday_one_offset();
        // "The second Tuesday" counts within the month, or within the year when a yearly rule
        // names no months. In weeks and days it means nothing and is every Tuesday.
        let place = match self.frequency {
            Frequency::Yearly if !self.week_numbers.is_empty() => None,
            Frequency::Yearly if self.months.is_empty() => {
                Some((day.day_of_year(), day.days_in_year()))
            }
            Frequency::Yearly | Frequency::Monthly => {
                Some((i16::from(day.day()), i16::from(day.days_in_month())))
            }
            Frequency::Weekly | Frequency::Daily | Frequency::Hourly => None,
        };
        match place {
            None => self.weekdays.iter().any(|(wanted, _)| *wanted == weekday),
            Some((number, length)) => {
                let from_start = (number - 1) / 7 + 1;
                let from_end = -((length - number) / 7 + 1);
                [0, from_start, from_end].iter().any(|nth| self.weekdays.contains(&(weekday, *nth)))
            }
        }
    }
}

/// The day with this number from 1 on, or from the end when negative.
fn nth_day(first: Date, length: i16, number: i16) -> Option<Date> {
    let index = if number > 0 { number - 1 } else { length + number };
    (0..length).contains(&index).then(|| days_later(first, i64::from(index))).flatten()
}

fn nth(starts: &[DateTime], position: i32) -> Option<DateTime> {
    let place = usize::try_from(position.unsigned_abs()).ok()?;
    let index = if position > 0 { place - 1 } else { starts.len().checked_sub(place)? };
    starts.get(index).copied()
}

fn week_start(day: Date, first: Weekday) -> Option<Date> {
    let back = day.weekday().since(first);
    days_later(day, -i64::from(back))
}
