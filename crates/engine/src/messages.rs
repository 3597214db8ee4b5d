//! Where a message is sent and where one is received.
//!
//! Sending: seal once, put ratchet step, message row and envelope into one batch, then hand the
//! envelope to the network, and again until each recipient has proven that it committed it. Every
//! retry sends the same bytes.
//!
//! Receiving: find whom the envelope's tag means, open it, put ratchet step, message row and
//! dedupe key into one batch, then acknowledge. An envelope whose tag nobody knows yet is parked
//! without an acknowledgement: the commit that explains it may still be on its way.

use std::collections::BTreeSet;

use protocol::{
    identity::{ConversationId, EnvelopeId, MessageId, NodeId, PersonaId},
    session::{Envelope, Opened, SessionError, SignedSignal, open_sealed},
    wire::{self, Content, ContentKind, Frame, Message},
};

use crate::{
    effect::Table,
    log::Log,
    mail::{Committed, Source},
    outbox::TRAVEL_MS,
    persona::internal,
    request::{Reply, RequestError},
    rows::{self, Cargo, EnvelopeRow, IdempotencyRow, InboxRow},
    state::{Engine, LoadError, Rows, damaged, read},
    tags::Parked,
};

/// How long an envelope's id is remembered, in milliseconds: twice the longest time one may travel.
const REMEMBER_MS: u64 = 2 * TRAVEL_MS;
/// The longest text of one message, in bytes.
const TEXT_BYTES_MAX: usize = wire::TEXT_BYTES_MAX;
/// The longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Idempotency keys are remembered this long, in milliseconds.
const IDEMPOTENCY_MS: u64 = 24 * 60 * 60 * 1000;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Inbox).unwrap_or_default() {
        let bad = || damaged(Table::Inbox, "key");
        let (id, persona) = key.split_at_checked(32).ok_or_else(bad)?;
        let id = EnvelopeId::from_slice(id).ok_or_else(bad)?;
        let persona = PersonaId::from_slice(persona).ok_or_else(bad)?;
        let row: InboxRow = read(Table::Inbox, &value)?;
        engine.inbox.insert((id, persona), row);
    }
    for (key, value) in tables.remove(&Table::Idempotency).unwrap_or_default() {
        engine.idempotency.insert(key, read::<IdempotencyRow>(Table::Idempotency, &value)?);
    }
    engine.forget_old();
    Ok(())
}

/// What an idempotency key stands for.
pub(crate) enum Slot {
    /// A message that was said under it.
    Answered(MessageId),
    /// Nothing yet: where it goes, if there is a key.
    Free(Option<(Vec<u8>, [u8; 32])>),
}

impl Engine {
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

    pub(crate) fn send_text(
        &mut self,
        conversation: ConversationId,
        persona: Option<PersonaId>,
        text: &str,
        reply_to: Option<MessageId>,
        idempotency_key: Option<String>,
    ) -> Result<Reply, RequestError> {
        let invalid = |field, reason: String| RequestError::Invalid { field, reason };
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            let reason = format!("1 to {TEXT_BYTES_MAX} bytes, this has {}", text.len());
            return Err(invalid("text", reason));
        }
        let author = self.speaker(conversation, persona)?;
        let said = [author.as_bytes(), text.as_bytes()];
        let body = match reply_to.as_ref().map(MessageId::as_bytes) {
            None => sha256(&said),
            Some(to) => sha256(&[said[0], said[1], to]),
        };
        let slot = match self.slot(conversation, idempotency_key, body)? {
            Slot::Answered(message) => return Ok(Reply::Accepted { message }),
            Slot::Free(slot) => slot,
        };
        self.room_to_say()?;
        let content = match reply_to {
            None => Content::text(text),
            Some(to) => {
                let reply = wire::Reply { to, text: text.to_owned() };
                Content::new(ContentKind::Reply, reply.to_bytes())
            }
        };
        let message = self.say(author, conversation, content)?;
        self.fill_slot(slot, message);
        Ok(Reply::Accepted { message })
    }

    /// What an idempotency key was used for here; `body` is the hash of what is asked now.
    pub(crate) fn slot(
        &self,
        conversation: ConversationId,
        key: Option<String>,
        body: [u8; 32],
    ) -> Result<Slot, RequestError> {
        let Some(key) = key else { return Ok(Slot::Free(None)) };
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            let reason = format!("1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes");
            return Err(RequestError::Invalid { field: "idempotency_key", reason });
        }
        let key = rows::key(&[conversation.as_bytes(), &sha256(&[key.as_bytes()])]);
        match self.idempotency.get(&key) {
            Some(row) if row.body == body => Ok(Slot::Answered(row.message)),
            Some(_) => {
                let reason = "this idempotency key was used for another message".into();
                Err(RequestError::Conflict { reason })
            }
            None => Ok(Slot::Free(Some((key, body)))),
        }
    }

    /// Remembers under its key what was said.
    pub(crate) fn fill_slot(&mut self, slot: Option<(Vec<u8>, [u8; 32])>, message: MessageId) {
        if let Some((key, body)) = slot {
            let row = IdempotencyRow { body, message, at_ms: self.now_ms };
            self.put(Table::Idempotency, key.clone(), &row);
            self.idempotency.insert(key, row);
        }
    }

    /// Whether the outbox has room for one message more.
    pub(crate) fn room_to_say(&self) -> Result<(), RequestError> {
        match self.outbox.len() + self.returns.held() < crate::outbox::ENTRIES_MAX {
            true => Ok(()),
            false => Err(RequestError::Unavailable {
                reason: "too many messages wait for their recipients; try again later".into(),
            }),
        }
    }

    /// Says something in a conversation: to disk, and on its way to every other member.
    pub(crate) fn say(
        &mut self,
        author: PersonaId,
        conversation: ConversationId,
        content: Content,
    ) -> Result<MessageId, RequestError> {
        if self.is_rejoining(author, conversation) {
            return self.hold(author, conversation, content);
        }
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
        let epoch = hosted.groups.position(conversation).map_err(internal)?.epoch;
        row.next_seq += 1;
        row.previous = message.id;
        let row = row.clone();
        self.put_conversation(author, conversation, row);
        let recipients: Vec<_> = roster.into_iter().filter(|member| *member != author).collect();
        let shown = self.is_shown(author, conversation, author, &message.content);
        if shown {
            let (recipients, order) = (&recipients[..], self.next_place());
            self.log(Log { conversation, author, message: &message, recipients, order });
        } else {
            self.on_about(conversation, author, &message);
        }
        let id = message.id;
        let row = EnvelopeRow {
            id: envelope.id(),
            envelope: envelope.into_bytes(),
            author,
            cargo: Cargo::Message { conversation, epoch, message, shown },
            created_at_ms: now_ms,
        };
        self.post(row, &recipients);
        Ok(id)
    }

    pub(crate) fn on_frame(&mut self, node: NodeId, frame: Frame) {
        match frame {
            Frame::Envelope(bytes) => {
                self.on_envelope(Source::Node(node), bytes);
            }
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
            // The shell hands what concerns mailboxes to those who keep and use them.
            Frame::ToMailbox(_) | Frame::FromMailbox(_) => {}
        }
    }

    /// An envelope has come. Says which of our personas have it on disk now.
    pub(crate) fn on_envelope(&mut self, source: Source, bytes: Vec<u8>) -> BTreeSet<PersonaId> {
        let Ok(envelope) = Envelope::from_bytes(bytes) else { return BTreeSet::new() };
        let (id, tag) = (envelope.id(), envelope.tag());
        let author = self.outbox.get(&id).map(|row| row.author);
        let mut committed = self.committed(&id);
        let is_new = |committed: &[Committed], persona: &PersonaId| {
            Some(*persona) != author && committed.iter().all(|other| other.persona != *persona)
        };
        let members: Vec<_> = self.tags.get(&tag).into_iter().flatten().copied().collect();
        let stranger = self.addressed_by(&tag);
        let known = !members.is_empty() || stranger.is_some();
        for (persona, conversation) in members {
            if is_new(&committed, &persona)
                && let Some(author) = self.open(persona, conversation, &envelope)
            {
                committed.push(self.remember(id, persona, Some(conversation), author));
            }
        }
        if let Some(persona) = stranger
            && is_new(&committed, &persona)
            && let Some(hosted) = self.personas.get(&persona)
            && let Ok((plain, _)) = open_sealed(&hosted.sealing, &envelope)
        {
            // What is said about a group is true now and said again: nothing to keep.
            if let Ok(signed) = SignedSignal::from_bytes(&plain)
                && let Ok(signal) = signed.verify(self.now_ms)
            {
                self.on_signal(persona, source, signal, signed);
                return BTreeSet::new();
            }
            let author = self.on_introduction(persona, &plain);
            committed.push(self.remember(id, persona, None, author));
        }
        if !committed.is_empty() {
            self.acknowledge(source, id, &committed);
        } else if !known {
            self.park(Parked { at_ms: self.now_ms, source, tag, envelope: envelope.into_bytes() });
        }
        committed.into_iter().map(|committed| committed.persona).collect()
    }

    /// Which of our personas have an envelope on disk already.
    fn committed(&self, id: &EnvelopeId) -> Vec<Committed> {
        let of = (*id, PersonaId([0; 32]))..=(*id, PersonaId([0xff; 32]));
        let known = self.inbox.range(of);
        known
            .map(|((_, persona), row)| Committed {
                persona: *persona,
                row: row.clone(),
                new: false,
            })
            .collect()
    }

    /// Opens an envelope for one member and acts on it. When it is committed now: who waits for a
    /// receipt, if anybody.
    fn open(
        &mut self,
        persona: PersonaId,
        conversation: ConversationId,
        envelope: &Envelope,
    ) -> Option<Option<PersonaId>> {
        let now_ms = self.now_ms;
        let hosted = self.personas.get_mut(&persona)?;
        match hosted.groups.open(conversation, envelope, now_ms) {
            Ok(Opened::Message { author, message }) => {
                self.on_message(persona, conversation, author, &message);
                Some(Some(author))
            }
            Ok(Opened::Change { by, added, removed, .. }) => {
                self.on_change(persona, conversation, by, &added, &removed);
                Some(Some(by))
            }
            Ok(Opened::Rejoined { persona: back, by, .. }) => {
                self.on_rejoined(persona, conversation, back);
                Some(Some(by))
            }
            Ok(Opened::Replaced { here }) => {
                self.on_replaced(persona, conversation, here);
                Some(None)
            }
            Ok(Opened::Evicted) => {
                self.on_evicted(persona, conversation);
                Some(None)
            }
            Ok(Opened::Receipts(receipts)) => {
                self.on_receipts(&receipts);
                Some(None)
            }
            // The author of an envelope that comes back to its own node has nothing to open.
            Err(SessionError::AlreadyOpened) => Some(None),
            Err(_) => None,
        }
    }

    fn on_message(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        message: &Message,
    ) {
        self.note(me, conversation, author, message);
        let body = &message.content.body;
        match ContentKind::from_number(message.content.kind) {
            Some(ContentKind::AgentRequest) => {
                self.on_agent_request(me, conversation, author, body);
            }
            Some(ContentKind::AgentResponse) => self.on_agent_response(me, author, body),
            Some(ContentKind::Decision) => {
                self.on_decision_message(me, conversation, author, body);
            }
            Some(ContentKind::Inquiry) => self.on_inquiry(conversation, author, message),
            Some(ContentKind::Answer) => self.on_answer(conversation, author, message),
            Some(ContentKind::Roster) => self.on_roster(me, conversation, message.sent_at_ms, body),
            Some(
                ContentKind::Text
                | ContentKind::Reply
                | ContentKind::Reaction
                | ContentKind::Edit
                | ContentKind::Deletion
                | ContentKind::File
                | ContentKind::FilePart
                | ContentKind::Certificate,
            )
            | None => {}
        }
    }

    /// Puts a message of another node's persona where it belongs, the first time it comes. What
    /// one of our own says is there since it was said.
    pub(crate) fn note(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        message: &Message,
    ) {
        if !self.personas.contains_key(&author)
            && let Some(order) = self.place(conversation, author, message.seq)
        {
            if self.is_shown(me, conversation, author, &message.content) {
                // First, so that whoever is told of the message finds the file.
                if message.content.kind == ContentKind::File as u16 {
                    self.on_file(me, conversation, author, message);
                }
                self.log(Log { conversation, author, message, recipients: &[], order });
            } else if message.content.kind == ContentKind::FilePart as u16 {
                self.on_file_part(author, &message.content.body);
            } else {
                self.on_about(conversation, author, message);
            }
            self.forget_ahead(conversation, author);
        }
    }

    fn remember(
        &mut self,
        id: EnvelopeId,
        persona: PersonaId,
        conversation: Option<ConversationId>,
        author: Option<PersonaId>,
    ) -> Committed {
        let row = InboxRow { at_ms: self.now_ms, conversation, author };
        self.put(Table::Inbox, rows::key(&[id.as_bytes(), persona.as_bytes()]), &row);
        self.inbox.insert((id, persona), row.clone());
        Committed { persona, row, new: true }
    }
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
