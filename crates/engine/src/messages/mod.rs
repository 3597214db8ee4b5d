//! Where a message is sent and where one is received.
//!
//! Sending: seal once, put ratchet step, message row and envelope into one batch, then hand the
//! envelope to the network, and again until each recipient has proven that it committed it. Every
//! retry sends the same bytes.
//!
//! Receiving: find whom the envelope's tag means, open it, put ratchet step, message row and
//! dedupe key into one batch, then acknowledge. An envelope whose tag nobody knows yet is parked
//! without an acknowledgement: the commit that explains it may still be on its way.

mod park;
mod receipts;
mod receive;
mod send;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::{ConversationId, EnvelopeId, NodeId, PersonaId},
    session::Tag,
    wire::{Content, ContentKind, Message},
};

use crate::{
    effect::Table,
    rows::{self, EnvelopeRow, IdempotencyRow, InboxRow},
    state::{Engine, LoadError, Rows, damaged, read},
};

/// Envelopes kept while nobody knows their tag, and their bytes in total.
const PARKED_MAX: usize = 2_048;
const PARKED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long an envelope's id is remembered, in milliseconds: twice the longest time one may travel.
const REMEMBER_MS: u64 = 60 * 24 * 60 * 60 * 1000;
/// The longest text of one message, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Idempotency keys are remembered this long, in milliseconds.
const IDEMPOTENCY_MS: u64 = 24 * 60 * 60 * 1000;

/// An envelope that waits for somebody to know its tag.
pub(crate) struct Parked {
    node: Option<NodeId>,
    tag: Tag,
    envelope: Vec<u8>,
}

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    let mut pending: BTreeMap<u64, BTreeSet<PersonaId>> = BTreeMap::new();
    let mut envelopes = Vec::new();
    for (key, value) in tables.remove(&Table::Outbox).unwrap_or_default() {
        let bad = || damaged(Table::Outbox, "key");
        let order = key.get(1..9).and_then(|bytes| bytes.try_into().ok()).ok_or_else(bad)?;
        let order = u64::from_be_bytes(order);
        match key.first() {
            Some(b'e') => envelopes.push((order, read::<EnvelopeRow>(Table::Outbox, &value)?)),
            Some(b'p') => {
                let recipient = PersonaId::from_slice(&key[9..]).ok_or_else(bad)?;
                pending.entry(order).or_default().insert(recipient);
            }
            _ => return Err(bad()),
        }
    }
    for (order, row) in envelopes {
        let recipients = pending.remove(&order).unwrap_or_default();
        engine.outbox.restore(order, row, recipients);
    }
    for (key, value) in tables.remove(&Table::Inbox).unwrap_or_default() {
        let bad = || damaged(Table::Inbox, "key");
        let (id, persona) = key.split_at_checked(32).ok_or_else(bad)?;
        let id = EnvelopeId::from_slice(id).ok_or_else(bad)?;
        let persona = PersonaId::from_slice(persona).ok_or_else(bad)?;
        let row: InboxRow = read(Table::Inbox, &value)?;
        engine.inbox.insert((id, persona), row);
    }
    for (key, value) in tables.remove(&Table::Idempotency).unwrap_or_default() {
        let row: IdempotencyRow = read(Table::Idempotency, &value)?;
        engine.idempotency.insert(key, row);
    }
    for (_, value) in tables.remove(&Table::Message).unwrap_or_default() {
        engine.next_message_order = read(Table::Message, &value)?;
    }
    engine.forget_old();
    let ours: Vec<PersonaId> = engine.personas.keys().copied().collect();
    for persona in ours {
        let waiting = engine.outbox.take(&persona, engine.now_ms);
        engine.local.extend(waiting);
    }
    Ok(())
}

/// What is needed to store a message for the owner to read.
struct Log<'a> {
    conversation: ConversationId,
    author: PersonaId,
    message: &'a Message,
    recipients: &'a [PersonaId],
}

/// Whether the owner sees this content in the conversation. The votes' inner rounds are not shown:
/// their sum is, on the proposal.
fn is_shown(content: &Content) -> bool {
    match ContentKind::from_number(content.kind) {
        Some(ContentKind::Roster) => false,
        Some(ContentKind::Decision) => crate::decisions::is_shown(&content.body),
        _ => true,
    }
}

fn envelope_key(order: u64) -> Vec<u8> {
    rows::key(&[b"e", &order.to_be_bytes()])
}

fn pending_key(order: u64, recipient: &PersonaId) -> Vec<u8> {
    rows::key(&[b"p", &order.to_be_bytes(), recipient.as_bytes()])
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
