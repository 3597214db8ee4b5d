//! What a node keeps, and the only crate that knows a storage engine.
//!
//! There are two places. The [ledger](Store) holds what must never be lost: keys, group state,
//! messages, queues, votes, approvals, the audit trail. The [`Cache`] holds what the network or
//! the ledger can give us again. Everything else in the program sees tables, keys, values and
//! [batches](Batch); whether SQLite or sled is below is one configuration value.
//!
//! ```no_run
//! use std::path::Path;
//! use store::{Batch, KeyRange, Dir, LedgerEngine, RootKey, Table, open_ledger};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = RootKey::load_or_create(Path::new("data/root.key"))?;
//! let ledger = open_ledger(Path::new("data/ledger"), LedgerEngine::Sqlite, &key)?;
//!
//! // One thing happened: its log row, its new state and its outbox row go together.
//! let mut batch = Batch::new();
//! batch.put(Table::Message, b"conversation/0001/message", b"hello");
//! batch.put(Table::Group, b"group/ratchet", b"state after sending");
//! batch.put(Table::Outbox, b"node/0000/envelope", b"sealed bytes");
//! ledger.commit(batch)?;
//! // From here on it survives a power cut, and may be sent and acknowledged.
//!
//! let newest = KeyRange::prefix(b"conversation/");
//! let page = ledger.scan(Table::Message, newest, Dir::Backward, 50)?;
//! # Ok(()) }
//! ```
//!
//! # What holds
//!
//! - A batch is there entirely or not at all, over all tables, after a kill or a power cut; and
//!   it is there if [`Store::commit`] returned `Ok`.
//! - Values on the disk are encrypted with XChaCha20-Poly1305 under keys derived from the
//!   [`RootKey`], bound to their table, key and schema. Damaged bytes are reported and never
//!   returned. Keys are stored as given: they hold only random identifiers, public keys, hashes,
//!   counters and names fixed in the program. Sizes and the number of rows can be seen.
//! - After a failed write or flush nothing is acknowledged until the ledger is opened again.
//! - A folder has one owner at a time; it is closed to other users of the machine (mode 0700,
//!   files 0600; files sled adds while it runs get that at the next open or upkeep).
//! - Nothing damaged, foreign or newer than this version is ever deleted or converted silently,
//!   except in the cache, which is there to be deleted.
//!
//! Deleting is not erasing: both engines leave old pages in free space, and disks keep more. What
//! must be unreadable after a while has to be encrypted under a key that is then destroyed.
//!
//! # What sled costs as a ledger
//!
//! SQLite is the default because of what sled 0.34 does on Linux. Measured in our trial, over
//! simulated power cuts at random instants, on ext4:
//!
//! | | sled as it comes | sled with our layer | SQLite |
//! |---|---|---|---|
//! | images that lost acknowledged data or did not open | 200 of 200 on a drive with a volatile cache, 100 of 198 on a protected one | 0 of 2,196 | 0 of 916 |
//! | messages a second, one a commit | 5,800 to 7,100, unsafe | 4,000 to 4,100 | 5,100 to 7,700 |
//! | 20 group states of 300 KB rewritten with every message, 10 MB live | 76 MB | 1,408 MB until copied | 16 MB |
//! | disk after 1 million messages, and half deleted or overwritten | 6.3 times the contents | the same until copied | 2.7 times, 1.3 after a vacuum |
//! | opening 1 million messages after a kill | 6.8 s | similar | 13 ms |
//! | memory, default caches | 735 MB | a third with our limit | 8 MB |
//!
//! The layer syncs after every group of commits, cuts long values so that sled never makes
//! unsynced side files, removes half-written snapshots before an open, and copies everything to
//! a fresh generation in [`Store::maintain`] once the file is eight times its contents. What it
//! cannot give is a snapshot to read from, so an export makes commits wait; and sled takes damage
//! at the end of its file for an interrupted write and drops it, as every log does, but says
//! nothing even when that is the whole file. We notice when it comes back empty. `cargo bench -p
//! store` measures both engines on your machine, beside what its disk can do at most.
//!
//! Changing engines is an [`export`] and an [`import`], in either direction.

mod batch;
mod cache;
mod error;
mod files;
mod folder;
mod ledger;
mod range;
mod root_key;
mod seal;
mod sled_open;
mod store;
pub mod tables;
mod transfer;

pub use batch::{BATCH_BYTES_MAX, Batch, Key, ValueHash};
pub use cache::{CACHE_VALUE_BYTES_MAX, Cache, CacheOpenError, CacheTable, PutError};
pub use error::{CommitError, EngineError, MaintainError, OpenError, ReadError};
pub use files::{FileHash, Files, Incoming};
pub use ledger::{LedgerEngine, UnknownEngine, open_ledger};
pub use range::{Dir, KeyRange, PAGE_BYTES_MAX, Page};
pub use root_key::{RootKey, RootKeyError};
pub use store::{CheckReport, Seq, SpaceReport, Store};
pub use tables::{KEY_BYTES_MAX, SCHEMA_VERSION, TABLES, Table, TableInfo, VALUE_BYTES_MAX};
pub use transfer::{ExportError, ExportReport, ImportError, ImportReport, export, import};
