//! The owner's inbox: actions that wait for a word no peer can give.

use personas::{AgentRequest, TimeRange};
use protocol::{
    decision::{Choice, Proposal},
    identity::{PersonaId, ProposalId},
};

use crate::{
    agent::{slots_of, title_of},
    decisions::asked_key,
    effect::Table,
    event::EventBody,
    persona::internal,
    request::{LocalId, Reply, RequestError},
    rows::{ApprovalRow, Pending},
    state::{Engine, LoadError, Rows, damaged, read},
    view::ApprovalView,
};

/// What waits at most, of all kinds together.
const APPROVALS_MAX: usize = 1_000;
/// How long an agreed time waits for the owner to say yes, in milliseconds.
const BOOKING_EXPIRY_MS: u64 = 7 * 24 * 60 * 60 * 1000;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Approval).unwrap_or_default() {
        let id = key.try_into().map_err(|_| damaged(Table::Approval, "key"))?;
        engine.approvals.insert(LocalId(id), read(Table::Approval, &value)?);
    }
    Ok(())
}

/// A question to the owner, and the reason why it is asked as a sentence behind it.
pub(crate) fn with_reason(question: &str, reason: &str) -> String {
    let mut letters = reason.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{question} {first}{}.", letters.as_str().trim_end_matches('.'))
}

impl Engine {
    /// Puts an action before the owner, unless the very same one already waits.
    pub(crate) fn ask_owner(&mut self, row: ApprovalRow) {
        let same = |other: &ApprovalRow| {
            other.persona == row.persona && other.from == row.from && other.action == row.action
        };
        if self.approvals.len() >= APPROVALS_MAX || self.approvals.values().any(same) {
            return;
        }
        let id = self.local_id();
        self.put(Table::Approval, id.0.to_vec(), &row);
        self.emit(Some(row.persona), EventBody::ApprovalsChanged);
        self.approvals.insert(id, row);
    }

    /// Asks the owner for one vote: on this proposal, with this choice, until the deadline. A newer
    /// suggestion takes the place of an older one.
    pub(crate) fn ask_for_vote(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        choice: Choice,
        reason: &str,
    ) {
        let Some(poll) = self.decisions.get_mut(&(me, id)) else { return };
        poll.asked_owner = true;
        self.put_bytes(Table::Vote, asked_key(&me, &id), Vec::new());
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        let proposal = poll.core.proposal();
        let words = self.choice_in_words(me, proposal, &choice);
        let row = ApprovalRow {
            persona: me,
            action: Pending::Vote { proposal: id, choice },
            from: proposal.proposer,
            summary: with_reason(&format!("Vote {words} on \"{}\"?", proposal.question), reason),
            created_at_ms: self.now_ms,
            expires_at_ms: proposal.deadline_ms,
        };
        let action = row.action.clone();
        self.withdraw(|row| row.persona == me && row.action.is_vote_on(id) && row.action != action);
        self.ask_owner(row);
    }

    /// A choice as the owner who is asked for it reads it: all of it, since the word is given on
    /// exactly this.
    fn choice_in_words(&self, me: PersonaId, proposal: &Proposal, choice: &Choice) -> String {
        let slots = slots_of(proposal).unwrap_or_default();
        let option = |index: &u16| {
            let at = usize::from(*index);
            match slots.get(at) {
                Some(slot) => self.in_words(me, slot),
                None => proposal.options.get(at).cloned().unwrap_or_default(),
            }
        };
        let all = |list: &[u16]| list.iter().map(option).collect::<Vec<_>>().join("; ");
        match choice {
            Choice::Yes => "yes".into(),
            Choice::No => "no".into(),
            Choice::Abstain => "to abstain".into(),
            Choice::Approve(list) if list.is_empty() => "for none of the options".into(),
            Choice::Approve(list) => format!("for {}", all(list)),
            Choice::Rank(list) => format!("in this order: {}", all(list)),
            Choice::Points(given) => {
                let given = (0u16..).zip(given);
                let each: Vec<_> =
                    given.map(|(i, points)| format!("{}: {points}", option(&i))).collect();
                format!("with {}", each.join("; "))
            }
            Choice::Object(reason) => format!("against, because \"{reason}\","),
            // Owners choose what is behind these.
            Choice::Commit(_) => "for something hidden".into(),
            Choice::Reveal { choice, .. } => self.choice_in_words(me, proposal, choice),
        }
    }

    pub(crate) fn ask_for_booking(&mut self, me: PersonaId, id: ProposalId, reason: &str) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        let Some(slot) = self.winner(me, id) else { return };
        let proposal = poll.core.proposal();
        let title = title_of(&proposal.question);
        let when = self.in_words(me, &slot);
        let row = ApprovalRow {
            persona: me,
            action: Pending::Booking { proposal: id },
            from: proposal.proposer,
            summary: with_reason(&format!("Enter \"{title}\" into the calendar, {when}?"), reason),
            created_at_ms: self.now_ms,
            expires_at_ms: self.now_ms + BOOKING_EXPIRY_MS,
        };
        self.ask_owner(row);
        self.on_booking_asked(me, id, reason);
    }

    /// What the owner is asked about a proposal.
    pub(crate) fn approval_about(&self, me: PersonaId, id: ProposalId) -> Option<LocalId> {
        let about = |row: &ApprovalRow| row.persona == me && row.action.proposal() == Some(id);
        self.approvals.iter().find(|(_, row)| about(row)).map(|(id, _)| *id)
    }

    /// Takes back what need not be asked any more.
    pub(crate) fn withdraw(&mut self, obsolete: impl Fn(&ApprovalRow) -> bool) {
        let ids: Vec<LocalId> =
            self.approvals.iter().filter(|(_, row)| obsolete(row)).map(|(id, _)| *id).collect();
        for id in ids {
            self.remove_approval(id);
        }
    }

    pub(crate) fn expire_approvals(&mut self) {
        let now_ms = self.now_ms;
        self.withdraw(|row| row.expires_at_ms <= now_ms);
    }

    pub(crate) fn approvals_timeout(&self) -> Option<u64> {
        self.approvals.values().map(|row| row.expires_at_ms).min()
    }

    fn remove_approval(&mut self, id: LocalId) -> Option<ApprovalRow> {
        let row = self.approvals.remove(&id)?;
        self.delete(Table::Approval, id.0.to_vec());
        self.emit(Some(row.persona), EventBody::ApprovalsChanged);
        Some(row)
    }

    /// The owner's word on exactly one waiting action.
    pub(crate) fn decide_approval(
        &mut self,
        id: LocalId,
        allow: bool,
    ) -> Result<Reply, RequestError> {
        let row = self.approvals.get(&id).ok_or(RequestError::NotFound { what: "approval" })?;
        let (me, from) = (row.persona, row.from);
        if allow && row.action == Pending::Contact {
            // Checked before anything changes: the answer must be able to leave.
            self.card_of(&me).ok_or_else(|| internal("our own card is not made yet"))?;
        }
        let Some(row) = self.remove_approval(id) else { return Ok(Reply::Done) };
        let word = if allow { "approval.allowed" } else { "approval.denied" };
        self.audit(me, word, row.summary.clone());
        match (row.action, allow) {
            (Pending::Contact, true) => {
                self.accept_contact(me, from)?;
            }
            (Pending::Contact, false) => self.refuse_contact(me, from),
            (Pending::Availability { conversation, session, correlation, slots }, true) => {
                let minutes = slots.first().map(TimeRange::minutes).unwrap_or(1);
                let minutes = u16::try_from(minutes).unwrap_or(u16::MAX);
                let request = AgentRequest::availability(
                    session,
                    correlation,
                    "a meeting",
                    minutes,
                    slots,
                    row.expires_at_ms,
                )
                .map_err(internal)?;
                self.take_question(me, conversation, from, &request);
            }
            (Pending::Vote { proposal, choice }, true) => {
                self.cast_by_owner(me, proposal, choice)?;
            }
            (Pending::Booking { proposal }, true) => {
                self.mark_handed(me, proposal);
                self.book_winner(me, proposal, true);
            }
            (_, false) => {}
        }
        Ok(Reply::Done)
    }

    pub(crate) fn approval_views(&self) -> Vec<ApprovalView> {
        let mut views: Vec<_> = self
            .approvals
            .iter()
            .map(|(id, row)| ApprovalView {
                id: *id,
                persona: row.persona,
                kind: match row.action {
                    Pending::Contact => "contact",
                    Pending::Availability { .. } => "availability",
                    Pending::Vote { .. } => "vote",
                    Pending::Booking { .. } => "booking",
                },
                summary: row.summary.clone(),
                from: Some(row.from),
                from_name: Some(self.name_of(&row.from)),
                created_at_ms: row.created_at_ms,
                expires_at_ms: row.expires_at_ms,
            })
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.created_at_ms));
        views
    }
}
