//! The [`Store`] over any engine: limits, encryption, pages.

use std::{io, ops::ControlFlow, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    batch::{Batch, Key},
    error::{CommitError, MaintainError, ReadError, hex},
    folder::FolderLock,
    ledger::{
        engine::{Change, Engine},
        open::IMPORT_ROW,
        writer::{Poison, Request, Writer},
    },
    range::{Dir, KeyRange, PAGE_BYTES_MAX, Page},
    seal::{Sealer, UnsealError},
    store::{CheckReport, Seq, SpaceReport, Store},
    tables::{INTERNAL, TABLES, Table},
    transfer::{
        ExportError, ExportKey, ExportReader, ExportReport, ExportWriter, ImportError, ImportReport,
    },
};

/// An import commits about this much at once, in bytes.
const IMPORT_STEP_BYTES: usize = 4 * 1024 * 1024;

/// An open ledger. Fields are dropped in this order: the lock goes last.
pub(super) struct Ledger {
    writer: Writer,
    poison: Poison,
    engine: Arc<dyn Engine>,
    sealer: Arc<Sealer>,
    export_key: ExportKey,
    _lock: FolderLock,
}

impl Ledger {
    pub(super) fn start(
        engine: Arc<dyn Engine>,
        sealer: Sealer,
        export_key: ExportKey,
        lock: FolderLock,
    ) -> io::Result<Self> {
        let sealer = Arc::new(sealer);
        let poison = Poison::default();
        let writer = Writer::start(Arc::clone(&engine), Arc::clone(&sealer), poison.clone())?;
        Ok(Self { writer, poison, engine, sealer, export_key, _lock: lock })
    }

    fn is_empty(&self) -> Result<bool, ReadError> {
        for info in TABLES {
            if !self.scan(info.table, KeyRange::all(), Dir::Forward, 1)?.rows.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes already encrypted rows past the queue, for an import into a ledger nobody uses.
    fn write_imported(&self, changes: &[Change]) -> Result<(), ImportError> {
        self.engine.transact(&mut |transaction| transaction.apply(changes)).map_err(|error| {
            self.poison.set(error.to_string());
            ImportError::Interrupted(error)
        })
    }
}

impl Store for Ledger {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        match self.engine.get(table.number(), key)? {
            None => Ok(None),
            Some(stored) => self
                .sealer
                .unseal(table.number(), key, &stored)
                .map(Some)
                .map_err(|error| unreadable(table, key, error)),
        }
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange,
        dir: Dir,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let Some(bounds) = range.bounds(dir) else { return Ok(Page::default()) };
        let limit = limit.max(1);
        let mut rows: Vec<(Key, Bytes)> = Vec::new();
        let (mut bytes, mut more, mut failed) = (0, false, None);
        self.engine.scan(table.number(), &bounds, dir, &mut |key, stored| {
            bytes += key.len() + stored.len();
            if rows.len() == limit || (bytes > PAGE_BYTES_MAX && !rows.is_empty()) {
                more = true;
                return ControlFlow::Break(());
            }
            match self.sealer.unseal(table.number(), key, stored) {
                Ok(value) => rows.push((Key::copy_from_slice(key), value)),
                Err(error) => {
                    failed = Some(unreadable(table, key, error));
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        match failed {
            Some(error) => Err(error),
            None => {
                let next = if more { rows.last().map(|(key, _)| key.clone()) } else { None };
                Ok(Page { rows, next })
            }
        }
    }

    fn commit(&self, batch: Batch) -> Result<Seq, CommitError> {
        batch.check_limits()?;
        let changes = batch
            .changes()
            .map(|(table, key, value)| Change {
                table: table.number(),
                key: key.clone(),
                stored: value.map(|value| self.sealer.seal(table.number(), key, value)),
            })
            .collect();
        self.writer.commit(Request { changes, expectations: batch.into_expectations() })
    }

    fn maintain(&self, budget: Duration) -> Result<SpaceReport, MaintainError> {
        let result = self.engine.maintain(budget);
        if let Err(MaintainError::Fatal(error)) = &result {
            self.poison.set(error.to_string());
        }
        result
    }

    fn backup(&self, to: &Path) -> Result<ExportReport, ExportError> {
        let mut writer = ExportWriter::create(to, &self.export_key, &self.sealer)?;
        let mut failed = None;
        self.engine.snapshot(&mut |table, key, stored| {
            if table == INTERNAL {
                return ControlFlow::Continue(());
            }
            match writer.row(table, key, stored) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failed {
            Some(error) => Err(error),
            None => writer.finish(),
        }
    }

    fn restore(&self, from: &Path) -> Result<ImportReport, ImportError> {
        self.poison.check().map_err(|error| ImportError::NotWritable(error.to_string()))?;
        if !self.is_empty()? {
            return Err(ImportError::NotEmpty);
        }
        // Once to see that every row is whole and ours, once to write them.
        let mut reader = ExportReader::open(from, &self.export_key, &self.sealer)?;
        while let Some(row) = reader.next_row()? {
            let key = hex(&row.key);
            self.sealer.unseal(row.table.number(), &row.key, &row.stored).map_err(|error| {
                match error {
                    UnsealError::NewerSchema(schema) => ImportError::NewerSchema { schema },
                    UnsealError::Damaged => ImportError::DamagedRow { table: row.table, key },
                }
            })?;
        }
        let report = reader.report();
        let mark = |stored| Change { table: INTERNAL, key: Key::from_static(IMPORT_ROW), stored };
        self.write_imported(&[mark(Some(Vec::new()))])?;
        let mut reader = ExportReader::open(from, &self.export_key, &self.sealer)?;
        let (mut changes, mut bytes) = (Vec::new(), 0);
        while let Some(row) = reader.next_row()? {
            bytes += row.key.len() + row.stored.len();
            let stored = Some(row.stored);
            changes.push(Change { table: row.table.number(), key: row.key, stored });
            if bytes >= IMPORT_STEP_BYTES {
                self.write_imported(&changes)?;
                changes.clear();
                bytes = 0;
            }
        }
        changes.push(mark(None));
        self.write_imported(&changes)?;
        Ok(report)
    }

    fn check(&self, deep: bool) -> Result<CheckReport, ReadError> {
        let mut report = CheckReport::default();
        for fault in self.engine.faults(deep)? {
            report.fault(fault);
        }
        if !deep {
            return Ok(report);
        }
        self.engine.snapshot(&mut |table, key, stored| {
            if table == INTERNAL {
                return ControlFlow::Continue(());
            }
            match Table::from_number(table) {
                None => report.fault(format!("a row of the unknown table {table}")),
                Some(known) => match self.sealer.unseal(table, key, stored) {
                    Ok(_) => report.rows += 1,
                    Err(error) => report.fault(unreadable(known, key, error).to_string()),
                },
            }
            ControlFlow::Continue(())
        })?;
        Ok(report)
    }
}

/// The error for a row that is there and cannot be read.
pub(super) fn unreadable(table: Table, key: &[u8], error: UnsealError) -> ReadError {
    let key = hex(key);
    match error {
        UnsealError::Damaged => ReadError::Damaged { table, key },
        UnsealError::NewerSchema(schema) => ReadError::NewerSchema { table, key, schema },
    }
}
