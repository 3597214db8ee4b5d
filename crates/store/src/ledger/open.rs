//! Opening a ledger: which engine, whose folder, which schema, which key.

use std::{fmt, fs::OpenOptions, io, path::Path, str::FromStr, sync::Arc};

use thiserror::Error;

use crate::{
    error::{EngineError, OpenError},
    folder::{self, FolderLock, LockError},
    ledger::{
        engine::{Change, Engine},
        rows::Ledger,
        sled::Sled,
        sqlite::Sqlite,
    },
    range::{Bounds, Dir},
    root_key::RootKey,
    seal::{Sealer, UnsealError},
    store::Store,
    tables::{INTERNAL, SCHEMA_VERSION, TABLES},
    transfer::ExportKey,
};

/// Row of the internal table: the schema, two bytes, readable without the key.
const SCHEMA_ROW: &[u8] = b"schema";
/// Row of the internal table: a constant, encrypted, that only the right key opens.
const KEY_ROW: &[u8] = b"key check";
const KEY_ROW_VALUE: &[u8] = b"this ledger belongs to this root key";
/// Row of the internal table, there while an import is under way.
pub(super) const IMPORT_ROW: &[u8] = b"importing";

/// The file that is there once a ledger is completely created. Both engines take a file they
/// can make nothing of, or none at all, for a new database under some circumstances.
const CREATED: &str = "created";

/// The engine below a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LedgerEngine {
    /// SQLite with a write-ahead log: the default.
    #[default]
    Sqlite,
    /// sled with our layer on top; the crate's documentation has its price.
    Sled,
}

/// The name of an engine that is none of the two.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown ledger engine {0:?}: \"sqlite\" or \"sled\"")]
pub struct UnknownEngine(String);

impl fmt::Display for LedgerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Sled => "sled",
        })
    }
}

impl FromStr for LedgerEngine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "sled" => Ok(Self::Sled),
            other => Err(UnknownEngine(other.into())),
        }
    }
}

impl LedgerEngine {
    /// The file or folder whose existence says that this engine has data here.
    const fn path(self) -> &'static str {
        match self {
            Self::Sqlite => "ledger.sqlite",
            Self::Sled => "ledger.sled",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Sqlite => Self::Sled,
            Self::Sled => Self::Sqlite,
        }
    }
}

/// Opens the ledger in a folder of its own, creating both where there is none.
///
/// The folder is locked until the ledger is dropped, closed to other users of the machine, and
/// recovered if the last owner was killed.
///
/// # Errors
/// [`OpenError`]; nothing on the disk is removed or converted on the way there.
pub fn open_ledger(
    dir: &Path,
    engine: LedgerEngine,
    key: &RootKey,
) -> Result<Arc<dyn Store>, OpenError> {
    let failed = |source| OpenError::Io { path: dir.to_owned(), source };
    folder::create_private(dir).map_err(failed)?;
    let lock = FolderLock::acquire(dir).map_err(|error| match error {
        LockError::Held(holder) => OpenError::InUse { dir: dir.to_owned(), holder },
        LockError::Io(source) => failed(source),
    })?;
    let other = engine.other();
    if dir.join(other.path()).exists() {
        return Err(OpenError::OtherEngine { dir: dir.to_owned(), found: other, wanted: engine });
    }
    let path = dir.join(engine.path());
    let created = dir.join(CREATED);
    let whole = created.exists();
    if whole && !path.exists() {
        let reason = format!("{} is missing", engine.path());
        return Err(OpenError::Damaged { dir: dir.to_owned(), reason });
    }
    let opened: Arc<dyn Engine> = match engine {
        LedgerEngine::Sqlite => Arc::new(Sqlite::open(&path).map_err(|e| refused(dir, &e))?),
        LedgerEngine::Sled => Arc::new(Sled::open(&path).map_err(|e| refused(dir, &e))?),
    };
    let sealer = Sealer::new(&key.derive("conclave store ledger 1"));
    admit(dir, opened.as_ref(), &sealer, whole)?;
    if !whole {
        mark_created(&created).map_err(|source| OpenError::Io { path: created.clone(), source })?;
    }
    let export_key = ExportKey::new(key);
    let ledger = Ledger::start(opened, sealer, export_key, lock).map_err(failed)?;
    Ok(Arc::new(ledger))
}

/// Says, durably, that there is a ledger from now on.
fn mark_created(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    folder::owner_only(&mut options);
    options.open(path)?.sync_all()?;
    folder::sync_parent(path)
}

/// Checks that a ledger is ours to read, or marks a new one as such. `whole` says that it was
/// completely created once, and so cannot be new.
fn admit(dir: &Path, engine: &dyn Engine, sealer: &Sealer, whole: bool) -> Result<(), OpenError> {
    let damaged =
        |reason: &str| OpenError::Damaged { dir: dir.to_owned(), reason: reason.to_owned() };
    let get = |row| engine.get(INTERNAL, row).map_err(|error| refused(dir, &error));
    let Some(schema) = get(SCHEMA_ROW)? else {
        if whole {
            return Err(damaged("the engine finds nothing in its files"));
        }
        if newest_rows(engine).map_err(|error| refused(dir, &error))? > 0 {
            return Err(damaged("there are rows but no schema"));
        }
        return initialise(engine, sealer).map_err(|error| refused(dir, &error));
    };
    let schema: [u8; 2] =
        schema.try_into().map_err(|_| damaged("the schema is not two bytes long"))?;
    let found = u16::from_be_bytes(schema);
    if found > SCHEMA_VERSION {
        return Err(OpenError::NewerSchema { dir: dir.to_owned(), found });
    }
    if found == 0 {
        return Err(damaged("there is no schema 0"));
    }
    let check = get(KEY_ROW)?.ok_or_else(|| damaged("the key check is missing"))?;
    match sealer.unseal(INTERNAL, KEY_ROW, &check) {
        Ok(value) if value == KEY_ROW_VALUE => {}
        Ok(_) => return Err(damaged("the key check says something else")),
        Err(UnsealError::NewerSchema(found)) => {
            return Err(OpenError::NewerSchema { dir: dir.to_owned(), found });
        }
        Err(UnsealError::Damaged) => return Err(OpenError::WrongKey { dir: dir.to_owned() }),
    }
    if get(IMPORT_ROW)?.is_some() {
        return Err(OpenError::ImportUnfinished { dir: dir.to_owned() });
    }
    newest_rows(engine).map_err(|error| refused(dir, &error))?;
    Ok(())
}

/// Reads the last row of every table, which is where a bad recovery shows first.
fn newest_rows(engine: &dyn Engine) -> Result<u64, EngineError> {
    let everything = Bounds { from: Vec::new(), to: None };
    let mut found = 0;
    for info in TABLES {
        engine.scan(info.table.number(), &everything, Dir::Backward, &mut |_, _| {
            found += 1;
            std::ops::ControlFlow::Break(())
        })?;
    }
    Ok(found)
}

fn initialise(engine: &dyn Engine, sealer: &Sealer) -> Result<(), EngineError> {
    let row = |key: &'static [u8], stored| Change {
        table: INTERNAL,
        key: bytes::Bytes::from_static(key),
        stored: Some(stored),
    };
    let rows = [
        row(SCHEMA_ROW, SCHEMA_VERSION.to_be_bytes().to_vec()),
        row(KEY_ROW, sealer.seal(INTERNAL, KEY_ROW, KEY_ROW_VALUE)),
    ];
    engine.transact(&mut |transaction| transaction.apply(&rows))
}

/// A folder we may not use, or that is full, is the owner's to mend; everything else is damage.
fn refused(dir: &Path, error: &EngineError) -> OpenError {
    match fault_of_the_system(error) {
        Some(kind) => {
            OpenError::Io { path: dir.to_owned(), source: io::Error::new(kind, error.to_string()) }
        }
        None => OpenError::Damaged { dir: dir.to_owned(), reason: error.to_string() },
    }
}

fn fault_of_the_system(error: &EngineError) -> Option<io::ErrorKind> {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    use rusqlite::ErrorCode;
    let source = error.source.as_ref();
    if let Some(error) = source.downcast_ref::<rusqlite::Error>() {
        return match error.sqlite_error_code()? {
            ErrorCode::PermissionDenied | ErrorCode::CannotOpen => Some(PermissionDenied),
            ErrorCode::ReadOnly => Some(ReadOnlyFilesystem),
            ErrorCode::DiskFull => Some(StorageFull),
            _ => None,
        };
    }
    let kind = match (source.downcast_ref(), source.downcast_ref()) {
        (Some(::sled::Error::Io(error)), _) | (_, Some(error)) => io::Error::kind(error),
        _ => return None,
    };
    matches!(kind, PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
        .then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_full_or_closed_is_not_called_damaged() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let kind = |error: EngineError| fault_of_the_system(&error);
        assert_eq!(kind(EngineError::doing("x")(full())), Some(io::ErrorKind::StorageFull));
        let sled_full = EngineError::doing("x")(::sled::Error::Io(full()));
        assert_eq!(kind(sled_full), Some(io::ErrorKind::StorageFull));
        assert_eq!(kind(EngineError::doing("x")(::sled::Error::Io(eof()))), None);
        assert_eq!(kind(EngineError::doing("x")("a head makes no sense")), None);
    }

    #[test]
    fn engines_are_named_in_configuration_as_they_are_displayed() {
        for engine in [LedgerEngine::Sqlite, LedgerEngine::Sled] {
            assert_eq!(engine.to_string().parse(), Ok(engine));
        }
        let error = "redb".parse::<LedgerEngine>().expect_err("refuses");
        assert_eq!(error.to_string(), "unknown ledger engine \"redb\": \"sqlite\" or \"sled\"");
    }
}
