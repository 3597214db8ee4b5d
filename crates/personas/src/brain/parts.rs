//! Days named by what they belong to: "the week of the 14th", "a week from Friday", "the first
//! Monday in December", "late next week", "New Year's Eve".

use jiff::civil::{Date, Weekday};

use super::{
    dates::upcoming,
    days::{Day, monday, point, week},
    tables,
    words::{Word, after, one_of, text_at},
};
use crate::time::days_later;

/// What is said about the day in this way, and in how many words.
pub(super) fn day(words: &[Word], today: Date) -> Option<(Day, usize)> {
    around(words, today)
        .or_else(|| weeks_after(words, today))
        .or_else(|| nth_weekday(words, today))
        .or_else(|| part_of_week(words, today))
        .or_else(|| part_of_month(words, today))
        .or_else(|| holiday(words, today))
}

/// "the week of the 14th", "the weekend of 12 December".
fn around(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let lead = one_of(words, &["in the", "the", "during the", "on the"]).unwrap_or(0);
    let week =
        one_of(after(words, lead), &["week of", "week beginning", "week starting", "week from"]);
    let weekend = one_of(after(words, lead), &["weekend of"]);
    let used = lead + week.or(weekend)?;
    let (day, more) = point(after(words, used), today)?;
    let monday = monday(day)?;
    let span = match week {
        Some(_) => Day::Span(monday.max(today), days_later(monday, 6)?),
        None => Day::Span(days_later(monday, 5)?, days_later(monday, 6)?),
    };
    Some((span, used + more))
}

/// "a week from tomorrow", "two weeks on Friday", "Friday week".
fn weeks_after(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let count = i64::from(tables::number(text_at(words, 0)).filter(|count| *count <= 100)?);
    let unit = match text_at(words, 1) {
        "week" | "weeks" => 7,
        "day" | "days" => 1,
        "fortnight" => 14,
        _ => return None,
    };
    let joints = ["from", "on", "after", "from the", "after the"];
    let used = 2 + one_of(after(words, 2), &joints)?;
    let (day, more) = point(after(words, used), today)?;
    Some((Day::On(days_later(day, count * unit)?), used + more))
}

/// "the first Monday in December", "the last Friday of the month".
fn nth_weekday(words: &[Word], today: Date) -> Option<(Day, usize)> {
    const NTH: &[(&[&str], usize)] = &[
        (&["first", "1st"], 0),
        (&["second", "2nd"], 1),
        (&["third", "3rd"], 2),
        (&["fourth", "4th"], 3),
    ];
    let lead = one_of(words, &["on the", "the"]).unwrap_or(0);
    let nth = NTH.iter().find(|(names, _)| names.contains(&text_at(words, lead)));
    let nth = nth.map(|(_, nth)| *nth);
    if nth.is_none() && text_at(words, lead) != "last" {
        return None;
    }
    let weekday = tables::weekday(text_at(words, lead + 1))?;
    let used = lead + 2 + one_of(after(words, lead + 2), &["in", "of"])?;
    let (first, last, more) = month(after(words, used), today)?;
    let mut found = days_of(first.first_of_month(), last, weekday);
    let day = match nth {
        Some(nth) => found.nth(nth)?,
        None => found.last()?,
    };
    Some((Day::On(day), used + more))
}

fn days_of(first: Date, last: Date, weekday: Weekday) -> impl Iterator<Item = Date> {
    first
        .series(jiff::Span::new().days(1))
        .take_while(move |day| *day <= last)
        .filter(move |day| day.weekday() == weekday)
}

/// "early next week", "midweek", "at the end of this week".
fn part_of_week(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let (part, lead) = part(words)?;
    const WEEKS: &[(&[&str], i64)] = &[
        (&["this week", "in the week", "in this week"], 0),
        (&["next week", "in next week"], 1),
        (&["the week after next", "in the week after next"], 2),
    ];
    let found = WEEKS
        .iter()
        .find_map(|(names, ahead)| one_of(after(words, lead), names).map(|used| (*ahead, used)));
    let (ahead, used) = found?;
    let Day::Span(_, sunday) = week(today, ahead)? else { return None };
    let monday = days_later(sunday, -6)?;
    let (from, to) = match part {
        Part::Early => (0, 1),
        Part::Mid => (1, 3),
        Part::Late => (3, 4),
    };
    let span = Day::Span(days_later(monday, from)?.max(today), days_later(monday, to)?);
    Some((span, lead + used))
}

/// "early December", "in the middle of next month", "late in January".
fn part_of_month(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let (part, lead) = part(words)?;
    let (first, last, used) = month(after(words, lead), today)?;
    let first = first.first_of_month();
    let (from, to) = match part {
        Part::Early => (first, days_later(first, 9)?),
        Part::Mid => (days_later(first, 9)?, days_later(first, 19)?),
        Part::Late => (days_later(first, 20)?, last),
    };
    Some((Day::Span(from.max(today), to), lead + used))
}

#[derive(Clone, Copy)]
enum Part {
    Early,
    Mid,
    Late,
}

/// The part of a week or month that is named here, and in how many words.
fn part(words: &[Word]) -> Option<(Part, usize)> {
    let lead = one_of(words, &["in", "in the", "the", "at the", "towards the", "around the"]);
    let lead = lead.unwrap_or(0);
    let rest = after(words, lead);
    const PARTS: &[(&[&str], Part)] = &[
        (&["early", "early in", "beginning of", "start of"], Part::Early),
        (&["mid", "mid -", "middle of", "half way through"], Part::Mid),
        (&["late", "late in", "end of"], Part::Late),
    ];
    let found = PARTS.iter().filter_map(|(names, part)| Some((*part, one_of(rest, names)?)));
    let (part, used) = found.max_by_key(|(_, used)| *used)?;
    Some((part, lead + used))
}

/// First day that is still to come, last day, and words of a month: "December", "next month".
fn month(words: &[Word], today: Date) -> Option<(Date, Date, usize)> {
    let next = days_later(today.last_of_month(), 1)?;
    if let Some(used) = one_of(words, &["this month", "the month"]) {
        return Some((today, today.last_of_month(), used));
    }
    if let Some(used) = one_of(words, &["next month"]) {
        return Some((next, next.last_of_month(), used));
    }
    let number = tables::month(text_at(words, 0))?;
    let first = Date::new(today.year(), number, 1).ok()?;
    let first = if first.last_of_month() < today {
        Date::new(today.year().checked_add(1)?, number, 1).ok()?
    } else {
        first
    };
    // "March 4" is a date and no month.
    let dated = text_at(words, 1).starts_with(|c: char| c.is_ascii_digit());
    (!dated).then_some((first.max(today), first.last_of_month(), 1))
}

/// Days with a name and a fixed date.
fn holiday(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let lead = one_of(words, &["on", "on the", "the"]).unwrap_or(0);
    let found = tables::HOLIDAYS
        .iter()
        .find_map(|(names, date)| one_of(after(words, lead), names).map(|used| (*date, used)));
    let ((month, day), used) = found?;
    Some((Day::On(upcoming(month, day, today)?), lead + used))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{super::words::words, *};

    /// A Wednesday.
    const TODAY: Date = date(2026, 11, 25);

    #[track_caller]
    fn check(text: &str, from: (i8, i8), to: (i8, i8)) {
        let words = words(text);
        let (from, to) = (date(2026, from.0, from.1), date(2026, to.0, to.1));
        let expected = if from == to { Day::On(from) } else { Day::Span(from, to) };
        assert_eq!(day(&words, TODAY), Some((expected, words.len())), "{text}");
    }

    #[test]
    fn weeks_and_weekends_around_a_day() {
        check("the week of the 14th", (12, 14), (12, 20));
        check("week of 9 December", (12, 7), (12, 13));
        check("the weekend of the 12th", (12, 12), (12, 13));
        check("the week of the 26th", (11, 25), (11, 29));
    }

    #[test]
    fn days_counted_from_another() {
        check("a week from tomorrow", (12, 3), (12, 3));
        check("two weeks from Friday", (12, 11), (12, 11));
        check("three days after Monday", (12, 3), (12, 3));
    }

    #[test]
    fn weekdays_counted_in_a_month() {
        check("the first Monday in December", (12, 7), (12, 7));
        check("the third Thursday of next month", (12, 17), (12, 17));
        check("the last Friday of the month", (11, 27), (11, 27));
    }

    #[test]
    fn parts_of_weeks_and_months() {
        check("early next week", (11, 30), (12, 1));
        check("late this week", (11, 26), (11, 27));
        check("in the middle of next week", (12, 1), (12, 3));
        check("mid December", (12, 10), (12, 20));
        check("at the end of the month", (11, 25), (11, 30));
        check("at the beginning of next month", (12, 1), (12, 10));
    }

    #[test]
    fn days_with_a_name() {
        check("on Christmas Eve", (12, 24), (12, 24));
        check("New Year's Eve", (12, 31), (12, 31));
    }

    #[test]
    fn other_words_are_none_of_these() {
        for text in ["early", "the week of", "a week", "the fifth Monday", "late", "first Monday"] {
            assert_eq!(day(&words(text), TODAY), None, "{text}");
        }
    }
}
