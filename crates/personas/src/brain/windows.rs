//! From facts about the time to windows of time.

use std::collections::BTreeSet;

use jiff::{
    civil::{Date, Weekday},
    tz::TimeZone,
};

use super::{
    clock::{self, Clock},
    days::{self, Day},
    facts::Times,
    tables::{Hours, Kind},
};
use crate::{
    settings::Settings,
    time::{self, MINUTE_MS, TimeRange, days_later},
};

/// How many days ahead a meeting is looked for when no day was said.
const DAYS_AHEAD: i64 = 7;

/// The most days that are looked at.
const DAYS_MAX: usize = 100;

/// How far "about seven" may be from seven, in minutes.
const ABOUT_MINUTES: u16 = 60;

/// What windows are worked out from.
pub(super) struct Frame<'a> {
    pub(super) now_ms: u64,
    pub(super) zone: &'a TimeZone,
    pub(super) settings: &'a Settings,
    pub(super) kind: Option<&'static Kind>,
    pub(super) minutes: u16,
}

/// Why there are no windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoWindow {
    /// All that was asked for lies in the past.
    Past,
    /// What was asked for is shorter than the meeting.
    TooShort,
    /// Days or hours exclude each other.
    Contradiction,
    /// A date can be read in two ways.
    Unclear(Date, Date),
    /// A date was said with a weekday it is not.
    Mismatch(Date),
}

impl Frame<'_> {
    /// The windows of these times, in order.
    pub(super) fn windows(&self, times: &Times) -> Result<Vec<TimeRange>, NoWindow> {
        let hours = self.hours(times)?;
        let today = time::civil(self.zone, self.now_ms).date();
        let days = self.days(times, today)?;
        let mut windows = Vec::new();
        let mut passed = false;
        for (day, repeats) in days {
            let mut found = self.windows_of(day, &hours, &mut passed);
            if found.is_empty() && repeats {
                // Today is the weekday that was asked for, but it is too late today.
                found.extend(
                    days_later(day, 7)
                        .map(|day| self.windows_of(day, &hours, &mut passed))
                        .unwrap_or_default(),
                );
            }
            windows.extend(found);
            // A bare hour means the next time the clock shows it.
            if !windows.is_empty() && times.days.is_empty() && is_hour(times) {
                break;
            }
        }
        match windows.is_empty() {
            false => Ok(TimeRange::merged(windows)),
            true if passed => Err(NoWindow::Past),
            true => Err(NoWindow::TooShort),
        }
    }

    /// The windows of one day that are not over yet.
    fn windows_of(&self, day: Date, hours: &[(u16, u16)], passed: &mut bool) -> Vec<TimeRange> {
        let need_ms = u64::from(self.minutes) * MINUTE_MS;
        let window = |(from, to): &(u16, u16)| {
            let at = |minute| time::minute_of_day(self.zone, day, minute);
            let (Some(start_ms), Some(end_ms)) = (at(*from), at(*to)) else {
                // Before 1970, which is past whatever the time is now.
                *passed = true;
                return None;
            };
            let length_ms = end_ms.saturating_sub(start_ms);
            let left = TimeRange::new(start_ms.max(self.now_ms), end_ms);
            let fits = left.filter(|left| left.end_ms - left.start_ms >= need_ms);
            *passed |= fits.is_none() && length_ms >= need_ms;
            fits
        };
        hours.iter().filter_map(window).collect()
    }

    /// The days that are meant, and which of them mean the same day of the next week when it is
    /// too late for this one.
    fn days(&self, times: &Times, today: Date) -> Result<Vec<(Date, bool)>, NoWindow> {
        if let Some((one, other)) = times.days.iter().find_map(|day| match day {
            Day::Unclear(one, other) => Some((*one, *other)),
            _ => None,
        }) {
            return Err(NoWindow::Unclear(one, other));
        }
        if let Some(date) = times.days.iter().chain(&times.not_days).find_map(|day| match day {
            Day::Mismatch(date) => Some(*date),
            _ => None,
        }) {
            return Err(NoWindow::Mismatch(date));
        }
        let spans: Vec<(Date, Date)> = times.days.iter().filter_map(span).collect();
        let in_span = |day: Date| spans.iter().any(|(from, to)| (*from..=*to).contains(&day));
        let mut days: BTreeSet<(Date, bool)> = BTreeSet::new();
        let mut narrowed = false;
        for said in &times.days {
            let points = points(*said, today, &spans);
            narrowed |= points.iter().any(|(day, _)| in_span(*day));
            days.extend(points);
        }
        if !narrowed {
            days.extend(all_days(&spans).map(|day| (day, false)));
        }
        let any_day = times.days.iter().all(|day| *day == Day::Workdays);
        if any_day {
            days.extend((0..DAYS_AHEAD).filter_map(|n| Some((days_later(today, n)?, false))));
        }
        days.retain(|(day, _)| !times.not_days.iter().any(|not| excludes(*not, *day, today)));
        self.only_workdays(times, &mut days, narrowed || (spans.is_empty() && !any_day));
        if days.is_empty() {
            return Err(NoWindow::Contradiction);
        }
        Ok(days.into_iter().take(DAYS_MAX).collect())
    }

    /// Leaves the working days when these were asked for, or when the kind of meeting wants them
    /// and the day itself was left open.
    fn only_workdays(&self, times: &Times, days: &mut BTreeSet<(Date, bool)>, exact: bool) {
        let works = |day: Date| {
            let number = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
            self.settings.working_days[number]
        };
        if times.days.contains(&Day::Workdays) {
            days.retain(|(day, _)| works(*day));
        } else if self.kind.is_some_and(|kind| kind.hours == Hours::Working)
            && !exact
            && days.iter().any(|(day, _)| works(*day))
        {
            days.retain(|(day, _)| works(*day));
        }
    }

    /// The hours of the day that are meant, as minutes since midnight.
    fn hours(&self, times: &Times) -> Result<Vec<(u16, u16)>, NoWindow> {
        let base = self.base_hours(times)?;
        if times.clocks.is_empty() {
            return self.long_enough(base);
        }
        let said = times.clocks.iter().flat_map(|clock| self.hours_of(*clock, &base));
        self.long_enough(said.collect())
    }

    fn long_enough(&self, hours: Vec<(u16, u16)>) -> Result<Vec<(u16, u16)>, NoWindow> {
        match hours.iter().any(|(from, to)| to.saturating_sub(*from) >= self.minutes) {
            true => Ok(hours),
            false => Err(NoWindow::TooShort),
        }
    }

    /// What one thing said about the hour leaves of the hours that are meant otherwise.
    fn hours_of(&self, clock: Clock, base: &[(u16, u16)]) -> Vec<(u16, u16)> {
        let outer = outer(base);
        let latest = self.settings.latest_minute;
        match clock {
            Clock::At(time) => {
                let minute = time.minute(Some(outer));
                vec![(minute, minute + self.minutes)]
            }
            Clock::Around(time) => {
                let minute = time.minute(Some(outer));
                let from = minute.saturating_sub(ABOUT_MINUTES);
                vec![(from, minute + ABOUT_MINUTES + self.minutes)]
            }
            Clock::Between(from, to) | Clock::FromTo(from, to) => {
                vec![clock::ordered(from, to, Some(outer))]
            }
            Clock::After(time) => {
                let from = time.minute(Some(outer));
                let clipped: Vec<_> = clip(base, from, u16::MAX);
                let room = clipped.iter().any(|(from, to)| to - from >= self.minutes);
                if room { clipped } else { vec![(from, latest.max(from + self.minutes))] }
            }
            Clock::Before(time) => {
                let to = time.minute(Some(outer));
                let clipped = clip(base, 0, to);
                let room = clipped.iter().any(|(from, to)| to - from >= self.minutes);
                let earliest = self.settings.earliest_minute;
                if room {
                    clipped
                } else {
                    vec![(earliest.min(to.saturating_sub(self.minutes)), to)]
                }
            }
        }
    }

    /// The hours without those of the clock.
    fn base_hours(&self, times: &Times) -> Result<Vec<(u16, u16)>, NoWindow> {
        let settings = self.settings;
        let day = (settings.earliest_minute, settings.latest_minute);
        let work = (settings.working_from_minute, settings.working_to_minute);
        let usual = match self.kind.map_or(Hours::Daytime, |kind| kind.hours) {
            _ if times.working_hours => work,
            Hours::Between(from, to) => (from, to),
            Hours::Working => work,
            Hours::Daytime => day,
        };
        let mut hours = vec![usual];
        if !times.parts.is_empty() {
            // "Dinner in the evening" is both; "lunch in the evening" is in the evening.
            let both: Vec<_> = times
                .parts
                .iter()
                .flat_map(|(from, to)| clip(&hours, *from, *to))
                .filter(|(from, to)| to - from >= self.minutes)
                .collect();
            hours = if both.is_empty() { times.parts.clone() } else { both };
        }
        for (from, to) in &times.not_parts {
            let before = clip(&hours, 0, *from);
            hours = [before, clip(&hours, *to, u16::MAX)].concat();
        }
        if hours.is_empty() { Err(NoWindow::Contradiction) } else { Ok(hours) }
    }
}

/// Whether the times name an hour to start at and no day or part of it.
fn is_hour(times: &Times) -> bool {
    times
        .clocks
        .iter()
        .any(|clock| matches!(clock, Clock::At(_) | Clock::Around(_) | Clock::FromTo(..)))
}

/// The first and last minute of several stretches of a day.
fn outer(hours: &[(u16, u16)]) -> (u16, u16) {
    let from = hours.iter().map(|(from, _)| *from).min().unwrap_or(0);
    let to = hours.iter().map(|(_, to)| *to).max().unwrap_or(1440);
    (from, to)
}

fn clip(hours: &[(u16, u16)], from: u16, to: u16) -> Vec<(u16, u16)> {
    let clipped = hours.iter().map(|(start, end)| (from.max(*start), to.min(*end)));
    clipped.filter(|(start, end)| start < end).collect()
}

fn span(day: &Day) -> Option<(Date, Date)> {
    match day {
        Day::Span(from, to) => Some((*from, *to)),
        _ => None,
    }
}

fn all_days(spans: &[(Date, Date)]) -> impl Iterator<Item = Date> {
    spans.iter().flat_map(|(from, to)| {
        from.series(jiff::Span::new().days(1)).take_while(move |day| day <= to).take(DAYS_MAX)
    })
}

/// The single days that something said means, within the spans that were said too if possible.
fn points(said: Day, today: Date, spans: &[(Date, Date)]) -> Vec<(Date, bool)> {
    let weekdays = |wanted: &[Weekday]| {
        let within = all_days(spans).filter(|day| wanted.contains(&day.weekday()));
        within.map(|day| (day, false)).collect::<Vec<_>>()
    };
    match said {
        Day::On(day) => vec![(day, false)],
        Day::Weekday(weekday) if spans.is_empty() => {
            days::next_weekday(today, weekday).map(|day| (day, day == today)).into_iter().collect()
        }
        Day::Weekday(weekday) => weekdays(&[weekday]),
        Day::Weekend if spans.is_empty() => weekend(today),
        Day::Weekend => weekdays(&[Weekday::Saturday, Weekday::Sunday]),
        Day::Span(..) | Day::Workdays | Day::Unclear(..) | Day::Mismatch(_) => Vec::new(),
    }
}

/// Saturday and Sunday ahead; on a Sunday, that day alone.
fn weekend(today: Date) -> Vec<(Date, bool)> {
    let sunday = days::next_weekday(today, Weekday::Sunday);
    let saturday = sunday.and_then(|sunday| days_later(sunday, -1));
    let ahead = saturday.filter(|saturday| *saturday >= today).into_iter().chain(sunday);
    ahead.map(|day| (day, false)).collect()
}

fn excludes(not: Day, day: Date, today: Date) -> bool {
    match not {
        Day::On(other) => day == other,
        Day::Weekday(weekday) => day.weekday() == weekday,
        Day::Weekend => matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        Day::Workdays => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        // A span that has begun excludes from today on, which is all that matters.
        Day::Span(from, to) => (from.min(today)..=to).contains(&day) && day >= from,
        Day::Unclear(one, other) => day == one || day == other,
        Day::Mismatch(other) => day == other,
    }
}
