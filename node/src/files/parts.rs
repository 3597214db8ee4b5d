//! Chunks that came as messages.

use std::io;

use engine::FileNews;
use protocol::file::{ChunkHashes, FileContent};

use super::{Keeper, blocking, chunk_bytes};

/// What keeping a part led to.
enum Kept {
    /// Some are still missing, or it was none of them.
    Part,
    /// The file is whole.
    Whole,
}

impl Keeper {
    /// Puts a chunk with the others, if it is one.
    pub(crate) fn keep_part(&self, content: FileContent, place: u32, chunk: Vec<u8>) {
        let keeper = self.clone();
        tokio::spawn(async move {
            let file = content.file;
            let turn = keeper.turn(file);
            let _turn = turn.lock().await;
            let shelf = keeper.0.shelf.clone();
            match blocking(move || keep(&shelf, &content, place, &chunk)).await {
                Ok(kept) => {
                    keeper.tell(file, FileNews::PartKept(place)).await;
                    if let Kept::Whole = kept {
                        keeper.tell(file, FileNews::Whole).await;
                    }
                }
                // It stays in the ledger, and is tried again at the next start.
                Err(error) => tracing::warn!(%error, "a part of a file could not be written"),
            }
        });
    }
}

fn keep(shelf: &store::Files, content: &FileContent, place: u32, chunk: &[u8]) -> io::Result<Kept> {
    let key = &content.file.0;
    if shelf.is_whole(key) {
        return Ok(Kept::Whole);
    }
    let fits = content.sealed_bytes(place) == Some(chunk.len());
    if !fits || content.cipher().open(place, content.is_last(place), chunk).is_none() {
        return Ok(Kept::Part);
    }
    let mut incoming = shelf.fetch(key)?;
    incoming.put(place, chunk)?;
    if incoming.places()?.len() < content.chunks() as usize {
        return Ok(Kept::Part);
    }
    let mut hashes = ChunkHashes::default();
    for place in 0..content.chunks() {
        hashes.push(&incoming.chunk(place, chunk_bytes(content, place))?);
    }
    if ChunkHashes::of(content, hashes.as_bytes().to_vec()).is_none() {
        // Each opened under the key, yet they are not what the message promised.
        tracing::debug!(file = ?content.file, "parts that do not add up to their file");
        shelf.remove(key)?;
        return Ok(Kept::Part);
    }
    incoming.finish(key, hashes.as_bytes())?;
    Ok(Kept::Whole)
}
