//! What screens show of an inquiry.

use protocol::{
    identity::{ConversationId, MessageId, PersonaId},
    wire::Way,
};

use super::round::{Phase, Round, Standing};
use crate::{
    request::RequestError,
    rows::InquiryRow,
    state::Engine,
    view::{AskedView, InquiryView},
};

impl Engine {
    /// All inquiries here, or those of one conversation, newest first.
    pub(crate) fn inquiry_views(&self, conversation: Option<ConversationId>) -> Vec<InquiryView> {
        let mut rounds: Vec<_> = self
            .inquiries
            .iter()
            .filter_map(|(id, round)| Some((*id, round, round.row.as_ref()?)))
            .filter(|(_, _, row)| conversation.is_none_or(|wanted| wanted == row.conversation))
            .collect();
        rounds.sort_by_key(|(_, _, row)| std::cmp::Reverse(row.asked_at_ms));
        rounds.into_iter().map(|(id, round, row)| self.view_of(id, round, row)).collect()
    }

    pub(crate) fn inquiry_view(&self, id: MessageId) -> Result<InquiryView, RequestError> {
        let found = self.inquiries.get(&id).and_then(|round| Some((round, round.row.as_ref()?)));
        let (round, row) = found.ok_or(RequestError::NotFound { what: "inquiry" })?;
        Ok(self.view_of(id, round, row))
    }

    /// As it was at the last input: one comes whenever time alone changes something.
    fn view_of(&self, id: MessageId, round: &Round, row: &InquiryRow) -> InquiryView {
        let (now_ms, inquiry) = (self.now_ms, &row.inquiry);
        let phase = round.phase(now_ms).unwrap_or(Phase::Open);
        let asked = |(place, persona): (usize, &PersonaId)| {
            let answer = round.answer_of(persona);
            let seen = answer.map(|answer| &answer.seen[..]).unwrap_or_default();
            AskedView {
                persona: *persona,
                name: self.name_of(persona),
                ours: self.personas.contains_key(persona),
                standing: round.standing(place, now_ms).unwrap_or(Standing::Silent).name(),
                text: answer.and_then(|answer| answer.text.clone()),
                answered_at_ms: answer.map(|answer| answer.at_ms),
                had_seen: seen
                    .iter()
                    .filter_map(|place| inquiry.asked.get(usize::from(*place)).copied())
                    .collect(),
            }
        };
        let turn = round.turn(now_ms);
        InquiryView {
            id,
            conversation: row.conversation,
            asker: row.asker,
            asker_name: self.name_of(&row.asker),
            way: match inquiry.way {
                Way::Broadcast => "broadcast",
                Way::Sequential => "sequential",
            },
            question: inquiry.question.clone(),
            asked_at_ms: row.asked_at_ms,
            deadline_ms: row.deadline_ms(),
            turn_ms: inquiry.turn_ms,
            turn_ends_at_ms: turn.map(|turn| turn.until_ms),
            enough: inquiry.enough,
            phase: phase.name(),
            waiting: self.inquiry_in_words(round, row, now_ms),
            answered: round.answered().len(),
            asked: inquiry.asked.iter().enumerate().map(asked).collect(),
        }
    }

    /// What an inquiry waits for, or what came of it.
    fn inquiry_in_words(&self, round: &Round, row: &InquiryRow, now_ms: u64) -> String {
        let (answered, all) = (round.answered().len(), row.inquiry.asked.len());
        match (round.phase(now_ms), round.turn(now_ms)) {
            (Some(Phase::Complete), _) => "everyone has answered".to_owned(),
            (Some(Phase::Enough), _) => format!("over; {answered} of {all} answered, enough"),
            (Some(Phase::TooFew), _) => format!("over; only {answered} of {all} answered"),
            (_, Some(turn)) => {
                let whose = row.inquiry.asked.get(turn.place);
                let name = whose.map(|persona| self.name_of(persona)).unwrap_or_default();
                format!("it is the turn of {name}; {answered} of {all} answered")
            }
            _ => format!("{answered} of {all} answered"),
        }
    }
}
