//! Where a message is sent and where one is received.
//!
//! Sending: seal once, put ratchet step, message row and envelope into one batch, then hand the
//! envelope to the network, and again until each recipient has proven that it committed it. Every
//! retry sends the same bytes.
//!
//! Receiving: find whom the envelope's tag means, open it, put ratchet step, message row and
//! dedupe key into one batch, then acknowledge. An envelope whose tag nobody knows yet is parked
//! without an acknowledgement: the commit that explains it may still be on its way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    identity::{ConversationId, EnvelopeId, MessageId, NodeId, PersonaId},
    session::{Envelope, Opened, SessionError, Tag, contact_tags, open_sealed},
    wire::{Ack, Content, ContentKind, Frame, Message},
};

use crate::{
    effect::{Effect, Table},
    event::EventBody,
    persona::internal,
    request::{Reply, RequestError},
    rows::{self, EnvelopeRow, IdempotencyRow, InboxRow, MessageRow, ReceiptRow},
    state::{Engine, LoadError, Rows, WINDOW_MS, damaged, read},
    view::DeliveryState,
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
        if row.at_ms + REMEMBER_MS > engine.now_ms {
            engine.inbox.insert((id, persona), row);
        } else {
            engine.delete(Table::Inbox, key);
        }
    }
    for (key, value) in tables.remove(&Table::Idempotency).unwrap_or_default() {
        let row: IdempotencyRow = read(Table::Idempotency, &value)?;
        if row.at_ms + IDEMPOTENCY_MS > engine.now_ms {
            engine.idempotency.insert(key, row);
        } else {
            engine.delete(Table::Idempotency, key);
        }
    }
    for (_, value) in tables.remove(&Table::Message).unwrap_or_default() {
        engine.next_message_order = read(Table::Message, &value)?;
    }
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

impl Engine {
    pub(crate) fn send_text(
        &mut self,
        conversation: ConversationId,
        persona: Option<PersonaId>,
        text: &str,
        idempotency_key: Option<String>,
    ) -> Result<Reply, RequestError> {
        let invalid = |field, reason: String| RequestError::Invalid { field, reason };
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            let reason = format!("1 to {TEXT_BYTES_MAX} bytes, this has {}", text.len());
            return Err(invalid("text", reason));
        }
        let author = self.speaker(conversation, persona)?;
        let slot = match idempotency_key {
            None => None,
            Some(key) if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX => {
                let reason = format!("1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes");
                return Err(invalid("idempotency_key", reason));
            }
            Some(key) => {
                let body = sha256(&[author.as_bytes(), text.as_bytes()]);
                let key = rows::key(&[conversation.as_bytes(), &sha256(&[key.as_bytes()])]);
                match self.idempotency.get(&key) {
                    Some(row) if row.body == body => {
                        return Ok(Reply::Accepted { message: row.message });
                    }
                    Some(_) => {
                        let reason = "this idempotency key was used for another message".into();
                        return Err(RequestError::Conflict { reason });
                    }
                    None => Some((key, body)),
                }
            }
        };
        if self.outbox.len() >= crate::outbox::ENTRIES_MAX {
            return Err(RequestError::Unavailable {
                reason: "too many messages wait for their recipients; try again later".into(),
            });
        }
        let message = self.say(author, conversation, Content::text(text))?;
        if let Some((key, body)) = slot {
            let row = IdempotencyRow { body, message, at_ms: self.now_ms };
            self.put(Table::Idempotency, key.clone(), &row);
            self.idempotency.insert(key, row);
        }
        Ok(Reply::Accepted { message })
    }

    /// Says something in a conversation: to disk, and on its way to every other member.
    pub(crate) fn say(
        &mut self,
        author: PersonaId,
        conversation: ConversationId,
        content: Content,
    ) -> Result<MessageId, RequestError> {
        let now_ms = self.now_ms;
        let row = self
            .conversations
            .get_mut(&(author, conversation))
            .filter(|row| row.active)
            .ok_or(RequestError::NotFound { what: "conversation" })?;
        let message = Message {
            id: MessageId::derive(conversation, author, row.next_seq),
            seq: row.next_seq,
            previous: row.previous,
            sent_at_ms: now_ms,
            content,
        };
        let hosted =
            self.personas.get_mut(&author).ok_or(RequestError::NotFound { what: "persona" })?;
        let envelope = hosted.groups.seal(conversation, &message, now_ms).map_err(internal)?;
        let roster = hosted.groups.roster(conversation).map_err(internal)?;
        row.next_seq += 1;
        row.previous = message.id;
        let row = row.clone();
        self.put_conversation(author, conversation, row);
        let recipients: Vec<_> = roster.into_iter().filter(|member| *member != author).collect();
        let shown = is_shown(&message.content);
        if shown {
            let recipients = &recipients[..];
            self.log(Log { conversation, author, message: &message, recipients });
        }
        let row = EnvelopeRow {
            id: envelope.id(),
            envelope: envelope.into_bytes(),
            author,
            conversation: Some(conversation),
            message: shown.then_some(message.id),
            created_at_ms: now_ms,
        };
        self.post(row, &recipients);
        Ok(message.id)
    }

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

    pub(crate) fn on_frame(&mut self, node: NodeId, frame: Frame) {
        match frame {
            Frame::Envelope(bytes) => self.on_envelope(Some(node), bytes),
            Frame::Ack(ack) => self.on_ack(Some(node), &ack),
            Frame::CardRequest(persona) => self.on_card_request(node, persona),
            Frame::CardReply { persona, card: Some(card) } => {
                let wanted = self.contacts.keys().any(|(_, peer)| *peer == persona)
                    || self.cards.contains_key(&persona);
                if wanted {
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

    /// Stores a message for the owner to read and tells the listeners.
    fn log(&mut self, log: Log<'_>) {
        let Log { conversation, author, message, recipients } = log;
        let order = self.next_message_order;
        self.next_message_order += 1;
        let key = rows::key(&[b"m", conversation.as_bytes(), &order.to_be_bytes()]);
        let row = MessageRow {
            message: message.clone(),
            author,
            committed_at_ms: self.now_ms,
            recipients: recipients.to_vec(),
        };
        self.put(Table::Message, key.clone(), &row);
        self.put(Table::Message, b"n".to_vec(), &self.next_message_order.clone());
        self.put_bytes(Table::Message, rows::key(&[b"i", message.id.as_bytes()]), key);
        let view = self.message_view(conversation, &row, |_| None);
        self.emit(None, EventBody::MessagePersisted(Box::new(view)));
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

    /// Tells the sender's node that an envelope is on our disk, once for each member it was for.
    fn acknowledge(
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
    fn on_ack(&mut self, node: Option<NodeId>, ack: &Ack) {
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

    /// Personas of ours whose first-contact tags include this one.
    fn addressed_by(&self, tag: &Tag) -> Vec<PersonaId> {
        let meant =
            |sealing: protocol::card::SealingKey| contact_tags(&sealing, self.now_ms).contains(tag);
        let personas = self.personas.iter();
        personas.filter(|(_, h)| meant(h.sealing.public())).map(|(id, _)| *id).collect()
    }

    fn park(&mut self, parked: Parked) {
        if self.parked.iter().any(|other| other.envelope == parked.envelope) {
            return;
        }
        self.parked.push_back(parked);
        let bytes = |parked: &VecDeque<Parked>| -> usize {
            parked.iter().map(|parked| parked.envelope.len()).sum()
        };
        while self.parked.len() > PARKED_MAX || bytes(&self.parked) > PARKED_BYTES_MAX {
            self.parked.pop_front();
        }
    }

    /// Computes anew under which tags each of our members listens, and tries parked envelopes.
    pub(crate) fn refresh_tags(&mut self) {
        self.tags_window = self.now_ms / WINDOW_MS;
        self.tags.clear();
        let members: Vec<_> = self.conversations.keys().copied().collect();
        for (persona, conversation) in members {
            self.add_tags(persona, conversation);
        }
        self.retry_parked();
    }

    /// Computes the tags of one member anew after its epoch changed.
    pub(crate) fn refresh_tags_of(&mut self, persona: PersonaId, conversation: ConversationId) {
        for members in self.tags.values_mut() {
            members.remove(&(persona, conversation));
        }
        self.tags.retain(|_, members| !members.is_empty());
        self.add_tags(persona, conversation);
        self.retry_parked();
    }

    fn add_tags(&mut self, persona: PersonaId, conversation: ConversationId) {
        let Some(hosted) = self.personas.get(&persona) else { return };
        for tag in hosted.groups.tags(conversation, self.now_ms).unwrap_or_default() {
            self.tags.entry(tag).or_default().insert((persona, conversation));
        }
    }

    fn retry_parked(&mut self) {
        let (known, unknown) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition::<VecDeque<_>, _>(|parked: &Parked| self.tags.contains_key(&parked.tag));
        self.parked = unknown;
        for parked in known {
            self.on_envelope(parked.node, parked.envelope);
        }
    }
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
