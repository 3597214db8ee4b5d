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
    rows::{self, Cargo, EnvelopeRow, ReceiptRow},
    state::{Engine, LoadError, Rows, damaged, read},
    view::DeliveryState,
};

/// After this many changes of a group, what is still on its way is sealed again: one less than the
/// past epochs a member keeps, so that a change that crosses it on the way does no harm.
const RESEAL_EPOCHS: u64 = PAST_EPOCHS as u64 - 1;

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
    let ours: Vec<PersonaId> = engine.personas.keys().copied().collect();
    for persona in ours {
        let waiting = engine.outbox.take(&persona, engine.now_ms);
        engine.local.extend(waiting);
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
        let order = self.outbox.push(row, recipients);
        self.put_bytes(Table::Outbox, envelope_key(order), bytes);
        for recipient in recipients {
            self.put_bytes(Table::Outbox, pending_key(order, recipient), Vec::new());
        }
        if recipients.iter().any(|recipient| self.personas.contains_key(recipient)) {
            self.local.push_back(envelope);
        }
        for recipient in recipients {
            if self.is_online(recipient) {
                self.pump(recipient);
            } else {
                self.reach(recipient);
            }
        }
    }

    /// Sends what a recipient whose home is connected waits for.
    pub(crate) fn pump(&mut self, recipient: &PersonaId) {
        let Some(node) = self.home_of(recipient).filter(|node| *node != self.home.node) else {
            return;
        };
        for envelope in self.outbox.take(recipient, self.now_ms) {
            self.then(Effect::Send { node, frame: Frame::Envelope(envelope) });
        }
    }

    pub(crate) fn on_late_envelopes(&mut self) {
        for recipient in self.outbox.expire(self.now_ms) {
            if self.is_online(&recipient) {
                self.pump(&recipient);
            }
        }
    }

    /// Tells the sender's node that an envelope is on our disk, once for each member it was for.
    pub(crate) fn acknowledge(
        &mut self,
        node: Option<NodeId>,
        envelope: EnvelopeId,
        members: &[(PersonaId, Option<ConversationId>)],
    ) {
        for (persona, conversation) in members {
            let Some(hosted) = self.personas.get(persona) else { continue };
            let receipt = conversation.and_then(|id| hosted.groups.receipt(id, envelope).ok());
            let ack = Ack { envelope, receipt };
            match node {
                Some(node) => self.then(Effect::Send { node, frame: Frame::Ack(ack) }),
                None => self.on_ack(None, &ack),
            }
        }
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

    /// The group has changed: what was sealed so long ago that a recipient who follows might not
    /// open it any more is sealed again. The message stays the same, so who has it already knows.
    pub(crate) fn reseal(&mut self, author: PersonaId, conversation: ConversationId) {
        let now_ms = self.now_ms;
        let mut concerned = BTreeSet::new();
        for (order, row, recipients) in self.outbox.of(author, conversation) {
            let Cargo::Message { epoch: sealed, message, shown, .. } = row.cargo else { continue };
            let Some(hosted) = self.personas.get_mut(&author) else { return };
            let Ok(epoch) = hosted.groups.position(conversation).map(|position| position.epoch)
            else {
                return;
            };
            if sealed + RESEAL_EPOCHS > epoch {
                continue;
            }
            let Ok(envelope) = hosted.groups.seal(conversation, &message, now_ms) else { continue };
            let row = EnvelopeRow {
                id: envelope.id(),
                envelope: envelope.into_bytes(),
                author,
                cargo: Cargo::Message { conversation, epoch, message, shown },
                created_at_ms: row.created_at_ms,
            };
            self.put(Table::Outbox, envelope_key(order), &row);
            if recipients.iter().any(|recipient| self.personas.contains_key(recipient)) {
                self.local.push_back(row.envelope.clone());
            }
            self.outbox.replace(order, row);
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

fn pending_key(order: u64, recipient: &PersonaId) -> Vec<u8> {
    rows::key(&[b"p", &order.to_be_bytes(), recipient.as_bytes()])
}
