//! Chunks that come as messages, for whoever is never awake with the sender.

use protocol::{
    file::FilePart,
    identity::{FileId, PersonaId},
};

use super::part_key;
use crate::{
    effect::{Effect, Table},
    rows::PartRow,
    state::Engine,
};

/// Parts that wait for the message they belong to, at most: they may overtake it on their way
/// through mailboxes. What finds no room is fetched from the sender instead.
const UNCLAIMED_MAX: usize = 128;
/// Those of one author, so that nobody takes the room of all. A whole small file has nine.
const UNCLAIMED_OF_ONE_MAX: usize = 16;

/// Of which file, which of its chunks, and who said it: one member cannot take the place of what
/// another has said.
pub(super) type PartName = (FileId, u32, PersonaId);

impl Engine {
    /// Somebody said a chunk of a file.
    pub(crate) fn on_file_part(&mut self, author: PersonaId, body: &[u8]) {
        let Ok(FilePart { file, place, chunk }) = FilePart::from_bytes(body) else { return };
        let name = (file, place, author);
        if self.files.on_disk.contains(&file) || self.files.parts.contains_key(&name) {
            return;
        }
        match self.files.known.get(&file) {
            Some(known) => {
                let from_author = known.said.values().any(|row| row.author == author);
                let fits = known.content.sealed_bytes(place) == Some(chunk.len());
                if !(from_author && fits && known.fetch.wanted) {
                    return;
                }
            }
            None => {
                let (all, theirs) = self.unclaimed(author);
                if all >= UNCLAIMED_MAX || theirs >= UNCLAIMED_OF_ONE_MAX {
                    return;
                }
            }
        }
        let row = PartRow { at_ms: self.now_ms, chunk };
        self.put(Table::File, part_key(&name), &row);
        self.files.parts.insert(name, row);
        self.keep_part(name);
    }

    /// How many wait for their message, and how many of them are this author's.
    fn unclaimed(&self, author: PersonaId) -> (usize, usize) {
        let waits = |(file, _, _): &&PartName| !self.files.known.contains_key(file);
        let by: Vec<_> = self.files.parts.keys().filter(waits).map(|(_, _, by)| *by).collect();
        (by.len(), by.iter().filter(|by| **by == author).count())
    }

    /// The message of a file has come: so may its parts have.
    pub(super) fn claim_parts(&mut self, file: FileId) {
        self.part_names(file).into_iter().for_each(|name| self.keep_part(name));
    }

    /// What was said of a file and is not with its other chunks yet.
    pub(super) fn part_names(&self, file: FileId) -> Vec<PartName> {
        let names = self.files.parts.keys();
        names.filter(|(of, _, _)| *of == file).copied().collect()
    }

    /// Has a part put with the other chunks, or drops it where it does not belong.
    pub(super) fn keep_part(&mut self, name: PartName) {
        let (file, place, author) = name;
        let Some(known) = self.files.known.get(&file) else { return };
        let Some(part) = self.files.parts.get(&name) else { return };
        let from_author = known.said.values().any(|row| row.author == author);
        if !from_author || self.files.on_disk.contains(&file) {
            self.forget_part(name);
        } else if self.files.looked {
            let (content, chunk) = (Box::new(known.content.clone()), part.chunk.clone());
            self.then(Effect::KeepPart { content, place, chunk });
        }
    }

    /// A part lies with the other chunks now, or is not worth keeping.
    pub(super) fn forget_part(&mut self, name: PartName) {
        if self.files.parts.remove(&name).is_some() {
            self.delete(Table::File, part_key(&name));
        }
    }
}
