//! From words to facts.

use jiff::civil::Date;

use super::{
    clock::{self, Clock},
    days::{self, Day},
    duration,
    people::{Names, People},
    tables::{self, Kind},
    words::{Word, after, one_of, text_at},
};
use crate::time::days_later;

/// What a stretch of the text says about the time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) days: Vec<Day>,
    pub(super) not_days: Vec<Day>,
    pub(super) parts: Vec<(u16, u16)>,
    pub(super) not_parts: Vec<(u16, u16)>,
    pub(super) clock: Option<Clock>,
    pub(super) working_hours: bool,
}

impl Times {
    fn has_hours(&self) -> bool {
        !self.parts.is_empty() || self.clock.is_some()
    }

    /// Adds a day that is said. Two spans in one breath are both meant: "between Monday and
    /// Friday next week" is five days, those of the next week.
    fn add_day(&mut self, day: Day) {
        if let Day::Span(from, to) = day
            && let Some(Day::Span(first, last)) = self.days.last_mut()
        {
            let both = |weeks: i64| {
                let (a, b) = (days_later(*first, weeks * 7)?, days_later(*last, weeks * 7)?);
                let (a, b) = (a.max(from), b.min(to));
                (a <= b).then_some((a, b))
            };
            if let Some((a, b)) = both(0).or_else(|| both(1)) {
                (*first, *last) = (a, b);
                return;
            }
        }
        self.days.push(day);
    }

    fn add(&mut self, other: Self) {
        self.days.extend(other.days);
        self.not_days.extend(other.not_days);
        self.parts.extend(other.parts);
        self.not_parts.extend(other.not_parts);
        self.clock = self.clock.or(other.clock);
        self.working_hours |= other.working_hours;
    }
}

/// Everything that was understood.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Stretches of the text between "or", "and" and commas.
    clauses: Vec<Times>,
    pub(super) kind: Option<&'static Kind>,
    pub(super) minutes: Option<u32>,
    /// Starts so many minutes from now.
    pub(super) in_minutes: Option<u32>,
    pub(super) people: People,
    /// What the meeting is about, as it was written.
    pub(super) topic: Option<String>,
    /// A meeting is wanted in so many words.
    pub(super) wished: bool,
    /// The word for something else that is wanted, such as "cancel".
    pub(super) other_wish: Option<String>,
}

impl Facts {
    /// Reads every word once.
    pub(super) fn read(words: &[Word], names: &Names<'_>, today: Date) -> Self {
        let mut facts = Self { clauses: vec![Times::default()], ..Self::default() };
        let mut at = 0;
        while at < words.len() {
            at += facts.step(&words[at..], at, names, today).max(1);
        }
        facts
    }

    /// The times that are wanted: several when each has its own days and hours, as in "Friday
    /// afternoon or Saturday morning", else one.
    pub(super) fn times(&self) -> Vec<Times> {
        let (dated, shared): (Vec<Times>, Vec<Times>) =
            self.clauses.iter().cloned().partition(|clause| !clause.days.is_empty());
        let separate = dated.len() > 1
            && dated.iter().all(Times::has_hours)
            && !shared.iter().any(Times::has_hours);
        if !separate {
            let mut all = Times::default();
            self.clauses.iter().for_each(|clause| all.add(clause.clone()));
            return vec![all];
        }
        let with_shared = |mut clause: Times| {
            shared.iter().for_each(|shared| clause.add(shared.clone()));
            clause
        };
        dated.into_iter().map(with_shared).collect()
    }

    /// Reads at one place; the number of words it took, 0 when nothing was understood.
    fn step(&mut self, words: &[Word], at: usize, names: &Names<'_>, today: Date) -> usize {
        if at < 4
            && self.kind.is_none()
            && let Some(used) = one_of(words, tables::OTHER_WISHES)
        {
            let wish: Vec<&str> = words[..used].iter().map(|word| word.text.as_str()).collect();
            self.other_wish.get_or_insert(wish.join(" "));
            return used;
        }
        if let Some(used) = self.people.read(words, names, |rest| is_fact(rest, today)) {
            return used;
        }
        if let Some(lead) = one_of(words, tables::NOT)
            && let Some(used) = self.negation(after(words, lead), today)
        {
            return lead + used;
        }
        if let Some(used) = self.begins_in(words) {
            return used;
        }
        self.time(words, today)
            .or_else(|| self.topic(words, today))
            .or_else(|| self.kind_or_wish(words))
            .unwrap_or(0)
    }

    fn clause(&mut self) -> &mut Times {
        if self.clauses.is_empty() {
            self.clauses.push(Times::default());
        }
        let last = self.clauses.len() - 1;
        &mut self.clauses[last]
    }

    fn time(&mut self, words: &[Word], today: Date) -> Option<usize> {
        if let Some((day, used)) = days::day(words, today) {
            self.clause().add_day(day);
            if used > 0 {
                return Some(used);
            }
        }
        if let Some((minutes, used)) = duration::duration(words) {
            self.minutes.get_or_insert(minutes);
            return Some(used);
        }
        if let Some((part, used)) = part(words)
            && used > one_of(words, &["after", "before"]).unwrap_or(0)
        {
            self.clause().parts.push(part);
            return Some(used);
        }
        if let Some((clock, used)) = clock::clock(words) {
            self.clause().clock.get_or_insert(clock);
            return Some(used);
        }
        if let Some(used) = one_of(words, tables::WORKING_HOURS) {
            self.clause().working_hours = true;
            return Some(used);
        }
        if matches!(text_at(words, 0), "or" | "and" | ",") {
            self.clauses.push(Times::default());
            return Some(1);
        }
        None
    }

    /// What is ruled out: "not on Friday", "not in the morning".
    fn negation(&mut self, words: &[Word], today: Date) -> Option<usize> {
        if let Some((day, used)) = days::day(words, today).filter(|(_, used)| *used > 0) {
            self.clause().not_days.push(day);
            return Some(used);
        }
        let lead = one_of(words, &["in the", "the", "at"]).unwrap_or(0);
        let (part, used) = part(after(words, lead))?;
        self.clause().not_parts.push(part);
        Some(lead + used)
    }

    /// "in half an hour".
    fn begins_in(&mut self, words: &[Word]) -> Option<usize> {
        let (minutes, used) = duration::duration(after(words, one_of(words, &["in"])?))?;
        self.in_minutes.get_or_insert(minutes);
        Some(1 + used)
    }

    fn topic(&mut self, words: &[Word], today: Date) -> Option<usize> {
        let lead = one_of(words, tables::TOPIC)?;
        let ends = |at: usize| {
            let rest = after(words, at);
            matches!(
                text_at(rest, 0),
                "with" | "on" | "at" | "in" | "for" | "from" | "between" | "after" | "before" | ","
            ) || days::day(rest, today).is_some()
        };
        let end = (lead..words.len()).find(|at| ends(*at)).unwrap_or(words.len());
        // "What about dinner" is about nothing but the dinner itself.
        if end == lead || kind(after(words, lead)).is_some() {
            return None;
        }
        let topic: Vec<&str> = words[lead..end].iter().map(|word| word.raw.as_str()).collect();
        self.topic.get_or_insert(topic.join(" "));
        Some(end)
    }

    fn kind_or_wish(&mut self, words: &[Word]) -> Option<usize> {
        if let Some((kind, used)) = kind(words) {
            // "meet for lunch" is a lunch: a meeting of no special kind gives way.
            let plain = self.kind.is_none_or(|known| known.minutes.is_none());
            if plain {
                self.kind = Some(kind);
            }
            return Some(used);
        }
        let used = one_of(words, tables::WISHES)?;
        self.wished = true;
        Some(used)
    }
}

fn kind(words: &[Word]) -> Option<(&'static Kind, usize)> {
    tables::KINDS
        .iter()
        .filter_map(|kind| Some((kind, one_of(words, kind.phrases)?)))
        .max_by_key(|(_, used)| *used)
}

fn part(words: &[Word]) -> Option<((u16, u16), usize)> {
    tables::PARTS
        .iter()
        .filter_map(|(phrases, part)| Some((*part, one_of(words, phrases)?)))
        .max_by_key(|(_, used)| *used)
}

/// Whether the words begin with something that has a meaning of its own.
fn is_fact(words: &[Word], today: Date) -> bool {
    days::day(words, today).is_some()
        || duration::duration(words).is_some()
        || clock::clock(words).is_some()
        || part(words).is_some()
        || kind(words).is_some()
        || one_of(words, tables::WISHES).is_some()
        || one_of(words, tables::TOPIC).is_some()
}
