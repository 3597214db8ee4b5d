//! The mailbox itself: who may leave and fetch what, for how long, and how much.
//!
//! [`Host`] decides and performs nothing. It is told of connections and requests, and says what is
//! to be written ([`Host::poll_batch`]) and what is to be sent ([`Host::poll_output`]). An envelope
//! is promised to nobody, and handed to nobody, before the batch that holds it is on disk
//! ([`Host::stored`]); one batch may hold many.
//!
//! ```text
//!  Alice's node        mailbox                                   Bob's node, later
//!      │── Deposit ──▶ check, index ──▶ batch ──▶ disk                │
//!      │                                          │ stored            │
//!      │◀──────────────── Stored, signed ─────────┘                   │
//!      ┆                                          ◀── Watch ──────────│
//!                                                  ── Entry ─────────▶│ commits it
//!                      lock opened, row gone      ◀── Answer + key ───│
//! ```
//!
//! The index is in memory, about 200 bytes an envelope; envelopes are on disk only. A row holds an
//! envelope, its tag, its locks and its end: nothing that names a node, a persona or an address.
//! Whose deposit it was is counted in memory while the host runs, by [`Origin`], and not kept.
//!
//! # Who can fill it
//!
//! | what | at most |
//! | --- | --- |
//! | everything together | the room the operator gave |
//! | what one depositor left since the start | a sixteenth of the room |
//! | under one tag with a token | an eighth of the room, 65,536 envelopes |
//! | first contacts together | an eighth of the room |
//! | under one contact tag | 1,024 envelopes, 128 of any one depositor |
//!
//! An envelope counts as its bytes, 1,024 more, and 128 for each lock, so that the index cannot
//! outgrow the room either.

mod connection;
mod counts;
mod deposit;
mod entries;
mod limits;
mod origin;
mod output;
mod readers;
mod room;
mod row;
mod serve;

#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use limits::{Limits, ROOM_BYTES_MIN};
pub use origin::Origin;
pub use output::{Batch, Change, Output};
pub use row::{RowError, RowKey};
pub use serve::Host;
