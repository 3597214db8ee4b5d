//! Reminds owners who have not voted while there is time left.

use protocol::{
    decision::{Phase, Proposal},
    identity::{PersonaId, ProposalId},
};

use super::Poll;
use crate::{effect::Table, event::EventBody, rows, state::Engine};

/// An owner is reminded when this share of the voting time is left: a quarter.
const SHARE_LEFT: u64 = 4;
/// But not later than so long before the deadline, in milliseconds, as far as that leaves the first
/// half of the voting time in peace.
const LEFT_MS_MIN: u64 = 60 * 1000;
/// And not earlier than so long before it, in milliseconds: a day.
const LEFT_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// When whoever has not voted is reminded, milliseconds since the Unix epoch.
fn reminds_at_ms(proposal: &Proposal) -> u64 {
    let time_ms = proposal.deadline_ms.saturating_sub(proposal.opens_at_ms);
    let left_ms = (time_ms / SHARE_LEFT).clamp(LEFT_MS_MIN, LEFT_MS_MAX).min(time_ms / 2);
    proposal.deadline_ms - left_ms
}

pub(super) fn reminded_key(persona: &PersonaId, proposal: &ProposalId) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"r"])
}

impl Engine {
    /// When somebody is to be reminded of this vote; none when nobody is any more.
    fn reminder_due(&self, poll: &Poll) -> Option<u64> {
        let core = &poll.core;
        // Revealing what was hidden takes no owner.
        let waits = !poll.reminded
            && core.hidden().is_none()
            && core.is_elector()
            && !core.has_voted()
            && core.certificate().is_none()
            && self.now_ms <= core.proposal().deadline_ms;
        waits.then(|| reminds_at_ms(core.proposal()))
    }

    pub(super) fn reminders_timeout(&self) -> Option<u64> {
        self.decisions.values().filter_map(|poll| self.reminder_due(poll)).min()
    }

    pub(super) fn on_reminders_timeout(&mut self) {
        let due = |poll: &Poll| self.reminder_due(poll).is_some_and(|at_ms| at_ms <= self.now_ms);
        let due: Vec<_> =
            self.decisions.iter().filter(|(_, poll)| due(poll)).map(|(key, _)| *key).collect();
        for (me, id) in due {
            self.remind(me, id);
        }
    }

    /// Tells an owner that its vote is missing, once for each question. That it was told is in one
    /// batch with the telling, so a restart neither forgets nor repeats it.
    pub(crate) fn remind(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get_mut(&(me, id)) else { return };
        if std::mem::replace(&mut poll.reminded, true) {
            return;
        }
        let conversation = poll.row.conversation;
        let proposal = poll.core.proposal();
        let (question, deadline_ms) = (proposal.question.clone(), proposal.deadline_ms);
        let is_open = poll.core.view().phase == Phase::Open;
        self.put_bytes(Table::Vote, reminded_key(&me, &id), Vec::new());
        if is_open {
            self.audit(me, "vote.reminded", question.clone());
            let body = EventBody::VoteMissing { proposal: id, conversation, question, deadline_ms };
            self.emit(Some(me), body);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{
        decision::{Base, Rule, Terms},
        identity::{ConversationId, PersonaKey},
    };

    use super::*;

    #[test]
    fn the_last_quarter_begins_with_a_reminder_within_bounds() {
        let key = PersonaKey::from_seed(&[1; 32]);
        let left = |time_ms: u64| {
            let opens_at_ms = 1_900_000_000_000;
            let terms = Terms {
                group: ConversationId([1; 16]),
                epoch: 1,
                context_hash: [2; 32],
                proposer: key.id(),
                rule: Rule::Threshold { num: 1, den: 2, base: Base::Cast, quorum: 1 },
                question: "Now?".into(),
                options: Vec::new(),
                opens_at_ms,
                deadline_ms: opens_at_ms + time_ms,
                grace_ms: 0,
                early_close: false,
                nonce: [3; 32],
            };
            let proposal = Proposal::freeze(terms, &[key.id()]).expect("sound terms");
            proposal.deadline_ms - reminds_at_ms(&proposal)
        };
        let (second, minute, hour) = (1_000, 60_000, 3_600_000);
        assert_eq!(left(hour), hour / 4);
        assert_eq!(left(10 * minute), 150 * second);
        assert_eq!(left(3 * minute), minute, "not later than a minute before");
        assert_eq!(left(10 * second), 5 * second, "not in the first half");
        assert_eq!(left(7 * 24 * hour), 24 * hour, "not earlier than a day before");
    }
}
