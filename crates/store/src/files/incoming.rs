//! A file on its way in: from its owner, or from another node.

use std::{collections::BTreeSet, io, path::PathBuf, sync::Arc};

use super::{FileHash, HASHES, NEW, Shelf, hex};
use crate::folder::create_private;

/// A folder that is being filled. Dropping one that was being added removes it; one that is being
/// fetched stays, to go on with later.
#[derive(Debug)]
pub struct Incoming {
    shelf: Arc<Shelf>,
    name: String,
    path: PathBuf,
    done: bool,
}

impl Incoming {
    pub(super) fn open(shelf: &Arc<Shelf>, name: String) -> io::Result<Self> {
        let path = shelf.dir.join(&name);
        shelf.disk.step()?;
        create_private(&path)?;
        shelf.sizes().entry(name.clone()).or_default();
        Ok(Self { shelf: Arc::clone(shelf), name, path, done: false })
    }

    /// The numbers of the chunks that are here.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn places(&self) -> io::Result<BTreeSet<u32>> {
        let names = self.shelf.disk.names(&self.path)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// A chunk that is here.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn chunk(&self, place: u32, bytes_max: u64) -> io::Result<Vec<u8>> {
        self.shelf.disk.read(&self.path.join(place.to_string()), bytes_max)
    }

    /// Keeps a chunk: once this returns it survives a power cut.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&mut self, place: u32, bytes: &[u8]) -> io::Result<()> {
        self.write(&place.to_string(), bytes)
    }

    /// Removes a chunk that is not what it should be.
    ///
    /// # Errors
    /// The folder cannot be changed.
    pub fn drop_chunk(&mut self, place: u32) -> io::Result<()> {
        self.shelf.disk.remove_file(&self.path.join(place.to_string()))
    }

    /// Keeps the hashes, and makes the file whole under its id. Every chunk must have been put.
    ///
    /// # Errors
    /// The folder cannot be changed; the file is not whole then.
    pub fn finish(mut self, key: &FileHash, hashes: &[u8]) -> io::Result<()> {
        self.write(HASHES, hashes)?;
        let (shelf, name) = (Arc::clone(&self.shelf), hex(key));
        let to = shelf.dir.join(&name);
        shelf.disk.sync_dir(&self.path)?;
        match shelf.disk.rename(&self.path, &to) {
            // The same bytes are here already; then these are not needed.
            Err(error) if is_taken(&error) => shelf.remove(&self.name)?,
            other => other?,
        }
        shelf.disk.sync_dir(&shelf.dir)?;
        let bytes = shelf.disk.bytes_in(&to)?;
        let mut sizes = shelf.sizes();
        sizes.remove(&self.name);
        sizes.insert(name, bytes);
        self.done = true;
        Ok(())
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.shelf.disk.write(&self.path.join(name), bytes)?;
        if let Some(size) = self.shelf.sizes().get_mut(&self.name) {
            *size += bytes.len() as u64;
        }
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.done && self.name.ends_with(NEW) {
            // What stays behind is removed at the next start.
            let _ = self.shelf.disk.remove_dir(&self.path);
            self.shelf.sizes().remove(&self.name);
        }
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty)
}
