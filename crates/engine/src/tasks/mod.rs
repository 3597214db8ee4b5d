//! How "find a dinner slot this week with Bob" becomes an entry in everybody's calendar.
//!
//! ```text
//! understand -> own calendar -> ask the others which times suit (Gathering)
//!            -> put the times that suit to the vote (Voting) -> certificate -> book (Booking)
//! ```
//!
//! Each step is on disk before it has an effect outside, so a restart goes on where it stopped.

mod gather;
mod plan;
mod show;

use crate::{
    effect::Table,
    request::LocalId,
    state::{Engine, LoadError, Rows, damaged, read},
};

/// The longest wish, in bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// How long a task may take when the owner does not say, in milliseconds.
const DECIDE_WITHIN_MS: u64 = 10 * 60 * 1000;
const DECIDE_WITHIN_MS_MIN: u64 = 2_000;
const DECIDE_WITHIN_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;
/// Times offered to the others, and times put to the vote.
const OFFERED_MAX: usize = 48;
const VOTED_MAX: usize = 8;
/// Steps of a task that are kept; restarts may repeat some.
const STEPS_MAX: usize = 64;
/// Tasks under way at once.
const ACTIVE_MAX: usize = 100;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Task).unwrap_or_default() {
        let bad = |_| damaged(Table::Task, "key");
        match key.split_first() {
            Some((b'q', question)) if question.len() == 16 => {
                let id = LocalId(question.try_into().map_err(bad)?);
                engine.questions.insert(id, read(Table::Task, &value)?);
            }
            _ => {
                let id = LocalId(<[u8; 16]>::try_from(&key[..]).map_err(bad)?);
                engine.tasks.insert(id, read(Table::Task, &value)?);
            }
        }
    }
    Ok(())
}
