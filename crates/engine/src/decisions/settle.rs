//! What a certified result leads to: a time that was agreed on is booked, once.

use personas::{Action, Tier, TimeRange, Verdict, decide};
use protocol::{
    decision::Outcome,
    identity::{PersonaId, ProposalId},
};

use super::note_key;
use crate::{
    agent::{Errand, slots_of},
    effect::Table,
    rows::{self, BookingRow},
    state::Engine,
};

impl Engine {
    /// After a restart: votes and books what was still to be voted on or booked.
    pub(crate) fn resume_decision(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        if poll.core.hidden().is_some() {
            // Goes on with the first half.
            return;
        }
        if poll.core.certificate().is_some() {
            if !self.go_on_revealing(me, id) || self.last_certificate(me, id).is_some() {
                self.settle_decision(me, id);
            }
            return;
        }
        let view = poll.core.view();
        let ours = view.voters.iter().find(|voter| voter.persona == me);
        if ours.is_some_and(|voter| voter.choice.is_none()) {
            self.vote_alone(me, id);
        }
    }

    /// There is a certificate.
    pub(super) fn on_decided(&mut self, me: PersonaId, id: ProposalId) {
        self.withdraw(|row| row.persona == me && row.action.is_vote_on(id));
        if self.go_on_revealing(me, id) {
            return;
        }
        let question = self.decisions.get(&(me, id)).map(|poll| &poll.core.proposal().question);
        self.audit(me, "decision.certified", question.cloned().unwrap_or_default());
        self.settle_decision(me, self.asked(me, id));
    }

    /// Acts on a certified result, once: a time that was agreed on is booked.
    pub(crate) fn settle_decision(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        if poll.row.settled || self.last_certificate(me, id).is_none() {
            return;
        }
        let proposer = poll.core.proposal().proposer;
        let Some(slot) = self.winner(me, id) else {
            self.mark_settled(me, id);
            self.on_task_decided(me, id, None);
            return;
        };
        let handed = poll.row.handed;
        self.on_task_decided(me, id, Some(slot));
        if handed {
            return self.book_winner(me, id, true);
        }
        let tier = if proposer == me { Tier::Operator } else { self.tier(&me, &proposer) };
        let Some(hosted) = self.personas.get(&me) else { return };
        match decide(&Action::BookEvent, tier, &hosted.row.settings) {
            Verdict::Allow => self.book_winner(me, id, false),
            Verdict::Ask { reason } => self.ask_for_booking(me, id, &reason),
            Verdict::Deny { reason } => {
                self.mark_settled(me, id);
                self.audit(me, "booking.refused", reason.clone());
                self.on_task_settled(me, id, slot, Err(reason));
            }
        }
    }

    /// The time a certified decision chose, if it was about one and somebody won.
    pub(crate) fn winner(&self, me: PersonaId, id: ProposalId) -> Option<TimeRange> {
        let poll = self.decisions.get(&(me, id))?;
        let slots = slots_of(poll.core.proposal())?;
        match &self.last_certificate(me, id)?.result().outcome {
            Outcome::Winners { options, .. } => slots.get(usize::from(*options.first()?)).copied(),
            _ => None,
        }
    }

    /// Books the agreed time; `overrule` books even over another entry, by the owner's own word.
    pub(crate) fn book_winner(&mut self, me: PersonaId, id: ProposalId, overrule: bool) {
        if let Some(slot) = self.winner(me, id) {
            self.with_calendar(me, Errand::CheckSlot { me, proposal: id, slot, overrule });
        }
    }

    /// The calendar has taken an agreed time, or has not.
    pub(crate) fn on_slot_settled(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        slot: TimeRange,
        result: Result<(), String>,
    ) {
        self.mark_settled(me, id);
        match &result {
            Ok(()) => {
                let row = BookingRow { slot, booked_at_ms: self.now_ms };
                self.put(Table::Booking, rows::key(&[me.as_bytes(), id.as_bytes()]), &row);
                self.audit(me, "event.booked", self.in_words(me, &slot));
            }
            Err(reason) => self.audit(me, "booking.failed", reason.clone()),
        }
        self.on_task_settled(me, id, slot, result);
    }

    /// The owner has been asked whether to book.
    pub(crate) fn on_booking_asked(&mut self, me: PersonaId, id: ProposalId, reason: &str) {
        self.mark_settled(me, id);
        if let Some(slot) = self.winner(me, id) {
            self.on_task_settled(me, id, slot, Err(format!("waiting for the owner: {reason}")));
        }
    }

    /// From now on the agreed time is entered even if a restart comes in between.
    pub(crate) fn mark_handed(&mut self, me: PersonaId, id: ProposalId) {
        if let Some(poll) = self.decisions.get_mut(&(me, id)) {
            poll.row.handed = true;
            poll.row.settled = false;
            let row = poll.row.clone();
            self.put(Table::Vote, note_key(&me, &id), &row);
        }
    }

    fn mark_settled(&mut self, me: PersonaId, id: ProposalId) {
        if let Some(poll) = self.decisions.get_mut(&(me, id)) {
            poll.row.settled = true;
            let row = poll.row.clone();
            self.put(Table::Vote, note_key(&me, &id), &row);
        }
    }
}
