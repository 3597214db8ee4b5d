//! Sending: from the owner's words to envelopes on their way.

use protocol::{
    identity::{ConversationId, MessageId, PersonaId},
    wire::{Content, Frame, Message},
};

use super::{
    IDEMPOTENCY_KEY_BYTES_MAX, Log, TEXT_BYTES_MAX, envelope_key, is_shown, pending_key, sha256,
};
use crate::{
    effect::{Effect, Table},
    event::EventBody,
    persona::internal,
    request::{Reply, RequestError},
    rows::{self, EnvelopeRow, IdempotencyRow, MessageRow},
    state::Engine,
};

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

    /// Stores a message for the owner to read and tells the listeners.
    pub(super) fn log(&mut self, log: Log<'_>) {
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
}
