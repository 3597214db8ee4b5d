//! From words to facts.

use jiff::civil::Date;

use super::{
    clock::{self, Clock},
    days::{self, Day},
    duration, fillers,
    people::{Names, People},
    tables::{self, Kind},
    words::{Word, after, one_of, text_at},
};
use crate::time::days_later;

/// Places of more words are no places but sentences.
const PLACE_WORDS_MAX: usize = 4;

/// What a stretch of the text says about the time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) days: Vec<Day>,
    pub(super) not_days: Vec<Day>,
    pub(super) parts: Vec<(u16, u16)>,
    pub(super) not_parts: Vec<(u16, u16)>,
    /// Each of them will do.
    pub(super) clocks: Vec<Clock>,
    pub(super) working_hours: bool,
    /// Began with an "or".
    is_choice: bool,
}

impl Times {
    fn has_hours(&self) -> bool {
        !self.parts.is_empty() || !self.clocks.is_empty()
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

    /// Adds what another stretch says; false when the two contradict each other.
    fn add(&mut self, other: Self) -> bool {
        self.days.extend(other.days);
        self.not_days.extend(other.not_days);
        self.parts.extend(other.parts);
        self.not_parts.extend(other.not_parts);
        self.working_hours |= other.working_hours;
        other.clocks.into_iter().all(|clock| self.add_clock(clock, other.is_choice))
    }

    /// Adds an hour that is said; false when it contradicts one that was said before. "After
    /// three, before six" is one stretch; "at three or at five" are two.
    fn add_clock(&mut self, clock: Clock, is_choice: bool) -> bool {
        if self.clocks.contains(&clock) {
            return true;
        }
        if let Some(last) = self.clocks.last_mut()
            && let Some(both) = last.and(clock)
        {
            *last = both;
            return true;
        }
        let fits = self.clocks.is_empty() || is_choice;
        self.clocks.push(clock);
        fits
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
    /// Where the meeting is, as it was written.
    pub(super) place: Option<String>,
    /// How it is to happen again and again, as it was written.
    pub(super) repeats: Option<String>,
    /// What was said in two ways that exclude each other, as a question to the owner.
    pub(super) conflict: Option<String>,
    /// Words nobody understood, as they were written.
    pub(super) unread: Vec<String>,
}

impl Facts {
    /// Reads every word once.
    pub(super) fn read(words: &[Word], names: &Names<'_>, today: Date) -> Self {
        let mut facts = Self { clauses: vec![Times::default()], ..Self::default() };
        let mut at = 0;
        while at < words.len() {
            let rest = &words[at..];
            let used = facts.step(rest, at, names, today);
            at += match used {
                0 => facts.pass_over(rest),
                used => used,
            };
        }
        if facts.times_checked().is_err() {
            facts.disagree("You named two hours. At which of them shall it be?");
        }
        facts
    }

    /// The times that are wanted: several when each has its own days and hours, as in "Friday
    /// afternoon or Saturday morning", else one.
    pub(super) fn times(&self) -> Vec<Times> {
        self.times_checked().unwrap_or_else(|times| times)
    }

    /// As [`Facts::times`]; an error when hours contradict each other.
    fn times_checked(&self) -> Result<Vec<Times>, Vec<Times>> {
        let (dated, shared): (Vec<Times>, Vec<Times>) =
            self.clauses.iter().cloned().partition(|clause| !clause.days.is_empty());
        let separate = dated.len() > 1
            && dated.iter().all(Times::has_hours)
            && !shared.iter().any(Times::has_hours);
        if !separate {
            let mut all = Times::default();
            let fits = self.clauses.iter().all(|clause| all.add(clause.clone()));
            return if fits { Ok(vec![all]) } else { Err(vec![all]) };
        }
        let with_shared = |mut clause: Times| {
            shared.iter().for_each(|shared| {
                clause.add(shared.clone());
            });
            clause
        };
        Ok(dated.into_iter().map(with_shared).collect())
    }

    /// Nobody understood the words here: those that change nothing are skipped, any other is
    /// kept to be asked about.
    fn pass_over(&mut self, words: &[Word]) -> usize {
        if let Some(used) = greeting(words) {
            return used;
        }
        if let Some(used) = one_of(words, fillers::FILLERS) {
            return used;
        }
        self.unread.extend(words.first().map(|word| word.raw.clone()));
        1
    }

    fn disagree(&mut self, question: &str) {
        self.conflict.get_or_insert(question.to_owned());
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
        if let Some(used) = one_of(words, tables::REPEATS)
            && one_of(words, tables::NOT).is_none()
        {
            let said: Vec<&str> =
                words.iter().take(used + 1).map(|word| word.raw.as_str()).collect();
            self.repeats.get_or_insert(said.join(" "));
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
            .or_else(|| self.place(words, names, today))
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
        // "five minutes before noon" is an hour of the clock that is not understood.
        let offset = |used: usize| {
            let joint = one_of(after(words, used), &["before", "after", "past", "to"]);
            joint.is_some_and(|joint| clock::clock(after(words, used + joint)).is_some())
        };
        if let Some((minutes, used)) = duration::duration(words).filter(|(_, used)| !offset(*used))
        {
            if *self.minutes.get_or_insert(minutes) != minutes {
                self.disagree("You named two lengths. How long shall it be?");
            }
            return Some(used);
        }
        if let Some((part, used)) = part(words)
            && used > one_of(words, &["after", "before"]).unwrap_or(0)
        {
            self.clause().parts.push(part);
            return Some(used);
        }
        if let Some((clock, used)) = clock::clock(words) {
            if !self.clause().add_clock(clock, false) {
                self.disagree("You named two hours. At which of them shall it be?");
            }
            return Some(used);
        }
        if let Some(used) = one_of(words, tables::WORKING_HOURS) {
            self.clause().working_hours = true;
            return Some(used);
        }
        if text_at(words, 0) == "any"
            && let Some(used) = self.time(after(words, 1), today)
        {
            return Some(1 + used);
        }
        if let joint @ ("or" | "and" | ",") = text_at(words, 0) {
            // A comma before the "or" changes nothing about it.
            let is_choice = joint == "or" || (joint == "," && text_at(words, 1) == "or");
            self.clauses.push(Times { is_choice, ..Times::default() });
            return Some(if joint == "," && is_choice { 2 } else { 1 });
        }
        None
    }

    /// What is ruled out: "not on Friday", "not in the morning".
    fn negation(&mut self, words: &[Word], today: Date) -> Option<usize> {
        if let Some((day, used)) = days::day(words, today).filter(|(_, used)| *used > 0) {
            self.clause().not_days.push(day);
            // "not on Monday or Tuesday" rules out both.
            let joint = one_of(after(words, used), &["or", "and", ", or", "or on", "nor"]);
            let more = joint.and_then(|joint| {
                let (_, day) = days::day(after(words, used + joint), today)?;
                (day > 0)
                    .then(|| self.negation(after(words, used + joint), today))?
                    .map(|more| joint + more)
            });
            return Some(used + more.unwrap_or(0));
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
            ) || (days::day(rest, today).is_some()
                && !words[lead..at].iter().all(|word| {
                    matches!(word.text.as_str(), "the" | "our" | "my" | "this" | "a" | "next")
                }))
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

    /// "at Luigi's", "in the office", "at my place".
    fn place(&mut self, words: &[Word], names: &Names<'_>, today: Date) -> Option<usize> {
        let lead = one_of(words, &["at", "in"])?;
        let article = one_of(after(words, lead), &["the", "my", "our", "a", "an"]).unwrap_or(0);
        let first = words.get(lead + article)?;
        if article == 0 && !first.is_capitalised() && first.text != "home" {
            return None;
        }
        let ends = |at: usize| {
            let rest = after(words, at);
            rest.is_empty()
                || matches!(text_at(rest, 0), "," | "and" | "or" | "but")
                || one_of(rest, tables::NEVER_NAMES).is_some()
                || one_of(rest, tables::WITH).is_some()
                || names.stands(rest)
                || is_fact(rest, today)
        };
        let end = (lead + article..words.len()).find(|at| ends(*at)).unwrap_or(words.len());
        let inside = words.get(lead + article..end)?;
        let is_place = |word: &Word| {
            word.text.starts_with(char::is_alphabetic)
                && !fillers::NO_PLACES.contains(&word.text.as_str())
        };
        if inside.is_empty() || inside.len() > PLACE_WORDS_MAX || !inside.iter().all(is_place) {
            return None;
        }
        let said: Vec<&str> = words[..end].iter().map(|word| word.raw.as_str()).collect();
        self.place.get_or_insert(said.join(" "));
        Some(end)
    }

    fn kind_or_wish(&mut self, words: &[Word]) -> Option<usize> {
        if let Some((kind, used)) = kind(words) {
            // "meet for lunch" is a lunch: a meeting of no special kind gives way.
            // A catch-up over coffee is a coffee, and a lunch is no dinner.
            let plain =
                self.kind.is_none_or(|known| known.minutes.is_none() || !known.is_occasion());
            match self.kind {
                Some(known) if known.is_occasion() && kind.is_occasion() && known != kind => {
                    let (one, other) = (known.title.to_lowercase(), kind.title.to_lowercase());
                    self.disagree(&format!(
                        "Shall it be {one} or {other}? I arrange one at a time."
                    ));
                }
                Some(_) if !plain || (!kind.is_occasion() && kind.minutes.is_none()) => {}
                Some(known) if known.minutes.is_some() && !kind.is_occasion() => {}
                _ => self.kind = Some(kind),
            }
            return Some(used);
        }
        let used = one_of(words, tables::WISHES)?;
        self.wished = true;
        Some(used)
    }
}

/// "Hey Maya," takes as many words as these: the name of whom one speaks to is nobody to invite.
fn greeting(words: &[Word]) -> Option<usize> {
    let lead = one_of(words, &["hey", "hi", "hello", "dear", "ok", "okay", "good morning"])?;
    let name = words.get(lead).filter(|word| word.is_capitalised())?;
    let common = one_of(after(words, lead), fillers::FILLERS).is_some();
    (!common && name.text != "i" && text_at(words, lead + 1) == ",").then_some(lead + 2)
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

/// Whether the words begin with one that people use for something else than a name.
pub(super) fn is_word(words: &[Word], today: Date) -> bool {
    const WORDS: [&[&str]; 12] = [
        fillers::FILLERS,
        fillers::NO_PLACES,
        tables::EVERYONE,
        tables::SELF,
        tables::NOT,
        tables::WITH,
        tables::WITHOUT,
        tables::NEVER_NAMES,
        tables::REPEATS,
        tables::MAYBE,
        tables::OTHER_WISHES,
        tables::WORKING_HOURS,
    ];
    is_fact(words, today) || WORDS.iter().any(|list| one_of(words, list).is_some())
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
