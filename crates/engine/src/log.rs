//! The message log: what the owner reads, every message once, each author's in the author's order.
//!
//! A stream that dies unnoticed takes envelopes with it while later ones arrive, so a message may
//! come before its predecessors. It is shown at once, and places in the log are kept free for the
//! others. The same bookkeeping knows a message that comes a second time: because two personas of
//! this node are members, or because its author sealed it again after the group had changed.

use protocol::{
    identity::{ConversationId, PersonaId},
    session::OUT_OF_ORDER_MAX,
    wire::{Content, ContentKind, Message},
};

use crate::{
    about::{is_said, text_key},
    effect::Table,
    event::EventBody,
    query::Around,
    rows::{self, AuthorRow, DeletedRow, Gap, MessageRow},
    state::{Engine, LoadError, Rows, damaged, read},
};

/// Messages of one author are opened, and have places kept free for them, when they overtake each
/// other by no more than this.
const WINDOW: u64 = OUT_OF_ORDER_MAX as u64;

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
            Some((b'w', rest)) => crate::about::load(engine, rest, &value)?,
            Some((b'q', rest)) => crate::inquiries::load(engine, rest, &value)?,
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
        self.next_places(1)
    }

    /// The first of so many free places.
    fn next_places(&mut self, count: u64) -> u64 {
        let first = self.next_message_order;
        self.next_message_order += count;
        self.put(Table::Message, b"n".to_vec(), &self.next_message_order.clone());
        first
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
            fill(&mut row.missing, seq)
        } else {
            let first = row.next_seq.max(seq.saturating_sub(WINDOW));
            if first < seq {
                let count = seq - first;
                row.missing.push(Gap { first, place: self.next_places(count), count });
            }
            row.next_seq = seq.saturating_add(1);
            // What is further back cannot be opened any more.
            row.missing.retain(|gap| gap.first + gap.count + WINDOW > seq);
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
        let mut row = MessageRow {
            message: message.clone(),
            author,
            committed_at_ms: self.now_ms,
            recipients: recipients.to_vec(),
        };
        let mut around = Around::default();
        if is_said(message.content.kind) {
            let body = std::mem::take(&mut row.message.content.body);
            if self.is_deleted_ahead(conversation, author, message.seq) {
                around.deleted = Some(DeletedRow { at_ms: self.now_ms });
            } else {
                self.put_bytes(Table::Message, text_key(&message.id), body.clone());
                around.body = Some(body);
            }
        }
        self.put(Table::Message, key.clone(), &row);
        self.put_bytes(Table::Message, rows::key(&[b"i", message.id.as_bytes()]), key);
        let view = self.message_view(conversation, &row, around, |_| None);
        self.emit(None, EventBody::MessagePersisted(Box::new(view)));
    }
}

/// Takes the place kept free for a number out of the gaps, if there is one.
fn fill(gaps: &mut Vec<Gap>, seq: u64) -> Option<u64> {
    let index = gaps.iter().position(|gap| (gap.first..gap.first + gap.count).contains(&seq))?;
    let gap = gaps.remove(index);
    let before = seq - gap.first;
    let place = gap.place + before;
    let after = gap.count - before - 1;
    let rest = [
        Gap { first: gap.first, place: gap.place, count: before },
        Gap { first: seq + 1, place: place + 1, count: after },
    ];
    gaps.splice(index..index, rest.into_iter().filter(|gap| gap.count > 0));
    Some(place)
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
            Some(
                ContentKind::Roster
                | ContentKind::Reaction
                | ContentKind::Edit
                | ContentKind::FilePart
                | ContentKind::Deletion,
            ) => false,
            Some(ContentKind::Decision) => {
                self.is_vote_shown(me, conversation, author, &content.body)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_a_gap_are_taken_one_by_one_in_any_order() {
        let whole = [Gap { first: 10, place: 100, count: 5 }];
        for order in [[10, 11, 12, 13, 14], [14, 13, 12, 11, 10], [12, 10, 14, 11, 13]] {
            let mut gaps = whole.to_vec();
            for seq in order {
                assert_eq!(fill(&mut gaps, seq), Some(seq + 90));
                assert_eq!(fill(&mut gaps, seq), None, "a place is taken once");
                assert!(gaps.is_sorted_by_key(|gap| gap.first));
            }
            assert!(gaps.is_empty());
        }
        assert_eq!(fill(&mut whole.to_vec(), 9), None);
        assert_eq!(fill(&mut whole.to_vec(), 15), None);
    }
}
