//! The ledger on SQLite.
//!
//! Write-ahead log, `synchronous=FULL`: a commit is on the disk when it returns. One connection
//! writes, a few others read, each on a snapshot of its own. Checkpoints are made here and not
//! by SQLite at the end of a commit, because SQLite ignores their errors there, and a failed
//! flush must not be forgotten.
//!
//! All tables live in one SQL table with a row id and a unique index over table and key. Both
//! layouts were measured with 1,100-byte values, the size of an ordinary message: as a
//! `WITHOUT ROWID` table the file grew to 4.1 times its contents, because a row over about
//! 1,000 bytes does not fit a key page and moves to a page of its own; with a row id to 1.25
//! times, inserting three times as fast. Only values below some 300 bytes were better off the
//! other way (50 rows in 26 instead of 82 µs).

use std::{
    fs::{self, OpenOptions},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::{
    error::{EngineError, MaintainError},
    folder,
    ledger::engine::{Change, Engine, Transaction, VisitAll, VisitRow, Work},
    range::{Bounds, Dir},
    store::SpaceReport,
};

/// Connections that read. A fifth reader waits for one of the four.
const READERS_MAX: usize = 4;
/// Bytes committed after which the log is copied into the database, as SQLite itself would.
const CHECKPOINT_BYTES: usize = 4 * 1024 * 1024;
/// Free pages worth keeping for the next inserts: 1 MiB.
const FREE_PAGES_KEPT: i64 = 256;
/// Pages given back while commits wait: a few milliseconds.
const VACUUM_STEP_PAGES: u32 = 512;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS rows (tbl INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS rows_by_key ON rows (tbl, key);";

const GET: &str = "SELECT value FROM rows WHERE tbl = ?1 AND key = ?2";
const PUT: &str = "INSERT INTO rows (tbl, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM rows WHERE tbl = ?1 AND key = ?2";

/// SQLite with one ledger open.
pub(super) struct Sqlite {
    path: PathBuf,
    /// Before the writer, because they are closed in this order: the last connection tidies the
    /// log away, which one that may only read cannot do.
    readers: Mutex<Readers>,
    reader_back: Condvar,
    writer: Mutex<Writing>,
}

struct Writing {
    connection: Connection,
    since_checkpoint: usize,
}

#[derive(Default)]
struct Readers {
    idle: Vec<Connection>,
    open: usize,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, EngineError> {
        // SQLite gives its log the permissions of the database, so the database comes first.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        folder::owner_only(&mut options);
        options.open(path).map_err(EngineError::doing("creating the database"))?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let prepare = || -> rusqlite::Result<()> {
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            // On macOS, fsync reaches the drive only with these; elsewhere they change nothing.
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)?;
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            connection.execute_batch(SCHEMA)
        };
        prepare().map_err(EngineError::doing("opening the database"))?;
        folder::sync_parent(path).map_err(EngineError::doing("syncing the folder"))?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(Writing { connection, since_checkpoint: 0 }),
            readers: Mutex::default(),
            reader_back: Condvar::new(),
        })
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        // A panic in between has rolled the transaction back, or poisoned the ledger above.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a read on a connection no other thread is using.
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, EngineError> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = loop {
            if let Some(connection) = readers.idle.pop() {
                break connection;
            }
            if readers.open < READERS_MAX {
                let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                readers.open += 1;
                break connection;
            }
            readers = self.reader_back.wait(readers).unwrap_or_else(PoisonError::into_inner);
        };
        drop(readers);
        let result = work(&connection).map_err(EngineError::doing("reading the database"));
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.idle.push(connection);
        self.reader_back.notify_one();
        result
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        let mut total = 0;
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.path.as_os_str().to_owned();
            path.push(suffix);
            match fs::metadata(path) {
                Ok(metadata) => total += metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(EngineError::doing("measuring the database")(error)),
            }
        }
        Ok(total)
    }
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, EngineError> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        Ok(connection)
    };
    connect().map_err(EngineError::doing("opening the database"))
}

impl Writing {
    /// Copies the log into the database and flushes both. `mode` is SQLite's word for how hard.
    fn checkpoint(&mut self, mode: &str) -> rusqlite::Result<()> {
        // The answer's first column says whether readers kept it from finishing, which is no
        // error: the log is kept and the next checkpoint takes the rest.
        self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
        self.since_checkpoint = 0;
        Ok(())
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<i64> {
        self.connection.pragma_query_value(None, name, |row| row.get(0))
    }
}

impl Transaction for Writing {
    fn get(&mut self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        get(&self.connection, table, key).map_err(EngineError::doing("reading the database"))
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), EngineError> {
        let mut apply = || -> rusqlite::Result<()> {
            let mut put = self.connection.prepare_cached(PUT)?;
            let mut delete = self.connection.prepare_cached(DELETE)?;
            for Change { table, key, stored } in changes {
                match stored {
                    Some(stored) => put.execute(params![table, &key[..], stored])?,
                    None => delete.execute(params![table, &key[..]])?,
                };
                self.since_checkpoint += key.len() + stored.as_ref().map_or(0, Vec::len);
            }
            Ok(())
        };
        apply().map_err(EngineError::doing("writing to the database"))
    }
}

fn get(connection: &Connection, table: u8, key: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached(GET)?;
    statement.query_row(params![table, key], |row| row.get(0)).optional()
}

impl Engine for Sqlite {
    fn get(&self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.read(|connection| get(connection, table, key))
    }

    fn scan(
        &self,
        table: u8,
        bounds: &Bounds,
        dir: Dir,
        visit: &mut VisitRow<'_>,
    ) -> Result<(), EngineError> {
        let (to, order) = (
            if bounds.to.is_some() { "AND key < ?3" } else { "AND ?3 IS NULL" },
            if dir == Dir::Forward { "ASC" } else { "DESC" },
        );
        let sql = format!(
            "SELECT key, value FROM rows WHERE tbl = ?1 AND key >= ?2 {to} ORDER BY key {order}"
        );
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![table, bounds.from, bounds.to])?;
            while let Some(row) = rows.next()? {
                let (key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
                if visit(key, value).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), EngineError> {
        let mut writing = self.writing();
        if writing.since_checkpoint >= CHECKPOINT_BYTES {
            writing.checkpoint("PASSIVE").map_err(EngineError::doing("making a checkpoint"))?;
        }
        let begun = writing.connection.execute_batch("BEGIN IMMEDIATE");
        begun.map_err(EngineError::doing("starting a transaction"))?;
        if let Err(error) = work(&mut *writing) {
            // The first error is what the caller has to know.
            let _ = writing.connection.execute_batch("ROLLBACK");
            return Err(error);
        }
        writing.connection.execute_batch("COMMIT").map_err(EngineError::doing("committing"))
    }

    fn snapshot(&self, visit: &mut VisitAll<'_>) -> Result<(), EngineError> {
        // One statement reads one snapshot, however long it takes.
        self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT tbl, key, value FROM rows ORDER BY tbl, key")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (key, value) = (row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?);
                if visit(row.get(0)?, key, value) == ControlFlow::Break(()) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn maintain(&self, budget: Duration) -> Result<SpaceReport, MaintainError> {
        let deadline = Instant::now() + budget;
        let disk_bytes_before = self.disk_bytes().map_err(MaintainError::GivenUp)?;
        let fatal = |error| MaintainError::Fatal(EngineError::doing("vacuuming")(error));
        let mut complete = false;
        while !complete && Instant::now() < deadline {
            // The lock is given up between steps, so commits wait for one step at most.
            let writing = self.writing();
            complete = vacuum_step(&writing.connection).map_err(fatal)?;
        }
        let mut writing = self.writing();
        writing.checkpoint("TRUNCATE").map_err(fatal)?;
        let sizes = || -> rusqlite::Result<i64> {
            let used = writing.pragma("page_count")? - writing.pragma("freelist_count")?;
            Ok(used * writing.pragma("page_size")?)
        };
        let live_bytes = u64::try_from(sizes().map_err(fatal)?).ok();
        let disk_bytes = self.disk_bytes().map_err(MaintainError::GivenUp)?;
        Ok(SpaceReport { disk_bytes_before, disk_bytes, live_bytes, blob_files: 0, complete })
    }

    fn faults(&self, deep: bool) -> Result<Vec<String>, EngineError> {
        let check = if deep { "PRAGMA integrity_check" } else { "PRAGMA quick_check" };
        self.read(|connection| {
            let mut statement = connection.prepare(check)?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            let lines = lines.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(lines.into_iter().filter(|line| line != "ok").collect())
        })
    }
}

/// Gives some pages back; says whether few enough are left.
fn vacuum_step(connection: &Connection) -> rusqlite::Result<bool> {
    let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free <= FREE_PAGES_KEPT {
        return Ok(true);
    }
    let mut statement =
        connection.prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM_STEP_PAGES})"))?;
    // Each step of the statement frees one page.
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(false)
}
