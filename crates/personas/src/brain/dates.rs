//! Dates: "2026-12-01", "1 December", "December 1st, 2026", "on the 14th", "in March".

use jiff::civil::Date;

use super::{
    days::Day,
    tables,
    words::{Word, one_of, text_at},
};
use crate::time::days_later;

/// Dates with a month, or a day of the month where `loose`: "on the 14th".
pub(super) fn date(words: &[Word], today: Date, loose: bool) -> Option<(Day, usize)> {
    let first = text_at(words, 0);
    if let Some(date) = numeric(first, today) {
        return Some((date, 1));
    }
    let of = usize::from(text_at(words, 1) == "of");
    if let (Some(day), Some(month)) = (ordinal(first), tables::month(text_at(words, 1 + of))) {
        return with_year(words, 2 + of, month, day, today);
    }
    if let Some(month) = tables::month(first) {
        let the = usize::from(text_at(words, 1) == "the");
        if let Some(day) = ordinal(text_at(words, 1 + the)) {
            return with_year(words, 2 + the, month, day, today);
        }
    }
    if let (Some(used), Some(month)) =
        (one_of(words, &["in", "during", "this", "next"]), tables::month(text_at(words, 1)))
    {
        let first = Date::new(today.year(), month, 1).ok()?;
        let first = if first.last_of_month() < today {
            Date::new(today.year().checked_add(1)?, month, 1).ok()?
        } else {
            first
        };
        return Some((Day::Span(first.max(today), first.last_of_month()), used + 1));
    }
    // A bare number is a date only with its ending: "the 14th".
    let day = ordinal(first).filter(|_| loose && first.bytes().any(|b| b.is_ascii_alphabetic()))?;
    let mut month = today.first_of_month();
    for _ in 0..12 {
        match Date::new(month.year(), month.month(), day) {
            Ok(date) if date >= today => return Some((Day::On(date), 1)),
            _ => month = days_later(month.last_of_month(), 1)?,
        }
    }
    None
}

/// A day and month, and the year behind them or the next that is not past.
fn with_year(words: &[Word], used: usize, month: i8, day: i8, today: Date) -> Option<(Day, usize)> {
    let comma = usize::from(text_at(words, used) == ",");
    if let Some(year) = year(text_at(words, used + comma)) {
        return Some((Day::On(Date::new(year, month, day).ok()?), used + comma + 1));
    }
    Some((Day::On(upcoming(month, day, today)?), used))
}

pub(super) fn upcoming(month: i8, day: i8, today: Date) -> Option<Date> {
    // Four years ahead, for the 29th of February.
    (0..=4)
        .filter_map(|ahead| Date::new(today.year().checked_add(ahead)?, month, day).ok())
        .find(|date| *date >= today)
}

/// "2026-12-01", "1.12.2026", "24/12", "12/24/2026".
fn numeric(text: &str, today: Date) -> Option<Day> {
    if let Ok(date) = text.parse::<Date>()
        && text.contains('-')
    {
        return Some(Day::On(date));
    }
    let small = |text: &str| ordinal(text).filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let parts: Vec<&str> = text.split(['.', '/']).collect();
    let (a, b, year) = match parts[..] {
        [a, b, c] => (small(a)?, small(b)?, Some(year(c)?)),
        [a, b] if text.contains('/') => (small(a)?, small(b)?, None),
        _ => return None,
    };
    let make = |day, month| match year {
        Some(year) => Date::new(year, month, day).ok(),
        None => upcoming(month, day, today),
    };
    // With slashes the order differs between countries; with dots the day comes first.
    match (make(a, b), make(b, a).filter(|_| text.contains('/'))) {
        (Some(one), Some(other)) if one != other => Some(Day::Unclear(one, other)),
        (Some(date), _) | (None, Some(date)) => Some(Day::On(date)),
        (None, None) => None,
    }
}

fn year(text: &str) -> Option<i16> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let year = if digits { text.parse().ok()? } else { return None };
    (1900..=9998).contains(&year).then_some(year)
}

/// "1", "1st", "23rd", "first" as a day of a month.
pub(super) fn ordinal(text: &str) -> Option<i8> {
    const NAMES: [&str; 10] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth",
    ];
    if let Some(index) = NAMES.iter().position(|name| *name == text) {
        return i8::try_from(index + 1).ok();
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ending = text.get(digits.len()..)?;
    if !(1..=2).contains(&digits.len()) || !["", "st", "nd", "rd", "th"].contains(&ending) {
        return None;
    }
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}
