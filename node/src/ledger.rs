//! The engine's rows in the store: which table is which, reading at start, writing in batches.

use std::sync::Arc;

use engine::{Change, Ledger, Table, Write};
use store::{Batch, Dir, KeyRange, Store};

/// The store's name for each of the engine's tables.
pub(crate) fn table(table: Table) -> store::Table {
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
        Table::File => store::Table::File,
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

/// Writes the engine's writes in one batch, in their order. Nobody else may write the engine's
/// tables meanwhile.
pub(crate) fn commit(store: &dyn Store, writes: &[Write]) -> anyhow::Result<()> {
    let mut batch = Batch::new();
    for (index, write) in writes.iter().enumerate() {
        let name = table(write.table);
        match &write.change {
            Change::Put(value) => drop(batch.put(name, &write.key, value)),
            Change::Delete => drop(batch.delete(name, &write.key)),
            Change::DeleteUnder => {
                for key in keys_under(store, name, &write.key)? {
                    batch.delete(name, key);
                }
                let earlier = writes[..index].iter().filter(|other| {
                    other.table == write.table && other.key.starts_with(&write.key)
                });
                for other in earlier {
                    batch.delete(name, &other.key);
                }
            }
        }
    }
    store.commit(batch)?;
    Ok(())
}

fn keys_under(
    store: &dyn Store,
    name: store::Table,
    prefix: &[u8],
) -> anyhow::Result<Vec<Vec<u8>>> {
    let (mut keys, mut range) = (Vec::new(), KeyRange::prefix(prefix));
    loop {
        let page = store.scan(name, range, Dir::Forward, PAGE)?;
        keys.extend(page.rows.into_iter().map(|(key, _)| key.to_vec()));
        match page.next {
            Some(next) => range = KeyRange::prefix(prefix).after(&next),
            None => return Ok(keys),
        }
    }
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
