//! Which rows a scan visits, in which direction, and where the next page starts.

use bytes::Bytes;

use crate::batch::Key;

/// The most bytes of keys and values one page carries. A page ends early rather than exceed it,
/// except that it always has at least one row when one is there.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Keys of one table between two limits.
///
/// ```
/// # use store::KeyRange;
/// let everything = KeyRange::all();
/// let conversation = KeyRange::prefix(b"conversation-1");
/// let the_rest_of_it = conversation.after(b"conversation-1/message-50");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

/// The order in which a scan visits keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dir {
    /// From the smallest key upwards.
    Forward,
    /// From the largest key downwards: the newest first, where keys end in a time or a counter.
    Backward,
}

/// Some rows of a range, in the order asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys and decrypted values.
    pub rows: Vec<(Key, Bytes)>,
    /// When there is more: the last key of this page, to give to [`KeyRange::after`].
    pub next: Option<Key>,
}

/// A range as engines see it: from here, included, to there, excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) from: Vec<u8>,
    pub(crate) to: Option<Vec<u8>>,
}

impl KeyRange {
    /// Every key of the table.
    pub fn all() -> Self {
        Self::default()
    }

    /// The keys that start with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { from: prefix.to_vec(), to: successor_of_prefix(prefix), after: None }
    }

    /// The keys from `from`, included, to `to`, excluded. Empty when `to` is not above `from`.
    pub fn between(from: &[u8], to: &[u8]) -> Self {
        Self { from: from.to_vec(), to: Some(to.to_vec()), after: None }
    }

    /// The keys from `from`, included, to the end of the table.
    pub fn starting_at(from: &[u8]) -> Self {
        Self { from: from.to_vec(), to: None, after: None }
    }

    /// What is left of the range once a scan has passed `key`: the keys above it when going
    /// forward, those below it when going backward.
    #[must_use]
    pub fn after(mut self, key: &[u8]) -> Self {
        self.after = Some(key.to_vec());
        self
    }

    /// The limits for one direction, or `None` when no key can be between them.
    pub(crate) fn bounds(self, dir: Dir) -> Option<Bounds> {
        let Self { mut from, mut to, after } = self;
        match (after, dir) {
            (None, _) => {}
            (Some(mut key), Dir::Forward) => {
                // The smallest key above this one is this one with a zero byte behind it.
                key.push(0);
                from = from.max(key);
            }
            (Some(key), Dir::Backward) => {
                to = Some(to.map_or(key.clone(), |to| to.min(key)));
            }
        }
        match &to {
            Some(to) if *to <= from => None,
            _ => Some(Bounds { from, to }),
        }
    }
}

/// The smallest key above all keys with this prefix, where there is one.
fn successor_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut key = prefix[..=last].to_vec();
    key[last] += 1;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(from: &[u8], to: Option<&[u8]>) -> Option<Bounds> {
        Some(Bounds { from: from.to_vec(), to: to.map(<[u8]>::to_vec) })
    }

    #[test]
    fn a_prefix_ends_where_the_next_prefix_starts() {
        assert_eq!(KeyRange::prefix(b"ab").bounds(Dir::Forward), bounds(b"ab", Some(b"ac")));
        let carried = KeyRange::prefix(b"a\xff").bounds(Dir::Forward);
        assert_eq!(carried, bounds(b"a\xff", Some(b"b")));
        assert_eq!(KeyRange::prefix(b"\xff").bounds(Dir::Forward), bounds(b"\xff", None));
        assert_eq!(KeyRange::prefix(b"").bounds(Dir::Forward), bounds(b"", None));
    }

    #[test]
    fn after_a_key_continues_in_the_direction_of_the_scan() {
        let range = KeyRange::prefix(b"a");
        let forward = range.clone().after(b"ab").bounds(Dir::Forward);
        assert_eq!(forward, bounds(b"ab\0", Some(b"b")));
        assert_eq!(range.after(b"ab").bounds(Dir::Backward), bounds(b"a", Some(b"ab")));
    }

    #[test]
    fn after_a_key_outside_the_range_never_widens_it() {
        let range = KeyRange::between(b"d", b"f");
        assert_eq!(range.clone().after(b"a").bounds(Dir::Forward), bounds(b"d", Some(b"f")));
        assert_eq!(range.clone().after(b"z").bounds(Dir::Backward), bounds(b"d", Some(b"f")));
        assert_eq!(range.clone().after(b"z").bounds(Dir::Forward), None);
        assert_eq!(range.after(b"a").bounds(Dir::Backward), None);
    }
}
