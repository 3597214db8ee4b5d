//! A mailbox as a role a process can take.
//!
//! [`protocol::mailbox::host::Host`] decides; this crate gives it a disk, a clock and a network.
//! The binary of the rendezvous and that of the node both start it the same way: they open a
//! ledger and a network anyway, and tell the mailbox what concerns it.
//!
//! ```text
//!  network events ──▶ driver of the process ──connections, requests──▶ Mailbox (one task)
//!                                                                       │      ▲
//!  network handle ◀──────────────── replies, entries ───────────────────┘      ▼
//!                                                                    ledger: tables Mail, MailIndex
//! ```
//!
//! A turn of the task takes all requests that wait, up to a bound, writes what they change in one
//! batch, and only then promises: many deposits share one flush. Envelopes are read from the
//! ledger when they are handed out and not kept in memory.
//!
//! What is on disk is written down in [`protocol::mailbox::host`]: it names no node, no persona
//! and no address. The ledger encrypts it once more.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod disk;
mod handle;
mod origin;
mod role;
mod task;

pub use handle::{Mailbox, StartError};
pub use protocol::mailbox::host::{Counts, Limits, ROOM_BYTES_MIN};
pub use role::{Role, WhenBusy};
pub use task::Failed;
