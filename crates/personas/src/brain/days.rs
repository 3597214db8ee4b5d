//! Days: "tomorrow", "next Monday", "this week", "in two weeks", "1 December", "until Friday".

use jiff::civil::{Date, Weekday};

use super::{
    dates::{date, ordinal},
    parts, tables,
    words::{Word, after, one_of, phrase, text_at},
};
use crate::time::days_later;

/// What was said about the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// This very day.
    On(Date),
    /// The next such weekday, or those of another span that is said too.
    Weekday(Weekday),
    /// The Saturday and Sunday ahead, or those of another span that is said too.
    Weekend,
    /// From the one to the other, both included.
    Span(Date, Date),
    /// Only days on which people work.
    Workdays,
    /// A date that can be read in two ways.
    Unclear(Date, Date),
    /// This date, which was said with a weekday it is not.
    Mismatch(Date),
}

/// The furthest day that is understood, in days from today.
const DAYS_AHEAD_MAX: u32 = 730;

/// What is said about the day, and in how many words.
pub(super) fn day(words: &[Word], today: Date) -> Option<(Day, usize)> {
    parts::day(words, today)
        .or_else(|| limited(words, today))
        .or_else(|| named(words, today))
        .or_else(|| relative(words, today))
        .or_else(|| counted(words, today))
        .or_else(|| range(words, today))
        .or_else(|| {
            let lead = one_of(words, &["on", "on the", "the"]).unwrap_or(0);
            // "4th" is a date with its ending in digits; "first" needs an article.
            let numbered = text_at(words, lead).starts_with(|c: char| c.is_ascii_digit());
            let (date, used) = date(after(words, lead), today, lead > 0 || numbered)?;
            Some((date, lead + used))
        })
        .or_else(|| weekday(words, today))
        .or_else(|| Some((Day::Workdays, one_of(words, tables::WORKDAYS)?)))
}

/// Monday of the week a day lies in.
pub(super) fn monday(day: Date) -> Option<Date> {
    days_later(day, -i64::from(day.weekday().to_monday_zero_offset()))
}

/// The week so many weeks after this one; this one begins today.
pub(super) fn week(today: Date, ahead: i64) -> Option<Day> {
    let first = days_later(monday(today)?, ahead * 7)?;
    Some(Day::Span(first.max(today), days_later(first, 6)?))
}

/// "Friday the 27th", "Wed 9 December": a weekday with its date, which have to agree.
fn named(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let lead = one_of(words, &["on", "on the", "this", "next"]).unwrap_or(0);
    let weekday = tables::weekday(text_at(words, lead))?;
    let joint = one_of(after(words, lead + 1), &[", the", ", on the", ",", "the", "on the"]);
    let the = joint.unwrap_or(0);
    let rest = after(words, lead + 1 + the);
    let numbered = text_at(rest, 0).starts_with(|c: char| c.is_ascii_digit());
    let has_article = the > 0 && text_at(words, lead + the) == "the";
    let loose = has_article || (numbered && joint.is_none());
    let (Day::On(date), used) = date(rest, today, loose)? else { return None };
    let day = if date.weekday() == weekday { Day::On(date) } else { Day::Mismatch(date) };
    Some((day, lead + 1 + the + used))
}

/// Words with a fixed meaning.
fn relative(words: &[Word], today: Date) -> Option<(Day, usize)> {
    type Meaning = fn(Date) -> Option<Day>;
    const RELATIVE: &[(&[&str], Meaning)] = &[
        (&["today", "tonight", "this morning", "this afternoon", "this evening"], |today| {
            Some(Day::On(today))
        }),
        (&["tomorrow", "tmrw", "tommorow", "tommorrow", "tomorow"], |today| {
            Some(Day::On(days_later(today, 1)?))
        }),
        (&["day after tomorrow", "the day after tomorrow"], |today| {
            Some(Day::On(days_later(today, 2)?))
        }),
        (&["tomorrow or the day after", "either tomorrow or the day after"], |today| {
            Some(Day::Span(days_later(today, 1)?, days_later(today, 2)?))
        }),
        (&["yesterday"], |today| Some(Day::On(days_later(today, -1)?))),
        (
            &[
                "this week",
                "later this week",
                "rest of the week",
                "rest of this week",
                "the rest of the week",
                "the rest of this week",
            ],
            |today| week(today, 0),
        ),
        (&["next week", "the coming week", "the following week"], |today| week(today, 1)),
        (&["week after next", "the week after next"], |today| week(today, 2)),
        (&["last week"], |today| Some(Day::On(days_later(today, -7)?))),
        (&["weekend", "weekends", "this weekend", "the weekend", "the coming weekend"], |_| {
            Some(Day::Weekend)
        }),
        (&["this or next week", "this week or next", "this week or next week"], |today| {
            Some(Day::Span(today, days_later(monday(today)?, 13)?))
        }),
        (&["weekend after next", "the weekend after next"], |today| {
            let saturday = days_later(monday(today)?, 19)?;
            Some(Day::Span(saturday, days_later(saturday, 1)?))
        }),
        (&["next weekend", "weekend next week"], |today| {
            let saturday = days_later(monday(today)?, 12)?;
            Some(Day::Span(saturday, days_later(saturday, 1)?))
        }),
        (&["this month", "later this month", "rest of the month"], |today| {
            Some(Day::Span(today, today.last_of_month()))
        }),
        (&["next month"], |today| {
            let first = days_later(today.last_of_month(), 1)?;
            Some(Day::Span(first, first.last_of_month()))
        }),
        (&["next few days", "the next few days", "the coming days", "the next days"], |today| {
            Some(Day::Span(today, days_later(today, 4)?))
        }),
    ];
    let (used, meaning) = RELATIVE
        .iter()
        .filter_map(|(phrases, meaning)| Some((one_of(words, phrases)?, meaning)))
        .max_by_key(|(used, _)| *used)?;
    // "this morning" says the part of the day too, and leaves it to be read again.
    let said = text_at(words, used - 1);
    let part = matches!(said, "tonight" | "morning" | "afternoon" | "evening");
    Some((meaning(today)?, if part { used - 1 } else { used }))
}

/// "in 3 days", "two weeks from now", "within the next 5 days".
fn counted(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let spans = [
        "within",
        "within the next",
        "in the next",
        "over the next",
        "during the next",
        "the next",
        "next",
        "in the coming",
        "the coming",
        "sometime in the next",
    ];
    let number = |at: usize| {
        let of = usize::from(text_at(words, at) == "a" && text_at(words, at + 1) == "couple");
        let count =
            tables::number(text_at(words, at + of)).filter(|count| *count <= DAYS_AHEAD_MAX)?;
        let of = of + usize::from(text_at(words, at + of + 1) == "of");
        let days = match text_at(words, at + of + 1) {
            "day" | "days" => 1,
            "week" | "weeks" => 7,
            "fortnight" => 14,
            _ => return None,
        };
        Some((i64::from(count), days, at + of + 2))
    };
    if let Some(lead) = one_of(words, &spans)
        && let Some((count, days, used)) = number(lead)
    {
        return Some((Day::Span(today, days_later(today, count * days)?), used));
    }
    let lead = one_of(words, &["in"]).unwrap_or(0);
    let (count, days, used) = number(lead)?;
    let tail = one_of(after(words, used), &["from now", "from today", "hence"]);
    if lead == 0 && tail.is_none() {
        return None;
    }
    let day = match days {
        1 => Day::On(days_later(today, count)?),
        days => week(today, count * days / 7)?,
    };
    Some((day, used + tail.unwrap_or(0)))
}

/// "until Friday", "after Wednesday", "from Monday on".
fn limited(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let until = one_of(words, &["until", "till", "by", "no later than", "up to"]);
    let before = one_of(words, &["before"]);
    let past = one_of(words, &["after"]);
    let from = one_of(words, &["from", "starting", "starting on", "beginning"]);
    let lead = until.or(before).or(past).or(from)?;
    if from.is_some()
        && let Some(range) = range(after(words, lead), today)
    {
        return Some((range.0, lead + range.1));
    }
    let (said, used) = point(after(words, lead), today)?;
    let used = lead + used;
    let day = if until.is_some() {
        Day::Span(today, said)
    } else if before.is_some() {
        Day::Span(today, days_later(said, -1)?)
    } else if past.is_some() {
        Day::Span(days_later(said, 1)?, days_later(said, 7)?)
    } else {
        Day::Span(said, days_later(said, 6)?)
    };
    let on = one_of(after(words, used), &["on", "onwards", "on wards"]).filter(|_| from.is_some());
    Some((day, used + on.unwrap_or(0)))
}

/// "Monday to Wednesday", "between Monday and Wednesday", "1 - 5 December".
fn range(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let lead = one_of(words, &["between", "from", "between the", "the", "on"]).unwrap_or(0);
    let joints: &[&str] = match phrase(words, "between") {
        Some(_) => &["and", "and the"],
        None => &["to", "through", "until", "till", "-", "to the", "- the", "until the"],
    };
    let words_left = after(words, lead);
    // "1 to 5 December": the first number borrows the month.
    if let Some(first) = ordinal(text_at(words_left, 0))
        && let Some(joint) = one_of(after(words_left, 1), joints)
        && let Some((Day::On(last), used)) = date(after(words_left, 1 + joint), today, false)
        && let Ok(first) = Date::new(last.year(), last.month(), first)
    {
        return Some((Day::Span(first, last), lead + 1 + joint + used));
    }
    let (first, first_used) = point(words_left, today)?;
    let joint = one_of(after(words_left, first_used), joints)?;
    let second = after(words_left, first_used + joint);
    let (last, last_used) = match weekday(second, first) {
        Some((Day::Weekday(day), used)) => (next_weekday(first, day)?, used),
        Some((Day::On(last), used)) => (last, used),
        _ => match date(second, first, true)? {
            (Day::On(last), used) => (last, used),
            _ => return None,
        },
    };
    Some((Day::Span(first, last), lead + first_used + joint + last_used))
}

/// A single day, weekdays taken as the next such day.
pub(super) fn point(words: &[Word], today: Date) -> Option<(Date, usize)> {
    let found = relative(words, today)
        .filter(|(day, _)| matches!(day, Day::On(_)))
        .or_else(|| date(words, today, text_at(words, 0).starts_with(|c: char| c.is_ascii_digit())))
        .or_else(|| weekday(words, today))
        .or_else(|| {
            let (day, used) = date(after(words, 1), today, true)?;
            (text_at(words, 0) == "the").then_some((day, used + 1))
        })?;
    match found {
        (Day::On(date), used) => Some((date, used)),
        (Day::Weekday(day), used) => Some((next_weekday(today, day)?, used)),
        _ => None,
    }
}

/// The first such weekday from a day on, itself included.
pub(super) fn next_weekday(from: Date, day: Weekday) -> Option<Date> {
    days_later(from, i64::from(from.weekday().until(day)))
}

/// "Monday", "this Monday", "next Monday"; or a date, for the far end of a range.
fn weekday(words: &[Word], today: Date) -> Option<(Day, usize)> {
    let lead = one_of(words, &["on", "on a", "a", "this", "next", "this coming", "coming", "last"]);
    let lead = lead.unwrap_or(0);
    let Some(day) = tables::weekday(text_at(words, lead)) else {
        return date(words, today, false).filter(|(day, _)| matches!(day, Day::On(_)));
    };
    let in_week =
        |ahead: i64| days_later(monday(today)?, ahead * 7 + i64::from(day.to_monday_zero_offset()));
    let said = words.get(lead.saturating_sub(1)).map_or("", |word| word.text.as_str());
    let day = match said {
        "next" => Day::On(in_week(1)?),
        "last" => Day::On(in_week(-1)?),
        "this" => Day::On(in_week(0)?),
        _ => Day::Weekday(day),
    };
    Some((day, lead + 1))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{super::words::words, *};

    /// A Wednesday.
    const TODAY: Date = date(2026, 11, 25);

    #[track_caller]
    fn check(text: &str, expected: Day) {
        let words = words(text);
        assert_eq!(day(&words, TODAY), Some((expected, words.len())), "{text}");
    }

    fn on(month: i8, day: i8) -> Day {
        Day::On(date(2026, month, day))
    }

    fn span(from: (i8, i8), to: (i8, i8)) -> Day {
        Day::Span(date(2026, from.0, from.1), date(2026, to.0, to.1))
    }

    #[test]
    fn days_by_their_distance() {
        check("today", on(11, 25));
        check("tomorrow", on(11, 26));
        check("the day after tomorrow", on(11, 27));
        check("in 3 days", on(11, 28));
        check("two days from now", on(11, 27));
        check("within the next 5 days", span((11, 25), (11, 30)));
        check("over the next two weeks", span((11, 25), (12, 9)));
        check("in two weeks", span((12, 7), (12, 13)));
        check("in a couple of days", on(11, 27));
    }

    #[test]
    fn weeks_weekends_and_months() {
        check("this week", span((11, 25), (11, 29)));
        check("next week", span((11, 30), (12, 6)));
        check("the week after next", span((12, 7), (12, 13)));
        check("at the weekend".split_once(' ').unwrap().1, Day::Weekend);
        check("next weekend", span((12, 5), (12, 6)));
        check("this month", span((11, 25), (11, 30)));
        check("next month", span((12, 1), (12, 31)));
        check("in December", span((12, 1), (12, 31)));
    }

    #[test]
    fn weekdays_alone_and_in_their_weeks() {
        check("on Friday", Day::Weekday(Weekday::Friday));
        check("this Friday", on(11, 27));
        check("next Friday", on(12, 4));
        check("next Monday", on(11, 30));
        check("last Friday", on(11, 20));
        check("Friday to Monday", span((11, 27), (11, 30)));
        check("between Thursday and Saturday", span((11, 26), (11, 28)));
        check("from Monday to Wednesday", span((11, 30), (12, 2)));
        check("until Friday", span((11, 25), (11, 27)));
        check("before Friday", span((11, 25), (11, 26)));
        check("after Friday", span((11, 28), (12, 4)));
        check("from Friday on", span((11, 27), (12, 3)));
    }

    #[test]
    fn dates_in_every_usual_form() {
        for text in [
            "2026-12-01",
            "1 December",
            "1st of December",
            "December 1st",
            "Dec 1",
            "the first of December",
            "1.12.2026",
            "on the 1st",
            "December 1, 2026",
            "on 1 Dec 2026",
        ] {
            check(text, on(12, 1));
        }
        check("1 to 5 December", span((12, 1), (12, 5)));
        check("December 1 - December 5", span((12, 1), (12, 5)));
        check("12/24", on(12, 24));
        check("24/12", on(12, 24));
        check("12/12", on(12, 12));
        check("3/4/2027", Day::Unclear(date(2027, 4, 3), date(2027, 3, 4)));
        check("2 March", Day::On(date(2027, 3, 2)));
        check("29 February", Day::On(date(2028, 2, 29)));
    }

    #[test]
    fn other_words_are_no_days() {
        for text in [
            "may",
            "march",
            "31 February",
            "week",
            "the 45th",
            "32.1.2026",
            "in 3 hours",
            "2026",
            "three days",
            "in 900 days",
        ] {
            assert_eq!(day(&words(text), TODAY), None, "{text}");
        }
    }
}
