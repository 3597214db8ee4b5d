//! The sled database below the cache, and throwing it away.

use std::{
    any::Any,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use crate::{folder, sled_open};

/// Why something did not work. For the cache, the reason matters only in the log.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

impl From<sled::Error> for Broken {
    fn from(error: sled::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Box<dyn Any + Send>> for Broken {
    fn from(_: Box<dyn Any + Send>) -> Self {
        Self("sled panicked".into())
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Runs something on sled, whose reaction to damage may be a panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, Broken> {
    Ok(catch_unwind(AssertUnwindSafe(work))??)
}

/// The newest database in the cache's folder.
///
/// Each is a folder with a number of its own: one that is thrown away while threads of sled
/// still write to it cannot disturb the next.
pub(super) struct Database {
    pub(super) db: sled::Db,
}

impl Database {
    /// Opens what is there.
    pub(super) fn open(dir: &Path, capacity: u64, disk_bytes_max: u64) -> Result<Self, Broken> {
        let path = match newest(dir)? {
            Some(number) => path_of(dir, number),
            None => return Self::create(dir, capacity),
        };
        let disk_bytes = folder::bytes_in(&path)?;
        if disk_bytes > disk_bytes_max {
            return Err(Broken(format!("{disk_bytes} bytes, at most {disk_bytes_max} wanted")));
        }
        Self::open_at(&path, capacity)
    }

    /// Throws away what is there and starts empty.
    pub(super) fn create(dir: &Path, capacity: u64) -> Result<Self, Broken> {
        let numbers = numbers_in(dir)?;
        for number in &numbers {
            // What cannot be removed now is removed by the next start; it is not used again.
            if let Err(error) = fs::remove_dir_all(path_of(dir, *number)) {
                tracing::debug!(number, %error, "an old cache stays for now");
            }
        }
        let next = numbers.into_iter().max().unwrap_or(0) + 1;
        Self::open_at(&path_of(dir, next), capacity)
    }

    fn open_at(path: &Path, capacity: u64) -> Result<Self, Broken> {
        let config = sled::Config::new().cache_capacity(capacity);
        let db = sled_open::open(path, config)?;
        Ok(Self { db })
    }
}

fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("cache-{number}"))
}

fn numbers_in(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("cache-"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(numbers)
}

fn newest(dir: &Path) -> io::Result<Option<u64>> {
    Ok(numbers_in(dir)?.into_iter().max())
}
