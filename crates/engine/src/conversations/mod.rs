//! How a conversation comes to be and who is in it.
//!
//! The creator makes the MLS group, adds the others by the KeyPackages in their cards, and sends
//! each a Welcome sealed to its card. It orders the changes; when it is gone the others elect
//! another of them.

mod joined;
mod open;
pub(crate) mod rejoin;
mod show;
mod succession;

pub(crate) use self::{
    rejoin::{RejoinRow, Returns},
    succession::Affairs,
};

use protocol::identity::{ConversationId, PersonaId};

use crate::{
    effect::Table,
    state::{Engine, LoadError, Rows, damaged, read},
};

/// Members of one conversation, ourselves included.
const MEMBERS_MAX: usize = 256;
/// Electorates remembered, for proposals made just before a membership change.
const EPOCHS_KEPT: usize = 8;
/// A member tells the others that it followed a change this long after it, in milliseconds.
const SOON_MS: u64 = 1_000;
/// The longest list of cards another member may send, in bytes.
const ROSTER_BYTES_MAX: usize = 256 * 1024;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Conversation).unwrap_or_default() {
        let split = key.split_at_checked(48).and_then(|(pair, rest)| {
            let (persona, id) = pair.split_at(32);
            Some(((PersonaId::from_slice(persona)?, ConversationId::from_slice(id)?), rest))
        });
        let (pair, rest) = split.ok_or_else(|| damaged(Table::Conversation, "key"))?;
        match rest {
            [] => {
                engine.conversations.insert(pair, read(Table::Conversation, &value)?);
            }
            b"w" => engine.affairs.restore(pair, read(Table::Conversation, &value)?),
            rest => rejoin::load(engine, pair, rest, &value)?,
        }
    }
    Ok(())
}
