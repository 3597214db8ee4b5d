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
const UNCLAIMED_MAX: usize = 64;

impl Engine {
    /// Somebody said a chunk of a file.
    pub(crate) fn on_file_part(&mut self, author: PersonaId, body: &[u8]) {
        let Ok(FilePart { file, place, chunk }) = FilePart::from_bytes(body) else { return };
        if self.files.on_disk.contains(&file) || self.files.parts.contains_key(&(file, place)) {
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
            None if self.unclaimed() >= UNCLAIMED_MAX => return,
            None => {}
        }
        let row = PartRow { author, at_ms: self.now_ms, chunk };
        self.put(Table::File, part_key(&file, place), &row);
        self.files.parts.insert((file, place), row);
        self.keep_part(file, place);
    }

    fn unclaimed(&self) -> usize {
        let keys = self.files.parts.keys();
        keys.filter(|(file, _)| !self.files.known.contains_key(file)).count()
    }

    /// The message of a file has come: so may its parts have.
    pub(super) fn claim_parts(&mut self, file: FileId) {
        let of = (file, 0)..=(file, u32::MAX);
        let places: Vec<u32> = self.files.parts.range(of).map(|((_, place), _)| *place).collect();
        for place in places {
            self.keep_part(file, place);
        }
    }

    /// Has a part put with the other chunks, or drops it where it does not belong.
    pub(super) fn keep_part(&mut self, file: FileId, place: u32) {
        let Some(known) = self.files.known.get(&file) else { return };
        let Some(part) = self.files.parts.get(&(file, place)) else { return };
        let from_author = known.said.values().any(|row| row.author == part.author);
        if !from_author || self.files.on_disk.contains(&file) {
            self.forget_part(file, place);
        } else if self.files.looked {
            let (content, chunk) = (Box::new(known.content.clone()), part.chunk.clone());
            self.then(Effect::KeepPart { content, place, chunk });
        }
    }

    /// A part lies with the other chunks now, or is not worth keeping.
    pub(super) fn forget_part(&mut self, file: FileId, place: u32) {
        if self.files.parts.remove(&(file, place)).is_some() {
            self.delete(Table::File, part_key(&file, place));
        }
    }
}
