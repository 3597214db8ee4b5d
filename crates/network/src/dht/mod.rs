//! The DHT: for finding only, never where user data lives.
//!
//! [`records`] holds what others and we have published, and refuses whatever does not verify.
//! [`publish`] decides when our own records are put again. [`lookup`] collects what others answer
//! and verifies it once more: a node that stores records checks them, but nobody has to believe
//! that it did.

pub(crate) mod lookup;
pub(crate) mod publish;
pub(crate) mod records;

use std::time::{SystemTime, UNIX_EPOCH};

use libp2p::kad;
use protocol::card::RecordKey;

/// Milliseconds since the Unix epoch, by this machine's clock.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Our name of a key that came over the wire; `None` when it has another length.
pub(crate) fn key_of(key: &kad::RecordKey) -> Option<RecordKey> {
    Some(RecordKey(key.as_ref().try_into().ok()?))
}
