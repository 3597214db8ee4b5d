//! The rows of a backup: `table u8 | key length u16 | value length u32 | key | value` each, then
//! a zero byte and their number as `u64`. All numbers are big-endian; tables have the numbers of
//! the ledger's catalogue.

use std::io::{Read, Write};

use anyhow::{Context, ensure};
use engine::Table;
use store::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

use crate::ledger::{self, Row};

/// Writes rows.
pub(super) struct RowWriter<W> {
    to: W,
    rows: u64,
}

impl<W: Write> RowWriter<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, rows: 0 }
    }

    pub(super) fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> anyhow::Result<()> {
        self.to.write_all(&[ledger::table(table).number()])?;
        self.to.write_all(&u16::try_from(key.len())?.to_be_bytes())?;
        self.to.write_all(&u32::try_from(value.len())?.to_be_bytes())?;
        self.to.write_all(key)?;
        self.to.write_all(value)?;
        self.rows += 1;
        Ok(())
    }

    /// Writes the end.
    pub(super) fn finish(mut self) -> anyhow::Result<W> {
        self.to.write_all(&[0])?;
        self.to.write_all(&self.rows.to_be_bytes())?;
        Ok(self.to)
    }
}

/// Reads rows. Every length is checked before anything of that length is read.
pub(super) struct RowReader<R> {
    from: R,
    rows: u64,
}

impl<R: Read> RowReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, rows: 0 }
    }

    /// The next row, or none after the last, once the end is as it should be.
    pub(super) fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        let [number] = self.array()?;
        if number == 0 {
            let rows = u64::from_be_bytes(self.array()?);
            ensure!(rows == self.rows, "the backup should have {rows} rows");
            ensure!(self.from.read(&mut [0])? == 0, "bytes after the end of the backup");
            return Ok(None);
        }
        let mut tables = engine::backup::KEPT.into_iter();
        let table = tables.find(|table| ledger::table(*table).number() == number);
        let table = table.with_context(|| format!("table {number} does not belong in a backup"))?;
        let key = usize::from(u16::from_be_bytes(self.array()?));
        let value = usize::try_from(u32::from_be_bytes(self.array()?))?;
        ensure!(key <= KEY_BYTES_MAX, "a key of {key} bytes");
        ensure!(value <= VALUE_BYTES_MAX, "a value of {value} bytes");
        let row = (table, self.bytes(key)?, self.bytes(value)?);
        self.rows += 1;
        Ok(Some(row))
    }

    fn array<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).context("the backup is not whole")?;
        Ok(bytes)
    }

    fn bytes(&mut self, count: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.from.read_exact(&mut bytes).context("the backup is not whole")?;
        Ok(bytes)
    }
}
