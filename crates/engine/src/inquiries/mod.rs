//! Questions to a group whose answers bind nobody: to all at once, or one after another.
//!
//! Question and answers are messages of the conversation like any others. Beside them an index is
//! kept of who has answered what, and everything else follows from it and the time
//! ([`round::Round`]): nobody leads an inquiry, so it goes on when the one who asked is gone. What
//! has to bind is a vote: see `decisions/`.

mod round;
mod run;
mod show;
#[cfg(test)]
mod tests;

pub(crate) use round::Round;

use std::collections::BTreeMap;

use protocol::identity::{ConversationId, MessageId, PersonaId};

use crate::{
    effect::Table,
    rows::{self, AnswerRow, InquiryRow},
    state::{Engine, LoadError, damaged, read},
};

/// The inquiries of the last weeks.
pub(crate) type Inquiries = BTreeMap<MessageId, Round>;

/// How many members are asked at most when the one who asks does not say.
pub(crate) const ASKED_USUALLY: usize = 20;
/// How long an answer may take when the one who asks does not say, in milliseconds: ten minutes.
pub(crate) const ANSWER_MS: u64 = 10 * 60 * 1000;
/// Inquiries of one member that are kept track of at a time. More are messages and no more.
const PER_ASKER_MAX: usize = 256;
/// Answers of one member that are kept while what they answer has not come.
const UNASKED_MAX: usize = 32;
/// How long an inquiry is kept track of when it is over, in milliseconds: 30 days.
const KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Where inquiries and answers lie.
pub(crate) const PREFIX: &[u8] = b"q";

pub(super) fn inquiry_key(inquiry: &MessageId) -> Vec<u8> {
    rows::key(&[PREFIX, inquiry.as_bytes()])
}

pub(super) fn answer_key(
    inquiry: &MessageId,
    conversation: &ConversationId,
    author: &PersonaId,
) -> Vec<u8> {
    rows::key(&[PREFIX, inquiry.as_bytes(), conversation.as_bytes(), author.as_bytes()])
}

/// Reads one row, its key without the prefix.
pub(crate) fn load(engine: &mut Engine, key: &[u8], value: &[u8]) -> Result<(), LoadError> {
    let bad = || damaged(Table::Message, "key");
    let (inquiry, rest) = key.split_at_checked(16).ok_or_else(bad)?;
    let inquiry = MessageId::from_slice(inquiry).ok_or_else(bad)?;
    let round = engine.inquiries.entry(inquiry).or_default();
    if rest.is_empty() {
        round.row = Some(read::<InquiryRow>(Table::Message, value)?);
    } else {
        let (conversation, author) = rest.split_at_checked(16).ok_or_else(bad)?;
        let conversation = ConversationId::from_slice(conversation).ok_or_else(bad)?;
        let author = PersonaId::from_slice(author).ok_or_else(bad)?;
        round.answers.insert((conversation, author), read::<AnswerRow>(Table::Message, value)?);
    }
    Ok(())
}
