//! What a persona tells its owner: filled-in sentences, never text of a peer's making.
//!
//! Names and titles come from outside, so they are tidied before they are put in.

use crate::{
    settings::{ResponseStyle, Settings},
    text,
    time::{self, TimeRange},
};

/// Most bytes of a name or title in a sentence.
const NAME_BYTES_MAX: usize = 80;

/// Something to tell the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Others have been asked which times fit.
    Asked {
        /// What the meeting is.
        title: &'a str,
        /// Who was asked.
        names: &'a [String],
        /// How many times were offered.
        slots: usize,
    },
    /// There is no time for it in one's own calendar.
    NoFreeTime {
        /// What the meeting is.
        title: &'a str,
    },
    /// No time fits enough of the others.
    NoCommonTime {
        /// What the meeting is.
        title: &'a str,
        /// How many answered.
        answered: usize,
        /// How many were asked.
        asked: usize,
    },
    /// The vote has begun.
    VoteOpened {
        /// What the meeting is.
        title: &'a str,
        /// The times to choose from.
        options: &'a [TimeRange],
    },
    /// The persona has voted.
    Voted {
        /// What the meeting is.
        title: &'a str,
        /// The times it approved.
        approved: &'a [TimeRange],
    },
    /// It is agreed and in the calendar.
    Booked {
        /// What the meeting is.
        title: &'a str,
        /// When it is.
        range: TimeRange,
    },
    /// It is agreed, and the owner has to book it.
    Agreed {
        /// What the meeting is.
        title: &'a str,
        /// When it is.
        range: TimeRange,
    },
    /// The vote ended without a decision.
    Undecided {
        /// What the meeting is.
        title: &'a str,
    },
    /// Someone wants something that only the owner can allow.
    NeedsOwner {
        /// Who.
        name: &'a str,
        /// Why, as the policy put it.
        reason: &'a str,
    },
    /// A persona said no.
    Declined {
        /// Whose.
        name: &'a str,
        /// What the meeting is.
        title: &'a str,
    },
}

impl Reply<'_> {
    /// The sentence, in the owner's zone and style.
    pub fn say(&self, settings: &Settings) -> String {
        let tidy = |text: &str| text::tidy(text, NAME_BYTES_MAX);
        let when = |range: &TimeRange| when(range, &settings.zone);
        let times = |ranges: &[TimeRange]| {
            let times: Vec<String> = ranges.iter().map(when).collect();
            times.join("; ")
        };
        let pick = |brief: String, friendly: String, formal: String| match settings.response_style {
            ResponseStyle::Brief => brief,
            ResponseStyle::Friendly => friendly,
            ResponseStyle::Formal => formal,
        };
        match *self {
            Reply::Asked { title, names, slots } => {
                let title = tidy(title);
                let names: Vec<String> = names.iter().map(|name| tidy(name)).collect();
                let names = text::list(&names, "and");
                pick(
                    format!("{title}: asked {names}, {slots} times."),
                    format!("I have asked {names} which of {slots} times would do for {title}."),
                    format!("{names} received a request for {title} with {slots} possible times."),
                )
            }
            Reply::NoFreeTime { title } => {
                let title = tidy(title);
                pick(
                    format!("{title}: no free time."),
                    format!("Your calendar has no free time for {title} then. Another day?"),
                    format!("There is no free time for {title} in the requested period."),
                )
            }
            Reply::NoCommonTime { title, answered, asked } => {
                let title = tidy(title);
                pick(
                    format!("{title}: no common time, {answered} of {asked} answered."),
                    format!(
                        "No time for {title} suits everyone; {answered} of {asked} answered. \
                         Shall I try another week?"
                    ),
                    format!(
                        "No common time for {title} was found. {answered} of {asked} persons \
                         answered."
                    ),
                )
            }
            Reply::VoteOpened { title, options } => {
                let (title, times) = (tidy(title), times(options));
                pick(
                    format!("{title}: vote on {times}."),
                    format!("The vote on {title} is open: {times}."),
                    format!("Voting on {title} has begun. The options are: {times}."),
                )
            }
            Reply::Voted { title, approved: [] } => {
                let title = tidy(title);
                pick(
                    format!("{title}: voted for no time."),
                    format!("None of the times for {title} fits, and that is how I voted."),
                    format!("A vote on {title} was cast that approves none of the times."),
                )
            }
            Reply::Voted { title, approved } => {
                let (title, times) = (tidy(title), times(approved));
                pick(
                    format!("{title}: voted for {times}."),
                    format!("I have voted on {title}, for {times}."),
                    format!("A vote on {title} was cast in your name, for {times}."),
                )
            }
            Reply::Booked { title, range } => {
                let (title, when) = (tidy(title), when(&range));
                pick(
                    format!("{title}: {when}, booked."),
                    format!("{title} is on {when}. It is in your calendar."),
                    format!("{title} was agreed for {when} and entered into your calendar."),
                )
            }
            Reply::Agreed { title, range } => {
                let (title, when) = (tidy(title), when(&range));
                pick(
                    format!("{title}: {when}, not booked."),
                    format!("{title} is on {when}. Shall I put it into your calendar?"),
                    format!("{title} was agreed for {when}. Please confirm the calendar entry."),
                )
            }
            Reply::Undecided { title } => {
                let title = tidy(title);
                pick(
                    format!("{title}: undecided."),
                    format!("The vote on {title} ended without a decision."),
                    format!("The vote on {title} was closed without reaching a decision."),
                )
            }
            Reply::NeedsOwner { name, reason } => {
                let (name, reason) = (tidy(name), tidy(reason));
                pick(
                    format!("{name}: {reason}."),
                    format!("{name} is waiting for you: {reason}."),
                    format!("Your decision is needed about {name}: {reason}."),
                )
            }
            Reply::Declined { name, title } => {
                let (name, title) = (tidy(name), tidy(title));
                pick(
                    format!("{title}: {name} declined."),
                    format!("{name} would rather not answer about {title}."),
                    format!("{name} declined the request about {title}."),
                )
            }
        }
    }
}

/// A time as people write it: `Tue 1 Dec 2026, 19:00 to 21:00`. In UTC when the zone is unknown.
pub fn when(range: &TimeRange, zone: &str) -> String {
    let zone = time::zone(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let start = time::civil(&zone, range.start_ms);
    let end = time::civil(&zone, range.end_ms);
    if start.date() == end.date() {
        format!("{} to {}", start.strftime("%a %-d %b %Y, %H:%M"), end.strftime("%H:%M"))
    } else {
        let format = "%a %-d %b %Y, %H:%M";
        format!("{} to {}", start.strftime(format), end.strftime(format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(style: ResponseStyle) -> Settings {
        Settings { zone: "Europe/Berlin".into(), response_style: style, ..Settings::default() }
    }

    #[test]
    fn every_style_says_what_and_when() {
        let range = TimeRange::starting(1_796_148_000_000, 120);
        for style in [ResponseStyle::Brief, ResponseStyle::Friendly, ResponseStyle::Formal] {
            let said = Reply::Booked { title: "Dinner", range }.say(&settings(style));
            assert!(said.contains("Dinner") && said.contains("Tue 1 Dec 2026, 19:00 to 21:00"));
        }
    }

    #[test]
    fn names_from_outside_are_tidied() {
        let names = ["Bob\u{202e}\n".to_owned(), "Carol".to_owned()];
        let reply = Reply::Asked { title: "Lunch\r\nNow", names: &names, slots: 3 };
        let said = reply.say(&settings(ResponseStyle::Friendly));
        assert_eq!(said, "I have asked Bob and Carol which of 3 times would do for Lunch Now.");
    }

    #[test]
    fn a_time_past_midnight_names_both_days() {
        let range = TimeRange::starting(1_796_148_000_000, 6 * 60);
        let said = when(&range, "Europe/Berlin");
        assert_eq!(said, "Tue 1 Dec 2026, 19:00 to Wed 2 Dec 2026, 01:00");
    }
}
