//! What the outside world is asked on a persona's behalf, and what is done with the answers.
//!
//! A question to the DHT or to a calendar leaves as an effect with a ticket; the [`Errand`] kept
//! under that ticket says how to go on. A calendar is read anew for every decision about it, so
//! the owner's latest entry always counts.

use personas::{Booking, Calendar, TimeRange};
use protocol::{
    card::Record,
    decision::{Choice, Proposal},
    identity::{Handle, PersonaId, ProposalId},
};

use crate::{
    effect::{Effect, RequestId, Ticket},
    request::LocalId,
    state::Engine,
};

/// Errands under way at most; peers can cause some of them.
pub(crate) const ERRANDS_MAX: usize = 1_024;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How to go on when an answer comes.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Keep the card if it is newer.
    RefreshCard(PersonaId),
    /// Follow a handle to its persona for a request.
    FollowHandle { request: RequestId, handle: Handle },
    /// Show what a card says for a request.
    Discover { request: RequestId, persona: PersonaId },
    /// Find times for a task.
    PlanTask(LocalId),
    /// Tell a contact which of its times suit.
    AnswerAvailability(LocalId),
    /// Vote for the times that suit.
    CastVote { me: PersonaId, proposal: ProposalId },
    /// Book an agreed time, unless the owner has become busy.
    CheckSlot { me: PersonaId, proposal: ProposalId, slot: TimeRange, overrule: bool },
    /// An agreed time has been handed to the calendar.
    Book { me: PersonaId, proposal: ProposalId, slot: TimeRange },
}

impl Engine {
    /// Reads a persona's calendar and goes on with the errand; without one, every time is free.
    pub(crate) fn with_calendar(&mut self, persona: PersonaId, errand: Errand) {
        if self.errands.len() >= ERRANDS_MAX {
            return;
        }
        let path = self.personas.get(&persona).and_then(|hosted| hosted.row.calendar.clone());
        match path {
            Some(path) => {
                let ticket = self.ticket(errand);
                self.then(Effect::ReadCalendar { ticket, path });
            }
            None => self.on_calendar(errand, Ok(Calendar::empty())),
        }
    }

    pub(crate) fn on_calendar_read(&mut self, ticket: Ticket, result: Result<String, String>) {
        let Some(errand) = self.errands.remove(&ticket) else { return };
        let calendar = result.and_then(|text| {
            Calendar::parse(&text).map_err(|error| format!("the calendar cannot be read: {error}"))
        });
        self.on_calendar(errand, calendar);
    }

    fn on_calendar(&mut self, errand: Errand, calendar: Result<Calendar, String>) {
        match errand {
            Errand::PlanTask(task) => self.on_own_calendar(task, calendar),
            Errand::AnswerAvailability(question) => self.answer_question(question, calendar),
            Errand::CastVote { me, proposal } => self.vote_by_calendar(me, proposal, calendar),
            Errand::CheckSlot { me, proposal, slot, overrule } => {
                self.book_if_free(me, proposal, slot, overrule, calendar);
            }
            Errand::RefreshCard(_)
            | Errand::FollowHandle { .. }
            | Errand::Discover { .. }
            | Errand::Book { .. } => {}
        }
    }

    pub(crate) fn on_found(&mut self, ticket: Ticket, records: Vec<Record>) {
        match self.errands.remove(&ticket) {
            Some(Errand::RefreshCard(persona)) => {
                for record in records {
                    match record {
                        Record::Card(card) => self.learn_card(card, self.now_ms),
                        Record::Pointer(_) => {}
                    }
                }
                self.pump_if_online(&persona);
            }
            Some(Errand::FollowHandle { request, handle }) => {
                self.on_handle_found(request, &handle, &records);
            }
            Some(Errand::Discover { request, persona }) => {
                self.on_discovered(request, persona, &records);
            }
            _ => {}
        }
    }

    fn pump_if_online(&mut self, persona: &PersonaId) {
        if self.is_online(persona) {
            self.pump(persona);
        }
    }

    /// Which of some times suit a persona's owner, by calendar and settings.
    pub(crate) fn suitable(
        &self,
        me: &PersonaId,
        calendar: &Calendar,
        slots: &[TimeRange],
    ) -> Result<Vec<u16>, String> {
        let Some(hosted) = self.personas.get(me) else { return Ok(Vec::new()) };
        let settings = &hosted.row.settings;
        let busy = busy_around(calendar, slots, &settings.zone)?;
        Ok(personas::feasible(slots, &busy, settings))
    }

    fn vote_by_calendar(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        calendar: Result<Calendar, String>,
    ) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        let Some(slots) = slots_of(poll.core.proposal()) else { return };
        let settings = match self.personas.get(&me) {
            Some(hosted) => hosted.row.settings.clone(),
            None => return,
        };
        let busy = calendar.and_then(|calendar| busy_around(&calendar, &slots, &settings.zone));
        match busy {
            Ok(busy) => {
                let approved = personas::approvals(&slots, &busy, &settings);
                if let Err(error) = self.vote_for_owner(me, id, Choice::Approve(approved)) {
                    self.audit(me, "ballot.refused", error.to_string());
                }
            }
            // Nothing can be suggested, so the owner is told at once that a vote is missing.
            Err(reason) => {
                self.audit(me, "ballot.withheld", reason);
                self.remind(me, id);
            }
        }
    }

    fn book_if_free(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        slot: TimeRange,
        overrule: bool,
        calendar: Result<Calendar, String>,
    ) {
        let Some(hosted) = self.personas.get(&me) else { return };
        let settings = hosted.row.settings.clone();
        let Some(path) = hosted.row.calendar.clone() else {
            return self.on_slot_settled(
                me,
                id,
                slot,
                Err("there is no calendar to book in".into()),
            );
        };
        let busy = calendar.and_then(|calendar| busy_around(&calendar, &[slot], &settings.zone));
        let busy = match busy {
            Ok(busy) => busy,
            Err(reason) => return self.on_slot_settled(me, id, slot, Err(reason)),
        };
        if !overrule && busy.iter().any(|range| range.overlaps(&slot)) {
            return self.ask_for_booking(me, id, "the calendar already has something then");
        }
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        let proposal = poll.core.proposal();
        let title = title_of(&proposal.question).to_owned();
        let attendees = poll.core.electorate().iter().map(|p| self.name_of(p)).collect();
        let booking = Booking {
            uid: format!("{id}@conclave"),
            title,
            range: slot,
            zone: settings.zone,
            attendees,
            decision: id.to_string(),
            stamp_ms: self.now_ms,
        };
        self.mark_handed(me, id);
        let ticket = self.ticket(Errand::Book { me, proposal: id, slot });
        self.then(Effect::Book { ticket, path, booking });
    }

    pub(crate) fn on_booked(&mut self, ticket: Ticket, result: Result<(), String>) {
        if let Some(Errand::Book { me, proposal, slot }) = self.errands.remove(&ticket) {
            self.on_slot_settled(me, proposal, slot, result);
        }
    }
}

/// When the owner is busy, from a day before the first slot to a day after the last.
pub(crate) fn busy_around(
    calendar: &Calendar,
    slots: &[TimeRange],
    zone: &str,
) -> Result<Vec<TimeRange>, String> {
    let start = slots.iter().map(|slot| slot.start_ms).min().unwrap_or_default();
    let end = slots.iter().map(|slot| slot.end_ms).max().unwrap_or_default();
    let window =
        TimeRange { start_ms: start.saturating_sub(DAY_MS), end_ms: end.saturating_add(DAY_MS) };
    calendar.busy(window, zone).map_err(|error| format!("the calendar cannot be read: {error}"))
}

/// The question of a scheduling proposal, around what the meeting is called.
pub(crate) fn question_for(title: &str) -> String {
    format!("When shall we meet: {title}?")
}

/// What a meeting is called, from the question about its time.
pub(crate) fn title_of(question: &str) -> &str {
    question
        .strip_prefix("When shall we meet: ")
        .and_then(|rest| rest.strip_suffix('?'))
        .unwrap_or(question)
}

/// A time as an option of a proposal: an ISO 8601 interval in UTC.
pub(crate) fn option_of(slot: &TimeRange) -> String {
    let instant = |ms: u64| {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default()
    };
    format!("{}/{}", instant(slot.start_ms), instant(slot.end_ms))
}

/// A time for people, in a zone they name: `Tue 24 Nov 2026, 18:00 to 20:00 (Europe/London)`.
pub(crate) fn slot_in_words(slot: &TimeRange, zone: &str) -> String {
    let instant = |ms: u64| {
        let ms = i64::try_from(ms).ok()?;
        jiff::Timestamp::from_millisecond(ms).ok()?.in_tz(zone).ok()
    };
    match (instant(slot.start_ms), instant(slot.end_ms)) {
        (Some(start), Some(end)) => {
            let start = start.strftime("%a %-d %b %Y, %H:%M");
            format!("{start} to {} ({zone})", end.strftime("%H:%M"))
        }
        _ => option_of(slot),
    }
}

/// An option of a proposal for people: a time in UTC where it is one, itself otherwise.
pub(crate) fn option_in_words(option: &str) -> String {
    slot_of(option).map_or_else(|| option.to_owned(), |slot| slot_in_words(&slot, "UTC"))
}

fn slot_of(option: &str) -> Option<TimeRange> {
    let instant = |text: &str| -> Option<u64> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(timestamp.as_millisecond()).ok()
    };
    let (start, end) = option.split_once('/')?;
    let slot = TimeRange { start_ms: instant(start)?, end_ms: instant(end)? };
    (slot.start_ms < slot.end_ms).then_some(slot)
}

/// The times a proposal offers, if all its options are times: then it is about scheduling.
pub(crate) fn slots_of(proposal: &Proposal) -> Option<Vec<TimeRange>> {
    let slots: Option<Vec<TimeRange>> =
        proposal.options.iter().map(|option| slot_of(option)).collect();
    slots.filter(|slots| !slots.is_empty())
}
