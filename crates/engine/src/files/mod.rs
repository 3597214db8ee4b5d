//! Files and pictures: which there are, who has them, which are being fetched.
//!
//! A file's bytes never pass through here. The shell keeps encrypted chunks on the disk and moves
//! them between nodes; the engine knows every file's key and what is said about it, decides which
//! files are fetched from whom, and which are dropped.
//!
//! ```text
//!  upload    shell writes chunks, flushes -> AddFile -> row u -> answered: it is durable
//!  send      message of kind File, and for a small file its chunks as FileParts, in one batch
//!  receive   row f; fetched at once if small enough and there is room, else when the owner asks
//!  part      row p, in the batch that acknowledges it -> KeepPart -> kept -> row p goes
//!  delete    row f goes with the message; with the last one the chunks go too
//! ```

mod fetch;
mod parts;
mod receive;
mod send;
mod show;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    file::{FILE_BYTES_MAX, FileContent},
    identity::{FileId, MessageId, PersonaId},
};

use parts::PartName;
pub(crate) use send::FileToSend;

use crate::{
    effect::{Effect, Table},
    input::FileLimits,
    rows::{self, FileRow, PartRow, UploadRow, WishRow},
    state::{Engine, LoadError, Rows, damaged, read},
};

/// How long a file that was uploaded waits to be sent, in milliseconds.
const UPLOAD_MS: u64 = 24 * 60 * 60 * 1000;
/// How long parts wait for the message they belong to, in milliseconds.
const PART_MS: u64 = 24 * 60 * 60 * 1000;

const MIB: u64 = 1024 * 1024;

/// Every file this node knows.
#[derive(Debug, Default)]
pub(crate) struct Files {
    known: BTreeMap<FileId, Known>,
    of_message: BTreeMap<MessageId, FileId>,
    /// Whole on the disk, as the shell says.
    on_disk: BTreeSet<FileId>,
    /// Said by others, not yet with the other chunks on the disk.
    parts: BTreeMap<PartName, PartRow>,
    limits: FileLimits,
    /// Whether the shell has said what is on the disk. Nothing is fetched before.
    looked: bool,
}

/// One file.
#[derive(Debug)]
struct Known {
    /// As its first message said, without the caption.
    content: FileContent,
    /// The messages that share it.
    said: BTreeMap<MessageId, FileRow>,
    /// When our owner added it, if no message shares it yet.
    uploaded_ms: Option<u64>,
    /// What our owner wants of it.
    wish: WishRow,
    /// How far fetching it has come.
    fetch: fetch::Fetch,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            file_bytes: 100 * MIB,
            automatic_bytes: 16 * MIB,
            conversation_bytes: 1024 * MIB,
            disk_bytes: 4 * FILE_BYTES_MAX,
        }
    }
}

impl Known {
    fn new(content: FileContent) -> Self {
        Self {
            content: FileContent { caption: String::new(), ..content },
            said: BTreeMap::new(),
            uploaded_ms: None,
            wish: WishRow::default(),
            fetch: fetch::Fetch::default(),
        }
    }
}

fn said_key(file: &FileId, message: &MessageId) -> Vec<u8> {
    rows::key(&[b"f", file.as_bytes(), message.as_bytes()])
}

fn upload_key(file: &FileId) -> Vec<u8> {
    rows::key(&[b"u", file.as_bytes()])
}

fn wish_key(file: &FileId) -> Vec<u8> {
    rows::key(&[b"w", file.as_bytes()])
}

fn part_key((file, place, author): &PartName) -> Vec<u8> {
    rows::key(&[b"p", file.as_bytes(), &place.to_be_bytes(), author.as_bytes()])
}

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    let bad = || damaged(Table::File, "key");
    let files = &mut engine.files;
    let mut wishes = Vec::new();
    for (key, value) in tables.remove(&Table::File).unwrap_or_default() {
        let (kind, rest) = key.split_first().ok_or_else(bad)?;
        let (file, rest) = rest.split_at_checked(32).ok_or_else(bad)?;
        let file = FileId::from_slice(file).ok_or_else(bad)?;
        match kind {
            b'f' => {
                let message = MessageId::from_slice(rest).ok_or_else(bad)?;
                let row: FileRow = read(Table::File, &value)?;
                files.refer(message, row);
            }
            b'u' => {
                let row: UploadRow = read(Table::File, &value)?;
                let known = Known::new(row.content);
                files.known.entry(file).or_insert(known).uploaded_ms = Some(row.at_ms);
            }
            b'w' => wishes.push((file, read::<WishRow>(Table::File, &value)?)),
            b'p' => {
                let (place, author) = rest.split_first_chunk().ok_or_else(bad)?;
                let author = PersonaId::from_slice(author).ok_or_else(bad)?;
                let name = (file, u32::from_be_bytes(*place), author);
                files.parts.insert(name, read(Table::File, &value)?);
            }
            _ => return Err(bad()),
        }
    }
    for (file, wish) in wishes {
        if let Some(known) = files.known.get_mut(&file) {
            known.wish = wish;
        }
    }
    Ok(())
}

impl Files {
    fn refer(&mut self, message: MessageId, row: FileRow) {
        let file = row.content.file;
        self.of_message.insert(message, file);
        let known = self.known.entry(file).or_insert_with(|| Known::new(row.content.clone()));
        known.uploaded_ms = None;
        known.said.insert(message, row);
    }

    /// What all files take or will take on the disk, in bytes: those that are here, those being
    /// fetched, and those that wait for it.
    fn taken(&self) -> u64 {
        let counts =
            |(file, known): &(&FileId, &Known)| self.on_disk.contains(*file) || known.fetch.wanted;
        let files = self.known.iter().filter(counts);
        files.map(|(_, known)| known.content.sealed_size()).sum()
    }
}

impl Engine {
    /// Every file something here refers to; what else is on the disk is nobody's.
    pub fn files_kept(&self) -> BTreeSet<FileId> {
        self.files.known.keys().copied().collect()
    }

    /// The shell has looked at the disk.
    pub(crate) fn on_files_on_disk(&mut self, whole: BTreeSet<FileId>, limits: FileLimits) {
        self.files.on_disk = whole;
        self.files.limits = limits;
        self.files.looked = true;
        let parts: Vec<_> = self.files.parts.keys().copied().collect();
        for name in parts {
            self.keep_part(name);
        }
        for file in self.files.known.keys().copied().collect::<Vec<_>>() {
            self.consider(file);
        }
        self.stir_files();
    }

    /// Notes that a message shares a file.
    fn refer_to_file(&mut self, message: MessageId, row: FileRow) {
        let file = row.content.file;
        self.put(Table::File, said_key(&file, &message), &row);
        if self.files.known.get(&file).is_some_and(|known| known.uploaded_ms.is_some()) {
            self.delete(Table::File, upload_key(&file));
        }
        self.files.refer(message, row);
    }

    /// A message is gone, and the file it shared with it, unless another message shares it too.
    pub(crate) fn forget_file_of(&mut self, message: &MessageId) {
        let Some(file) = self.files.of_message.remove(message) else { return };
        self.delete(Table::File, said_key(&file, message));
        let Some(known) = self.files.known.get_mut(&file) else { return };
        known.said.remove(message);
        if known.said.is_empty() {
            self.drop_file(file);
        }
    }

    /// Destroys a file: its key with this batch, its chunks after it.
    fn drop_file(&mut self, file: FileId) {
        for kind in [b"f", b"u", b"w", b"p"] {
            self.delete_under(Table::File, rows::key(&[kind, file.as_bytes()]));
        }
        self.files.known.remove(&file);
        self.files.on_disk.remove(&file);
        self.files.parts.retain(|(of, _, _), _| *of != file);
        self.then(Effect::DropFile(file));
    }

    /// Drops, once a day and at start, uploads nobody sent and parts nobody claimed.
    pub(crate) fn forget_old_files(&mut self) {
        let now_ms = self.now_ms;
        let is_old = |known: &Known| {
            known.said.is_empty() && known.uploaded_ms.is_some_and(|at| at + UPLOAD_MS <= now_ms)
        };
        let old = self.files.known.iter().filter(|(_, known)| is_old(known));
        for file in old.map(|(file, _)| *file).collect::<Vec<_>>() {
            self.drop_file(file);
        }
        let files = &self.files;
        let unclaimed = |(key, part): &(&PartName, &PartRow)| {
            part.at_ms + PART_MS <= now_ms && !files.known.contains_key(&key.0)
        };
        let old = files.parts.iter().filter(unclaimed);
        for name in old.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.forget_part(name);
        }
    }
}

#[cfg(test)]
mod tests;
