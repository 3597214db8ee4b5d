//! The whole of a request.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    clock::{self, Clock},
    facts::{Facts, Times, is_word},
    people::{Names, People},
    windows::{Frame, NoWindow},
    words::{Word, words},
};
use crate::{
    settings::Settings,
    text,
    time::{self, MINUTE_MS, TimeRange},
};

/// Longer requests are not read: nobody asks for a meeting in so many words.
const TEXT_BYTES_MAX: usize = 2_000;

/// Most bytes of a title made from a topic.
const TITLE_BYTES_MAX: usize = 80;

/// What the brain knows when it reads a request.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// IANA name of the zone in which the owner speaks of times.
    pub zone: &'a str,
    /// Names the owner may mention, as the owner spells them.
    pub contacts: &'a [String],
    /// Groups the owner may mention.
    pub groups: &'a [Group],
    /// The owner's hours and habits.
    pub settings: &'a Settings,
}

/// Several contacts with a name in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What it is called.
    pub name: String,
    /// Who belongs to it besides the owner, by the names in [`Context::contacts`].
    pub members: Vec<String>,
}

/// What a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Understanding {
    /// A meeting is to be arranged.
    Schedule(MeetingRequest),
    /// Something is missing or makes no sense.
    AskBack {
        /// One question to the owner.
        question: String,
    },
}

/// A meeting that is to be arranged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingRequest {
    /// What it is called.
    pub title: String,
    /// How long it lasts.
    pub minutes: u16,
    /// Where it may lie: in order, apart from each other, none past, each long enough.
    pub windows: Vec<TimeRange>,
    /// Who takes part besides the owner.
    pub participants: Participants,
    /// Those of them without whom the meeting takes place all the same.
    pub optional: Vec<String>,
}

/// Who takes part besides the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Participants {
    /// Everybody there is to ask: those of the conversation, or all contacts.
    Everyone,
    /// These contacts, by the names in [`Context::contacts`]. Never empty.
    Named(Vec<String>),
}

/// Reads what the owner asked for.
pub fn understand(text: &str, context: &Context<'_>) -> Understanding {
    match request(text, context) {
        Ok(request) => Understanding::Schedule(request),
        Err(question) => Understanding::AskBack { question },
    }
}

/// The request, or the question to ask.
fn request(text: &str, context: &Context<'_>) -> Result<MeetingRequest, String> {
    let Some(zone) = time::zone(context.zone) else {
        let name = text::tidy(context.zone, 40);
        return Err(format!("I do not know the time zone \"{name}\". Where are you?"));
    };
    if text.len() > TEXT_BYTES_MAX {
        return Err(
            "That is more than I can follow. What shall I arrange, with whom and when?".into()
        );
    }
    let (quoted, rest) = take_quoted(text);
    let words: Vec<Word> = words(&rest);
    let today = time::civil(&zone, context.now_ms).date();
    let names = Names::new(context.contacts, context.groups, |words| is_word(words, today));
    let facts = Facts::read(&words, &names, today);
    if let Some(wish) = &facts.other_wish {
        return Err(format!(
            "I can find and book a time, but \"{wish}\" I cannot. Shall I look for a new time?"
        ));
    }
    let all = facts.times();
    if !is_meeting(&facts, &all) {
        return Err(nothing_understood(context));
    }
    let participants = participants(&facts.people, context)?;
    said_clearly(&facts)?;
    let minutes = minutes(&facts, &all, context.settings)?;
    let frame = Frame {
        now_ms: context.now_ms,
        zone: &zone,
        settings: context.settings,
        kind: facts.kind,
        minutes,
    };
    let windows = match facts.in_minutes {
        Some(ahead) => vec![soon(context.now_ms, ahead, minutes)],
        None => windows(&frame, &all)?,
    };
    let meant = |name: &String| match &participants {
        Participants::Everyone => true,
        Participants::Named(named) => named.contains(name),
    };
    let optional: Vec<String> =
        facts.people.optional.iter().filter(|n| meant(n)).cloned().collect();
    Ok(MeetingRequest { title: title(&facts, quoted), minutes, windows, participants, optional })
}

/// A title in quotation marks, and the text without it.
fn take_quoted(text: &str) -> (Option<String>, String) {
    let text = text.replace(['\u{201c}', '\u{201d}', '\u{201e}'], "\"");
    let mut parts = text.splitn(3, '"');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(before), Some(quoted), Some(after)) if !quoted.trim().is_empty() => {
            let title = text::tidy(quoted, TITLE_BYTES_MAX);
            let rest = format!("{before} {after}");
            ((!title.is_empty()).then_some(title), rest)
        }
        _ => (None, text),
    }
}

/// Whether enough was said to take it for a wish to meet.
fn is_meeting(facts: &Facts, times: &[Times]) -> bool {
    let people = &facts.people;
    let someone = people.everyone
        || !(people.named.is_empty() && people.unknown.is_empty() && people.unclear.is_none());
    let some_time = times.iter().any(|times| *times != Times::default());
    facts.kind.is_some()
        || facts.minutes.is_some() && (someone || some_time || facts.wished)
        || facts.wished && (someone || some_time)
        || someone && some_time
}

/// Nothing was said that this brain cannot do or would have to leave out.
fn said_clearly(facts: &Facts) -> Result<(), String> {
    if let Some(said) = &facts.repeats {
        return Err(format!(
            "I arrange one meeting at a time, and \"{}\" is many. On which day shall the first be?",
            text::tidy(said, 40)
        ));
    }
    if let Some(question) = &facts.conflict {
        return Err(question.clone());
    }
    if !facts.unread.is_empty() {
        let unread = text::tidy(&facts.unread.join(" "), 80);
        return Err(format!("I do not understand \"{unread}\". How else can you say that?"));
    }
    Ok(())
}

fn nothing_understood(context: &Context<'_>) -> String {
    let name = context.contacts.first().map(|name| text::tidy(name, 40));
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "everyone".into());
    format!("What shall I arrange, with whom and when? For example: dinner this week with {name}.")
}

fn participants(people: &People, context: &Context<'_>) -> Result<Participants, String> {
    if let Some((said, contacts)) = &people.unclear {
        let contacts: Vec<String> = contacts.iter().map(|name| text::tidy(name, 40)).collect();
        let said = text::tidy(said, 40);
        return Err(format!("Who do you mean by {said}: {}?", text::list(&contacts, "or")));
    }
    if !people.one_of.is_empty() {
        let names: Vec<String> = people.one_of.iter().map(|name| text::tidy(name, 40)).collect();
        return Err(format!(
            "I can ask all of them, but not choose one. Whom shall I ask: {}?",
            text::list(&names, "or")
        ));
    }
    if !people.unknown.is_empty() {
        let unknown: Vec<String> = people.unknown.iter().map(|name| text::tidy(name, 40)).collect();
        let unknown = text::list(&unknown, "or");
        return Err(format!("I do not know {unknown}. Who is that among your contacts?"));
    }
    let meant = |name: &&String| !people.without.contains(name);
    if !people.without.is_empty() {
        let from = if people.everyone || people.named.is_empty() {
            context.contacts
        } else {
            &people.named
        };
        let named: Vec<String> = from.iter().filter(meant).cloned().collect();
        if named.is_empty() {
            return Err("That leaves nobody to meet. Who shall take part?".into());
        }
        return Ok(Participants::Named(named));
    }
    if people.everyone || people.named.is_empty() {
        return Ok(Participants::Everyone);
    }
    Ok(Participants::Named(people.named.clone()))
}

/// How long it lasts: as said, or as long as the hours that were said, or as such meetings do.
fn minutes(facts: &Facts, times: &[Times], settings: &Settings) -> Result<u16, String> {
    let usual = facts.kind.and_then(|kind| kind.minutes).unwrap_or(settings.default_minutes);
    let span = times.iter().flat_map(|times| &times.clocks).find_map(|clock| match *clock {
        Clock::FromTo(from, to) => Some((true, clock::ordered(from, to, None))),
        Clock::Between(from, to) => Some((false, clock::ordered(from, to, None))),
        _ => None,
    });
    let span = span.map(|(exact, (from, to))| (exact, to.saturating_sub(from)));
    let minutes = match (facts.minutes, span) {
        (Some(minutes), _) => minutes,
        (None, Some((true, span))) if span > 0 => u32::from(span),
        (None, Some((false, span))) if span > 0 => u32::from(usual.min(span)),
        (None, _) => u32::from(usual),
    };
    let fits = |minutes: &u16| (1..=Settings::MEETING_MINUTES_MAX).contains(minutes);
    u16::try_from(minutes).ok().filter(fits).ok_or_else(|| {
        "I can arrange meetings of up to twelve hours. How long shall it be?".to_owned()
    })
}

/// The window of a meeting that begins so many minutes from now, on the next five minutes.
fn soon(now_ms: u64, ahead: u32, minutes: u16) -> TimeRange {
    let start_ms = now_ms.saturating_add(u64::from(ahead) * MINUTE_MS);
    let start_ms = start_ms.div_ceil(5 * MINUTE_MS).saturating_mul(5 * MINUTE_MS);
    TimeRange::starting(start_ms, minutes)
}

fn windows(frame: &Frame<'_>, times: &[Times]) -> Result<Vec<TimeRange>, String> {
    let mut windows = Vec::new();
    let mut problem = NoWindow::Past;
    let mut unclear = false;
    for times in times {
        match frame.windows(times) {
            Ok(found) => windows.extend(found),
            Err(found) => {
                unclear |= matches!(found, NoWindow::Unclear(..) | NoWindow::Mismatch(_));
                problem = found;
            }
        }
    }
    if !windows.is_empty() && !unclear {
        return Ok(TimeRange::merged(windows));
    }
    Err(match problem {
        NoWindow::Past => "That time has passed already. When else shall it be?".into(),
        NoWindow::TooShort => format!(
            "There is no room for {} minutes in that time. When else, or how much shorter?",
            frame.minutes
        ),
        NoWindow::Contradiction => "That leaves no day or hour at all. When shall it be?".into(),
        NoWindow::Mismatch(date) => {
            format!(
                "{} is a {}. Which day do you mean?",
                date.strftime("%-d %B %Y"),
                date.strftime("%A")
            )
        }
        NoWindow::Unclear(one, other) => {
            let show = |date: Date| date.strftime("%-d %B %Y").to_string();
            format!("Do you mean {} or {}?", show(one), show(other))
        }
    })
}

fn title(facts: &Facts, quoted: Option<String>) -> String {
    if let Some(title) = quoted {
        return title;
    }
    let kind = facts.kind.map_or("Meeting", |kind| kind.title);
    let place = facts.place.as_deref().map(|place| text::tidy(place, TITLE_BYTES_MAX));
    let place = place.filter(|place| !place.is_empty());
    let kind = place.map_or_else(|| kind.to_owned(), |place| format!("{kind} {place}"));
    let topic = facts.topic.as_deref().map(|topic| text::tidy(topic, TITLE_BYTES_MAX));
    match topic.filter(|topic| !topic.is_empty()) {
        Some(topic) => format!("{kind}: {topic}"),
        None => kind,
    }
}
