//! Others ask which times suit: the owner's policy says whether and how they are answered.
//!
//! A question has been acknowledged when its answer still waits for the calendar, so it stays on
//! disk until it is answered.

use std::collections::BTreeMap;

use personas::{
    Action, AgentRequest, AgentRequestBody, AgentResponse, AgentResponseBody, Calendar, Status,
    Verdict, decide,
};
use protocol::{
    identity::{ConversationId, PersonaId},
    wire::{Content, ContentKind},
};

use crate::{
    agent::Errand,
    approvals::with_reason,
    effect::Table,
    request::LocalId,
    rows::{self, ApprovalRow, Pending, QuestionRow},
    state::Engine,
};

/// Questions of others that may wait for a calendar. Whoever asks more gets no answer.
const QUESTIONS_MAX: usize = 256;

/// Questions by the name we gave them.
pub(crate) type Questions = BTreeMap<LocalId, QuestionRow>;

impl Engine {
    /// A member of a conversation asks which of some times suit.
    pub(crate) fn on_agent_request(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        from: PersonaId,
        body: &[u8],
    ) {
        let Ok(request) = AgentRequest::from_bytes(body) else { return };
        let AgentRequestBody::Availability { title, slots, reply_by_ms, .. } = &request.body;
        if *reply_by_ms < self.now_ms {
            let detail = format!("{} asked about \"{title}\" too long ago", self.name_of(&from));
            return self.audit(me, "availability.expired", detail);
        }
        let Some(hosted) = self.personas.get(&me) else { return };
        match decide(&Action::AnswerAvailability, self.tier(&me, &from), &hosted.row.settings) {
            Verdict::Allow => self.take_question(me, conversation, from, &request),
            Verdict::Ask { reason } => {
                let action = Pending::Availability {
                    conversation,
                    session: request.session,
                    correlation: request.correlation,
                    slots: slots.clone(),
                };
                let question = format!("Tell {} when \"{title}\" suits?", self.name_of(&from));
                let summary = with_reason(&question, &reason);
                let row = ApprovalRow {
                    persona: me,
                    action,
                    from,
                    summary,
                    created_at_ms: self.now_ms,
                    expires_at_ms: *reply_by_ms,
                };
                self.ask_owner(row);
                let nothing = AgentResponseBody::Nothing;
                self.respond(me, conversation, &request, Status::NeedsOwner, nothing);
            }
            Verdict::Deny { reason } => {
                self.audit(me, "availability.refused", reason);
                let nothing = AgentResponseBody::Nothing;
                self.respond(me, conversation, &request, Status::Declined, nothing);
            }
        }
    }

    /// Answers when the calendar has been read.
    pub(crate) fn take_question(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        from: PersonaId,
        request: &AgentRequest,
    ) {
        if self.questions.len() >= QUESTIONS_MAX {
            return self.audit(me, "availability.refused", "too many questions at once".into());
        }
        let id = self.local_id();
        let row = QuestionRow { me, conversation, from, request: request.to_bytes() };
        self.put(Table::Task, question_key(id), &row);
        self.questions.insert(id, row);
        self.with_calendar(me, Errand::AnswerAvailability(id));
    }

    /// After a restart: answers what was still to be answered.
    pub(crate) fn resume_questions(&mut self) {
        let waiting: Vec<_> = self.questions.iter().map(|(id, row)| (*id, row.me)).collect();
        for (id, me) in waiting {
            self.with_calendar(me, Errand::AnswerAvailability(id));
        }
    }

    pub(crate) fn answer_question(&mut self, id: LocalId, calendar: Result<Calendar, String>) {
        let Some(QuestionRow { me, conversation, from, request }) = self.questions.remove(&id)
        else {
            return;
        };
        self.delete(Table::Task, question_key(id));
        let Ok(request) = AgentRequest::from_bytes(&request) else { return };
        let AgentRequestBody::Availability { title, slots, .. } = &request.body;
        match calendar.and_then(|calendar| self.suitable(&me, &calendar, slots)) {
            Ok(suit) => {
                let detail = format!(
                    "told {} that {} of {} times suit for \"{title}\"",
                    self.name_of(&from),
                    suit.len(),
                    slots.len()
                );
                self.audit(me, "availability.answered", detail);
                let body = AgentResponseBody::Feasible(suit);
                self.respond(me, conversation, &request, Status::Answered, body);
            }
            Err(reason) => {
                self.audit(me, "availability.failed", reason);
                let nothing = AgentResponseBody::Nothing;
                self.respond(me, conversation, &request, Status::NeedsOwner, nothing);
            }
        }
    }

    fn respond(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        request: &AgentRequest,
        status: Status,
        body: AgentResponseBody,
    ) {
        let response = AgentResponse::to(request, status, body);
        let content = Content::new(ContentKind::AgentResponse, response.to_bytes());
        if let Err(error) = self.say(me, conversation, content) {
            self.audit(me, "response.failed", error.to_string());
        }
    }
}

fn question_key(id: LocalId) -> Vec<u8> {
    rows::key(&[b"q", &id.0])
}
