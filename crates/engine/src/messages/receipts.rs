//! Acknowledgements: what proves that an envelope has arrived, and what that changes.

use protocol::{
    identity::{ConversationId, EnvelopeId, NodeId, PersonaId},
    wire::{Ack, Frame},
};

use super::{envelope_key, pending_key};
use crate::{
    effect::{Effect, Table},
    event::EventBody,
    rows::{self, EnvelopeRow, ReceiptRow},
    state::Engine,
    view::DeliveryState,
};

impl Engine {
    /// Tells the sender's node that an envelope is on our disk, once for each member it was for.
    pub(super) fn acknowledge(
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
    pub(super) fn on_ack(&mut self, node: Option<NodeId>, ack: &Ack) {
        let Some(row) = self.outbox.get(&ack.envelope).cloned() else { return };
        let recipients = match (row.conversation, &ack.receipt) {
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
        let (Some(message), Some(conversation)) = (row.message, row.conversation) else { return };
        let key = rows::key(&[message.as_bytes(), recipient.as_bytes()]);
        self.put(Table::Receipt, key, &ReceiptRow { state, at_ms: self.now_ms });
        let recipient = *recipient;
        self.emit(
            Some(row.author),
            EventBody::MessageDelivery { message, conversation, recipient, state },
        );
    }
}
