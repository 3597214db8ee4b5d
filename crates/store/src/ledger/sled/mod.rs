//! The ledger on sled 0.34, with what sled leaves out.
//!
//! sled's batches are atomic, but on Linux its `flush` asks the kernel to start writing and never
//! tells the drive, values over about 8 KiB go to files that are neither synced nor reclaimed,
//! a kill at the wrong moment of an open leaves a half snapshot the next open trusts, and space
//! is never given back. Therefore:
//!
//! - [`crate::sled_open`] removes half snapshots before an open.
//! - [`generation`]: everything is synced after an open, and each commit ends with a sync of our
//!   own.
//! - [`layout`]: one tree; values over 60 KiB are cut into pieces, and segments are large enough
//!   that no node of the tree becomes a file.
//! - [`ledger`]: the engine on top of both.
//! - [`space`]: when the file is many times its contents, everything is copied into a fresh
//!   generation, and one rename makes it the current one.

mod generation;
mod layout;
mod ledger;
mod space;

pub(super) use ledger::Sled;
