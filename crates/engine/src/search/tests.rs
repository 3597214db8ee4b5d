//! What is found, what is not any more, and in which order.

use std::collections::BTreeMap;

use protocol::{
    identity::{MessageId, NodeId, PersonaKey},
    wire::{Content, ContentKind, Deletion, Edit, Message},
};

use super::*;
use crate::effect::{Change, Effect, Write};

fn found(question: &str, text: &str) -> Option<String> {
    let hits = Wanted::parse(question).unwrap().hits(text)?;
    let mark = |part: ExcerptPart| match part.hit {
        true => format!("[{}]", part.text),
        false => part.text,
    };
    Some(excerpt(text, &hits).into_iter().map(mark).collect())
}

#[test]
fn every_word_must_stand_there_and_the_last_may_go_on() {
    let text = "Soup on Friday, at Bob's?";
    assert_eq!(found("soup", text).unwrap(), "[Soup] on Friday, at Bob's?");
    assert_eq!(found("FRIDAY so", text).unwrap(), "[Soup] on [Friday], at Bob's?");
    assert_eq!(found("fri soup", text), None, "only the last by its beginning");
    assert_eq!(found("soup salad", text), None);
    assert_eq!(found("oup", text), None);
    assert_eq!(found("bob s", text).unwrap(), "[Soup] on Friday, at [Bob]'[s]?");
}

#[test]
fn letters_of_all_people_are_letters() {
    assert!(found("straße", "In der STRASSE und der Straße").is_some());
    assert_eq!(found("ÜBER", "über uns").unwrap(), "[über] uns");
    assert_eq!(found("привет", "Привет, мир").unwrap(), "[Привет], мир");
    assert_eq!(found("晚饭", "我们星期五吃晚饭吧").unwrap(), "[我们星期五吃晚饭吧]");
    assert_eq!(found("cafe\u{301}", "a cafe\u{301} here").unwrap(), "a [cafe\u{301}] here");
    // A letter that grows when it is made small moves no place.
    assert_eq!(found("end", "İİİİ end").unwrap(), "İİİİ [end]");
}

#[test]
fn an_excerpt_is_short_and_begins_near_the_first_hit() {
    let text = format!("{}needle {}needle", "hay ".repeat(500), "straw ".repeat(500));
    let shown = found("needle", &text).unwrap();
    assert!(shown.chars().count() <= EXCERPT_CHARS + 4, "{shown}");
    assert!(shown.starts_with("hay") && shown.contains("[needle] straw"), "{shown}");
    let umlauts = "ü".repeat(1000);
    assert_eq!(found("ü", &umlauts).unwrap().chars().count(), EXCERPT_CHARS);
}

#[test]
fn a_question_has_words_and_not_too_many() {
    for bad in ["", " ?!", "a b c d e f g h i", &"x".repeat(257)] {
        let refused = Wanted::parse(bad).unwrap_err();
        assert!(matches!(refused, RequestError::Invalid { field: "q", .. }), "{bad}");
    }
}

const HERE: ConversationId = ConversationId([1; 16]);
const THERE: ConversationId = ConversationId([2; 16]);

/// What lies on the disk.
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

    /// Somebody says something, and it is on the disk.
    fn hear(&mut self, conversation: ConversationId, seq: u64, kind: ContentKind, body: Vec<u8>) {
        let author = author();
        let message = Message {
            id: MessageId::derive(conversation, author, seq),
            seq,
            previous: MessageId([0; 16]),
            sent_at_ms: 1_000 + seq,
            content: Content::new(kind, body),
        };
        let mut engine = self.engine();
        engine.note(author, conversation, author, &message);
        self.commit(&mut engine);
    }

    /// The counts of the messages found in some conversations, and where to go on.
    fn find(
        &self,
        places: &[ConversationId],
        question: &str,
        before: Option<u64>,
        limit: usize,
    ) -> (Vec<u64>, Option<u64>) {
        let wanted = Wanted::parse(question).unwrap();
        let places = places.iter().copied().collect();
        // Each time after a restart.
        let reply = self.engine().look_through(self, places, &wanted, before, limit);
        let Ok(Reply::Found { hits, next }) = reply else { panic!("{reply:?}") };
        (hits.iter().map(|hit| hit.sent_at_ms - 1_000).collect(), next)
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
        let start = (table, prefix.to_vec());
        let rows = self.0.range(start..).take_while(|((t, key), _)| {
            *t == table && key.starts_with(prefix) && before.is_none_or(|b| &key[..] < b)
        });
        let mut rows: Vec<_> = rows.map(|((_, key), row)| (key.clone(), row.clone())).collect();
        rows.reverse();
        rows.truncate(limit);
        rows
    }
}

fn author() -> PersonaId {
    PersonaKey::from_seed(&[7; 32]).id()
}

#[test]
fn all_conversations_are_looked_at_together_newest_first_and_page_by_page() {
    let mut disk = Disk::default();
    for seq in 1..=9 {
        let place = if seq % 3 == 0 { THERE } else { HERE };
        disk.hear(place, seq, ContentKind::Text, format!("soup number {seq}").into_bytes());
    }
    let both = [HERE, THERE];
    assert_eq!(disk.find(&both, "soup", None, 50).0, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(disk.find(&[THERE], "soup", None, 50).0, [9, 6, 3]);
    assert_eq!(disk.find(&both, "number 7", None, 50).0, [7]);
    let (mut pages, mut before) = (Vec::new(), None);
    loop {
        let (found, next) = disk.find(&both, "soup", before, 2);
        pages.push(found);
        before = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![9, 8], vec![7, 6], vec![5, 4], vec![3, 2], vec![1]]);
}

#[test]
fn what_is_edited_away_or_deleted_is_found_no_more() {
    let mut disk = Disk::default();
    let both = [HERE, THERE];
    disk.hear(HERE, 1, ContentKind::Text, b"the secret recipe".to_vec());
    disk.hear(HERE, 2, ContentKind::Text, b"a secret garden".to_vec());
    assert_eq!(disk.find(&both, "secret", None, 50).0, [2, 1]);
    let edit = Edit { of: 1, text: "the public recipe".into() };
    disk.hear(HERE, 3, ContentKind::Edit, edit.to_bytes());
    assert_eq!(disk.find(&both, "secret", None, 50).0, [2]);
    assert_eq!(disk.find(&both, "public recipe", None, 50).0, [1]);
    disk.hear(HERE, 4, ContentKind::Deletion, Deletion { of: 2 }.to_bytes());
    assert_eq!(disk.find(&both, "secret", None, 50).0, [] as [u64; 0]);
    disk.hear(HERE, 5, ContentKind::Deletion, Deletion { of: 1 }.to_bytes());
    assert_eq!(disk.find(&both, "recipe", None, 50), (vec![], None));
    assert!(!disk.0.values().any(|row| row.windows(6).any(|part| part == b"secret")));
}

#[test]
fn one_step_looks_at_so_many_messages_and_says_where_to_go_on() {
    let mut disk = Disk::default();
    let mut engine = disk.engine();
    let count = LOOKED_AT_MAX as u64 + 10;
    for seq in 1..=count {
        let text = if seq == 3 { "needle" } else { "hay" };
        let message = Message {
            id: MessageId::derive(HERE, author(), seq),
            seq,
            previous: MessageId([0; 16]),
            sent_at_ms: 1_000 + seq,
            content: Content::new(ContentKind::Text, text.into()),
        };
        engine.note(author(), HERE, author(), &message);
    }
    disk.commit(&mut engine);
    let (found, next) = disk.find(&[HERE], "needle", None, 50);
    assert!(found.is_empty() && next.is_some(), "{found:?}");
    assert_eq!(disk.find(&[HERE], "needle", next, 50), (vec![3], None));
}
