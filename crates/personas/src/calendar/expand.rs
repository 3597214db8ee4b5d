//! The starts a rule gives, worked out period by period on the wall clock.
//!
//! Work is counted in a [`Budget`] shared by a whole calendar, so that the time it takes has a
//! bound whatever the rules are. Rules without a count begin near the window and not at their
//! start, however long ago that was.

use super::{
    days::{self, Civil, DAY},
    error::CalendarError,
    rule::{Frequency, Rule},
};

/// Steps a calendar may cost. A step is a period, a day that is looked at, or a start: three
/// millions are a small part of a second in a release build, and enough for a year of the largest
/// calendar with a weekly rule in each of its events.
pub(super) const STEPS_MAX: u64 = 3_000_000;

/// No rule goes past the year 9999, where calendars end.
const LAST_DAY: i64 = 2_932_896;

const HOUR: i64 = 3_600_000;

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
    pub(super) from: i64,
    /// The last that is wanted.
    pub(super) to: i64,
    /// The last the rule allows.
    pub(super) until: i64,
}

impl Rule {
    /// Calls `emit` with every start of the rule in the span, in order. Starts are walls.
    pub(super) fn each(
        &self,
        start: i64,
        span: Span,
        budget: &mut Budget,
        mut emit: impl FnMut(i64),
    ) -> Result<(), CalendarError> {
        let mut left = self.count.unwrap_or(u32::MAX);
        let last = span.to.min(span.until);
        let mut step = if self.count.is_some() { 0 } else { self.steps_before(start, span.from) };
        let (mut days, mut starts) = (Vec::new(), Vec::new());
        while let Some(period) = self.period(start, step) {
            // The first week of a year may begin in the year before.
            if period - 7 * DAY > last {
                break;
            }
            self.days(period, &mut days);
            self.starts(period, &days, &mut starts);
            budget.spend(1 + days.len() + starts.len())?;
            days.clear();
            for at in starts.drain(..) {
                if at > last || left == 0 {
                    return Ok(());
                }
                if at < start {
                    continue;
                }
                if self.count.is_some() {
                    left -= 1;
                }
                if at >= span.from {
                    emit(at);
                }
            }
            step += 1;
        }
        Ok(())
    }

    /// Periods that certainly end before the wanted span begins.
    fn steps_before(&self, start: i64, from: i64) -> i64 {
        let (first, wanted) = (start.div_euclid(DAY), from.div_euclid(DAY));
        let (a, b) = (days::civil(first), days::civil(wanted.clamp(-LAST_DAY, LAST_DAY)));
        let periods = match self.frequency {
            Frequency::Yearly => b.year - a.year,
            Frequency::Monthly => (b.year - a.year) * 12 + b.month - a.month,
            Frequency::Weekly => (wanted - first).div_euclid(7),
            Frequency::Daily => wanted - first,
            Frequency::Hourly => (wanted - first) * 24 - 24,
        };
        // One period of margin: a year's week may begin in the year before.
        ((periods - 1).div_euclid(self.interval) - 1).max(0)
    }

    /// The first moment of the period so many steps after the one of the start; `None` past the
    /// end of the calendar.
    fn period(&self, start: i64, step: i64) -> Option<i64> {
        let ahead = step.checked_mul(self.interval)?;
        let day = start.div_euclid(DAY);
        let date = days::civil(day);
        let first = match self.frequency {
            // Years and months past the end are caught here, long before numbers overflow.
            Frequency::Yearly | Frequency::Monthly if ahead > 12 * 20_000 => return None,
            Frequency::Yearly => days::year_start(date.year + ahead),
            Frequency::Monthly => days::month_start(date.year, date.month + ahead),
            Frequency::Weekly => {
                days::week_start(day, self.week_start).checked_add(ahead.checked_mul(7)?)?
            }
            Frequency::Daily => day.checked_add(ahead)?,
            Frequency::Hourly => {
                let hour = start.div_euclid(HOUR).checked_add(ahead)?;
                return (hour / 24 <= LAST_DAY).then(|| hour * HOUR);
            }
        };
        (first <= LAST_DAY).then(|| first * DAY)
    }

    /// The starts of one period on these days, in order.
    fn starts(&self, period: i64, days: &[i64], starts: &mut Vec<i64>) {
        let hour = match self.frequency {
            Frequency::Hourly => period.rem_euclid(DAY),
            _ => 0,
        };
        for day in days {
            starts.extend(self.times.iter().map(|time| day * DAY + hour + time));
        }
        if self.positions.is_empty() {
            return;
        }
        let mut chosen: Vec<i64> =
            self.positions.iter().filter_map(|position| nth(starts, *position)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        *starts = chosen;
    }

    /// The days of one period on which the rule starts something, in order.
    fn days(&self, period: i64, days: &mut Vec<i64>) {
        let first = period.div_euclid(DAY);
        match self.frequency {
            Frequency::Yearly => self.days_of_year(first, days),
            Frequency::Monthly => self.days_of_month(first, days),
            Frequency::Weekly => {
                days.extend((first..first + 7).filter(|day| self.allows_weekday(*day)));
            }
            Frequency::Daily => days.push(first),
            Frequency::Hourly => {
                let hour = period.rem_euclid(DAY) / HOUR;
                if allowed(&self.hours, hour) {
                    days.push(first);
                }
            }
        }
        days.retain(|day| self.allows(*day));
        days.sort_unstable();
        days.dedup();
    }

    fn days_of_year(&self, first: i64, days: &mut Vec<i64>) {
        let year = days::civil(first).year;
        let length = days::year_start(year + 1) - first;
        if !self.week_numbers.is_empty() {
            self.days_of_weeks(year, days);
        } else if !self.year_days.is_empty() {
            days.extend(self.year_days.iter().filter_map(|day| nth_day(first, length, *day)));
        } else {
            for month in (1..=12).filter(|month| allowed(&self.months, *month)) {
                self.days_of_month(days::month_start(year, month), days);
            }
        }
    }

    /// The days that the rule names within a month; all of them when it names none.
    fn days_of_month(&self, first: i64, days: &mut Vec<i64>) {
        let date = days::civil(first);
        if !allowed(&self.months, date.month) {
            return;
        }
        let length = days::month_start(date.year, date.month + 1) - first;
        if self.month_days.is_empty() {
            days.extend(first..first + length);
        } else {
            days.extend(self.month_days.iter().filter_map(|day| nth_day(first, length, *day)));
        }
    }

    /// The days of the weeks that the rule names. A week belongs to the year most of it lies in.
    fn days_of_weeks(&self, year: i64, days: &mut Vec<i64>) {
        let first_week = |year| days::week_start(days::year_start(year) + 3, self.week_start);
        let first = first_week(year);
        let weeks = (first_week(year + 1) - first) / 7;
        for number in &self.week_numbers {
            let week = if *number > 0 { number - 1 } else { weeks + number };
            if (0..weeks).contains(&week) {
                days.extend(first + week * 7..first + week * 7 + 7);
            }
        }
    }

    fn allows(&self, day: i64) -> bool {
        let date = days::civil(day);
        allowed(&self.months, date.month)
            && (self.month_days.is_empty() || {
                let length = days::month_start(date.year, date.month + 1) - (day - date.day + 1);
                self.month_days.contains(&date.day)
                    || self.month_days.contains(&(date.day - length - 1))
            })
            && (self.year_days.is_empty() || {
                let (number, length) = place_in_year(day, date);
                self.year_days.contains(&number) || self.year_days.contains(&(number - length - 1))
            })
            && self.allows_weekday(day)
    }

    fn allows_weekday(&self, day: i64) -> bool {
        if self.weekdays.is_empty() {
            return true;
        }
        let weekday = days::weekday(day);
        // "The second Tuesday" counts within the month, or within the year when a yearly rule
        // names no months. In weeks and days it means nothing and is every Tuesday.
        let place = match self.frequency {
            Frequency::Yearly if !self.week_numbers.is_empty() => None,
            Frequency::Yearly if self.months.is_empty() => {
                Some(place_in_year(day, days::civil(day)))
            }
            Frequency::Yearly | Frequency::Monthly => {
                let date = days::civil(day);
                let first = day - date.day + 1;
                Some((date.day, days::month_start(date.year, date.month + 1) - first))
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

/// A list that is empty allows everything.
fn allowed(list: &[i64], value: i64) -> bool {
    list.is_empty() || list.contains(&value)
}

/// The number of a day in its year, and the length of that year.
fn place_in_year(day: i64, date: Civil) -> (i64, i64) {
    let first = days::year_start(date.year);
    (day - first + 1, days::year_start(date.year + 1) - first)
}

/// The day with this number from 1 on, or from the end when negative.
fn nth_day(first: i64, length: i64, number: i64) -> Option<i64> {
    let index = if number > 0 { number - 1 } else { length + number };
    (0..length).contains(&index).then(|| first + index)
}

fn nth(starts: &[i64], position: i64) -> Option<i64> {
    let place = usize::try_from(position.unsigned_abs()).ok()?;
    let index = if position > 0 { place - 1 } else { starts.len().checked_sub(place)? };
    starts.get(index).copied()
}
