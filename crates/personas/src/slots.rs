//! Which times to offer, which of offered times fit, and which are nicer than others.
//!
//! All times are judged on the owner's wall clock. The results depend on nothing but the
//! arguments, so two nodes with the same calendar come to the same answer.

use std::{cmp::Reverse, collections::BTreeSet};

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    brain::MeetingRequest,
    contract::SLOTS_MAX,
    settings::Settings,
    time::{self, DAY_MS, MINUTE_MS, TimeRange},
};

/// Meetings start on the full or the half hour.
const GRID_MINUTES: usize = 30;

/// The earliest start is on the next five minutes, not at some odd second.
const ROUND_MS: u64 = 5 * MINUTE_MS;

/// Days that are looked at for one request, so that a wish for centuries costs no more than one
/// for a year.
const DAYS_MAX: usize = 400;

/// Starts that suit most people, in minutes since midnight: mid-morning, lunch, mid-afternoon,
/// dinner.
const NICE_STARTS: [u16; 4] = [10 * 60, 12 * 60 + 30, 15 * 60, 19 * 60];

/// Times to offer for a meeting, in order: free in the owner's calendar, no sooner than the
/// owner's notice after now, within the owner's day, spread over the days that are possible.
///
/// At most `most` and never more than a request between personas may carry. A window that lies
/// outside the owner's day altogether was asked for in so many words, and is used as it is.
/// When nothing starts on the grid, the start of the window itself is tried: "at 15:15".
pub fn candidates(
    request: &MeetingRequest,
    busy: &[TimeRange],
    settings: &Settings,
    now_ms: u64,
    most: usize,
) -> Vec<TimeRange> {
    let zone = zone_of(settings);
    let earliest_ms = now_ms.saturating_add(u64::from(settings.notice_minutes) * MINUTE_MS);
    let earliest_ms = earliest_ms.div_ceil(ROUND_MS).saturating_mul(ROUND_MS);
    let mut free = BTreeSet::new();
    let mut days = DAYS_MAX;
    for window in TimeRange::merged(request.windows.clone()) {
        // Days that are over are not looked at; an exact window keeps its start.
        let whole = window.minutes() == u64::from(request.minutes);
        let start_ms = if whole { window.start_ms } else { window.start_ms.max(earliest_ms) };
        let Some(window) = TimeRange::new(start_ms, window.end_ms) else { continue };
        let dates = dates_of(&window, &zone, days);
        days -= dates.len();
        let mut starts = starts_in(&window, &dates, request.minutes, settings, &zone, true);
        if starts.is_empty() {
            starts = starts_in(&window, &dates, request.minutes, settings, &zone, false);
        }
        free.extend(starts.into_iter().filter(|slot| {
            slot.start_ms >= earliest_ms && is_free(slot, busy, settings.buffer_minutes)
        }));
    }
    spread(free.into_iter().collect(), settings, &zone, most.min(SLOTS_MAX))
}

/// Indexes of the slots that fit the owner: free in the calendar and within the owner's day.
pub fn feasible(slots: &[TimeRange], busy: &[TimeRange], settings: &Settings) -> Vec<u16> {
    let zone = zone_of(settings);
    indexes(slots)
        .filter(|(_, slot)| {
            !slot.is_empty()
                && is_free(slot, busy, settings.buffer_minutes)
                && is_daytime(slot, settings, &zone)
        })
        .map(|(index, _)| index)
        .collect()
}

/// Indexes of all slots, the nicest first.
///
/// Nicer is: in a reasonable part of the day, on the full hour, sooner rather than days later.
/// Equally nice slots stay in the order of time.
pub fn rank(slots: &[TimeRange], settings: &Settings) -> Vec<u16> {
    let zone = zone_of(settings);
    let first = slots.iter().map(|slot| slot.start_ms).min().unwrap_or(0);
    let mut order: Vec<_> = indexes(slots).collect();
    order.sort_by_key(|(index, slot)| (cost(slot, first, &zone), slot.start_ms, *index));
    order.into_iter().map(|(index, _)| index).collect()
}

/// The slots to put to the vote after everybody answered: those that suit most people, and among
/// equals the nicest, in the order of time. Slots that suit nobody are left out.
pub fn shortlist(
    slots: &[TimeRange],
    answers: &[Vec<u16>],
    settings: &Settings,
    most: usize,
) -> Vec<u16> {
    let suits = |index: u16| answers.iter().filter(|answer| answer.contains(&index)).count();
    let mut best: Vec<_> = rank(slots, settings)
        .into_iter()
        .enumerate()
        .map(|(place, index)| (Reverse(suits(index)), place, index))
        .filter(|(Reverse(people), ..)| *people > 0)
        .collect();
    best.sort_unstable();
    best.truncate(most);
    let mut chosen: Vec<u16> = best.into_iter().map(|(.., index)| index).collect();
    chosen.sort_unstable_by_key(|index| (slots[usize::from(*index)], *index));
    chosen
}

fn zone_of(settings: &Settings) -> TimeZone {
    time::zone(&settings.zone).unwrap_or(TimeZone::UTC)
}

fn indexes(slots: &[TimeRange]) -> impl Iterator<Item = (u16, &TimeRange)> {
    (0..=u16::MAX).zip(slots)
}

fn is_free(slot: &TimeRange, busy: &[TimeRange], buffer_minutes: u16) -> bool {
    let slot = slot.widened(buffer_minutes);
    !busy.iter().any(|range| range.overlaps(&slot))
}

fn is_daytime(slot: &TimeRange, settings: &Settings, zone: &TimeZone) -> bool {
    let date = time::civil(zone, slot.start_ms).date();
    day_of(date, settings, zone).is_some_and(|day| day.contains(slot))
}

fn day_of(date: Date, settings: &Settings, zone: &TimeZone) -> Option<TimeRange> {
    TimeRange::new(
        time::minute_of_day(zone, date, settings.earliest_minute)?,
        time::minute_of_day(zone, date, settings.latest_minute)?,
    )
}

/// The local days that a window touches, at most so many.
fn dates_of(window: &TimeRange, zone: &TimeZone, most: usize) -> Vec<Date> {
    let first = time::civil(zone, window.start_ms).date();
    let last = time::civil(zone, window.end_ms).date();
    let next = |date: &Date| time::days_later(*date, 1).filter(|date| *date <= last);
    std::iter::successors(Some(first), next).take(most).collect()
}

fn starts_in(
    window: &TimeRange,
    dates: &[Date],
    minutes: u16,
    settings: &Settings,
    zone: &TimeZone,
    daytime_only: bool,
) -> Vec<TimeRange> {
    let mut starts = Vec::new();
    let fits = |slot: &TimeRange| {
        window.contains(slot) && (!daytime_only || is_daytime(slot, settings, zone))
    };
    for date in dates {
        for minute in (0..1440).step_by(GRID_MINUTES) {
            let start = time::minute_of_day(zone, *date, minute);
            starts.extend(start.map(|start| TimeRange::starting(start, minutes)).filter(fits));
        }
    }
    if starts.is_empty() {
        starts.extend(Some(TimeRange::starting(window.start_ms, minutes)).filter(fits));
    }
    starts
}

/// How unpleasant a slot is; 0 would be perfect.
fn cost(slot: &TimeRange, first_ms: u64, zone: &TimeZone) -> u64 {
    let minute = time::clock_minutes(time::civil(zone, slot.start_ms));
    let nice = NICE_STARTS.iter().map(|nice| nice.abs_diff(minute)).min().unwrap_or(0);
    let odd = match minute % 60 {
        0 => 0,
        30 => 10,
        _ => 40,
    };
    let days = slot.start_ms.saturating_sub(first_ms) / DAY_MS;
    u64::from(nice) + odd + days * 15
}

/// Takes the nicest slot of every day, then the second of every day, and so on. Slots of a day
/// that overlap one already taken come last, because two of them are hardly a choice.
fn spread(
    free: Vec<TimeRange>,
    settings: &Settings,
    zone: &TimeZone,
    most: usize,
) -> Vec<TimeRange> {
    let day = |slot: &TimeRange| time::civil(zone, slot.start_ms).date();
    let mut rounds: Vec<(bool, usize, TimeRange)> = Vec::with_capacity(free.len());
    for slots in free.chunk_by(|a, b| day(a) == day(b)) {
        let mut taken: Vec<TimeRange> = Vec::new();
        let mut crowded = 0;
        for index in rank(slots, settings) {
            let slot = slots[usize::from(index)];
            if taken.iter().any(|other| other.overlaps(&slot)) {
                rounds.push((true, crowded, slot));
                crowded += 1;
            } else {
                rounds.push((false, taken.len(), slot));
                taken.push(slot);
            }
        }
    }
    rounds.sort_unstable();
    let mut chosen: Vec<_> = rounds.into_iter().take(most).map(|(.., slot)| slot).collect();
    chosen.sort_unstable();
    chosen
}
