//! How long: "45 min", "two hours", "an hour and a half", "1h30".

use super::{
    tables,
    words::{Word, after, one_of, phrase, text_at},
};

/// Longer than any meeting, so that a mistake in typing is asked about and not obeyed.
const MINUTES_MAX: u32 = 100_000;

/// Minutes, and how many words said so.
pub(super) fn duration(words: &[Word]) -> Option<(u32, usize)> {
    let lead = one_of(
        words,
        &["about", "around", "roughly", "approximately", "for about", "for", "of", "lasting"],
    );
    let lead = lead.unwrap_or(0);
    let (minutes, used) = exact(after(words, lead))?;
    let used = used + one_of(after(words, lead + used), &["long", "- long"]).unwrap_or(0);
    (minutes > 0).then_some((minutes.min(MINUTES_MAX), lead + used))
}

fn exact(words: &[Word]) -> Option<(u32, usize)> {
    fixed(words).or_else(|| glued(words)).or_else(|| counted(words))
}

/// Set phrases.
fn fixed(words: &[Word]) -> Option<(u32, usize)> {
    const PHRASES: &[(&str, u32)] = &[
        ("half an hour", 30),
        ("half a hour", 30),
        ("a half hour", 30),
        ("half hour", 30),
        ("a quarter of an hour", 15),
        ("quarter of an hour", 15),
        ("quarter hour", 15),
        ("three quarters of an hour", 45),
        ("3/4 of an hour", 45),
        ("1 1/2 hours", 90),
        ("2 1/2 hours", 150),
        ("1/2 hour", 30),
        ("1/2 an hour", 30),
        ("three and a half hours", 210),
        ("one hour long", 60),
        ("an hour and a half", 90),
        ("one hour and a half", 90),
        ("one and a half hours", 90),
        ("an hour and a quarter", 75),
        ("hour long", 60),
        ("two and a half hours", 150),
    ];
    PHRASES
        .iter()
        .filter_map(|(wanted, minutes)| Some((*minutes, phrase(words, wanted)?)))
        .max_by_key(|(_, used)| *used)
}

/// "90m", "2h", "1h30", "1.5h", "45mins".
fn glued(words: &[Word]) -> Option<(u32, usize)> {
    let text = text_at(words, 0);
    let letters = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(letters);
    let hundredths = hundredths(number)?;
    if let Some((hours, minutes)) = unit.split_once(|c: char| c.is_ascii_digit()) {
        let rest = unit.get(hours.len()..)?.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let _ = minutes;
        let rest: u32 = (rest.len() <= 2).then(|| rest.parse().ok()).flatten()?;
        return (unit_minutes(hours)? == 60).then_some((hundredths * 60 / 100 + rest, 1));
    }
    Some((hundredths.checked_mul(unit_minutes(unit)?)? / 100, 1))
}

/// "30 minutes", "two hours and 15 minutes", "1.5 hours".
fn counted(words: &[Word]) -> Option<(u32, usize)> {
    let (hundredths, mut used) = amount(words)?;
    let dash = usize::from(text_at(words, used) == "-");
    let unit = unit_minutes(text_at(words, used + dash))?;
    used += dash + 1;
    let mut minutes = hundredths.checked_mul(unit)? / 100;
    if unit == 60 {
        let joint = usize::from(text_at(words, used) == "and");
        let rest = after(words, used + joint);
        if let Some((more, more_used)) = amount(rest)
            && unit_minutes(text_at(rest, more_used)) == Some(1)
        {
            minutes += more / 100;
            used += joint + more_used + 1;
        } else if let Some(more_used) = phrase(rest, "a half") {
            minutes += 30;
            used += joint + more_used;
        }
    }
    Some((minutes, used))
}

/// A number in hundredths: "30", "1.5", "forty five", "a couple of".
fn amount(words: &[Word]) -> Option<(u32, usize)> {
    let first = text_at(words, 0);
    if let Some(used) = one_of(words, &["a couple of", "couple of"]) {
        return Some((200, used));
    }
    if let Some(hundredths) = hundredths(first) {
        return Some((hundredths, 1));
    }
    let number = tables::number(first)?;
    let dash = usize::from(text_at(words, 1) == "-");
    match tables::number(text_at(words, 1 + dash)) {
        Some(ones) if (20..60).contains(&number) && (1..10).contains(&ones) => {
            Some(((number + ones) * 100, 2 + dash))
        }
        _ => Some((number * 100, 1)),
    }
}

/// "1.5" as 150. At most four digits before the point.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits =
        |text: &str, most| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole, 4) || !digits(fraction, 2) {
        return None;
    }
    let fraction: u32 = format!("{fraction:0<2}").parse().ok()?;
    Some(whole.parse::<u32>().ok()? * 100 + fraction)
}

fn unit_minutes(word: &str) -> Option<u32> {
    match word {
        "m" | "min" | "mins" | "minute" | "minutes" => Some(1),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(60),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words::words, *};

    #[test]
    fn lengths_are_read_in_every_usual_form() {
        for (text, minutes) in [
            ("30 minutes", 30),
            ("30-minute", 30),
            ("45 min", 45),
            ("45min", 45),
            ("90m", 90),
            ("an hour", 60),
            ("for an hour", 60),
            ("half an hour", 30),
            ("half-hour", 30),
            ("about an hour", 60),
            ("an hour and a half", 90),
            ("one and a half hours", 90),
            ("two hours", 120),
            ("2h", 120),
            ("1h30", 90),
            ("1h30m", 90),
            ("1.5 hours", 90),
            ("1,5h", 90),
            ("2 hours and 15 minutes", 135),
            ("two hours and a half", 150),
            ("forty-five minutes", 45),
            ("a quarter of an hour", 15),
            ("a couple of hours", 120),
        ] {
            let words = words(text);
            assert_eq!(duration(&words), Some((minutes, words.len())), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_no_lengths() {
        for text in [
            "3",
            "3pm",
            "at 15:00",
            "half past three",
            "two people",
            "0 minutes",
            "h",
            "99999h",
            "1h999",
        ] {
            assert_eq!(duration(&words(text)), None, "{text}");
        }
    }
}
