//! The cache: what the network or the ledger can give us again.
//!
//! It lives on sled, which is fast for small values, and is never trusted: it is not synced, and
//! when it is damaged, too large, or of another key, it is deleted and starts empty. Removing its
//! folder loses nothing but time.

mod database;
mod shelf;

pub use shelf::{CACHE_VALUE_BYTES_MAX, Cache, CacheOpenError, CacheTable, PutError};
