//! Files of the owner and of others: encrypted chunks in folders, beside the ledger.
//!
//! ```text
//! files/<id>/            a whole file: chunks `0`, `1`, ... and their `hashes`
//! files/<id>.part/       one that is being fetched; what is in it has been checked
//! files/<random>.new/    one that is being added; gone after a restart
//! ```
//!
//! The ledger is not the place for them: a batch holds a mebibyte, and what is megabytes long has
//! no business in a log that is copied. Chunks come encrypted, each file under a key of its own
//! that the ledger keeps; destroying the key destroys the file, whatever a disk remembers.
//!
//! Each chunk is written beside its name, flushed, and renamed; a folder becomes whole by one
//! rename after everything in it has been flushed. So what stands under a name is complete, and a
//! kill or a power cut at any moment leaves a file whole, fetched in part, or not there.

mod disk;
mod incoming;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use disk::Disk;
pub use incoming::Incoming;

use crate::folder::create_private;

/// The id of a file: a hash over its encrypted chunks.
pub type FileHash = [u8; 32];

const HASHES: &str = "hashes";
const PART: &str = ".part";
const NEW: &str = ".new";

/// The folder of files. Clones are the same folder.
#[derive(Debug, Clone)]
pub struct Files(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    dir: PathBuf,
    disk: Disk,
    /// What every folder here takes, in bytes.
    sizes: Mutex<BTreeMap<String, u64>>,
}

impl Files {
    /// Opens the folder, creating it if needed, and removes what was being added when the node
    /// last stopped.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(dir: &Path) -> io::Result<Self> {
        Self::on(dir, Disk::default())
    }

    fn on(dir: &Path, disk: Disk) -> io::Result<Self> {
        create_private(dir)?;
        let mut sizes = BTreeMap::new();
        for name in disk.names(dir)? {
            let path = dir.join(&name);
            if name.strip_suffix(NEW).is_some_and(is_hex) {
                disk.remove_dir(&path)?;
            } else if is_ours(&name) {
                disk.remove_unfinished(&path)?;
                sizes.insert(name, disk.bytes_in(&path)?);
            }
        }
        Ok(Self(Arc::new(Shelf { dir: dir.to_owned(), disk, sizes: Mutex::new(sizes) })))
    }

    /// The files that are here whole.
    pub fn whole(&self) -> BTreeSet<FileHash> {
        self.0.sizes().keys().filter_map(|name| key_of(name)).collect()
    }

    /// What everything here takes, in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.sizes().values().sum()
    }

    /// Removes every file, whole or not, that is not among these.
    ///
    /// # Errors
    /// The folder cannot be changed.
    pub fn sweep(&self, keep: &BTreeSet<FileHash>) -> io::Result<()> {
        let names: Vec<String> = self.0.sizes().keys().cloned().collect();
        for name in names {
            let stem = name.strip_suffix(PART).unwrap_or(&name);
            if key_of(stem).is_some_and(|key| !keep.contains(&key)) {
                self.0.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Begins a file whose id is not known before its last chunk.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn add(&self) -> io::Result<Incoming> {
        let mut random = [0; 16];
        rand::RngCore::fill_bytes(&mut rand::rngs::OsRng, &mut random);
        Incoming::open(&self.0, format!("{}{NEW}", hex(&random)))
    }

    /// Begins to fetch a file, or goes on.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn fetch(&self, key: &FileHash) -> io::Result<Incoming> {
        Incoming::open(&self.0, format!("{}{PART}", hex(key)))
    }

    /// Whether a file is here whole.
    pub fn is_whole(&self, key: &FileHash) -> bool {
        self.0.sizes().contains_key(&hex(key))
    }

    /// A chunk of a whole file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn chunk(&self, key: &FileHash, place: u32, bytes_max: u64) -> io::Result<Vec<u8>> {
        let path = self.0.dir.join(hex(key)).join(place.to_string());
        self.0.disk.read(&path, bytes_max)
    }

    /// The hashes of a whole file's chunks.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn hashes(&self, key: &FileHash, bytes_max: u64) -> io::Result<Vec<u8>> {
        self.0.disk.read(&self.0.dir.join(hex(key)).join(HASHES), bytes_max)
    }

    /// Removes a file, whole or not. One that is not here is removed already.
    ///
    /// # Errors
    /// The folder cannot be changed.
    pub fn remove(&self, key: &FileHash) -> io::Result<()> {
        let name = hex(key);
        self.0.remove(&format!("{name}{PART}"))?;
        self.0.remove(&name)
    }
}

impl Shelf {
    fn sizes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A folder that is emptied is renamed first, so that half of it never counts as whole.
    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.dir.join(name);
        let gone = self.dir.join(format!("{}{NEW}", name.trim_end_matches(PART)));
        self.disk.remove_dir(&gone)?;
        match self.disk.rename(&path, &gone) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => {
                other?;
                self.disk.remove_dir(&gone)?;
                self.disk.sync_dir(&self.dir)?;
            }
        }
        self.sizes().remove(name);
        Ok(())
    }
}

/// Whether a name is one this module gives.
fn is_ours(name: &str) -> bool {
    key_of(name.strip_suffix(PART).unwrap_or(name)).is_some()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_hex(name: &str) -> bool {
    name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

fn key_of(name: &str) -> Option<FileHash> {
    if name.len() != 64 || !is_hex(name) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(name.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests;
