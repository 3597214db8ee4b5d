//! What a ledger needs of a storage engine: ordered, durable, opaque bytes.
//!
//! Engines see table numbers, keys and already encrypted values. Nothing of an engine's own
//! types, transactions or iterators gets out through this trait.

use std::{ops::ControlFlow, time::Duration};

use bytes::Bytes;

use crate::{
    error::{EngineError, MaintainError},
    range::{Bounds, Dir},
    store::SpaceReport,
};

/// One row to write, or to remove where there is no value.
pub(crate) struct Change {
    pub(crate) table: u8,
    pub(crate) key: Bytes,
    pub(crate) stored: Option<Vec<u8>>,
}

/// Is given one row after the other, and says when it has enough.
pub(crate) type VisitRow<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Like [`VisitRow`], over all tables: the table's number comes first.
pub(crate) type VisitAll<'a> = dyn FnMut(u8, &[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Work done in one transaction.
pub(crate) type Work<'a> = dyn FnMut(&mut dyn Transaction) -> Result<(), EngineError> + 'a;

/// The view of the one writer: sees what it has applied itself.
pub(crate) trait Transaction {
    /// The stored bytes of a row.
    fn get(&mut self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// Applies changes. Each call's changes survive a crash together or not at all.
    fn apply(&mut self, changes: &[Change]) -> Result<(), EngineError>;
}

/// A storage engine with one ledger open.
pub(crate) trait Engine: Send + Sync + 'static {
    /// The stored bytes of a row.
    fn get(&self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// Visits the rows within the bounds until the visitor breaks off.
    fn scan(
        &self,
        table: u8,
        bounds: &Bounds,
        dir: Dir,
        visit: &mut VisitRow<'_>,
    ) -> Result<(), EngineError>;

    /// Runs the work as the only writer. `Ok` means that what it applied survives a power cut.
    ///
    /// An error leaves open what reached the disk; the caller stops using the engine for writes.
    fn transact(&self, work: &mut Work<'_>) -> Result<(), EngineError>;

    /// Visits every row of every table, in order, as they all were at one moment.
    fn snapshot(&self, visit: &mut VisitAll<'_>) -> Result<(), EngineError>;

    /// Gives unused space back, for about as long as `budget`.
    fn maintain(&self, budget: Duration) -> Result<SpaceReport, MaintainError>;

    /// Faults in the engine's own structures, in words; `deep` may read everything.
    fn faults(&self, deep: bool) -> Result<Vec<String>, EngineError>;
}
