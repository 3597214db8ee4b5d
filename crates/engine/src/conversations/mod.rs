//! How a conversation comes to be and who is in it.
//!
//! The creator makes the MLS group, adds the others by the KeyPackages in their cards, and sends
//! each a Welcome sealed to its card. In this version only the creator changes the membership.

mod joined;
mod open;
mod show;

use protocol::identity::{ConversationId, PersonaId};

use crate::{
    effect::Table,
    state::{Engine, LoadError, Rows, damaged, read},
};

/// Members of one conversation, ourselves included.
const MEMBERS_MAX: usize = 256;
/// Electorates remembered, for proposals made just before a membership change.
const EPOCHS_KEPT: usize = 8;
/// The longest list of cards another member may send, in bytes.
const ROSTER_BYTES_MAX: usize = 256 * 1024;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Conversation).unwrap_or_default() {
        let split = key.split_at_checked(32).and_then(|(persona, id)| {
            Some((PersonaId::from_slice(persona)?, ConversationId::from_slice(id)?))
        });
        let pair = split.ok_or_else(|| damaged(Table::Conversation, "key"))?;
        engine.conversations.insert(pair, read(Table::Conversation, &value)?);
    }
    Ok(())
}
