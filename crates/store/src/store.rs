//! What the rest of the program knows about storage.

use std::{path::Path, time::Duration};

use bytes::Bytes;

use crate::{
    batch::Batch,
    error::{CommitError, MaintainError, ReadError},
    range::{Dir, KeyRange, Page},
    tables::Table,
    transfer::{ExportError, ExportReport, ImportError, ImportReport},
};

/// The position of a commit among those acknowledged since the ledger was opened, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// A ledger: ordered rows in a fixed set of tables, changed by atomic, durable batches.
///
/// All methods block, on the disk or on each other; asynchronous callers give them a thread of
/// their own. Any number of threads may call at once: commits that arrive together share one
/// flush of the disk.
pub trait Store: Send + Sync + 'static {
    /// The value of a row.
    ///
    /// # Errors
    /// [`ReadError`], when the row is there and cannot be read. Damaged bytes are never returned.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ReadError>;

    /// Up to `limit` rows of a range; a limit of 0 counts as 1.
    ///
    /// Each page is read at one moment in SQLite and row by row in sled, so batches that commit
    /// between two rows may show in part; use it for lists, and [`Batch::expect`] for decisions.
    ///
    /// # Errors
    /// [`ReadError`] for the first row that cannot be read; scanning on is possible from the key
    /// it names.
    fn scan(
        &self,
        table: Table,
        range: KeyRange,
        dir: Dir,
        limit: usize,
    ) -> Result<Page, ReadError>;

    /// Applies a batch. When this returns `Ok`, the batch survives a power cut.
    ///
    /// Another thread may read the batch a moment before this returns. Nobody outside the node
    /// may be told about it before then.
    ///
    /// # Errors
    /// [`CommitError`]. [`CommitError::Failed`] and [`CommitError::Poisoned`] end the ledger's
    /// life in this process; all others leave it unchanged.
    fn commit(&self, batch: Batch) -> Result<Seq, CommitError>;

    /// Gives unused space back to the disk, for about as long as `budget` allows.
    ///
    /// # Errors
    /// [`MaintainError`] says whether the ledger is still in use afterwards.
    fn maintain(&self, budget: Duration) -> Result<SpaceReport, MaintainError>;

    /// Writes all rows, as they were at one moment, to a new file: see [`crate::export`].
    ///
    /// # Errors
    /// [`ExportError`]; there is no file at `to` then.
    fn backup(&self, to: &Path) -> Result<ExportReport, ExportError>;

    /// Fills an empty ledger from an exported file: see [`crate::import`].
    ///
    /// # Errors
    /// [`ImportError`]; nothing was imported unless it says so.
    fn restore(&self, from: &Path) -> Result<ImportReport, ImportError>;

    /// Looks for damage: the engine's own structures, and with `deep` every single row.
    ///
    /// # Errors
    /// [`ReadError`] when the engine cannot even be asked. Damage found is a report, no error.
    fn check(&self, deep: bool) -> Result<CheckReport, ReadError>;
}

/// What a ledger occupies, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpaceReport {
    /// On the disk when upkeep started.
    pub disk_bytes_before: u64,
    /// On the disk now.
    pub disk_bytes: u64,
    /// Of that, what rows need. Unknown when the budget ended before they were counted.
    pub live_bytes: Option<u64>,
    /// Blob files of sled. More than 0 is a defect to report: they are not synced to the disk.
    pub blob_files: u64,
    /// Whether there was nothing more to do within the budget.
    pub complete: bool,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Rows read and authenticated; 0 unless the check was deep.
    pub rows: u64,
    /// The first [`CheckReport::FAULTS_MAX`] faults, in words.
    pub faults: Vec<String>,
    /// How many faults there are.
    pub faults_total: u64,
}

impl CheckReport {
    /// How many faults are described; all are counted.
    pub const FAULTS_MAX: usize = 100;

    /// Whether nothing was found.
    pub fn is_ok(&self) -> bool {
        self.faults_total == 0
    }

    pub(crate) fn fault(&mut self, fault: String) {
        self.faults_total += 1;
        if self.faults.len() < Self::FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}
