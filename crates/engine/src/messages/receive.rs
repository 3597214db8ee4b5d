//! Receiving: from an envelope to a message in the log.

use protocol::{
    identity::{ConversationId, EnvelopeId, NodeId, PersonaId},
    session::{Envelope, Opened, SessionError, open_sealed},
    wire::{ContentKind, Frame, Message},
};

use super::{IDEMPOTENCY_MS, Log, Parked, REMEMBER_MS, is_shown};
use crate::{
    effect::Table,
    rows::{self, InboxRow},
    state::Engine,
};

impl Engine {
    pub(crate) fn on_frame(&mut self, node: NodeId, frame: Frame) {
        match frame {
            Frame::Envelope(bytes) => self.on_envelope(Some(node), bytes),
            Frame::Ack(ack) => self.on_ack(Some(node), &ack),
            Frame::CardRequest(persona) => self.on_card_request(node, persona),
            Frame::CardReply { persona, card: Some(card) } => {
                let wanted = self.contacts.keys().any(|(_, peer)| *peer == persona)
                    || self.cards.contains_key(&persona);
                let is_theirs = card.verify(self.now_ms).is_ok_and(|card| card.persona == persona);
                if wanted && is_theirs {
                    self.learn_card(card, self.now_ms);
                }
            }
            Frame::CardReply { card: None, .. } => {}
        }
    }

    /// An envelope has come from a node, or from a persona of our own (`None`).
    pub(crate) fn on_envelope(&mut self, node: Option<NodeId>, bytes: Vec<u8>) {
        let Ok(envelope) = Envelope::from_bytes(bytes) else { return };
        let (id, tag) = (envelope.id(), envelope.tag());
        let author = self.outbox.get(&id).map(|row| row.author);
        let mut committed = self.committed(&id);
        let is_new = |committed: &[(PersonaId, _)], persona: &PersonaId| {
            Some(*persona) != author && committed.iter().all(|(other, _)| other != persona)
        };
        let members: Vec<_> = self.tags.get(&tag).into_iter().flatten().copied().collect();
        let strangers = self.addressed_by(&tag);
        let known = !members.is_empty() || !strangers.is_empty();
        for (persona, conversation) in members {
            if is_new(&committed, &persona) && self.open(persona, conversation, &envelope) {
                self.remember(id, persona, Some(conversation));
                committed.push((persona, Some(conversation)));
            }
        }
        for persona in strangers {
            let Some(hosted) = self.personas.get(&persona) else { continue };
            if !is_new(&committed, &persona) {
                continue;
            }
            if let Ok(plain) = open_sealed(&hosted.sealing, &envelope) {
                self.remember(id, persona, None);
                committed.push((persona, None));
                self.on_introduction(persona, &plain);
            }
        }
        if !committed.is_empty() {
            self.acknowledge(node, id, &committed);
        } else if !known {
            self.park(Parked { node, tag, envelope: envelope.into_bytes() });
        }
    }

    /// Which of our personas have an envelope on disk already, and in which conversation.
    fn committed(&self, id: &EnvelopeId) -> Vec<(PersonaId, Option<ConversationId>)> {
        let of = (*id, PersonaId([0; 32]))..=(*id, PersonaId([0xff; 32]));
        self.inbox.range(of).map(|((_, persona), row)| (*persona, row.conversation)).collect()
    }

    /// Opens an envelope for one member and acts on it; whether it is committed now.
    fn open(
        &mut self,
        persona: PersonaId,
        conversation: ConversationId,
        envelope: &Envelope,
    ) -> bool {
        let now_ms = self.now_ms;
        let Some(hosted) = self.personas.get_mut(&persona) else { return false };
        match hosted.groups.open(conversation, envelope, now_ms) {
            Ok(Opened::Message { author, message }) => {
                self.on_message(persona, conversation, author, &message);
                true
            }
            Ok(Opened::Change { by, added, removed, .. }) => {
                self.on_change(persona, conversation, by, &added, &removed);
                true
            }
            Ok(Opened::Evicted) => {
                self.on_evicted(persona, conversation);
                true
            }
            // The author of an envelope that comes back to its own node has nothing to open.
            Err(SessionError::AlreadyOpened) => true,
            Err(_) => false,
        }
    }

    fn on_message(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        message: &Message,
    ) {
        // A message between two personas of this node is already in the log.
        if is_shown(&message.content) && !self.personas.contains_key(&author) {
            self.log(Log { conversation, author, message, recipients: &[] });
        }
        let body = &message.content.body;
        match ContentKind::from_number(message.content.kind) {
            Some(ContentKind::AgentRequest) => {
                self.on_agent_request(me, conversation, author, body);
            }
            Some(ContentKind::AgentResponse) => self.on_agent_response(me, author, body),
            Some(ContentKind::Decision) => {
                self.on_decision_message(me, conversation, author, body);
            }
            Some(ContentKind::Roster) => self.on_roster(me, conversation, body),
            Some(ContentKind::Text | ContentKind::Certificate) | None => {}
        }
    }

    fn remember(
        &mut self,
        id: EnvelopeId,
        persona: PersonaId,
        conversation: Option<ConversationId>,
    ) {
        let row = InboxRow { at_ms: self.now_ms, conversation };
        self.put(Table::Inbox, rows::key(&[id.as_bytes(), persona.as_bytes()]), &row);
        self.inbox.insert((id, persona), row);
    }

    /// Forgets, once a day and at start, what can no longer come twice.
    pub(crate) fn forget_old(&mut self) {
        let now_ms = self.now_ms;
        let old: Vec<_> = self
            .inbox
            .iter()
            .filter(|(_, row)| row.at_ms + REMEMBER_MS <= now_ms)
            .map(|(key, _)| *key)
            .collect();
        for (envelope, persona) in old {
            self.inbox.remove(&(envelope, persona));
            self.delete(Table::Inbox, rows::key(&[envelope.as_bytes(), persona.as_bytes()]));
        }
        let old: Vec<_> = self
            .idempotency
            .iter()
            .filter(|(_, row)| row.at_ms + IDEMPOTENCY_MS <= now_ms)
            .map(|(key, _)| key.clone())
            .collect();
        for key in old {
            self.idempotency.remove(&key);
            self.delete(Table::Idempotency, key);
        }
    }
}
