//! How an inquiry runs: the question, the answers, and the moments at which time changes it.

use protocol::{
    identity::{ConversationId, MessageId, PersonaId},
    wire::{self, Content, ContentKind, Inquiry, Message, Way},
};

use super::{
    ANSWER_MS, KEPT_MS, PER_ASKER_MAX, UNASKED_MAX, answer_key, inquiry_key, round::Standing,
};
use crate::{
    effect::Table,
    event::EventBody,
    persona::invalid,
    request::{NewInquiry, RequestError},
    rows::{AnswerRow, InquiryRow},
    state::Engine,
};

impl Engine {
    /// Puts a question to members of a conversation.
    pub(crate) fn inquire(
        &mut self,
        conversation: ConversationId,
        persona: Option<PersonaId>,
        new: NewInquiry,
    ) -> Result<MessageId, RequestError> {
        let asker = self.speaker(conversation, persona)?;
        let roster = self.roster(asker, conversation)?;
        let others = || roster.iter().filter(|member| **member != asker).copied();
        let asked = match new.asked.is_empty() {
            true => others().collect(),
            false => new.asked.clone(),
        };
        if asked.iter().any(|persona| !others().any(|member| member == *persona)) {
            return Err(invalid("asked", "must be other members of the conversation"));
        }
        if asked.len() > new.at_most {
            let reason = format!("{} would be asked; say so if that is meant", asked.len());
            return Err(invalid("at_most", &reason));
        }
        let (turn_ms, usual_ms) = match new.way {
            Way::Broadcast => (0, ANSWER_MS),
            Way::Sequential => {
                let turn_ms = new.turn_ms.unwrap_or(ANSWER_MS);
                (turn_ms, turn_ms.saturating_mul(asked.len() as u64).min(wire::OPEN_MS_MAX))
            }
        };
        let open_ms = new.open_ms.unwrap_or(usual_ms);
        let NewInquiry { way, question, enough, .. } = new;
        let inquiry = Inquiry { way, question, asked, open_ms, turn_ms, enough };
        inquiry.check(asker).map_err(|field| invalid(field, rule_of(field)))?;
        if self.asked_by(asker) >= PER_ASKER_MAX {
            let reason = format!("at most {PER_ASKER_MAX} inquiries in 30 days");
            return Err(RequestError::Unavailable { reason });
        }
        self.room_to_say()?;
        let content = Content::new(ContentKind::Inquiry, inquiry.to_bytes());
        let id = self.say(asker, conversation, content)?;
        let row = InquiryRow { conversation, asker, asked_at_ms: self.now_ms, inquiry };
        self.keep_inquiry(id, row);
        Ok(id)
    }

    /// Answers in the owner's name; `None` for nothing to say.
    pub(crate) fn answer_inquiry(
        &mut self,
        id: MessageId,
        persona: Option<PersonaId>,
        text: Option<String>,
    ) -> Result<(), RequestError> {
        let found = self.inquiries.get(&id).and_then(|round| Some((round, round.row.as_ref()?)));
        let (round, row) = found.ok_or(RequestError::NotFound { what: "inquiry" })?;
        let conversation = row.conversation;
        let ours = |persona: &PersonaId| self.personas.contains_key(persona);
        let places = || (0..).zip(&row.inquiry.asked);
        let here: Vec<(usize, PersonaId)> = places()
            .filter(|(_, asked)| ours(asked) && persona.is_none_or(|wanted| wanted == **asked))
            .map(|(place, asked)| (place, *asked))
            .collect();
        let (place, me) = match here[..] {
            [] => return Err(RequestError::Forbidden { reason: "was not asked".into() }),
            [only] => only,
            _ => {
                return Err(invalid(
                    "persona",
                    "several personas of this node are asked; name one",
                ));
            }
        };
        let refused = match round.standing(place, self.now_ms) {
            Some(Standing::Due | Standing::Passed) => None,
            Some(Standing::Next) => Some("it is another's turn"),
            Some(Standing::Answered | Standing::Late) => Some("has answered already"),
            Some(Standing::Silent) | None => Some("it is over"),
        };
        if let Some(reason) = refused {
            return Err(RequestError::Conflict { reason: reason.into() });
        }
        let answer = wire::Answer { to: id, text, seen: round.answered() };
        if wire::Answer::from_bytes(&answer.to_bytes()).is_err() {
            let reason = format!("visible text of 1 to {} bytes", wire::INQUIRY_TEXT_BYTES_MAX);
            return Err(invalid("text", &reason));
        }
        self.room_to_say()?;
        let seq = self.conversation(me, conversation)?.next_seq;
        let content = Content::new(ContentKind::Answer, answer.to_bytes());
        self.say(me, conversation, content)?;
        let wire::Answer { text, seen, .. } = answer;
        let row = AnswerRow { seq, at_ms: self.now_ms, text, seen };
        self.keep_answer(id, (conversation, me), row);
        Ok(())
    }

    /// How many inquiries of a member are kept track of.
    fn asked_by(&self, asker: PersonaId) -> usize {
        let rows = self.inquiries.values().filter_map(|round| round.row.as_ref());
        rows.filter(|row| row.asker == asker).count()
    }

    /// A member's question has come.
    pub(crate) fn on_inquiry(
        &mut self,
        conversation: ConversationId,
        author: PersonaId,
        message: &Message,
    ) {
        let known = self.inquiries.get(&message.id).is_some_and(|round| round.row.is_some());
        if known || self.asked_by(author) >= PER_ASKER_MAX {
            return;
        }
        if let Ok(inquiry) = Inquiry::from_bytes(&message.content.body, author) {
            let asked_at_ms = message.sent_at_ms;
            let row = InquiryRow { conversation, asker: author, asked_at_ms, inquiry };
            self.keep_inquiry(message.id, row);
        }
    }

    /// A member's answer has come, perhaps before the question.
    pub(crate) fn on_answer(
        &mut self,
        conversation: ConversationId,
        author: PersonaId,
        message: &Message,
    ) {
        let Ok(answer) = wire::Answer::from_bytes(&message.content.body) else { return };
        let id = answer.to;
        let round = self.inquiries.get(&id);
        // The first counts, whatever order they come in.
        let known = round.and_then(|round| round.answers.get(&(conversation, author)));
        if known.is_some_and(|row| row.seq <= message.seq) {
            return;
        }
        match round.and_then(|round| round.row.as_ref()) {
            Some(row) if row.conversation != conversation => return,
            Some(row) if !row.inquiry.asked.contains(&author) => return,
            Some(_) => {}
            None => {
                let unasked = self.inquiries.values().filter(|round| round.row.is_none());
                let theirs = unasked.flat_map(|round| round.answers.keys());
                if theirs.filter(|(_, by)| *by == author).count() >= UNASKED_MAX {
                    return;
                }
            }
        }
        let at_ms = message.sent_at_ms;
        let wire::Answer { text, seen, .. } = answer;
        let row = AnswerRow { seq: message.seq, at_ms, text, seen };
        self.keep_answer(id, (conversation, author), row);
    }

    fn keep_inquiry(&mut self, id: MessageId, row: InquiryRow) {
        self.put(Table::Message, inquiry_key(&id), &row);
        let round = self.inquiries.entry(id).or_default();
        // Whoever was not asked, or not here, may have answered before the question came.
        let counts = |(conversation, author): &(ConversationId, PersonaId)| {
            *conversation == row.conversation && row.inquiry.asked.contains(author)
        };
        let others: Vec<_> = round.answers.keys().filter(|by| !counts(by)).copied().collect();
        others.iter().for_each(|by| drop(round.answers.remove(by)));
        round.row = Some(row);
        for (conversation, author) in others {
            self.delete(Table::Message, answer_key(&id, &conversation, &author));
        }
        self.emit_inquiry(id);
    }

    fn keep_answer(&mut self, id: MessageId, by: (ConversationId, PersonaId), row: AnswerRow) {
        self.put(Table::Message, answer_key(&id, &by.0, &by.1), &row);
        self.inquiries.entry(id).or_default().answers.insert(by, row);
        self.emit_inquiry(id);
    }

    fn emit_inquiry(&mut self, inquiry: MessageId) {
        let now_ms = self.now_ms;
        let Some(round) = self.inquiries.get_mut(&inquiry) else { return };
        let changes_at_ms = round.changes_at_ms(now_ms);
        round.due_ms = changes_at_ms;
        let (Some(row), Some(phase)) = (&round.row, round.phase(now_ms)) else { return };
        let (conversation, phase) = (row.conversation, phase.name());
        self.emit(None, EventBody::InquiryUpdated { inquiry, conversation, phase });
    }

    pub(crate) fn inquiries_timeout(&self) -> Option<u64> {
        self.inquiries.values().filter_map(|round| round.due_ms).min()
    }

    /// A turn has passed, or the time is over.
    pub(crate) fn on_inquiry_timeout(&mut self) {
        let now_ms = self.now_ms;
        let due = |at: Option<u64>| at.is_some_and(|at_ms| at_ms <= now_ms);
        let rounds = self.inquiries.iter().filter(|(_, round)| due(round.due_ms));
        let ids: Vec<_> = rounds.map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.emit_inquiry(id));
    }

    /// After a start: from when on time changes something.
    pub(crate) fn resume_inquiries(&mut self) {
        let now_ms = self.now_ms;
        for round in self.inquiries.values_mut() {
            round.due_ms = round.changes_at_ms(now_ms);
        }
    }

    /// Keeps track no more of what has long been over. The messages stay.
    pub(crate) fn forget_inquiries(&mut self) {
        let now_ms = self.now_ms;
        let is_old = |round: &super::Round| {
            let ends_ms = match &round.row {
                Some(row) => row.deadline_ms(),
                None => round.answers.values().map(|row| row.at_ms).max().unwrap_or_default(),
            };
            ends_ms.saturating_add(KEPT_MS) <= now_ms
        };
        let old = self.inquiries.iter().filter(|(_, round)| is_old(round));
        let old: Vec<_> = old.map(|(id, _)| *id).collect();
        for id in old {
            self.inquiries.remove(&id);
            self.delete_under(Table::Message, inquiry_key(&id));
        }
    }
}

/// What a field must be, for whoever wrote it otherwise.
fn rule_of(field: &str) -> &'static str {
    match field {
        "question" => "must be visible text of 1 to 4096 bytes",
        "asked" => "must be 1 to 1000 other members, none twice",
        "open_ms" => "must be a second to 31 days",
        "turn_ms" => "must be at least a second and not longer than all of it",
        "enough" => "must be a share of at most 1",
        _ => "is not valid",
    }
}
