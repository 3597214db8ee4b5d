//! The ledger: what must never be lost.
//!
//! ```text
//!  commit()   commit()   commit()        get()  scan()
//!     │ seal     │ seal     │ seal          ▲ unseal
//!     ▼          ▼          ▼               │
//!  ┌───────────────────────────┐            │
//!  │ writer: checks, applies,  │            │
//!  │ one flush for all waiting │            │
//!  └─────────────┬─────────────┘            │
//!                ▼                          │
//!        engine: SQLite or sled ────────────┘
//! ```
//!
//! [`open`](mod@open) finds out whether a folder may be opened, [`rows`] is the [`crate::Store`]
//! over any engine, [`writer`] the one thread that commits, [`sqlite`] and [`sled`] the engines.

mod engine;
mod open;
mod rows;
mod sled;
mod sqlite;
mod writer;

pub use open::{LedgerEngine, UnknownEngine, open_ledger};
