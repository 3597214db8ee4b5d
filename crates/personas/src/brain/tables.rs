//! Everything the brain knows that can be listed.

use jiff::civil::Weekday;

/// A kind of meeting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// How people call it. Phrases in lower case.
    pub(super) phrases: &'static [&'static str],
    /// What the meeting is called.
    pub(super) title: &'static str,
    /// How long it lasts unless said; `None` is the owner's default.
    pub(super) minutes: Option<u16>,
    /// When in the day it lies unless said.
    pub(super) hours: Hours,
}

impl Kind {
    /// Whether it is what people meet for, rather than a manner of meeting that goes with one.
    pub(super) fn is_occasion(&self) -> bool {
        matches!(self.hours, Hours::Between(..)) && !matches!(self.title, "Call" | "Catch-up")
    }
}

/// When in the day a kind of meeting lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hours {
    /// Between these minutes of the day.
    Between(u16, u16),
    /// In the owner's working hours, on working days where there is a choice.
    Working,
    /// Anywhere in the owner's day.
    Daytime,
}

const fn hours(from: u16, to: u16) -> Hours {
    Hours::Between(from * 60, to * 60)
}

const fn kind(
    phrases: &'static [&'static str],
    title: &'static str,
    minutes: u16,
    hours: Hours,
) -> Kind {
    Kind { phrases, title, minutes: Some(minutes), hours }
}

/// The kinds of meeting. Of several in a sentence the first counts.
pub(super) const KINDS: &[Kind] = &[
    kind(&["breakfast"], "Breakfast", 60, hours(7, 10)),
    kind(&["brunch"], "Brunch", 120, hours(10, 14)),
    kind(&["lunch", "luncheon"], "Lunch", 60, hours(12, 14)),
    kind(&["dinner", "supper"], "Dinner", 120, hours(18, 22)),
    kind(
        &["drinks", "a drink", "beer", "beers", "a pint", "cocktails", "the pub"],
        "Drinks",
        120,
        hours(18, 23),
    ),
    kind(&["coffee", "a coffee", "cup of coffee"], "Coffee", 45, hours(9, 18)),
    kind(&["tea", "cup of tea"], "Tea", 45, hours(14, 18)),
    kind(&["party"], "Party", 240, hours(18, 24)),
    kind(&["barbecue", "bbq"], "Barbecue", 180, hours(12, 22)),
    kind(&["picnic"], "Picnic", 120, hours(11, 19)),
    kind(
        &["movie", "movies", "film", "cinema", "movie night", "film night"],
        "Film",
        180,
        hours(18, 24),
    ),
    kind(&["game night", "games night", "board games"], "Game night", 180, hours(18, 23)),
    kind(&["concert", "theatre", "opera"], "Evening out", 180, hours(18, 24)),
    kind(&["walk", "stroll"], "Walk", 60, hours(8, 20)),
    kind(&["hike"], "Hike", 240, hours(8, 18)),
    kind(&["run", "jog"], "Run", 60, hours(7, 20)),
    kind(&["workout", "gym"], "Workout", 60, hours(7, 21)),
    kind(&["tennis", "football", "badminton", "yoga"], "Sport", 90, hours(8, 21)),
    kind(&["playdate"], "Playdate", 120, hours(10, 18)),
    kind(
        &[
            "phone call",
            "video call",
            "a call",
            "call",
            "ring",
            "zoom",
            "videoconference",
            "phone",
            "facetime",
        ],
        "Call",
        30,
        hours(9, 20),
    ),
    kind(&["catch up", "catchup", "chat"], "Catch-up", 45, hours(9, 20)),
    kind(&["stand up", "standup"], "Stand-up", 15, Hours::Working),
    kind(&["sync", "sync up"], "Sync", 30, Hours::Working),
    kind(&["one on one", "1:1", "one to one"], "One-on-one", 30, Hours::Working),
    kind(&["check in", "checkin", "touch base"], "Check-in", 30, Hours::Working),
    kind(&["interview"], "Interview", 60, Hours::Working),
    kind(&["review", "code review", "retro", "retrospective"], "Review", 60, Hours::Working),
    kind(&["planning", "kickoff", "kick off", "brainstorm"], "Planning", 60, Hours::Working),
    kind(&["workshop", "training"], "Workshop", 180, Hours::Working),
    kind(&["demo", "presentation"], "Presentation", 60, Hours::Working),
    kind(&["appointment"], "Appointment", 60, Hours::Working),
    Kind {
        phrases: &["meeting", "discussion", "conference"],
        title: "Meeting",
        minutes: None,
        hours: Hours::Working,
    },
    Kind {
        phrases: &["get together", "meetup", "meet up", "meet", "gathering", "reunion", "date"],
        title: "Meeting",
        minutes: None,
        hours: Hours::Daytime,
    },
];

/// Parts of the day, as minutes from midnight to midnight.
pub(super) const PARTS: &[(&[&str], (u16, u16))] = &[
    (
        &["early morning", "early in the morning", "first thing", "first thing in the morning"],
        (420, 540),
    ),
    (&["morning", "mornings", "forenoon", "before lunch"], (480, 720)),
    (&["late morning", "late in the morning"], (600, 720)),
    (&["lunchtime", "lunch time", "lunch break", "midday"], (720, 840)),
    (&["early afternoon", "early in the afternoon"], (720, 900)),
    (&["afternoon", "afternoons", "pm"], (720, 1080)),
    (&["after lunch"], (780, 1080)),
    (&["late afternoon", "late in the afternoon", "end of the day", "end of day"], (900, 1080)),
    (&["after work", "after hours"], (1020, 1320)),
    (&["early evening", "early in the evening", "before dinner"], (1020, 1140)),
    (&["evening", "evenings", "tonight", "dinnertime"], (1080, 1320)),
    (&["late evening", "late in the evening", "after dinner"], (1200, 1380)),
    (&["night", "nights", "at night"], (1080, 1380)),
];

/// The owner's working hours, wherever they lie.
pub(super) const WORKING_HOURS: &[&str] = &[
    "working hours",
    "work hours",
    "office hours",
    "business hours",
    "during work",
    "at work",
    "within working hours",
    "within office hours",
    "in working hours",
    "in office hours",
    "during working hours",
    "during office hours",
];

/// Days on which people work, as a restriction of other days.
pub(super) const WORKDAYS: &[&str] = &[
    "weekday",
    "weekdays",
    "workday",
    "workdays",
    "working day",
    "working days",
    "business day",
    "business days",
    "during the week",
];

/// Words that show that a meeting is wanted.
pub(super) const WISHES: &[&str] = &[
    "find",
    "schedule",
    "book",
    "arrange",
    "plan",
    "set up",
    "setup",
    "organise",
    "organize",
    "put in",
    "fix",
    "make time",
    "free",
    "available",
    "availability",
    "slot",
    "slots",
    "session",
    "see",
    "invite",
    "get",
    "have",
    "join",
    "reserve",
    "need",
    "want",
    "wants",
    "time",
];

/// Words that ask for what this brain does not do.
pub(super) const OTHER_WISHES: &[&str] = &[
    "cancel",
    "delete",
    "remove",
    "move",
    "reschedule",
    "postpone",
    "call off",
    "shift",
    "rename",
    "push back",
    "bring forward",
    "change",
    "remind",
];

/// Ways to say that everybody is meant.
pub(super) const EVERYONE: &[&str] = &[
    "everyone",
    "everybody",
    "every one",
    "we all",
    "us all",
    "all of us",
    "you all",
    "all of you",
    "them all",
    "all of them",
    "we",
    "us",
    "all",
    "all together",
    "the group",
    "the whole group",
    "the team",
    "my team",
    "our team",
    "the whole team",
    "the gang",
    "the others",
    "everyone else",
    "everybody else",
    "all my contacts",
    "all my friends",
    "my friends",
];

/// Of [`EVERYONE`], what also says so when no "with" stands before it.
pub(super) const EVERYONE_ANYWHERE: &[&str] = &[
    "everyone",
    "everybody",
    "we all",
    "us all",
    "all of us",
    "you all",
    "all of you",
    "them all",
    "all of them",
    "the whole group",
    "the whole team",
    "everyone else",
    "everybody else",
];

/// Words after which the people stand.
pub(super) const WITH: &[&str] =
    &["with", "together with", "along with", "inviting", "including", "invite", "include"];

/// Words after which people may stand.
pub(super) const MAYBE_WITH: &[&str] = &["meet", "see", "call", "phone", "ring", "join", "for"];

/// Words after which the people stand who are not meant.
pub(super) const WITHOUT: &[&str] =
    &["except", "except for", "but not", "but", "without", "excluding", "apart from", "other than"];

/// Words that name the owner or the persona, and nobody else.
pub(super) const SELF: &[&str] = &["me", "myself", "i", "you", "both", "only", "just"];

/// Words that may stand before a name.
pub(super) const BEFORE_NAMES: &[&str] =
    &["my", "my friend", "my colleague", "our", "the", "also", "both", "dear", "friend"];

/// Names that are ordinary words too: they need a "with".
pub(super) const WORDS_TOO: &[&str] = &[
    "will", "mark", "may", "april", "june", "rose", "grace", "joy", "hope", "bill", "pat", "drew",
    "art", "gene", "jack", "rob", "sue", "chip", "dawn", "eve", "ivy", "max", "ray", "sunny",
    "summer", "august", "guy", "faith", "frank", "miles", "chase", "grant", "wade",
];

/// Words that never begin a name.
pub(super) const NEVER_NAMES: &[&str] = &[
    "a", "an", "the", "and", "or", "on", "at", "in", "for", "from", "to", "this", "next", "by",
    "before", "after", "between", "until", "till", "about", "around", "some", "any", "it", "is",
    "as", "if", "when", "where", "so", "please", "then", "that", "of", "but", "not", "-", ",",
    "sometime", "soon", "asap", "over", "during", "within", "maybe", "perhaps", "can", "could",
    "would", "should", "let", "lets", "tell", "ask", "via", "using", "lasting", "starting",
];

/// Words before what a meeting is about.
pub(super) const TOPIC: &[&str] = &[
    "about",
    "to discuss",
    "to talk about",
    "to go over",
    "regarding",
    "concerning",
    "re",
    "on the subject of",
];

/// Words that say the opposite of what follows.
pub(super) const NOT: &[&str] = &[
    "not on",
    "not",
    "not in the",
    "not at",
    "except",
    "except on",
    "except for",
    "but not on",
    "but not",
    "apart from",
    "other than",
    "excluding",
    "no",
    "never on",
    "never",
    "any day but",
    "any day except",
    "any day other than",
    "any day apart from",
    "every day but",
    "every day except",
];

/// What says that the person behind it may be missing.
pub(super) const MAYBE: &[&str] = &[
    "maybe",
    "perhaps",
    "possibly",
    "optionally",
    "ideally",
    "if possible",
    "if available",
    "if they can",
    "if she can",
    "if he can",
];

/// What says so of the person before it. `*` is that person or a pronoun.
pub(super) const IF_THEY_CAN: &[&str] = &[
    "is optional",
    "optional",
    "as optional",
    "if possible",
    "if available",
    "if * can make it",
    "if * can come",
    "if * can",
    "if * is free",
    "if * is available",
    "if * are free",
    "if * has time",
    "if * have time",
    "if * likes",
    "if * wants",
    "if * wants to",
];

/// Words that stand for somebody named before.
pub(super) const PRONOUNS: &[&str] = &["he", "she", "they"];

/// Words that say that something is to happen again and again.
pub(super) const REPEATS: &[&str] = &[
    "every",
    "each",
    "every other",
    "weekly",
    "daily",
    "monthly",
    "yearly",
    "biweekly",
    "fortnightly",
    "recurring",
    "repeating",
    "regular",
    "regularly",
    "once a week",
    "once a month",
    "twice a week",
];

/// Days with a name and a fixed date: month and day.
pub(super) const HOLIDAYS: &[(&[&str], (i8, i8))] = &[
    (&["new year eve", "new years eve"], (12, 31)),
    (&["new year day", "new years day"], (1, 1)),
    (&["valentine day", "valentines day"], (2, 14)),
    (&["halloween"], (10, 31)),
    (&["christmas eve"], (12, 24)),
    (&["christmas day"], (12, 25)),
    (&["boxing day"], (12, 26)),
];

const WEEKDAYS: &[(&[&str], Weekday)] = &[
    (&["monday", "mondays", "mon"], Weekday::Monday),
    (&["tuesday", "tuesdays", "tue", "tues", "teusday"], Weekday::Tuesday),
    (&["wednesday", "wednesdays", "wed", "weds", "wensday", "wednessday"], Weekday::Wednesday),
    (&["thursday", "thursdays", "thu", "thur", "thurs", "thrusday"], Weekday::Thursday),
    (&["friday", "fridays", "fri"], Weekday::Friday),
    (&["saturday", "saturdays", "sat", "saterday"], Weekday::Saturday),
    (&["sunday", "sundays", "sun"], Weekday::Sunday),
];

const MONTHS: &[&[&str]] = &[
    &["january", "jan"],
    &["february", "feb"],
    &["march", "mar"],
    &["april", "apr"],
    &["may"],
    &["june", "jun"],
    &["july", "jul"],
    &["august", "aug"],
    &["september", "sep", "sept"],
    &["october", "oct"],
    &["november", "nov"],
    &["december", "dec"],
];

const NUMBERS: &[(&str, u32)] = &[
    ("a", 1),
    ("an", 1),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fortyfive", 45),
    ("fifty", 50),
    ("sixty", 60),
    ("ninety", 90),
    ("couple", 2),
    ("few", 3),
];

/// The weekday of a word.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(words, _)| words.contains(&word)).map(|(_, day)| *day)
}

/// The month of a word, January as 1.
pub(super) fn month(word: &str) -> Option<i8> {
    let index = MONTHS.iter().position(|words| words.contains(&word))?;
    i8::try_from(index + 1).ok()
}

/// The number a word says or spells.
pub(super) fn number(word: &str) -> Option<u32> {
    if word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.parse().ok();
    }
    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_part_has_room_for_what_it_says() {
        for kind in KINDS {
            if let Hours::Between(from, to) = kind.hours {
                assert!(from + kind.minutes.unwrap() <= to && to <= 1440, "{}", kind.title);
            }
        }
        assert!(PARTS.iter().all(|(_, (from, to))| from < to && *to <= 1440));
    }

    #[test]
    fn no_phrase_means_two_kinds_or_two_parts() {
        let mut phrases: Vec<_> = KINDS.iter().flat_map(|kind| kind.phrases).collect();
        phrases.extend(PARTS.iter().flat_map(|(phrases, _)| *phrases));
        let count = phrases.len();
        phrases.sort_unstable();
        phrases.dedup();
        assert_eq!(phrases.len(), count);
    }
}
