//! The host's rows in the ledger.

use protocol::mailbox::host::{Batch, Change, Host, RowKey};
use store::{Dir, KeyRange, ReadError, Store, Table};

/// Rows of the index read in one go at start.
const PAGE: usize = 4_096;

/// Gives a new host everything an earlier run kept; how many rows were not understood.
///
/// # Errors
/// [`ReadError`] when the ledger cannot be read at all.
pub(crate) fn restore(store: &dyn Store, host: &mut Host) -> Result<u64, ReadError> {
    let mut left_alone = 0;
    let mut range = KeyRange::all();
    loop {
        let page = store.scan(Table::MailIndex, range, Dir::Forward, PAGE)?;
        for (key, row) in page.rows {
            let Some(key) = RowKey::from_bytes(&key) else {
                left_alone += 1;
                continue;
            };
            if let Err(error) = host.restore(key, &row) {
                tracing::warn!(key = key.0, %error, "a row of the mailbox stays where it is");
                left_alone += 1;
            }
        }
        match page.next {
            Some(next) => range = KeyRange::all().after(&next),
            None => return Ok(left_alone),
        }
    }
}

/// The ledger's batch for one of the host's.
pub(crate) fn batch(batch: Batch) -> store::Batch {
    let mut rows = store::Batch::new();
    for change in batch.changes {
        match change {
            Change::Keep { key, row, envelope } => {
                let key = key.to_bytes();
                rows.put(Table::MailIndex, key, row);
                if let Some(envelope) = envelope {
                    rows.put(Table::Mail, key, envelope);
                }
            }
            Change::Drop { key } => {
                let key = key.to_bytes();
                rows.delete(Table::MailIndex, key).delete(Table::Mail, key);
            }
        }
    }
    rows
}

/// An envelope.
pub(crate) fn load(store: &dyn Store, key: RowKey) -> Option<Vec<u8>> {
    match store.get(Table::Mail, &key.to_bytes()) {
        Ok(found) => found.map(|bytes| bytes.to_vec()),
        Err(error) => {
            tracing::error!(key = key.0, %error, "an envelope cannot be read");
            None
        }
    }
}
