//! The cache as its users see it.

use std::{
    fmt, io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use thiserror::Error;

use crate::{
    batch::Key,
    cache::database::{Broken, Database, guarded},
    folder::{self, FolderLock, LockError},
    root_key::RootKey,
    seal::Sealer,
    tables::{INTERNAL, KEY_BYTES_MAX},
};

/// The largest value, in bytes: twice the largest record of the network.
///
/// sled keeps about 17 rows together and moves them to an unsynced, unreclaimed file when they
/// exceed 128 KiB, which values of this size cannot.
pub const CACHE_VALUE_BYTES_MAX: usize = 4 * 1024;

/// What sled may keep in memory by default. It uses up to three times that.
const CAPACITY_BYTES: u64 = 16 * 1024 * 1024;
/// A cache that is larger than this when it is opened starts empty. sled gives no space back,
/// so this is also what bounds its growth.
const DISK_BYTES_MAX: u64 = 512 * 1024 * 1024;

const CHECK_KEY: &[u8] = b"key check";
const CHECK_VALUE: &[u8] = b"this cache belongs to this root key";

/// A table of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CacheTable {
    /// Records of the distributed hash table: record key to record.
    Record = 1,
    /// Where a peer was last reached: peer id to addresses.
    PeerAddress = 2,
    /// Signed cards seen in lobbies: persona to card.
    Card = 3,
    /// Who was last seen when: persona to announcement.
    Presence = 4,
}

/// Why a cache cannot be used at all. Damage is not among the reasons.
#[derive(Debug, Error)]
pub enum CacheOpenError {
    /// Another process uses the folder.
    #[error("{dir} is in use by {holder}; a cache has one owner at a time")]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process that holds the lock, as far as the lock file tells.
        holder: String,
    },
    /// The folder cannot be created, read or written.
    #[error("{dir}: {reason}")]
    Unusable {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Why a value was not cached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PutError {
    /// The key is over the limit.
    #[error("key of {0} bytes, at most {KEY_BYTES_MAX} allowed")]
    KeyTooLong(usize),
    /// The value is over the limit.
    #[error("value of {0} bytes, at most {CACHE_VALUE_BYTES_MAX} allowed")]
    ValueTooLong(usize),
}

/// An open cache. What cannot be read is as if it had never been put.
pub struct Cache {
    dir: PathBuf,
    capacity: u64,
    sealer: Sealer,
    database: RwLock<Option<Database>>,
    resets: AtomicU64,
    _lock: FolderLock,
}

impl Cache {
    /// Opens or creates the cache in a folder of its own.
    ///
    /// # Errors
    /// [`CacheOpenError`], when the folder cannot be used; never because of what is in it.
    pub fn open(dir: &Path, key: &RootKey) -> Result<Self, CacheOpenError> {
        Self::open_with(dir, key, CAPACITY_BYTES, DISK_BYTES_MAX)
    }

    /// [`Cache::open`] with limits in bytes: what sled may keep in memory, of which it uses up to
    /// three times as much, and the size on the disk above which the cache starts empty.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub fn open_with(
        dir: &Path,
        key: &RootKey,
        capacity: u64,
        disk_bytes_max: u64,
    ) -> Result<Self, CacheOpenError> {
        let unusable = |reason: String| CacheOpenError::Unusable { dir: dir.to_owned(), reason };
        let io = |error: io::Error| unusable(error.to_string());
        folder::create_private(dir).map_err(io)?;
        let lock = FolderLock::acquire(dir).map_err(|error| match error {
            LockError::Held(holder) => CacheOpenError::InUse { dir: dir.to_owned(), holder },
            LockError::Io(error) => io(error),
        })?;
        let cache = Self {
            dir: dir.to_owned(),
            capacity,
            sealer: Sealer::new(&key.derive("conclave store cache 1")),
            database: RwLock::new(None),
            resets: AtomicU64::new(0),
            _lock: lock,
        };
        let opened = Database::open(dir, capacity, disk_bytes_max)
            .and_then(|database| cache.admit(&database).map(|()| database));
        let database = match opened {
            Ok(database) => database,
            Err(Broken(reason)) => {
                cache.count_reset(&reason);
                cache.create().map_err(|Broken(reason)| unusable(reason))?
            }
        };
        *cache.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        Ok(cache)
    }

    /// The value of a row.
    pub fn get(&self, table: CacheTable, key: &[u8]) -> Option<Bytes> {
        let stored = self.on(|db| db.get(row_key(table as u8, key)))??;
        let value = self.sealer.unseal(table as u8, key, &stored).ok();
        if value.is_none() {
            self.remove(table, key);
        }
        value
    }

    /// Writes a row, replacing the value that may be there. It reaches the disk within about a
    /// second, unless the machine stops first.
    ///
    /// # Errors
    /// [`PutError`], when key or value is over its limit.
    pub fn put(&self, table: CacheTable, key: &[u8], value: &[u8]) -> Result<(), PutError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(PutError::KeyTooLong(key.len()));
        }
        if value.len() > CACHE_VALUE_BYTES_MAX {
            return Err(PutError::ValueTooLong(value.len()));
        }
        let stored = self.sealer.seal(table as u8, key, value);
        self.on(|db| db.insert(row_key(table as u8, key), stored));
        Ok(())
    }

    /// Up to `limit` rows in the order of their keys, from the first key, or from the one that
    /// follows `after`.
    pub fn scan(&self, table: CacheTable, after: Option<&[u8]>, limit: usize) -> Vec<(Key, Bytes)> {
        let from = match after {
            None => Bound::Included(row_key(table as u8, &[])),
            Some(key) => Bound::Excluded(row_key(table as u8, key)),
        };
        let to = Bound::Excluded(row_key(table as u8 + 1, &[]));
        let rows = self.on(|db| {
            let mut rows = Vec::new();
            for row in db.range((from, to)) {
                if rows.len() == limit {
                    break;
                }
                let (raw_key, stored) = row?;
                let key = raw_key.get(1..).unwrap_or_default();
                if let Ok(value) = self.sealer.unseal(table as u8, key, &stored) {
                    rows.push((Key::copy_from_slice(key), value));
                }
            }
            Ok(rows)
        });
        rows.unwrap_or_default()
    }

    /// Removes a row, if it is there.
    pub fn remove(&self, table: CacheTable, key: &[u8]) {
        self.on(|db| db.remove(row_key(table as u8, key)));
    }

    /// How often this cache had to start empty since it was opened, opening included: above 0,
    /// the disk deserves a look.
    pub fn resets(&self) -> u64 {
        self.resets.load(Ordering::Relaxed)
    }

    /// Runs something on the database. When that shows damage, the database is replaced by an
    /// empty one; when even that fails, the cache stays empty until it is opened again.
    fn on<T>(&self, work: impl FnOnce(&sled::Db) -> Result<T, sled::Error>) -> Option<T> {
        let Broken(reason) = {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            match guarded(|| database.as_ref().map(|database| work(&database.db)).transpose()) {
                Ok(result) => return result,
                Err(broken) => broken,
            }
        };
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        self.count_reset(&reason);
        *database = match self.create() {
            Ok(empty) => Some(empty),
            Err(Broken(reason)) => {
                tracing::warn!(%reason, "there is no cache until the next start");
                None
            }
        };
        None
    }

    fn create(&self) -> Result<Database, Broken> {
        let database = Database::create(&self.dir, self.capacity)?;
        self.admit(&database)?;
        Ok(database)
    }

    /// Checks that the database is of our key, or marks an empty one as such.
    fn admit(&self, database: &Database) -> Result<(), Broken> {
        let row = row_key(INTERNAL, CHECK_KEY);
        match guarded(|| database.db.get(&row))? {
            None if guarded(|| Ok(database.db.is_empty()))? => {
                let stored = self.sealer.seal(INTERNAL, CHECK_KEY, CHECK_VALUE);
                guarded(|| database.db.insert(row, stored))?;
                Ok(())
            }
            None => Err(Broken("it does not say whose it is".into())),
            Some(stored) => match self.sealer.unseal(INTERNAL, CHECK_KEY, &stored) {
                Ok(value) if value == CHECK_VALUE => Ok(()),
                _ => Err(Broken("it belongs to another key".into())),
            },
        }
    }

    fn count_reset(&self, reason: &str) {
        tracing::warn!(dir = %self.dir.display(), %reason, "the cache starts empty");
        self.resets.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("dir", &self.dir).finish_non_exhaustive()
    }
}

fn row_key(table: u8, key: &[u8]) -> Vec<u8> {
    [&[table], key].concat()
}
