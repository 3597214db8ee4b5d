//! The exported file: a ledger as bytes that belong to no engine.
//!
//! It is what backups are made of, and the way from one engine to the other. All numbers are
//! big-endian.
//!
//! ```text
//! "CONCLAVE" | format u16 | schema u16 | length u16 | a constant, encrypted   the header
//! length u32 | checksum 8 | table u8 | key length u16 | key | stored value    each row
//! 0 u32 | number of rows u64 | HMAC-SHA256 over everything before, 32         the end
//! ```
//!
//! The length of a row counts what follows the checksum, which is the beginning of its SHA-256.
//! Values stay encrypted as they are in the ledger, under the same root key: the file is no more
//! secret and no less than the ledger's folder, and useless without the key, which is not in it
//! and has to be kept apart. Rows missing, added or reordered by whoever does not know the key
//! are found out by the code at the end.

mod read;
mod write;

use std::{io, path::PathBuf};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    error::{EngineError, ReadError},
    root_key::RootKey,
    seal::STORED_BYTES_MAX,
    store::Store,
    tables::{KEY_BYTES_MAX, SCHEMA_VERSION, Table},
};

pub(crate) use read::ExportReader;
pub(crate) use write::ExportWriter;

const MAGIC: &[u8; 8] = b"CONCLAVE";
const FORMAT: u16 = 1;
/// What the encrypted constant of the header is bound to: no row of any table.
const CHECK_KEY: &[u8] = b"export";
const CHECK_VALUE: &[u8] = b"this export belongs to this root key";
const CHECKSUM_BYTES: usize = 8;
const ROW_BYTES_MAX: usize = 1 + 2 + KEY_BYTES_MAX + STORED_BYTES_MAX;

/// Writes all rows of a ledger, as they were at one moment, to a new file.
///
/// The file appears under its name when it is complete and on the disk. SQLite goes on taking
/// commits meanwhile; with sled they wait until the export is through.
///
/// # Errors
/// [`ExportError`]; there is no file at `to` then, unless there was one before.
pub fn export(store: &dyn Store, to: &std::path::Path) -> Result<ExportReport, ExportError> {
    store.backup(to)
}

/// Fills an empty ledger from an exported file. The ledger must have the same root key as the
/// one exported; its engine may be another. Nobody else may use the ledger meanwhile.
///
/// The whole file is verified before the first row is written.
///
/// # Errors
/// [`ImportError`]. After [`ImportError::Interrupted`], or a kill, the folder holds part of a
/// ledger and refuses to open; after all others the ledger is as empty as before.
pub fn import(into: &dyn Store, from: &std::path::Path) -> Result<ImportReport, ImportError> {
    into.restore(from)
}

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportReport {
    /// Rows.
    pub rows: u64,
    /// The size of the file, in bytes.
    pub bytes: u64,
}

/// What an import brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows.
    pub rows: u64,
}

/// Why there is no export.
#[derive(Debug, Error)]
pub enum ExportError {
    /// There is something at that path, and exports replace nothing.
    #[error("{path} exists already")]
    Exists {
        /// The path given.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("{path}: {source}")]
    Io {
        /// The path given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger could not be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why an import was refused or did not finish.
#[derive(Debug, Error)]
pub enum ImportError {
    /// There are rows in the ledger already; imports do not mix.
    #[error("the ledger is not empty; import into a new folder")]
    NotEmpty,
    /// The ledger takes no writes since an earlier failure.
    #[error("{0}")]
    NotWritable(String),
    /// The file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not an export, or not a whole one.
    #[error("not a whole export: {field}")]
    Malformed {
        /// The part that is wrong.
        field: &'static str,
    },
    /// The export is in a later format than this version knows.
    #[error("export format {format}, this version knows {FORMAT}")]
    NewerFormat {
        /// Its format.
        format: u16,
    },
    /// The export was written by a later version.
    #[error("the export has schema {schema}, this version knows up to {SCHEMA_VERSION}")]
    NewerSchema {
        /// Its schema.
        schema: u16,
    },
    /// The export belongs to another root key.
    #[error("the export was made with another root key")]
    WrongKey,
    /// A row fails authentication: it was damaged already when it was exported.
    #[error("table {table}, key {key}: the exported value is damaged")]
    DamagedRow {
        /// The table.
        table: Table,
        /// The key, in hexadecimal.
        key: String,
    },
    /// The ledger could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Writing failed half way: remove the ledger's folder and import again.
    #[error("import interrupted, remove the ledger's folder and import again: {0}")]
    Interrupted(EngineError),
}

/// The key of the code at the end of an export.
pub(crate) struct ExportKey(Zeroizing<[u8; 32]>);

impl ExportKey {
    pub(crate) fn new(key: &RootKey) -> Self {
        Self(key.derive("conclave store export 1"))
    }

    fn mac(&self) -> Hmac<Sha256> {
        <Hmac<Sha256> as Mac>::new_from_slice(self.0.as_slice())
            .expect("HMAC takes a key of any length")
    }
}

fn checksum(row: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest: [u8; 32] = Sha256::digest(row).into();
    *digest.first_chunk().expect("a hash is longer than a checksum")
}
