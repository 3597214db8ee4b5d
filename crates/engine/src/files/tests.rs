use std::collections::BTreeMap;

use protocol::{
    file::{CHUNK_BYTES, FileKey, FilePart},
    identity::{ConversationId, NodeId, PersonaId, PersonaKey},
    wire::{Content, ContentKind, Deletion, Message},
};

use super::*;
use crate::{
    Input,
    effect::{Change, Write},
    input::FileNews,
    request::{Reply, Request, RequestError},
    view::FileState,
};

const HERE: ConversationId = ConversationId([1; 16]);

/// An engine with its disk.
struct Bench {
    engine: Engine,
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    effects: Vec<Effect>,
    now_ms: u64,
}

impl Bench {
    fn new() -> Self {
        let engine = Engine::load(NodeId([3; 32]), [4; 32], [], 1).unwrap();
        let mut bench = Self { engine, rows: BTreeMap::new(), effects: Vec::new(), now_ms: 1 };
        bench.looks([]);
        bench
    }

    fn looks(&mut self, whole: impl IntoIterator<Item = FileId>) {
        let limits = FileLimits::default();
        self.handle(Input::FilesOnDisk { whole: whole.into_iter().collect(), limits });
    }

    fn handle(&mut self, input: Input) {
        self.engine.handle(input, self.now_ms);
        while let Some(effect) = self.engine.poll_effect() {
            let Effect::Persist(writes) = effect else {
                self.effects.push(effect);
                continue;
            };
            for Write { table, key, change } in writes {
                match change {
                    Change::Put(value) => drop(self.rows.insert((table, key), value)),
                    Change::Delete => drop(self.rows.remove(&(table, key))),
                    Change::DeleteUnder => {
                        self.rows.retain(|(t, k), _| *t != table || !k.starts_with(&key));
                    }
                }
            }
        }
    }

    /// Everything but the rows is gone.
    fn restart(&mut self) {
        let loaded = self.rows.iter().filter(|((table, key), _)| {
            Table::LOADED.iter().any(|(t, prefix)| t == table && key.starts_with(prefix))
        });
        let rows = loaded.map(|((table, key), value)| (*table, key.clone(), value.clone()));
        self.engine = Engine::load(NodeId([3; 32]), [4; 32], rows, self.now_ms).unwrap();
        self.effects.clear();
    }

    /// A message of another node's persona that has been opened.
    fn arrives(&mut self, author: PersonaId, seq: u64, kind: ContentKind, body: Vec<u8>) {
        let message = Message {
            id: MessageId::derive(HERE, author, seq),
            seq,
            previous: MessageId([0; 16]),
            sent_at_ms: 5,
            content: Content::new(kind, body),
        };
        self.engine.note(author, HERE, author, &message);
        self.handle(Input::Stored);
    }

    fn state(&self, content: &FileContent) -> FileState {
        self.engine.file_view(content).state
    }

    fn file_rows(&self) -> usize {
        self.rows.keys().filter(|(table, _)| *table == Table::File).count()
    }

    fn parts_to_keep(&self) -> Vec<u32> {
        let places = self.effects.iter().filter_map(|effect| match effect {
            Effect::KeepPart { place, .. } => Some(*place),
            _ => None,
        });
        places.collect()
    }

    fn dropped(&self) -> Vec<FileId> {
        let dropped = self.effects.iter().filter_map(|effect| match effect {
            Effect::DropFile(file) => Some(*file),
            _ => None,
        });
        dropped.collect()
    }
}

fn bob() -> PersonaId {
    PersonaKey::from_seed(&[8; 32]).id()
}

fn carol() -> PersonaId {
    PersonaKey::from_seed(&[9; 32]).id()
}

fn file(n: u8, size: u64) -> FileContent {
    FileContent {
        file: FileId([n; 32]),
        key: FileKey([n; 32]),
        size,
        chunk_bytes: CHUNK_BYTES,
        media_type: "image/png".into(),
        name: "cat.png".into(),
        caption: "look".into(),
    }
}

fn part(n: u8, place: u32, bytes: usize) -> Vec<u8> {
    FilePart { file: FileId([n; 32]), place, chunk: vec![n; bytes] }.to_bytes()
}

#[test]
fn what_is_small_waits_to_be_fetched_and_what_is_large_for_the_owner() {
    let mut bench = Bench::new();
    let (small, large, huge) = (file(1, 5), file(2, 17 * MIB), file(3, 101 * MIB));
    for (seq, content) in (0..).zip([&small, &large, &huge]) {
        bench.arrives(bob(), seq, ContentKind::File, content.to_bytes());
    }
    assert_eq!(bench.state(&small), FileState::Waiting);
    assert_eq!(bench.state(&large), FileState::Offered);
    assert_eq!(bench.state(&huge), FileState::Refused);
    let reason = bench.engine.file_view(&huge).reason.unwrap();
    assert!(reason.contains("100 MiB") && reason.contains("files.file_mib_max"), "{reason}");
    assert!(matches!(bench.engine.fetch_file(huge.file), Err(RequestError::Conflict { .. })));
    bench.engine.fetch_file(large.file).unwrap();
    bench.handle(Input::Stored);
    assert_eq!(bench.state(&large), FileState::Waiting);
    bench.engine.stop_file(small.file).unwrap();
    bench.handle(Input::Stored);
    assert_eq!(bench.state(&small), FileState::Stopped);
    bench.restart();
    bench.looks([]);
    assert_eq!(bench.state(&small), FileState::Stopped, "the owner's word outlives a restart");
    assert_eq!(bench.state(&large), FileState::Waiting);
}

#[test]
fn a_conversation_and_the_disk_have_room_for_so_much() {
    let mut bench = Bench::new();
    let files: Vec<_> = (0..90).map(|n| file(n, 16 * MIB)).collect();
    for (seq, content) in (0..).zip(&files) {
        bench.arrives(bob(), seq, ContentKind::File, content.to_bytes());
    }
    let waiting = files.iter().filter(|file| bench.state(file) == FileState::Waiting).count();
    assert_eq!(waiting, 64, "one GiB of them");
    let reason = bench.engine.file_view(&files[89]).reason.unwrap();
    assert!(reason.contains("files.conversation_mib_max"), "{reason}");
}

#[test]
fn parts_are_kept_before_they_are_acknowledged_and_until_they_are_on_the_disk() {
    let mut bench = Bench::new();
    let content = file(1, u64::from(CHUNK_BYTES) + 5);
    // The second part overtakes the message itself.
    bench.arrives(bob(), 2, ContentKind::FilePart, part(1, 1, 5 + 16));
    assert!(bench.parts_to_keep().is_empty(), "nobody has spoken of such a file");
    bench.arrives(bob(), 0, ContentKind::File, content.to_bytes());
    assert_eq!(bench.parts_to_keep(), [1]);
    bench.arrives(bob(), 1, ContentKind::FilePart, part(1, 0, CHUNK_BYTES as usize + 16));
    assert_eq!(bench.parts_to_keep(), [1, 0]);
    bench.restart();
    bench.looks([]);
    assert_eq!(bench.parts_to_keep(), [0, 1], "the node died before the disk had them");
    for news in [FileNews::PartKept(0), FileNews::PartKept(1), FileNews::Whole] {
        bench.handle(Input::FileNews { file: content.file, news });
    }
    assert_eq!(bench.state(&content), FileState::Here);
    assert_eq!(bench.file_rows(), 1, "only what was said of it");
}

#[test]
fn parts_count_from_the_author_in_their_size_and_not_without_end() {
    let mut bench = Bench::new();
    let content = file(1, 5);
    bench.arrives(bob(), 0, ContentKind::File, content.to_bytes());
    bench.arrives(carol(), 0, ContentKind::FilePart, part(1, 0, 5 + 16));
    bench.arrives(bob(), 1, ContentKind::FilePart, part(1, 0, 6 + 16));
    bench.arrives(bob(), 2, ContentKind::FilePart, part(1, 1, 5 + 16));
    bench.arrives(bob(), 3, ContentKind::FilePart, vec![1, 2, 3]);
    assert!(bench.parts_to_keep().is_empty());
    assert_eq!(bench.file_rows(), 1);
    for n in 0..200 {
        bench.arrives(carol(), u64::from(n) + 1, ContentKind::FilePart, part(n + 2, 0, 20));
    }
    assert_eq!(bench.file_rows(), 1 + 16, "one author has one share of the room");
    bench.now_ms += 2 * PART_MS;
    bench.handle(Input::Timeout);
    assert_eq!(bench.file_rows(), 1, "nobody claimed them");
}

#[test]
fn nobody_takes_the_place_of_a_part_that_another_says() {
    let mut bench = Bench::new();
    let content = file(1, 5);
    bench.arrives(carol(), 0, ContentKind::FilePart, part(1, 0, 30));
    bench.arrives(bob(), 1, ContentKind::FilePart, part(1, 0, 5 + 16));
    bench.arrives(bob(), 0, ContentKind::File, content.to_bytes());
    assert_eq!(bench.parts_to_keep(), [0]);
    assert_eq!(bench.file_rows(), 1 + 1, "what Carol said is dropped");
}

#[test]
fn a_file_goes_with_the_last_message_that_shares_it() {
    let mut bench = Bench::new();
    let content = file(1, 5);
    bench.arrives(bob(), 0, ContentKind::File, content.to_bytes());
    bench.arrives(carol(), 0, ContentKind::File, content.to_bytes());
    bench.handle(Input::FileNews { file: content.file, news: FileNews::Whole });
    bench.arrives(bob(), 1, ContentKind::Deletion, Deletion { of: 0 }.to_bytes());
    assert!(bench.dropped().is_empty());
    assert_eq!(bench.state(&content), FileState::Here);
    bench.arrives(carol(), 1, ContentKind::Deletion, Deletion { of: 0 }.to_bytes());
    assert_eq!(bench.dropped(), [content.file]);
    assert_eq!(bench.state(&content), FileState::Lost);
    assert_eq!(bench.file_rows(), 0, "the key is gone with it");
    let key = content.key.0;
    assert!(bench.rows.values().all(|row| !row.windows(32).any(|bytes| bytes == key)));
    bench.restart();
    assert!(bench.engine.files_kept().is_empty());
}

#[test]
fn nobody_can_spoil_a_file_by_saying_other_things_of_it() {
    let mut bench = Bench::new();
    let content = file(1, 5);
    bench.arrives(bob(), 0, ContentKind::File, content.to_bytes());
    let lies = [
        FileContent { key: FileKey([7; 32]), ..content.clone() },
        FileContent { size: 6, ..content.clone() },
        FileContent { name: "../cat".into(), ..content.clone() },
    ];
    for (seq, lie) in (0..).zip(lies) {
        bench.arrives(carol(), seq, ContentKind::File, lie.to_bytes());
    }
    bench.arrives(carol(), 9, ContentKind::File, vec![1, 2, 3]);
    assert_eq!(bench.file_rows(), 1);
    assert_eq!(bench.state(&content), FileState::Waiting);
}

#[test]
fn an_upload_is_kept_for_a_day_and_dropped_with_its_key() {
    let mut bench = Bench::new();
    let content = FileContent { caption: String::new(), ..file(1, 5) };
    let Ok(Reply::File { view, .. }) = bench.engine.add_file(content.clone()) else {
        panic!("it is taken")
    };
    assert_eq!(view.state, FileState::Here);
    bench.handle(Input::Stored);
    assert!(bench.engine.add_file(content.clone()).is_err(), "once is enough");
    bench.restart();
    bench.looks([content.file]);
    assert_eq!(bench.engine.files_kept(), [content.file].into());
    bench.now_ms += UPLOAD_MS;
    bench.handle(Input::Timeout);
    assert_eq!(bench.dropped(), [content.file]);
    assert_eq!(bench.file_rows(), 0);
    let too_large = file(2, 101 * MIB);
    let refused = bench.engine.add_file(too_large).unwrap_err();
    assert!(
        matches!(&refused, RequestError::Invalid { field: "file", reason } if reason.contains("files.file_mib_max"))
    );
}

#[test]
fn what_the_disk_has_lost_is_fetched_again() {
    let mut bench = Bench::new();
    let content = file(1, 5);
    bench.arrives(bob(), 0, ContentKind::File, content.to_bytes());
    bench.handle(Input::FileNews { file: content.file, news: FileNews::Whole });
    bench.handle(Input::FileNews { file: content.file, news: FileNews::Lost });
    assert_eq!(bench.state(&content), FileState::Waiting);
    bench.handle(Input::FileNews { file: content.file, news: FileNews::Whole });
    bench.restart();
    bench.looks([]);
    assert_eq!(bench.state(&content), FileState::Waiting, "somebody emptied the folder");
    let read = bench.engine.query(&Request::GetFile(FileId([9; 32])), &NoLedger);
    assert!(matches!(read, Some(Err(RequestError::NotFound { what: "file" }))));
}

struct NoLedger;

impl crate::Ledger for NoLedger {
    fn get(&self, _: Table, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn newest(&self, _: Table, _: &[u8], _: Option<&[u8]>, _: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        Vec::new()
    }
}
