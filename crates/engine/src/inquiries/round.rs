//! What an inquiry and its answers come to at a given time: whose turn it is, who has answered, and
//! whether it is over. A function of what was said and the time, so that all who have the same
//! messages see the same.

use std::collections::BTreeMap;

use protocol::{
    identity::{ConversationId, PersonaId},
    wire::{Inquiry, Way},
};

use crate::rows::{AnswerRow, InquiryRow};

/// An inquiry, as far as it is here, and what was answered.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// None while only answers have come.
    pub(crate) row: Option<InquiryRow>,
    /// Of each author the first answer in each conversation: in which the question was put is not
    /// known before it comes.
    pub(crate) answers: BTreeMap<(ConversationId, PersonaId), AnswerRow>,
    /// When listeners are told next that time has changed something.
    pub(crate) due_ms: Option<u64>,
}

/// How far an inquiry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Answers still count.
    Open,
    /// Everyone has answered.
    Complete,
    /// The time is over and enough have answered.
    Enough,
    /// The time is over and too few have answered.
    TooFew,
}

impl Phase {
    /// Its name on the local API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Enough => "enough",
            Self::TooFew => "too_few",
        }
    }
}

/// How one of those who are asked stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Has answered in time.
    Answered,
    /// Has answered when it was over, which does not count.
    Late,
    /// May answer now.
    Due,
    /// Has its turn later.
    Next,
    /// Did not answer in its turn; may answer until all is over.
    Passed,
    /// Did not answer.
    Silent,
}

impl Standing {
    /// Its name on the local API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Late => "late",
            Self::Due => "due",
            Self::Next => "next",
            Self::Passed => "passed",
            Self::Silent => "silent",
        }
    }
}

/// One member's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Whose: a place among those asked.
    pub(crate) place: usize,
    /// When it passes to the next, milliseconds since the Unix epoch.
    pub(crate) until_ms: u64,
}

impl InquiryRow {
    /// When answers stop to count, milliseconds since the Unix epoch.
    pub(crate) fn deadline_ms(&self) -> u64 {
        self.asked_at_ms.saturating_add(self.inquiry.open_ms)
    }
}

impl Round {
    /// What a member answered, if it counts or would have in time.
    pub(crate) fn answer_of(&self, persona: &PersonaId) -> Option<&AnswerRow> {
        let conversation = self.row.as_ref()?.conversation;
        self.answers.get(&(conversation, *persona))
    }

    fn in_time(&self, row: &InquiryRow, persona: &PersonaId) -> Option<&AnswerRow> {
        self.answer_of(persona).filter(|answer| answer.at_ms <= row.deadline_ms())
    }

    /// Places of those who have answered in time, rising.
    pub(crate) fn answered(&self) -> Vec<u16> {
        let Some(row) = &self.row else { return Vec::new() };
        let asked = (0u16..).zip(&row.inquiry.asked);
        let answered = asked.filter(|(_, persona)| self.in_time(row, persona).is_some());
        answered.map(|(place, _)| place).collect()
    }

    /// How far it is; none while the inquiry itself is not here.
    pub(crate) fn phase(&self, now_ms: u64) -> Option<Phase> {
        let row = self.row.as_ref()?;
        let Inquiry { asked, enough, .. } = &row.inquiry;
        let answered = self.answered().len();
        Some(if answered == asked.len() {
            Phase::Complete
        } else if now_ms <= row.deadline_ms() {
            Phase::Open
        } else if answered * usize::from(enough.den) >= asked.len() * usize::from(enough.num) {
            Phase::Enough
        } else {
            Phase::TooFew
        })
    }

    /// Whose turn it is, where members are asked one after another and it is not over.
    pub(crate) fn turn(&self, now_ms: u64) -> Option<Turn> {
        let row = self.row.as_ref()?;
        let Inquiry { way: Way::Sequential, asked, turn_ms, .. } = &row.inquiry else {
            return None;
        };
        if self.phase(now_ms) != Some(Phase::Open) {
            return None;
        }
        let mut from_ms = row.asked_at_ms;
        for (place, persona) in asked.iter().enumerate() {
            let until_ms = from_ms.saturating_add(*turn_ms);
            from_ms = match self.in_time(row, persona) {
                Some(answer) if answer.at_ms <= until_ms => from_ms.max(answer.at_ms),
                // Nobody loses time because one before answers after its turn.
                Some(_) => until_ms,
                None if now_ms >= until_ms => until_ms,
                None => return Some(Turn { place, until_ms }),
            };
        }
        None
    }

    /// How one of those asked stands.
    pub(crate) fn standing(&self, place: usize, now_ms: u64) -> Option<Standing> {
        let row = self.row.as_ref()?;
        let persona = row.inquiry.asked.get(place)?;
        if let Some(answer) = self.answer_of(persona) {
            let in_time = answer.at_ms <= row.deadline_ms();
            return Some(if in_time { Standing::Answered } else { Standing::Late });
        }
        if self.phase(now_ms) != Some(Phase::Open) {
            return Some(Standing::Silent);
        }
        Some(match (row.inquiry.way, self.turn(now_ms)) {
            (Way::Broadcast, _) => Standing::Due,
            (Way::Sequential, Some(turn)) if turn.place == place => Standing::Due,
            (Way::Sequential, Some(turn)) if turn.place < place => Standing::Next,
            (Way::Sequential, _) => Standing::Passed,
        })
    }

    /// When time alone changes something next.
    pub(crate) fn changes_at_ms(&self, now_ms: u64) -> Option<u64> {
        let row = self.row.as_ref()?;
        if self.phase(now_ms) != Some(Phase::Open) {
            return None;
        }
        let ends_ms = row.deadline_ms().saturating_add(1);
        let turn = self.turn(now_ms).map(|turn| turn.until_ms);
        turn.into_iter().chain([ends_ms]).min()
    }
}
