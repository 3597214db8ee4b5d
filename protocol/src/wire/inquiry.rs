//! Questions to a group whose answers bind nobody, and the answers.
//!
//! ```text
//!  Alice:  Inquiry { way: Sequential, asked: [Bob, Carol], "What shall we cook?" }
//!  Bob:    Answer { to: Alice's message, "Soup", seen: [] }
//!  Carol:  Answer { to: Alice's message, "Bread with it", seen: [0] }    Carol had read Bob's
//! ```
//!
//! Whose turn it is follows from the inquiry, the answers and the time, alike for everyone who has
//! them; nobody leads, so nobody is missed. What has to bind is a [`crate::decision`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    decision::{Fraction, is_text},
    identity::{MessageId, PersonaId},
    wire::{DecodeError, decode, encode},
};

/// The most members one inquiry can ask.
pub const ASKED_MAX: usize = 1_000;
/// The longest question of an inquiry, and the longest answer, in bytes.
pub const INQUIRY_TEXT_BYTES_MAX: usize = 4 * 1024;
/// The longest an inquiry can be open, in milliseconds: 31 days.
pub const OPEN_MS_MAX: u64 = 31 * 24 * 60 * 60 * 1000;
/// The shortest an inquiry or a turn can be, in milliseconds.
pub const OPEN_MS_MIN: u64 = 1_000;

/// Everything beside the text: a key for each who is asked.
const FRAME_BYTES: usize = 128 + 32 * ASKED_MAX;

/// In which way members are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// All at once.
    Broadcast,
    /// One after another, each knowing the answers before.
    Sequential,
}

/// A question to members of a conversation. Its author's message is its name, and the time of that
/// message is when it opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// In which way.
    pub way: Way,
    /// What is asked; UTF-8, shown to people, never an instruction to a persona.
    pub question: String,
    /// Whom, in the order of their turns; no one twice, and not the author.
    pub asked: Vec<PersonaId>,
    /// How long answers count, in milliseconds.
    pub open_ms: u64,
    /// How long one member's turn is, in milliseconds; nought when all are asked at once.
    pub turn_ms: u64,
    /// The share of those asked whose answers are enough.
    pub enough: Fraction,
}

/// A member's answer. Of several the author's first counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The message of the [`Inquiry`].
    pub to: MessageId,
    /// What is said; none for nothing to say. UTF-8, shown to people, never an instruction.
    pub text: Option<String>,
    /// Whose answers the author had when it gave its own: places in `asked`, rising.
    pub seen: Vec<u16>,
}

impl Inquiry {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From the body of its author's message.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8], author: PersonaId) -> Result<Self, DecodeError> {
        let inquiry: Self = decode(bytes, INQUIRY_TEXT_BYTES_MAX + FRAME_BYTES)?;
        let broken = |field| DecodeError::Malformed(format!("{field} breaks its rule"));
        inquiry.check(author).map_err(broken)?;
        Ok(inquiry)
    }

    /// Whether every field keeps its rule; names the one that does not.
    ///
    /// # Errors
    /// The name of the field.
    pub fn check(&self, author: PersonaId) -> Result<(), &'static str> {
        let field = |holds: bool, name| if holds { Ok(()) } else { Err(name) };
        let different: BTreeSet<_> = self.asked.iter().collect();
        field(is_text(&self.question, INQUIRY_TEXT_BYTES_MAX), "question")?;
        field((1..=ASKED_MAX).contains(&self.asked.len()), "asked")?;
        field(different.len() == self.asked.len() && !different.contains(&author), "asked")?;
        field((OPEN_MS_MIN..=OPEN_MS_MAX).contains(&self.open_ms), "open_ms")?;
        let is_turn = match self.way {
            Way::Broadcast => self.turn_ms == 0,
            Way::Sequential => (OPEN_MS_MIN..=self.open_ms).contains(&self.turn_ms),
        };
        field(is_turn, "turn_ms")?;
        field(self.enough.den > 0 && self.enough.num <= self.enough.den, "enough")
    }
}

impl Answer {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From a body.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let answer: Self = decode(bytes, INQUIRY_TEXT_BYTES_MAX + FRAME_BYTES)?;
        let is_said = |text: &String| is_text(text, INQUIRY_TEXT_BYTES_MAX);
        let rises = answer.seen.is_sorted_by(|a, b| a < b);
        let is_place = answer.seen.iter().all(|place| usize::from(*place) < ASKED_MAX);
        match answer.text.as_ref().is_none_or(is_said) && rises && is_place {
            true => Ok(answer),
            false => Err(DecodeError::Malformed("a field breaks its rule".into())),
        }
    }
}
