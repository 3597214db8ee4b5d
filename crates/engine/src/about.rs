//! What is said about earlier messages: replies, reactions, edits, deletions.
//!
//! The rows of each say who said it and at which count, so that nothing has to be read to write
//! the next one, and so that the order in which they arrive does not show:
//!
//! - a text lies under its message's id, an edit beside it under its own count;
//! - a reaction takes the one row its author has on that message, whole;
//! - a deletion leaves a row that says so, and takes the text and its edits from the disk.
//!
//! Only what overtook an earlier message of the same author needs memory: while messages of an
//! author are missing, its reactions and deletions are remembered with their counts, and a
//! latecomer that they have outdated changes nothing.

use std::collections::BTreeMap;

use protocol::{
    identity::{ConversationId, MessageId, PersonaId},
    wire::{self, Content, ContentKind, Deletion, Edit, Message, Reaction},
};

use crate::{
    effect::Table,
    event::{About, EventBody},
    persona::invalid,
    request::{Reply, RequestError},
    rows::{self, AheadRow, DeletedRow, EditRow, ReactionRow},
    state::{Engine, LoadError, damaged, read},
};

/// What some authors said about messages while earlier ones of theirs were missing, by its count.
pub(crate) type Ahead = BTreeMap<(ConversationId, PersonaId), BTreeMap<u64, AheadRow>>;

pub(crate) fn load(engine: &mut Engine, key: &[u8], value: &[u8]) -> Result<(), LoadError> {
    let bad = || damaged(Table::Message, "key");
    let (conversation, rest) = key.split_at_checked(16).ok_or_else(bad)?;
    let (author, seq) = rest.split_at_checked(32).ok_or_else(bad)?;
    let conversation = ConversationId::from_slice(conversation).ok_or_else(bad)?;
    let author = PersonaId::from_slice(author).ok_or_else(bad)?;
    let seq = u64::from_be_bytes(seq.try_into().map_err(|_| bad())?);
    let row: AheadRow = read(Table::Message, value)?;
    engine.ahead.entry((conversation, author)).or_default().insert(seq, row);
    Ok(())
}

/// Whether a person said it: then it can be deleted, and so its body lies in a row of its own.
pub(crate) fn is_said(kind: u16) -> bool {
    is_text(kind) || kind == ContentKind::File as u16
}

/// Whether it has a text that can be edited.
pub(crate) fn is_text(kind: u16) -> bool {
    matches!(ContentKind::from_number(kind), Some(ContentKind::Text | ContentKind::Reply))
}

/// Where the text of a message lies.
pub(crate) fn text_key(message: &MessageId) -> Vec<u8> {
    rows::key(&[b"b", message.as_bytes()])
}

/// Where the edits of a message lie, each under its count.
pub(crate) fn edits_key(message: &MessageId) -> Vec<u8> {
    rows::key(&[b"v", message.as_bytes()])
}

/// Where the reactions to a message lie, each under its author.
pub(crate) fn reactions_key(message: &MessageId) -> Vec<u8> {
    rows::key(&[b"r", message.as_bytes()])
}

/// Where it stands that a message was deleted.
pub(crate) fn deleted_key(message: &MessageId) -> Vec<u8> {
    rows::key(&[b"t", message.as_bytes()])
}

fn ahead_key(conversation: ConversationId, author: PersonaId, seq: u64) -> Vec<u8> {
    rows::key(&[b"w", conversation.as_bytes(), author.as_bytes(), &seq.to_be_bytes()])
}

impl Engine {
    /// Replaces what one of our personas thinks of a message.
    pub(crate) fn react(
        &mut self,
        conversation: ConversationId,
        persona: PersonaId,
        to: MessageId,
        emoji: Vec<String>,
    ) -> Result<Reply, RequestError> {
        let author = self.speaker(conversation, Some(persona))?;
        let body = Reaction { to, emoji }.to_bytes();
        if Reaction::from_bytes(&body).is_err() {
            let reason = format!("at most {} different emoji on a message", wire::REACTIONS_MAX);
            return Err(invalid("emoji", &reason));
        }
        self.say_about(author, conversation, ContentKind::Reaction, body)
    }

    /// Gives a message of one of our personas another text.
    pub(crate) fn edit(
        &mut self,
        conversation: ConversationId,
        persona: PersonaId,
        of: u64,
        text: String,
    ) -> Result<Reply, RequestError> {
        let (author, seq) = self.writer(conversation, persona)?;
        if text.is_empty() || text.len() > wire::TEXT_BYTES_MAX {
            return Err(invalid("text", &format!("1 to {} bytes", wire::TEXT_BYTES_MAX)));
        }
        let body = Edit { of, text }.to_bytes();
        match Edit::from_bytes(&body, seq) {
            Ok(_) => self.say_about(author, conversation, ContentKind::Edit, body),
            Err(_) => Err(RequestError::NotFound { what: "message" }),
        }
    }

    /// Takes a message of one of our personas back, for everyone.
    pub(crate) fn delete_message(
        &mut self,
        conversation: ConversationId,
        persona: PersonaId,
        of: u64,
    ) -> Result<Reply, RequestError> {
        let (author, seq) = self.writer(conversation, persona)?;
        if of >= seq {
            return Err(RequestError::NotFound { what: "message" });
        }
        let body = Deletion { of }.to_bytes();
        self.say_about(author, conversation, ContentKind::Deletion, body)
    }

    /// One of our personas in a conversation, and the count of its next message there.
    fn writer(
        &self,
        conversation: ConversationId,
        persona: PersonaId,
    ) -> Result<(PersonaId, u64), RequestError> {
        let author = self.speaker(conversation, Some(persona))?;
        Ok((author, self.conversation(author, conversation)?.next_seq))
    }

    fn say_about(
        &mut self,
        author: PersonaId,
        conversation: ConversationId,
        kind: ContentKind,
        body: Vec<u8>,
    ) -> Result<Reply, RequestError> {
        self.room_to_say()?;
        let message = self.say(author, conversation, Content::new(kind, body))?;
        Ok(Reply::Accepted { message })
    }

    /// Does what a message says about earlier ones, ours or another's. What says nothing that can
    /// be done is passed over.
    pub(crate) fn on_about(
        &mut self,
        conversation: ConversationId,
        author: PersonaId,
        message: &Message,
    ) {
        let Message { seq, sent_at_ms, content: Content { kind, body }, .. } = message;
        match ContentKind::from_number(*kind) {
            Some(ContentKind::Reaction) => {
                if let Ok(reaction) = Reaction::from_bytes(body) {
                    self.on_reaction(conversation, author, *seq, reaction);
                }
            }
            Some(ContentKind::Edit) => {
                if let Ok(edit) = Edit::from_bytes(body, *seq) {
                    self.on_edit(conversation, author, (*seq, *sent_at_ms), edit);
                }
            }
            Some(ContentKind::Deletion) => {
                if let Ok(Deletion { of }) = Deletion::from_bytes(body, *seq) {
                    self.on_deletion(conversation, author, *seq, of);
                }
            }
            _ => {}
        }
    }

    fn on_reaction(
        &mut self,
        conversation: ConversationId,
        author: PersonaId,
        seq: u64,
        Reaction { to, emoji }: Reaction,
    ) {
        let outdated = self.ahead.get(&(conversation, author)).is_some_and(|ahead| {
            let mut later = ahead.range(seq + 1..);
            later.any(|(_, row)| *row == AheadRow::Reaction { to })
        });
        if outdated {
            return;
        }
        let key = [&reactions_key(&to)[..], author.as_bytes()].concat();
        match emoji.is_empty() {
            true => self.delete(Table::Message, key),
            false => {
                let row = ReactionRow { conversation, emoji, at_ms: self.now_ms };
                self.put(Table::Message, key, &row);
            }
        }
        self.remember_ahead(conversation, author, seq, AheadRow::Reaction { to });
        self.emit_about(conversation, to, About::Reaction);
    }

    fn on_edit(
        &mut self,
        conversation: ConversationId,
        author: PersonaId,
        (seq, sent_at_ms): (u64, u64),
        Edit { of, text }: Edit,
    ) {
        if self.is_deleted_ahead(conversation, author, of) {
            return;
        }
        let message = MessageId::derive(conversation, author, of);
        let key = [&edits_key(&message)[..], &seq.to_be_bytes()].concat();
        self.put(Table::Message, key, &EditRow { text, sent_at_ms, at_ms: self.now_ms });
        self.emit_about(conversation, message, About::Edit);
    }

    fn on_deletion(&mut self, conversation: ConversationId, author: PersonaId, seq: u64, of: u64) {
        let message = MessageId::derive(conversation, author, of);
        self.put(Table::Message, deleted_key(&message), &DeletedRow { at_ms: self.now_ms });
        self.delete(Table::Message, text_key(&message));
        self.delete_under(Table::Message, edits_key(&message));
        self.delete_under(Table::Message, reactions_key(&message));
        self.forget_file_of(&message);
        self.remember_ahead(conversation, author, seq, AheadRow::Deletion { of });
        self.emit_about(conversation, message, About::Deletion);
    }

    fn emit_about(&mut self, conversation: ConversationId, message: MessageId, about: About) {
        self.emit(None, EventBody::MessageUpdated { message, conversation, about });
    }

    /// Whether a message that has not come yet was deleted already.
    pub(crate) fn is_deleted_ahead(
        &self,
        conversation: ConversationId,
        author: PersonaId,
        seq: u64,
    ) -> bool {
        let ahead = self.ahead.get(&(conversation, author));
        ahead.is_some_and(|ahead| ahead.values().any(|row| *row == AheadRow::Deletion { of: seq }))
    }

    /// Remembers what was said while earlier messages of its author are missing. When none is,
    /// nothing can come any more that this has outdated.
    fn remember_ahead(
        &mut self,
        conversation: ConversationId,
        author: PersonaId,
        seq: u64,
        row: AheadRow,
    ) {
        let missing = self.authors.get(&(conversation, author)).map(|row| &row.missing);
        if missing.is_some_and(|gaps| gaps.iter().any(|gap| gap.first < seq)) {
            self.put(Table::Message, ahead_key(conversation, author, seq), &row);
            self.ahead.entry((conversation, author)).or_default().insert(seq, row);
        }
    }

    /// Forgets what no missing message of an author can precede any more.
    pub(crate) fn forget_ahead(&mut self, conversation: ConversationId, author: PersonaId) {
        let key = (conversation, author);
        let Some(ahead) = self.ahead.get_mut(&key) else { return };
        let missing = self.authors.get(&key).and_then(|row| row.missing.first());
        let done = match missing {
            Some(gap) => {
                let later = ahead.split_off(&gap.first);
                std::mem::replace(ahead, later)
            }
            None => std::mem::take(ahead),
        };
        if ahead.is_empty() {
            self.ahead.remove(&key);
        }
        for seq in done.into_keys() {
            self.delete(Table::Message, ahead_key(conversation, author, seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::identity::{NodeId, PersonaKey};

    use super::*;
    use crate::{
        effect::{Change, Effect, Ledger, Write},
        log::Log,
        request::Request,
        view::{EditView, MessageView},
    };

    const HERE: ConversationId = ConversationId([1; 16]);

    #[derive(Default)]
    struct Disk(BTreeMap<(Table, Vec<u8>), Vec<u8>>);

    impl Disk {
        fn commit(&mut self, engine: &mut Engine) {
            engine.handle(crate::Input::Stored, 1);
            while let Some(effect) = engine.poll_effect() {
                let Effect::Persist(writes) = effect else { continue };
                for Write { table, key, change } in writes {
                    match change {
                        Change::Put(value) => drop(self.0.insert((table, key), value)),
                        Change::Delete => drop(self.0.remove(&(table, key))),
                        Change::DeleteUnder => {
                            self.0.retain(|(t, k), _| *t != table || !k.starts_with(&key));
                        }
                    }
                }
            }
        }

        fn engine(&self) -> Engine {
            let loaded = self.0.iter().filter(|((table, key), _)| {
                Table::LOADED.iter().any(|(t, prefix)| t == table && key.starts_with(prefix))
            });
            let rows = loaded.map(|((table, key), value)| (*table, key.clone(), value.clone()));
            Engine::load(NodeId([3; 32]), [4; 32], rows, 1).unwrap()
        }
    }

    impl Ledger for Disk {
        fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
            self.0.get(&(table, key.to_vec())).cloned()
        }

        fn newest(
            &self,
            table: Table,
            prefix: &[u8],
            before: Option<&[u8]>,
            limit: usize,
        ) -> Vec<(Vec<u8>, Vec<u8>)> {
            let rows = self.0.iter().rev().filter(|((t, key), _)| {
                *t == table && key.starts_with(prefix) && before.is_none_or(|b| &key[..] < b)
            });
            rows.map(|((_, key), value)| (key.clone(), value.clone())).take(limit).collect()
        }
    }

    fn author(seed: u8) -> PersonaId {
        PersonaKey::from_seed(&[seed; 32]).id()
    }

    fn id(author: PersonaId, seq: u64) -> MessageId {
        MessageId::derive(HERE, author, seq)
    }

    /// What the node does with a message of another node's persona once it is open.
    fn arrive(engine: &mut Engine, author: PersonaId, seq: u64, content: Content) {
        let message = Message {
            id: id(author, seq),
            seq,
            previous: MessageId([0; 16]),
            sent_at_ms: 1_000 + seq,
            content,
        };
        engine.note(author, HERE, author, &message);
    }

    fn view(disk: &Disk, message: MessageId) -> MessageView {
        let reply = disk.engine().query(&Request::GetMessage(message), disk).unwrap();
        let Ok(Reply::Message(view)) = reply else { panic!("{reply:?}") };
        view
    }

    fn emoji(list: &[&str]) -> Vec<String> {
        list.iter().map(|emoji| (*emoji).to_owned()).collect()
    }

    /// Every order of so many things.
    fn orders(count: usize) -> Vec<Vec<usize>> {
        let mut orders = vec![Vec::new()];
        for next in 0..count {
            let longer = orders.iter().flat_map(|order| {
                (0..=order.len()).map(move |at| {
                    let mut longer: Vec<usize> = order.clone();
                    longer.insert(at, next);
                    longer
                })
            });
            orders = longer.collect();
        }
        orders
    }

    fn said(kind: ContentKind, body: Vec<u8>) -> Content {
        Content::new(kind, body)
    }

    fn reaction(to: MessageId, list: &[&str]) -> Content {
        said(ContentKind::Reaction, Reaction { to, emoji: emoji(list) }.to_bytes())
    }

    fn edit(of: u64, text: &str) -> Content {
        said(ContentKind::Edit, Edit { of, text: text.into() }.to_bytes())
    }

    /// Lets the same messages arrive in every order, each time with a restart in between, and
    /// hands what is left to `check`.
    fn in_every_order(messages: &[(u64, Content)], check: impl Fn(&Disk)) {
        let alice = author(7);
        for order in orders(messages.len()) {
            let (mut disk, mut engine) = (Disk::default(), Disk::default().engine());
            for (step, index) in order.into_iter().enumerate() {
                let (seq, content) = &messages[index];
                arrive(&mut engine, alice, *seq, content.clone());
                disk.commit(&mut engine);
                if step == messages.len() / 2 {
                    engine = disk.engine();
                }
                arrive(&mut engine, alice, *seq, content.clone());
                disk.commit(&mut engine);
            }
            assert!(engine.ahead.is_empty(), "nothing is missing, so nothing is remembered");
            check(&disk);
        }
    }

    #[test]
    fn edits_and_reactions_end_the_same_in_every_order() {
        let alice = author(7);
        let messages = [
            (0, Content::text("dinner at ate")),
            (1, edit(0, "dinner at eight")),
            (2, reaction(id(alice, 0), &["🎉", "👍"])),
            (3, edit(0, "dinner at nine")),
            (4, reaction(id(alice, 0), &["👍"])),
        ];
        in_every_order(&messages, |disk| {
            let view = view(disk, id(alice, 0));
            assert_eq!(view.text, "dinner at nine");
            assert!(view.edited_at_ms.is_some());
            let [shown] = &view.reactions[..] else { panic!("{:?}", view.reactions) };
            assert_eq!((&shown.emoji[..], &shown.by[..]), ("👍", &[alice][..]));
            let reply = disk.engine().query(&Request::ListEdits(id(alice, 0)), disk).unwrap();
            let Ok(Reply::Edits(edits)) = reply else { panic!("{reply:?}") };
            let was =
                |text: &str, seq: u64| EditView { text: text.into(), sent_at_ms: 1_000 + seq };
            let texts =
                [was("dinner at ate", 0), was("dinner at eight", 1), was("dinner at nine", 3)];
            assert_eq!(edits, texts);
        });
    }

    #[test]
    fn a_deletion_leaves_no_text_on_disk_in_every_order() {
        let alice = author(7);
        let messages = [
            (0, Content::text("a secret nobody should keep")),
            (1, edit(0, "a secret nobody should have")),
            (2, Content::text("never mind")),
            (3, edit(0, "a secret after all")),
            (4, said(ContentKind::Deletion, Deletion { of: 0 }.to_bytes())),
        ];
        in_every_order(&messages, |disk| {
            let gone = view(disk, id(alice, 0));
            assert!(gone.deleted_at_ms.is_some() && gone.text.is_empty(), "{gone:?}");
            assert_eq!(gone.edited_at_ms, None);
            assert_eq!(view(disk, id(alice, 2)).text, "never mind");
            for ((table, key), value) in &disk.0 {
                let found = value.windows(6).any(|bytes| bytes == b"secret");
                assert!(!found, "{table:?} {key:?}");
            }
        });
    }

    #[test]
    fn a_reaction_waits_for_its_message_and_has_one_row_a_person() {
        let (alice, bob) = (author(7), author(8));
        let (mut disk, mut engine) = (Disk::default(), Disk::default().engine());
        let message = id(alice, 0);
        for seq in 0..50 {
            let list: &[&str] = if seq % 2 == 0 { &["👍"] } else { &["🎉", "👍"] };
            arrive(&mut engine, bob, seq, reaction(message, list));
        }
        disk.commit(&mut engine);
        let rows = |disk: &Disk| disk.newest(Table::Message, &reactions_key(&message), None, 99);
        assert_eq!(rows(&disk).len(), 1);
        arrive(&mut engine, alice, 0, Content::text("at last"));
        disk.commit(&mut engine);
        assert_eq!(view(&disk, message).reactions.len(), 2);
        arrive(&mut engine, bob, 50, reaction(message, &[]));
        disk.commit(&mut engine);
        assert!(view(&disk, message).reactions.is_empty() && rows(&disk).is_empty());
    }

    #[test]
    fn nobody_edits_or_deletes_what_another_said() {
        let (alice, bob) = (author(7), author(8));
        let (mut disk, mut engine) = (Disk::default(), Disk::default().engine());
        arrive(&mut engine, alice, 0, Content::text("mine"));
        arrive(&mut engine, bob, 0, Content::text("Bob's"));
        arrive(&mut engine, bob, 1, edit(0, "Bob's, edited"));
        arrive(&mut engine, bob, 2, said(ContentKind::Deletion, Deletion { of: 1 }.to_bytes()));
        disk.commit(&mut engine);
        assert_eq!(view(&disk, id(alice, 0)).text, "mine");
        assert_eq!(view(&disk, id(bob, 0)).text, "Bob's, edited");
    }

    #[test]
    fn a_reply_shows_what_it_answers_and_only_from_the_same_conversation() {
        let (alice, bob) = (author(7), author(8));
        let (mut disk, mut engine) = (Disk::default(), Disk::default().engine());
        let reply = |to| {
            let reply = wire::Reply { to, text: "yes".into() };
            said(ContentKind::Reply, reply.to_bytes())
        };
        arrive(&mut engine, bob, 0, reply(id(alice, 0)));
        disk.commit(&mut engine);
        let early = view(&disk, id(bob, 0));
        assert!(early.reply_to.is_some() && early.quoted.is_none(), "it has not come yet");
        arrive(&mut engine, alice, 0, Content::text("coming?"));
        let elsewhere = Message {
            id: MessageId([9; 16]),
            seq: 0,
            previous: MessageId([0; 16]),
            sent_at_ms: 1,
            content: Content::text("elsewhere"),
        };
        let order = engine.next_place();
        let conversation = ConversationId([2; 16]);
        let log = Log { conversation, author: alice, message: &elsewhere, recipients: &[], order };
        engine.log(log);
        arrive(&mut engine, bob, 1, reply(MessageId([9; 16])));
        disk.commit(&mut engine);
        let view = |seq| view(&disk, id(bob, seq));
        assert_eq!(view(0).quoted.map(|quoted| quoted.text), Some("coming?".into()));
        assert_eq!((view(0).kind, &view(0).text[..]), ("text", "yes"));
        assert!(view(1).quoted.is_none());
    }
}
