//! Envelopes on their way out: into the outbox, to the recipients' nodes, and out of it again when
//! a recipient has proven that it committed one.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::{ConversationId, EnvelopeId, NodeId, PersonaId},
    session::PAST_EPOCHS,
    wire::{Ack, Frame},
};

use crate::{
    effect::{Effect, Table},
    event::EventBody,
    outbox::{Class, Entry},
    request::ConversationKind,
    rows::{self, Cargo, EnvelopeRow, InboxRow, OwedRow, ReceiptRow, StoredRow},
    state::{Engine, LoadError, Rows, damaged, read},
    view::DeliveryState,
};

/// Attempts to deliver to a home that is connected before its mailboxes are used.
const ATTEMPTS_BEFORE_MAILBOX: u32 = 2;

/// After this many changes of a group, what is still on its way is sealed again: one less than the
/// past epochs a member keeps, so that a change that crosses it on the way does no harm.
const RESEAL_EPOCHS: u64 = PAST_EPOCHS as u64 - 1;

/// An envelope that comes again by a mailbox after this long has an author who has not seen our
/// receipt, in milliseconds.
const OWE_AGAIN_MS: u64 = 60 * 60 * 1000;

/// Where an envelope came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A persona of this node.
    Local,
    /// The home of another.
    Node(NodeId),
    /// A mailbox, which cannot pass a receipt on.
    Mailbox,
}

/// One of our personas has an envelope on disk.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) persona: PersonaId,
    pub(crate) row: InboxRow,
    /// Whether that is the work of this step.
    pub(crate) new: bool,
}

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    let mut pending: BTreeMap<u64, BTreeSet<PersonaId>> = BTreeMap::new();
    let mut stored: BTreeMap<u64, BTreeMap<NodeId, u64>> = BTreeMap::new();
    let mut envelopes = Vec::new();
    for (key, value) in tables.remove(&Table::Outbox).unwrap_or_default() {
        let bad = || damaged(Table::Outbox, "key");
        if let Some((b'r', rest)) = key.split_first() {
            let owing = owing(rest).ok_or_else(bad)?;
            engine.restore_owed(owing, read::<OwedRow>(Table::Outbox, &value)?);
            continue;
        }
        let order = key.get(1..9).and_then(|bytes| bytes.try_into().ok()).ok_or_else(bad)?;
        let order = u64::from_be_bytes(order);
        match key.first() {
            Some(b'e') => envelopes.push((order, read::<EnvelopeRow>(Table::Outbox, &value)?)),
            Some(b'p') => {
                let recipient = PersonaId::from_slice(&key[9..]).ok_or_else(bad)?;
                pending.entry(order).or_default().insert(recipient);
            }
            Some(b's') => {
                let node = NodeId::from_slice(&key[9..]).ok_or_else(bad)?;
                let row: StoredRow = read(Table::Outbox, &value)?;
                stored.entry(order).or_default().insert(node, row.at_ms);
            }
            _ => return Err(bad()),
        }
    }
    for (order, row) in envelopes {
        let pending = pending.remove(&order).unwrap_or_default();
        let stored = stored.remove(&order).unwrap_or_default();
        let class = Class::of(&row, engine.is_direct(&row));
        engine.outbox.restore(order, Entry { row, class, pending, stored });
    }
    let ours: Vec<PersonaId> = engine.personas.keys().copied().collect();
    for persona in ours {
        let ours = |other: &PersonaId| engine.personas.contains_key(other);
        let waiting = engine.outbox.take(&persona, ours, engine.now_ms);
        engine.arrived.extend(waiting.into_iter().map(|envelope| (Source::Local, envelope)));
    }
    Ok(())
}

impl Engine {
    /// Puts an envelope on its way to its recipients.
    pub(crate) fn post(&mut self, row: EnvelopeRow, recipients: &[PersonaId]) {
        if recipients.is_empty() {
            return;
        }
        let bytes = rows::to_bytes(&row);
        let envelope = row.envelope.clone();
        let class = Class::of(&row, self.is_direct(&row));
        let order = self.outbox.push(row, class, recipients);
        self.put_bytes(Table::Outbox, envelope_key(order), bytes);
        for recipient in recipients {
            self.put_bytes(Table::Outbox, pending_key(order, recipient), Vec::new());
        }
        if recipients.iter().any(|recipient| self.personas.contains_key(recipient)) {
            self.arrived.push_back((Source::Local, envelope));
        }
        for recipient in recipients {
            if self.is_online(recipient) {
                self.pump(recipient);
            } else {
                self.reach(recipient);
            }
        }
        self.leave_new(order, recipients);
    }

    fn is_direct(&self, row: &EnvelopeRow) -> bool {
        let conversation = row.conversation().map(|id| (row.author, id));
        let known = conversation.and_then(|key| self.conversations.get(&key));
        known.is_some_and(|known| known.kind == ConversationKind::Direct)
    }

    /// Sends what a recipient whose home is connected waits for.
    pub(crate) fn pump(&mut self, recipient: &PersonaId) {
        let Some(node) = self.home_of(recipient).filter(|node| *node != self.home.node) else {
            return;
        };
        let cards = &self.cards;
        let lives_there =
            |other: &PersonaId| cards.get(other).is_some_and(|known| known.card.home.node == node);
        for envelope in self.outbox.take(recipient, lives_there, self.now_ms) {
            self.then(Effect::Send { node, frame: Frame::Envelope(envelope) });
        }
    }

    pub(crate) fn on_late_envelopes(&mut self) {
        for (recipient, attempts) in self.outbox.expire(self.now_ms) {
            if self.is_online(&recipient) {
                self.pump(&recipient);
            }
            // Connected, and yet nothing comes back: as good as away.
            if attempts >= ATTEMPTS_BEFORE_MAILBOX {
                self.leave_all(&recipient);
            }
        }
    }

    /// Tells whoever waits for it that an envelope is on our disk, once for each member it was for:
    /// the node that sent it, or the author when it came by a mailbox.
    pub(crate) fn acknowledge(
        &mut self,
        source: Source,
        envelope: EnvelopeId,
        members: &[Committed],
    ) {
        for Committed { persona, row, new } in members {
            let node = match source {
                Source::Node(node) => Some(node),
                Source::Local => None,
                Source::Mailbox => {
                    if *new || row.at_ms + OWE_AGAIN_MS <= self.now_ms {
                        self.owe_author(*persona, envelope, row);
                    }
                    continue;
                }
            };
            let Some(hosted) = self.personas.get(persona) else { continue };
            let receipt = row.conversation.and_then(|id| hosted.groups.receipt(id, envelope).ok());
            let ack = Ack { envelope, receipt };
            match node {
                Some(node) => self.then(Effect::Send { node, frame: Frame::Ack(ack) }),
                None => self.on_ack(None, &ack),
            }
        }
    }

    /// What is owed again for an envelope that came again is noted, so that it is not owed for
    /// every mailbox that holds it.
    fn owe_author(&mut self, me: PersonaId, envelope: EnvelopeId, row: &InboxRow) {
        let Some(author) = row.author.filter(|author| !self.personas.contains_key(author)) else {
            return;
        };
        let row = InboxRow { at_ms: self.now_ms, ..row.clone() };
        self.put(Table::Inbox, rows::key(&[envelope.as_bytes(), me.as_bytes()]), &row);
        self.owe(me, author, envelope, row.conversation);
        self.inbox.insert((envelope, me), row);
    }

    /// A recipient says it has committed an envelope of ours.
    pub(crate) fn on_ack(&mut self, node: Option<NodeId>, ack: &Ack) {
        let Some(row) = self.outbox.get(&ack.envelope).cloned() else { return };
        let recipients = match (row.conversation(), &ack.receipt) {
            (Some(conversation), Some(receipt)) => {
                let Some(hosted) = self.personas.get(&row.author) else { return };
                match hosted.groups.verify_receipt(conversation, ack.envelope, receipt) {
                    Ok(member) => vec![member],
                    Err(_) => return,
                }
            }
            // For a first contact, and for a member whom the envelope removed and who has no key
            // left to sign with, the home node's own word is the best there is; it counts only
            // for personas that live there.
            (conversation, _) => {
                let roster = conversation.and_then(|id| self.roster(row.author, id).ok());
                let mut there = match node {
                    Some(node) => self.personas_at(&node),
                    None => self.personas.keys().copied().collect(),
                };
                there.retain(|p| roster.as_ref().is_none_or(|roster| !roster.contains(p)));
                there
            }
        };
        for recipient in recipients {
            self.settle(&row, &recipient, DeliveryState::Delivered);
            self.pump(&recipient);
        }
    }

    /// Members have proven that they committed envelopes of ours.
    pub(crate) fn on_receipts(&mut self, receipts: &[(EnvelopeId, PersonaId)]) {
        for (envelope, recipient) in receipts {
            let Some(row) = self.outbox.get(envelope).cloned() else { continue };
            self.settle(&row, recipient, DeliveryState::Delivered);
            self.pump(recipient);
        }
    }

    /// A persona has committed introductions of ours.
    pub(crate) fn on_received(&mut self, me: PersonaId, peer: PersonaId, envelopes: &[EnvelopeId]) {
        for envelope in envelopes {
            let row = self.outbox.get(envelope).cloned();
            let ours = |row: &EnvelopeRow| row.author == me && row.conversation().is_none();
            if let Some(row) = row.filter(ours) {
                self.settle(&row, &peer, DeliveryState::Delivered);
            }
        }
    }

    /// What has waited for its recipient as long as anything may is given up.
    pub(crate) fn expire_mail(&mut self) {
        for (row, recipients) in self.outbox.overdue(self.now_ms) {
            for recipient in recipients {
                self.settle(&row, &recipient, DeliveryState::Expired);
            }
        }
    }

    /// The group has changed: what was sealed so long ago that a recipient who follows might not
    /// open it any more is sealed again. The message stays the same, so who has it already knows.
    /// What waits for `back`, a member who has other keys now, is sealed again however new it is.
    pub(crate) fn reseal(
        &mut self,
        author: PersonaId,
        conversation: ConversationId,
        back: Option<PersonaId>,
    ) {
        let now_ms = self.now_ms;
        let mut concerned = BTreeSet::new();
        for (order, row, recipients) in self.outbox.of(author, conversation) {
            let (Cargo::Message { epoch: sealed, .. } | Cargo::Receipts { epoch: sealed, .. }) =
                row.cargo
            else {
                continue;
            };
            let Some(hosted) = self.personas.get_mut(&author) else { return };
            let Ok(epoch) = hosted.groups.position(conversation).map(|position| position.epoch)
            else {
                return;
            };
            let lost = back.is_some_and(|back| sealed < epoch && recipients.contains(&back));
            if !lost && sealed + RESEAL_EPOCHS > epoch {
                continue;
            }
            let mut cargo = row.cargo;
            let sealed = match &mut cargo {
                Cargo::Message { epoch: sealed, message, .. } => {
                    *sealed = epoch;
                    hosted.groups.seal(conversation, message, now_ms)
                }
                Cargo::Receipts { epoch: sealed, receipts, .. } => {
                    *sealed = epoch;
                    hosted.groups.seal_receipts(conversation, receipts, now_ms)
                }
                _ => continue,
            };
            let Ok(envelope) = sealed else { continue };
            let row = EnvelopeRow {
                id: envelope.id(),
                envelope: envelope.into_bytes(),
                author,
                cargo,
                created_at_ms: row.created_at_ms,
            };
            self.put(Table::Outbox, envelope_key(order), &row);
            if recipients.iter().any(|recipient| self.personas.contains_key(recipient)) {
                self.arrived.push_back((Source::Local, row.envelope.clone()));
            }
            // What mailboxes hold is the old one.
            for node in self.outbox.replace(order, row) {
                self.delete(Table::Outbox, stored_key(order, &node));
            }
            self.leave_new(order, &recipients);
            concerned.extend(recipients);
        }
        for recipient in concerned {
            if self.is_online(&recipient) {
                self.pump(&recipient);
            }
        }
    }

    /// We are no longer a member: nobody's receipt could be checked any more, so what is still on
    /// its way counts as failed.
    pub(crate) fn recall(&mut self, author: PersonaId, conversation: ConversationId) {
        for (_, row, recipients) in self.outbox.of(author, conversation) {
            for recipient in recipients {
                self.settle(&row, &recipient, DeliveryState::Failed);
            }
        }
    }

    /// A recipient has an envelope, or never will: strikes it from the outbox.
    pub(crate) fn settle(
        &mut self,
        row: &EnvelopeRow,
        recipient: &PersonaId,
        state: DeliveryState,
    ) {
        let Some(delivered) = self.outbox.settle(&row.id, recipient) else { return };
        self.delete(Table::Outbox, pending_key(delivered.order, recipient));
        if delivered.last {
            self.delete(Table::Outbox, envelope_key(delivered.order));
            for node in &delivered.stored {
                self.delete(Table::Outbox, stored_key(delivered.order, node));
            }
        }
        let (Some(message), Some(conversation)) = (row.shown_message(), row.conversation()) else {
            return;
        };
        let key = rows::key(&[message.as_bytes(), recipient.as_bytes()]);
        self.put(Table::Receipt, key, &ReceiptRow { state, at_ms: self.now_ms });
        let recipient = *recipient;
        self.emit(
            Some(row.author),
            EventBody::MessageDelivery { message, conversation, recipient, state },
        );
    }
}

fn envelope_key(order: u64) -> Vec<u8> {
    rows::key(&[b"e", &order.to_be_bytes()])
}

/// Where a mailbox's word for an envelope is kept.
pub(crate) fn stored_key(order: u64, mailbox: &NodeId) -> Vec<u8> {
    rows::key(&[b"s", &order.to_be_bytes(), mailbox.as_bytes()])
}

/// Where a receipt is kept that one of ours owes an author.
pub(crate) fn owed_key(me: &PersonaId, author: &PersonaId, envelope: &EnvelopeId) -> Vec<u8> {
    rows::key(&[b"r", me.as_bytes(), author.as_bytes(), envelope.as_bytes()])
}

/// What [`owed_key`] was made of.
fn owing(key: &[u8]) -> Option<(PersonaId, PersonaId, EnvelopeId)> {
    let (me, rest) = key.split_at_checked(32)?;
    let (author, envelope) = rest.split_at_checked(32)?;
    Some((
        PersonaId::from_slice(me)?,
        PersonaId::from_slice(author)?,
        EnvelopeId::from_slice(envelope)?,
    ))
}

fn pending_key(order: u64, recipient: &PersonaId) -> Vec<u8> {
    rows::key(&[b"p", &order.to_be_bytes(), recipient.as_bytes()])
}
