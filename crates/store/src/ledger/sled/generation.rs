//! One sled database on disk, and which of them is the current one.
//!
//! ```text
//! ledger.sled/
//!   current          "3": the number of the generation that counts
//!   generation-3/    a sled database
//! ```
//!
//! `current` is replaced by rename, so it always names a generation that was complete and synced
//! by then. The first one is announced as "1 new" before it is created: until the word is gone,
//! nothing was ever acknowledged, and whatever a killed process left is thrown away.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{error::EngineError, folder, sled_open};

/// A node of the tree has at most about 17 entries and turns into a file when it is larger than
/// a quarter of a segment. With values of at most 60 KiB that never happens at this size.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// What sled may keep in memory; it uses about three times that.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

const CURRENT: &str = "current";

/// An open sled database.
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) db: sled::Db,
    /// Our own handle on sled's file: what we sync, and where we learn that syncing failed.
    file: File,
}

/// What the folder says about itself.
pub(super) struct Current {
    pub(super) number: u64,
    pub(super) new: bool,
}

impl Current {
    /// `None` for a folder in which nothing was begun.
    pub(super) fn read(dir: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(dir.join(CURRENT)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (number, new) = match text.trim_end().split_once(' ') {
            Some((number, "new")) => (number, true),
            Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, text)),
            None => (text.trim_end(), false),
        };
        let number =
            number.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, text.clone()))?;
        Ok(Some(Self { number, new }))
    }

    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let temporary = dir.join("current.new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        folder::owner_only(&mut options);
        let mut file = options.open(&temporary)?;
        writeln!(file, "{}{}", self.number, if self.new { " new" } else { "" })?;
        file.sync_all()?;
        fs::rename(&temporary, dir.join(CURRENT))?;
        folder::sync_dir(dir)
    }
}

/// The folder of a generation.
pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("generation-{number}"))
}

/// The numbers of the generations that have a folder.
pub(super) fn numbers_in(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("generation-"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(numbers)
}

impl Generation {
    /// Opens or creates a generation, recovers it, and makes what is open durable.
    pub(super) fn open(dir: &Path, number: u64) -> Result<Self, EngineError> {
        let path = path_of(dir, number);
        let config = sled::Config::new()
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(500));
        let db = sled_open::open(&path, config).map_err(EngineError::doing("opening sled"))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path.join("db"))
            .map_err(EngineError::doing("opening sled's file"))?;
        let generation = Self { number, path, db, file };
        generation.sync_everything()?;
        Ok(generation)
    }

    /// Makes what was applied durable. sled's flush hands it to the kernel, ours to the drive.
    pub(super) fn sync(&self) -> Result<(), EngineError> {
        self.db.flush().map_err(EngineError::doing("flushing sled"))?;
        self.file.sync_data().map_err(EngineError::doing("syncing sled's file"))
    }

    /// [`Generation::sync`] for all files and their names.
    pub(super) fn sync_everything(&self) -> Result<(), EngineError> {
        self.sync()?;
        let all = || -> io::Result<()> {
            for entry in fs::read_dir(&self.path)? {
                let path = entry?.path();
                match File::open(&path) {
                    Ok(file) => file.sync_all()?,
                    // sled replaces its snapshots while it runs.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            folder::sync_dir(&self.path)?;
            folder::sync_parent(&self.path)
        };
        all().map_err(EngineError::doing("syncing sled's folder"))
    }

    /// Bytes on the disk.
    pub(super) fn disk_bytes(&self) -> Result<u64, EngineError> {
        folder::bytes_in(&self.path).map_err(EngineError::doing("measuring sled's folder"))
    }

    /// Blob files, which the layout is there to prevent.
    pub(super) fn blob_files(&self) -> Result<u64, EngineError> {
        let blobs = fs::read_dir(self.path.join("blobs"));
        let blobs = blobs.map_err(EngineError::doing("counting sled's blobs"))?;
        Ok(blobs.fold(0, |count, _| count + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_generation_survives_as_written() {
        let dir = tempfile::tempdir().expect("temporary folder");
        assert!(Current::read(dir.path()).expect("reads").is_none());
        for (number, new) in [(1, true), (1, false), (12, false)] {
            Current { number, new }.write(dir.path()).expect("writes");
            let current = Current::read(dir.path()).expect("reads").expect("is there");
            assert_eq!((current.number, current.new), (number, new));
        }
        fs::write(dir.path().join(CURRENT), "12 old\n").expect("writes");
        assert!(Current::read(dir.path()).is_err());
    }
}
