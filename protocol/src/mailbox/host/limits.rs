//! How much a mailbox holds, and of whom.

/// Upper bounds; beyond them deposits are refused by name, and claims counted as refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Room for envelopes, in bytes; [`Limits::cost`] says how much one takes. Default 1 GiB.
    pub room_bytes: u64,
    /// Envelopes under one tag with a token. Default 65,536: a busy day of a large group.
    pub tag_entries: usize,
    /// First contacts under one tag. Default 1,024.
    pub contact_entries: usize,
    /// Of those, from one depositor. Default 128: nobody alone keeps others from writing first.
    pub contact_entries_each: usize,
    /// Tags one connection watches. Default 16,384.
    pub watches_per_connection: usize,
    /// Tags all connections of one origin watch. Default 65,536.
    pub watches_per_origin: usize,
    /// Tags all connections watch, each about 100 bytes of memory. Default 524,288.
    pub watches: usize,
}

/// The least room, in bytes: one depositor's share of it holds the largest envelope with all its
/// locks.
pub const ROOM_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// Entries handed out on one connection and not answered yet.
pub(super) const UNANSWERED_MAX: usize = 64;
/// Bytes of those, unless it is only one entry.
pub(super) const UNANSWERED_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long nothing is handed out after frames to a connection were lost.
pub(super) const PAUSE_MS: u64 = 5_000;
/// Envelopes whose time is over that leave in one step, so that no batch grows without bound.
pub(super) const EXPIRED_MAX: usize = 1_024;

/// What the index, its row and the store's bookkeeping take, in bytes.
const COST_ENTRY: u64 = 1_024;
/// What a lock takes, generously, because it is in memory as well.
const COST_LOCK: u64 = 128;

impl Default for Limits {
    fn default() -> Self {
        Self {
            room_bytes: 1024 * 1024 * 1024,
            tag_entries: 65_536,
            contact_entries: 1_024,
            contact_entries_each: 128,
            watches_per_connection: 16_384,
            watches_per_origin: 65_536,
            watches: 524_288,
        }
    }
}

impl Limits {
    /// The room an envelope of so many bytes with so many locks takes.
    pub fn cost(bytes: u64, locks: usize) -> u64 {
        bytes + COST_ENTRY + COST_LOCK * u64::try_from(locks).unwrap_or(u64::MAX / COST_LOCK / 2)
    }

    /// Room for all first contacts, and for everything under one tag.
    pub(super) fn eighth(&self) -> u64 {
        self.room_bytes / 8
    }

    /// Room for one depositor.
    pub(super) fn depositor_bytes(&self) -> u64 {
        self.room_bytes / 16
    }
}
