//! How rows lie in sled's one tree.
//!
//! ```text
//! 1 | table | key            ->  0 | stored bytes
//!                            or  1 | length u32 | id 16
//! 2 | id 16 | piece u16      ->  up to 60 KiB of the stored bytes
//! ```
//!
//! Heads sort as tables and keys do. Pieces have an id drawn for each value, so that a reader who
//! holds the head of a value that is being replaced finds no piece rather than a wrong one.

use rand::{RngCore, rngs::OsRng};

use crate::seal::STORED_BYTES_MAX;

/// The largest value given to sled.
pub(super) const PIECE_BYTES: usize = 60 * 1024;

const HEADS: u8 = 1;
const PIECES: u8 = 2;
const INLINE: u8 = 0;
const CUT: u8 = 1;

/// The tree's key for a row.
pub(super) fn head_key(table: u8, key: &[u8]) -> Vec<u8> {
    [&[HEADS, table], key].concat()
}

/// The table and key behind a tree's key, when it is a head.
pub(super) fn parse_head_key(raw: &[u8]) -> Option<(u8, &[u8])> {
    match raw {
        [HEADS, table, key @ ..] => Some((*table, key)),
        _ => None,
    }
}

/// The keys of all heads of a table, from here to there, excluded.
pub(super) fn head_range(table: u8, from: &[u8], to: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let end = to.map_or_else(|| vec![HEADS, table + 1], |to| head_key(table, to));
    (head_key(table, from), end)
}

/// The keys of all heads of all tables.
pub(super) fn all_heads() -> std::ops::Range<[u8; 1]> {
    [HEADS]..[PIECES]
}

/// Where the pieces of a cut value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pieces {
    id: [u8; 16],
    len: u32,
}

/// What a head says.
pub(super) enum Head<'a> {
    /// The stored bytes themselves.
    Inline(&'a [u8]),
    /// They are elsewhere.
    Cut(Pieces),
}

impl<'a> Head<'a> {
    /// `None` for bytes that [`write`] does not write.
    pub(super) fn parse(raw: &'a [u8]) -> Option<Self> {
        match raw {
            [INLINE, stored @ ..] => Some(Self::Inline(stored)),
            [CUT, rest @ ..] => {
                let (len, id) = rest.split_first_chunk::<4>()?;
                let (len, id) = (u32::from_be_bytes(*len), id.try_into().ok()?);
                let sensible = usize::try_from(len).ok()? <= STORED_BYTES_MAX;
                sensible.then_some(Self::Cut(Pieces { id, len }))
            }
            _ => None,
        }
    }
}

impl Pieces {
    /// The tree's keys of the pieces, in order.
    pub(super) fn keys(self) -> impl Iterator<Item = Vec<u8>> {
        let count = self.len().div_ceil(PIECE_BYTES);
        let count = u16::try_from(count).expect("1 MiB is a handful of pieces");
        (0..count).map(move |piece| [&[PIECES], &self.id[..], &piece.to_be_bytes()].concat())
    }

    /// The length of the whole, in bytes.
    pub(super) fn len(self) -> usize {
        usize::try_from(self.len).expect("checked when parsed")
    }
}

/// Adds a row to a batch: its head and, where it is long, its pieces.
pub(super) fn write(batch: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>, head: Vec<u8>, stored: &[u8]) {
    if stored.len() <= PIECE_BYTES {
        batch.push((head, Some([&[INLINE], stored].concat())));
        return;
    }
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    let len = u32::try_from(stored.len()).expect("values are at most 1 MiB");
    let pieces = Pieces { id, len };
    for (key, piece) in pieces.keys().zip(stored.chunks(PIECE_BYTES)) {
        batch.push((key, Some(piece.to_vec())));
    }
    batch.push((head, Some([&[CUT][..], &len.to_be_bytes(), &id].concat())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_sort_as_tables_and_keys_do() {
        let (from, to) = head_range(3, b"", None);
        let inside = [head_key(3, b""), head_key(3, b"\0"), head_key(3, &[0xff; 512])];
        assert!(inside.iter().all(|key| *key >= from && *key < to));
        assert!(head_key(2, &[0xff; 512]) < from);
        assert!(head_key(4, b"") >= to);
        assert_eq!(parse_head_key(&head_key(3, b"key")), Some((3, &b"key"[..])));
    }

    #[test]
    fn a_long_value_is_cut_and_its_head_finds_all_pieces() {
        let stored: Vec<u8> = (0u32..200_000).map(|n| n.to_le_bytes()[0]).collect();
        let mut batch = Vec::new();
        write(&mut batch, head_key(1, b"key"), &stored);
        let (_, head) = batch.pop().expect("the head comes last");
        let head = head.expect("a put");
        let Some(Head::Cut(pieces)) = Head::parse(&head) else { panic!("not cut") };
        assert_eq!(pieces.len(), stored.len());
        assert!(pieces.keys().eq(batch.iter().map(|(key, _)| key.clone())));
        let whole: Vec<u8> = batch.into_iter().filter_map(|(_, piece)| piece).flatten().collect();
        assert_eq!(whole, stored);
    }

    #[test]
    fn a_head_that_promises_too_much_is_refused() {
        let head = [&[CUT][..], &u32::MAX.to_be_bytes(), &[0; 16]].concat();
        assert!(Head::parse(&head).is_none());
        assert!(Head::parse(&[CUT, 0, 0]).is_none());
        assert!(Head::parse(&[]).is_none());
    }
}
