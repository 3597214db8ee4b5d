//! How two personas meet: invites, contact requests, cards.
//!
//! ```text
//! Bob's owner pastes Alice's invite
//!   -> Bob's node asks Alice's node for her card
//!   -> Request { token } sealed to her card's key     (Bob: requested)
//!   -> Alice's node finds the token it handed out     (Alice: established)
//!   -> Accept sealed to Bob's card's key              (Bob: established)
//! ```
//!
//! Without a token the request waits in Alice's approvals, and nothing else of Bob's is heard.

mod ask;
mod cards;
mod find;
mod introductions;
mod show;

use protocol::{card::SignedCard, identity::PersonaId};

use crate::{
    effect::Table,
    state::{Engine, KnownCard, LoadError, Rows, damaged, read},
};

/// How long an invite works, in milliseconds.
const INVITE_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// How long an introduction may wait for its recipient to wake, in milliseconds.
const INTRODUCTION_LIFETIME_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Requests of strangers that may wait for one persona's owner.
const PENDING_MAX: usize = 50;
/// How long a stranger's request waits for the owner, in milliseconds.
const REQUEST_EXPIRY_MS: u64 = 14 * 24 * 60 * 60 * 1000;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Card).unwrap_or_default() {
        let bad = || damaged(Table::Card, "not a signed card");
        let persona = PersonaId::from_slice(&key).ok_or_else(bad)?;
        let signed = SignedCard::from_bytes(&value).map_err(|_| bad())?;
        // It was valid when it was stored; that it has expired since does not unlearn it.
        let card = signed.verify_at_issue().map_err(|_| bad())?;
        engine.cards.insert(persona, KnownCard { signed, card });
    }
    for (key, value) in tables.remove(&Table::Contact).unwrap_or_default() {
        let split = key.split_at_checked(32).and_then(|(owner, peer)| {
            Some((PersonaId::from_slice(owner)?, PersonaId::from_slice(peer)?))
        });
        let pair = split.ok_or_else(|| damaged(Table::Contact, "key"))?;
        engine.contacts.insert(pair, read(Table::Contact, &value)?);
    }
    for (key, value) in tables.remove(&Table::Invite).unwrap_or_default() {
        let token = key.try_into().map_err(|_| damaged(Table::Invite, "key"))?;
        engine.invites.insert(token, read(Table::Invite, &value)?);
    }
    Ok(())
}
