//! Hours of the clock: "at 3pm", "between 14:00 and 17:00", "after half past six".

use super::{
    tables,
    words::{Word, after, one_of, phrase, text_at},
};

/// What was said about the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Starts then.
    At(Time),
    /// Starts about then.
    Around(Time),
    /// Lies somewhere between the two.
    Between(Time, Time),
    /// Lasts from the one to the other.
    FromTo(Time, Time),
    /// Starts then or later.
    After(Time),
    /// Ends then or earlier.
    Before(Time),
}

impl Clock {
    /// Both at once, if that is one stretch: "after three" and "before six".
    pub(super) fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::After(from), Self::Before(to)) | (Self::Before(to), Self::After(from)) => {
                Some(Self::Between(from, to))
            }
            _ => None,
        }
    }
}

/// A time on the clock. `3` may be at night or in the afternoon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    /// Minutes since midnight, as said.
    minute: u16,
    /// Whether twelve hours later may be meant as well.
    halved: bool,
}

const NOON: u16 = 720;

impl Time {
    /// The minute of the day, by preference one in these hours, else the one people mean: three
    /// is in the afternoon and eight in the morning.
    pub(super) fn minute(self, hours: Option<(u16, u16)>) -> u16 {
        if !self.halved {
            return self.minute;
        }
        let readings = [self.minute, self.minute + NOON];
        let within = |minute: &u16| hours.is_some_and(|(from, to)| (from..to).contains(minute));
        match readings.iter().copied().find(within) {
            Some(minute) => minute,
            None if self.minute < 7 * 60 => self.minute + NOON,
            None => self.minute,
        }
    }
}

/// Two minutes of the day, the second after the first if any reading of them is.
pub(super) fn ordered(from: Time, to: Time, hours: Option<(u16, u16)>) -> (u16, u16) {
    let (first, last) = (from.minute(hours), to.minute(hours));
    if first < last {
        return (first, last);
    }
    let readings = |time: Time, preferred: u16| match time.halved {
        true => [preferred, if preferred < NOON { preferred + NOON } else { preferred - NOON }],
        false => [preferred; 2],
    };
    let tos = readings(to, last);
    let pairs = readings(from, first).into_iter().flat_map(|from| tos.map(|to| (from, to)));
    pairs.into_iter().find(|(from, to)| from < to).unwrap_or((first, last))
}

/// What is said about the hour, and in how many words.
pub(super) fn clock(words: &[Word]) -> Option<(Clock, usize)> {
    between(words)
        .or_else(|| from_to(words))
        .or_else(|| limited(words))
        .or_else(|| one_sided(words))
        .or_else(|| {
            let (time, used) = time(words, false)?;
            Some((Clock::At(time), used))
        })
}

fn between(words: &[Word]) -> Option<(Clock, usize)> {
    let lead = one_of(words, &["between", "anywhere between", "sometime between"])?;
    let (from, to, used) = two(after(words, lead), &["and", "to", "-"], true)?;
    Some((Clock::Between(from, to), lead + used))
}

fn from_to(words: &[Word]) -> Option<(Clock, usize)> {
    let lead = one_of(words, &["from", "at"]).unwrap_or(0);
    let joints = ["to", "until", "till", "-"];
    let (from, to, used) = two(after(words, lead), &joints, lead > 0)?;
    Some((Clock::FromTo(from, to), lead + used))
}

/// Two times with a joint. Bare numbers are hours after a preposition, or when the other of the
/// two is certainly a time.
fn two(words: &[Word], joints: &[&str], loose: bool) -> Option<(Time, Time, usize)> {
    let (_, first_used) = time(words, true)?;
    let joint = one_of(after(words, first_used), joints)?;
    let second = after(words, first_used + joint);
    let second_sure = time(second, false).is_some();
    let loose_second = loose || time(words, false).is_some();
    let (mut from, _) = time(words, loose || second_sure)?;
    let (to, second_used) = time(second, loose_second)?;
    // "2 to 4pm": the first borrows the half of the day, if it then comes first.
    if from.halved && !to.halved && from.minute + NOON < to.minute && to.minute > NOON {
        from = Time { minute: from.minute + NOON, halved: false };
    }
    Some((from, to, first_used + joint + second_used))
}

/// "10am at the earliest", "at the latest 3pm", "4 or later", "threeish".
fn limited(words: &[Word]) -> Option<(Clock, usize)> {
    const EARLIEST: &[&str] =
        &["at the earliest", "the earliest", "earliest", "earliest at", "at the earliest at"];
    const LATEST: &[&str] =
        &["at the latest", "the latest", "latest", "latest at", "at the latest at"];
    let at = |lead: usize| time(after(words, lead), true).map(|(time, used)| (time, lead + used));
    if let Some((time, used)) = one_of(words, EARLIEST).and_then(at) {
        return Some((Clock::After(time), used));
    }
    if let Some((time, used)) = one_of(words, LATEST).and_then(at) {
        return Some((Clock::Before(time), used));
    }
    let lead = one_of(words, &["at", "from", "by"]).unwrap_or(0);
    if let Some((time, used)) = ish(after(words, lead)) {
        return Some((Clock::Around(time), lead + used));
    }
    let (time, used) = at(lead)?;
    let rest = after(words, used);
    let later = &["at the earliest", "or later", "or after", "onwards", "earliest", "and later"];
    let earlier = &["at the latest", "or earlier", "or before", "latest"];
    if let Some(tail) = one_of(rest, later) {
        return Some((Clock::After(time), used + tail));
    }
    one_of(rest, earlier).map(|tail| (Clock::Before(time), used + tail))
}

/// "3ish", "noonish", "seven-ish".
fn ish(words: &[Word]) -> Option<(Time, usize)> {
    let mut first = words.first()?.clone();
    let tail = one_of(after(words, 1), &["- ish", "ish"]).unwrap_or(0);
    if tail == 0 {
        first.text = first.text.strip_suffix("ish")?.to_owned();
    }
    Some((time(&[first], true)?.0, 1 + tail))
}

fn one_sided(words: &[Word]) -> Option<(Clock, usize)> {
    type Meaning = fn(Time) -> Clock;
    const LEADS: &[(&[&str], Meaning)] = &[
        (&["at", "@", "at exactly", "starting at", "beginning at"], Clock::At),
        (&["around", "about", "at around", "at about", "roughly at", "circa"], Clock::Around),
        (
            &[
                "after",
                "from",
                "any time after",
                "anytime after",
                "not before",
                "later than",
                "no earlier than",
                "not earlier than",
                "starting no earlier than",
                "starting after",
                "starting from",
                "but not before",
            ],
            Clock::After,
        ),
        (
            &[
                "before",
                "by",
                "until",
                "till",
                "not after",
                "no later than",
                "not later than",
                "earlier than",
                "ending by",
                "ending before",
                "ends by",
                "ends before",
                "end by",
                "finishing by",
                "finishing before",
                "finished by",
                "finish by",
                "finish before",
                "done by",
                "over by",
                "but not after",
            ],
            Clock::Before,
        ),
    ];
    let (lead, clock) = LEADS
        .iter()
        .filter_map(|(leads, clock)| Some((one_of(words, leads)?, clock)))
        .max_by_key(|(lead, _)| *lead)?;
    let (time, used) = time(after(words, lead), true)?;
    Some((clock(time), lead + used))
}

/// One time. Bare numbers count as hours only where `loose`.
fn time(words: &[Word], loose: bool) -> Option<(Time, usize)> {
    let exact = |minute| Time { minute, halved: false };
    match text_at(words, 0) {
        "noon" => return Some((exact(NOON), 1)),
        "midday" if loose => return Some((exact(NOON), 1)),
        "midnight" => return Some((exact(1440), 1)),
        _ => {}
    }
    if let Some(found) = spoken(words) {
        return Some(found);
    }
    let word = text_at(words, 0);
    // "19h30" is a time on the clock, and so is "six thirty" where a time is expected.
    if let Some((hour, minute)) = word.split_once('h')
        && let (Some(hour), Some(minute)) = (digits(hour), digits(minute))
        && hour < 24
        && minute < 60
    {
        return loose.then_some((exact(hour * 60 + minute), 1));
    }
    if loose
        && let (Some(hour), Some(minute)) = (hour_name(word), tens(text_at(words, 1)))
        && !is_counted(words, 2)
    {
        return Some((Time { minute: hour * 60 + minute, halved: hour < 12 }, 2));
    }
    let (number, suffix) =
        word.find(|c: char| c.is_ascii_alphabetic()).map_or((word, ""), |at| word.split_at(at));
    let (hour, minute, colon) = match number.split_once([':', '.']) {
        Some((hour, minute)) if minute.len() == 2 => (digits(hour)?, digits(minute)?, true),
        Some(_) => return None,
        None if number.is_empty() => (hour_name(word)?, 0, false),
        None => (digits(number)?, 0, false),
    };
    let dotted = number.contains('.');
    let suffix = if number.is_empty() { "" } else { suffix };
    let (half, used) = match (suffix, text_at(words, 1)) {
        ("", next @ ("am" | "a.m" | "pm" | "p.m")) => (next, 2),
        ("", "oclock" | "hrs" | "h") => ("o", 2),
        (suffix, _) => (suffix, 1),
    };
    if minute > 59 || hour > 24 || (hour == 24 && minute > 0) {
        return None;
    }
    let minutes = hour * 60 + minute;
    let time = match half {
        "am" | "a.m" | "a" if (1..=12).contains(&hour) => exact(minutes % NOON),
        "pm" | "p.m" | "p" if (1..=12).contains(&hour) => exact(minutes % NOON + NOON),
        "h" | "o" | "" => {
            let padded = number.starts_with('0');
            Time { minute: minutes, halved: (1..12).contains(&hour) && !padded }
        }
        _ => return None,
    };
    let sure = (colon && !dotted) || !matches!(half, "" | "h");
    (sure || (loose && !is_counted(words, used))).then_some((time, used))
}

/// "half past three", "quarter to 4", "ten past six".
fn spoken(words: &[Word]) -> Option<(Time, usize)> {
    let lead = one_of(words, &["a"]).unwrap_or(0);
    let minutes = match text_at(words, lead) {
        "half" => 30,
        "quarter" => 15,
        word => u16::try_from(tables::number(word)?).ok().filter(|minutes| *minutes < 30)?,
    };
    let past = match text_at(words, lead + 1) {
        "past" => true,
        "to" if minutes < 30 && text_at(words, lead) == "quarter" => false,
        _ => return None,
    };
    let (hour, used) = time(after(words, lead + 2), true)?;
    let minute = if past { hour.minute + minutes } else { hour.minute.checked_sub(minutes)? };
    Some((Time { minute, ..hour }, lead + 2 + used))
}

/// Whether something is counted here, so that the number is no hour: "after 3 days".
fn is_counted(words: &[Word], used: usize) -> bool {
    let next = text_at(words, used);
    tables::month(next).is_some()
        || phrase(after(words, used), "of").is_some()
        || matches!(
            next,
            "day"
                | "days"
                | "week"
                | "weeks"
                | "month"
                | "months"
                | "minute"
                | "minutes"
                | "min"
                | "mins"
                | "hour"
                | "hours"
                | "people"
                | "persons"
                | "of"
                | "friends"
                | "others"
        )
}

/// Minutes in words, for "six thirty".
fn tens(word: &str) -> Option<u16> {
    match word {
        "fifteen" => Some(15),
        "twenty" => Some(20),
        "thirty" => Some(30),
        "forty" => Some(40),
        "fortyfive" => Some(45),
        "fifty" => Some(50),
        _ => None,
    }
}

fn digits(text: &str) -> Option<u16> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Hours in words, for "at three". Articles are no hours.
fn hour_name(word: &str) -> Option<u16> {
    if matches!(word, "a" | "an" | "couple" | "few") {
        return None;
    }
    u16::try_from(tables::number(word)?).ok().filter(|hour| (1..=12).contains(hour))
}

#[cfg(test)]
mod tests {
    use super::{super::words::words, *};

    const EVENING: Option<(u16, u16)> = Some((1080, 1320));

    /// The reading, with minutes of the day in the given hours.
    #[track_caller]
    fn check(text: &str, hours: Option<(u16, u16)>, expected: &str) {
        let words = words(text);
        let (clock, used) = clock(&words).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(used, words.len(), "{text}");
        let show = |minute: u16| format!("{}:{:02}", minute / 60, minute % 60);
        let one = |time: Time| show(time.minute(hours));
        let two = |from, to| {
            let (from, to) = ordered(from, to, hours);
            format!("{} {}", show(from), show(to))
        };
        let found = match clock {
            Clock::At(time) => format!("at {}", one(time)),
            Clock::Around(time) => format!("around {}", one(time)),
            Clock::After(time) => format!("after {}", one(time)),
            Clock::Before(time) => format!("before {}", one(time)),
            Clock::Between(from, to) => format!("between {}", two(from, to)),
            Clock::FromTo(from, to) => format!("from {}", two(from, to)),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn single_times() {
        check("at 15:00", None, "at 15:00");
        check("15:00", None, "at 15:00");
        check("at 3pm", None, "at 15:00");
        check("3 pm", None, "at 15:00");
        check("3:30 p.m.", None, "at 15:30");
        check("at 3", None, "at 15:00");
        check("at 8", None, "at 8:00");
        check("at 8", EVENING, "at 20:00");
        check("at 08:00", EVENING, "at 8:00");
        check("at 12am", None, "at 0:00");
        check("at 12", None, "at 12:00");
        check("at noon", None, "at 12:00");
        check("at seven o'clock", EVENING, "at 19:00");
        check("half past three", None, "at 15:30");
        check("at quarter to 4", None, "at 15:45");
        check("at 15h", None, "at 15:00");
        check("around 7pm", None, "around 19:00");
        check("at about 7", EVENING, "around 19:00");
    }

    #[test]
    fn limits_and_ranges() {
        check("after 5pm", None, "after 17:00");
        check("not before 10", None, "after 10:00");
        check("by 6", None, "before 18:00");
        check("before noon", None, "before 12:00");
        check("between 14:00 and 17:00", None, "between 14:00 17:00");
        check("between 2 and 4", None, "between 14:00 16:00");
        check("between 10 and 2", None, "between 10:00 14:00");
        check("from 2 to 4pm", None, "from 14:00 16:00");
        check("2-4pm", None, "from 14:00 16:00");
        check("from 10 to 2pm", None, "from 10:00 14:00");
        check("14:00-17:00", None, "from 14:00 17:00");
        check("from 9 to 11", None, "from 9:00 11:00");
        check("from nine to eleven", EVENING, "from 21:00 23:00");
    }

    #[test]
    fn numbers_that_are_no_times() {
        for text in [
            "3",
            "30 minutes",
            "at 25:00",
            "at 15:60",
            "after 3 days",
            "at 13pm",
            "at home",
            "between friends",
            "two of us",
            "1.5",
        ] {
            assert_eq!(clock(&words(text)), None, "{text}");
        }
    }
}
