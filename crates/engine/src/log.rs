//! The message log: what the owner reads, every message once, each author's in the author's order.
//!
//! A stream that dies unnoticed takes envelopes with it while later ones arrive, so a message may
//! come before its predecessors. It is shown at once, and places in the log are kept free for the
//! others. The same bookkeeping knows a message that comes a second time: because two personas of
//! this node are members, or because its author sealed it again after the group had changed.

use protocol::{
    identity::{ConversationId, PersonaId},
    wire::{Content, ContentKind, Message},
};

use crate::{
    effect::Table,
    event::EventBody,
    outbox::WINDOW,
    rows::{self, AuthorRow, MessageRow},
    state::{Engine, LoadError, Rows, damaged, read},
};

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    let bad = || damaged(Table::Message, "key");
    for (key, value) in tables.remove(&Table::Message).unwrap_or_default() {
        match key.split_first() {
            Some((b'n', [])) => engine.next_message_order = read(Table::Message, &value)?,
            Some((b'a', rest)) => {
                let (conversation, author) = rest.split_at_checked(16).ok_or_else(bad)?;
                let conversation = ConversationId::from_slice(conversation).ok_or_else(bad)?;
                let author = PersonaId::from_slice(author).ok_or_else(bad)?;
                engine.authors.insert((conversation, author), read(Table::Message, &value)?);
            }
            _ => return Err(bad()),
        }
    }
    Ok(())
}

/// What is needed to store a message for the owner to read.
pub(crate) struct Log<'a> {
    pub(crate) conversation: ConversationId,
    pub(crate) author: PersonaId,
    pub(crate) message: &'a Message,
    pub(crate) recipients: &'a [PersonaId],
    /// Its place, from [`Engine::next_place`] or [`Engine::place`].
    pub(crate) order: u64,
}

impl Engine {
    /// The next free place in the log.
    pub(crate) fn next_place(&mut self) -> u64 {
        let order = self.next_message_order;
        self.next_message_order += 1;
        self.put(Table::Message, b"n".to_vec(), &self.next_message_order.clone());
        order
    }

    /// The place of a message of another node's persona: the next one, or the one kept free for
    /// it; none when the message is not new.
    pub(crate) fn place(
        &mut self,
        conversation: ConversationId,
        author: PersonaId,
        seq: u64,
    ) -> Option<u64> {
        let key = (conversation, author);
        let mut row = self.authors.remove(&key).unwrap_or_else(|| AuthorRow {
            // Some said before the first that arrives may have been for us too.
            next_seq: seq.saturating_sub(WINDOW),
            missing: Vec::new(),
        });
        let place = if seq < row.next_seq {
            let kept = row.missing.iter().position(|(missing, _)| *missing == seq);
            kept.map(|index| row.missing.remove(index).1)
        } else {
            for missing in row.next_seq.max(seq.saturating_sub(WINDOW))..seq {
                row.missing.push((missing, self.next_place()));
            }
            row.next_seq = seq.saturating_add(1);
            // Nobody sends further ahead than this of what has not arrived.
            row.missing.retain(|(missing, _)| missing + WINDOW >= seq);
            Some(self.next_place())
        };
        if place.is_some() {
            let key = rows::key(&[b"a", conversation.as_bytes(), author.as_bytes()]);
            self.put(Table::Message, key, &row);
        }
        self.authors.insert(key, row);
        place
    }

    /// Stores a message for the owner to read and tells the listeners.
    pub(crate) fn log(&mut self, log: Log<'_>) {
        let Log { conversation, author, message, recipients, order } = log;
        let key = rows::key(&[b"m", conversation.as_bytes(), &order.to_be_bytes()]);
        let row = MessageRow {
            message: message.clone(),
            author,
            committed_at_ms: self.now_ms,
            recipients: recipients.to_vec(),
        };
        self.put(Table::Message, key.clone(), &row);
        self.put_bytes(Table::Message, rows::key(&[b"i", message.id.as_bytes()]), key);
        let view = self.message_view(conversation, &row, |_| None);
        self.emit(None, EventBody::MessagePersisted(Box::new(view)));
    }
}

impl Engine {
    /// Whether the owner sees this content in the conversation. The votes' inner rounds are not shown:
    /// their sum is, on the proposal.
    pub(crate) fn is_shown(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        content: &Content,
    ) -> bool {
        match ContentKind::from_number(content.kind) {
            Some(ContentKind::Roster) => false,
            Some(ContentKind::Decision) => {
                self.is_vote_shown(me, conversation, author, &content.body)
            }
            _ => true,
        }
    }
}
