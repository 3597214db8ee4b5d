//! Opening a sled database, for the ledger and the cache alike.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use crate::folder;

/// Threads of a database dropped a moment ago in this process may still hold sled's own lock.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Opens a database in a folder only its owner can enter.
///
/// The caller holds a lock of its own, so nobody else can have it open.
pub(crate) fn open(path: &Path, config: sled::Config) -> Result<sled::Db, sled::Error> {
    folder::create_private(path)?;
    remove_half_snapshots(path)?;
    let config = config.path(path);
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    let db = loop {
        // Recovery asserts in places where the disk surprises it.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()))
            .unwrap_or_else(|_| Err(sled::Error::ReportableBug("recovery panicked".into())));
        match opened {
            Err(error) if is_locked(&error) && Instant::now() < deadline => {
                std::thread::sleep(LOCK_PAUSE);
            }
            other => break other?,
        }
    };
    folder::protect_files(path)?;
    Ok(db)
}

/// sled has no kind of error for this, only words.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// Removes what sled leaves of a snapshot when it is killed while writing it.
///
/// A snapshot is written as `snap.*.generating` and then renamed; sled, when it opens, takes one
/// that was never finished for a finished one, and cannot open from then on.
fn remove_half_snapshots(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    folder::sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_snapshots_are_removed_before_sled_can_trust_them() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("database");
        let db = open(&path, sled::Config::new()).expect("creates");
        db.insert(b"key", b"value").expect("inserts");
        drop(db);
        // What a kill between writing a snapshot and renaming it leaves behind.
        let half = path.join("snap.00000000007FFFFF.generating");
        fs::write(&half, [0xaa; 100]).expect("writes");
        let db = open(&path, sled::Config::new()).expect("opens");
        assert!(!half.exists());
        assert_eq!(db.get(b"key").expect("reads").as_deref(), Some(&b"value"[..]));
    }

    #[test]
    fn a_database_just_dropped_can_be_opened_again_at_once() {
        let dir = tempfile::tempdir().expect("temporary folder");
        for n in 0u8..20 {
            let db = open(dir.path(), sled::Config::new()).expect("opens");
            assert_eq!(db.len(), usize::from(n));
            db.insert([n], vec![n; 10_000]).expect("inserts");
        }
    }
}
