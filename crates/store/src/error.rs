//! What can go wrong, one enum an operation.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{
    batch::BATCH_BYTES_MAX,
    ledger::LedgerEngine,
    tables::{KEY_BYTES_MAX, SCHEMA_VERSION, Table, VALUE_BYTES_MAX},
};

/// The engine below, or the disk below it, could not do its work.
#[derive(Debug, Error)]
#[error("{doing}: {source}")]
pub struct EngineError {
    /// What was being done.
    pub(crate) doing: &'static str,
    /// What the engine or the system said.
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

impl EngineError {
    /// For `map_err`: remembers what was being done.
    pub(crate) fn doing<E>(doing: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self { doing, source: source.into() }
    }
}

/// Why a ledger does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has the folder open.
    #[error("{dir} is in use by {holder}; a ledger has one owner at a time")]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process that holds the lock, as far as the lock file tells.
        holder: String,
    },
    /// The folder holds a ledger of the engine that was not asked for.
    #[error(
        "{dir} holds a {found} ledger, but {wanted} was asked for. To convert it, open it as \
         {found}, export it to a file, and import that file into a new, empty folder opened as \
         {wanted}; to keep it as it is, set the ledger engine to {found}"
    )]
    OtherEngine {
        /// The folder.
        dir: PathBuf,
        /// Whose data is there.
        found: LedgerEngine,
        /// What the configuration asks for.
        wanted: LedgerEngine,
    },
    /// The ledger was written by a later version of this program.
    #[error(
        "the ledger in {dir} has schema {found}, this version knows up to {SCHEMA_VERSION}; \
         start the newer version again"
    )]
    NewerSchema {
        /// The folder.
        dir: PathBuf,
        /// The schema it says it has.
        found: u16,
    },
    /// The root key does not open this ledger.
    #[error(
        "the root key does not open the ledger in {dir}: it is not the key the ledger was \
         created with"
    )]
    WrongKey {
        /// The folder.
        dir: PathBuf,
    },
    /// An import into this folder never finished, so what is there is a part of a ledger.
    #[error("an import into {dir} was interrupted; remove that folder and import again")]
    ImportUnfinished {
        /// The folder.
        dir: PathBuf,
    },
    /// What is on the disk is not a whole ledger.
    #[error(
        "the ledger in {dir} is damaged ({reason}); move the folder aside, it may still be of \
         use, and import the latest export into a new one"
    )]
    Damaged {
        /// The folder.
        dir: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The folder or a file in it could not be created, read or protected.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a row could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The stored bytes are not what was written: they fail authentication.
    #[error("table {table}, key {key}: the stored value is damaged")]
    Damaged {
        /// The table.
        table: Table,
        /// The key, in hexadecimal.
        key: String,
    },
    /// The row was written by a later version, and is kept as it is.
    #[error("table {table}, key {key}: written with schema {schema}, newer than this version's")]
    NewerSchema {
        /// The table.
        table: Table,
        /// The key, in hexadecimal.
        key: String,
        /// The schema of the row.
        schema: u16,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why a batch was not committed.
#[derive(Debug, Error)]
pub enum CommitError {
    /// A key is over the limit; nothing was written.
    #[error("table {table}: key of {len} bytes, at most {KEY_BYTES_MAX} allowed")]
    KeyTooLong {
        /// The table.
        table: Table,
        /// Bytes given.
        len: usize,
    },
    /// A value is over the limit; nothing was written.
    #[error("table {table}: value of {len} bytes, at most {VALUE_BYTES_MAX} allowed")]
    ValueTooLong {
        /// The table.
        table: Table,
        /// Bytes given.
        len: usize,
    },
    /// The batch as a whole is over the limit; nothing was written.
    #[error("batch of {len} bytes, at most {BATCH_BYTES_MAX} allowed")]
    BatchTooLarge {
        /// Bytes given.
        len: usize,
    },
    /// A row is not what the batch expects; nothing was written.
    #[error("table {table}, key {key}: the row has changed")]
    Conflict {
        /// The table.
        table: Table,
        /// The key, in hexadecimal.
        key: String,
    },
    /// A row the batch has an expectation on cannot be read; nothing was written.
    #[error("checking an expectation: {0}")]
    Unreadable(ReadError),
    /// Writing failed. Whether the batch is on the disk is known only after the ledger is opened
    /// again; until then every commit answers [`CommitError::Poisoned`].
    #[error("the ledger stops taking commits: {0}")]
    Failed(String),
    /// An earlier write failed, and nothing is acknowledged since. Stop, and open the ledger
    /// again: what was acknowledged is there.
    #[error("the ledger takes no commits since an earlier failure: {0}")]
    Poisoned(String),
}

/// Why upkeep did not finish.
#[derive(Debug, Error)]
pub enum MaintainError {
    /// It could not be done this time; the ledger is as before and stays in use.
    #[error("upkeep given up: {0}")]
    GivenUp(EngineError),
    /// It failed in a way that leaves the disk in doubt: commits answer
    /// [`CommitError::Poisoned`] from now on.
    #[error("upkeep failed, the ledger stops taking commits: {0}")]
    Fatal(EngineError),
}

/// Hexadecimal, for keys in messages.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
