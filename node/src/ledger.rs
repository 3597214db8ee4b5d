//! The engine's rows in the store: which table is which, reading at start, writing in batches.

use std::sync::Arc;

use engine::{Ledger, Table, Write};
use store::{Batch, Dir, KeyRange, Store};

/// The store's name for each of the engine's tables.
fn table(table: Table) -> store::Table {
    match table {
        Table::Identity => store::Table::Identity,
        Table::Group => store::Table::Group,
        Table::Contact => store::Table::Contact,
        Table::Card => store::Table::Card,
        Table::Invite => store::Table::Invite,
        Table::Conversation => store::Table::Conversation,
        Table::Message => store::Table::Message,
        Table::Receipt => store::Table::Receipt,
        Table::Outbox => store::Table::Outbox,
        Table::Inbox => store::Table::Inbox,
        Table::Vote => store::Table::Vote,
        Table::Task => store::Table::Task,
        Table::Approval => store::Table::Approval,
        Table::Audit => store::Table::Audit,
        Table::Idempotency => store::Table::Idempotency,
        Table::Booking => store::Table::Booking,
    }
}

/// Rows read in one go at start.
const PAGE: usize = 1_000;

/// A row with its table, key and value.
pub(crate) type Row = (Table, Vec<u8>, Vec<u8>);

/// Everything the engine wants to see at start.
pub(crate) fn load(store: &dyn Store) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, prefix) in Table::LOADED {
        let mut range = KeyRange::prefix(prefix);
        loop {
            let page = store.scan(table(name), range, Dir::Forward, PAGE)?;
            rows.extend(
                page.rows.into_iter().map(|(key, value)| (name, key.to_vec(), value.to_vec())),
            );
            match page.next {
                Some(next) => range = KeyRange::prefix(prefix).after(&next),
                None => break,
            }
        }
    }
    Ok(rows)
}

/// One batch for the store from the engine's writes, in their order.
pub(crate) fn batch(writes: Vec<Write>) -> Batch {
    let mut batch = Batch::new();
    for write in writes {
        match write.value {
            Some(value) => batch.put(table(write.table), write.key, value),
            None => batch.delete(table(write.table), write.key),
        };
    }
    batch
}

/// Read access for the engine's queries.
pub(crate) struct Reader(pub(crate) Arc<dyn Store>);

impl Ledger for Reader {
    fn get(&self, name: Table, key: &[u8]) -> Option<Vec<u8>> {
        match self.0.get(table(name), key) {
            Ok(value) => value.map(|bytes| bytes.to_vec()),
            Err(error) => {
                tracing::error!(table = ?name, %error, "the ledger could not be read");
                None
            }
        }
    }

    fn newest(
        &self,
        name: Table,
        prefix: &[u8],
        before: Option<&[u8]>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut range = KeyRange::prefix(prefix);
        if let Some(before) = before {
            range = range.after(before);
        }
        match self.0.scan(table(name), range, Dir::Backward, limit) {
            Ok(page) => {
                page.rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
            }
            Err(error) => {
                tracing::error!(table = ?name, %error, "the ledger could not be read");
                Vec::new()
            }
        }
    }
}
