//! The only caller of bincode.
//!
//! One configuration, chosen so that a value has exactly one encoding: little endian, fixed-width
//! integers, a hard byte limit. [`decode`] refuses input that is too long, that has bytes left
//! over, or that would not re-encode to itself, so bytes can be hashed and signed as received.
//! The encoding itself is written down in `protocol/spec/README.md`.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// The largest encoded value [`decode`] will touch, in bytes. Callers pass their own, tighter limit.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<MESSAGE_BYTES_MAX>> =
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<MESSAGE_BYTES_MAX>();

/// Why bytes from elsewhere were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Longer than the caller allows for this type.
    #[error("{len} bytes, at most {max} allowed")]
    TooLong {
        /// Bytes received.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not a value of this type.
    #[error("malformed: {0}")]
    Malformed(String),
    /// A value, followed by bytes that belong to nothing.
    #[error("{0} bytes left over")]
    TrailingBytes(usize),
    /// A value written in another way than [`encode`] writes it.
    #[error("not in canonical form")]
    NotCanonical,
    /// A version this node does not know.
    #[error("unknown version {0}")]
    UnknownVersion(u8),
}

/// Encodes a value in its one canonical form.
///
/// No limit holds here: a value that grew past what [`decode`] allows for its type is written all
/// the same, and is refused where it arrives. Who builds a value checks its size before sending.
///
/// # Panics
/// When the value's `Serialize` reports an error or a sequence of unknown length. The wire types
/// are plain data that do neither, whatever a peer put into them.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // The limit of the configuration applies to decoding only.
    bincode::serde::encode_to_vec(value, CONFIG).expect("plain data always encodes")
}

/// Decodes exactly one value from exactly these bytes, at most `max` of them.
///
/// # Errors
/// [`DecodeError`] names what is wrong. A length that the bytes only promise sets nothing aside
/// beyond [`MESSAGE_BYTES_MAX`].
pub fn decode<T: DeserializeOwned + Serialize>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    let max = max.min(MESSAGE_BYTES_MAX);
    if bytes.len() > max {
        return Err(DecodeError::TooLong { len: bytes.len(), max });
    }
    let (value, used): (T, usize) = bincode::serde::decode_from_slice(bytes, CONFIG)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if used != bytes.len() {
        return Err(DecodeError::TrailingBytes(bytes.len() - used));
    }
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_value_has_one_encoding_and_comes_back() {
        let value = (7u16, String::from("hello"), vec![1u64, 2]);
        let bytes = encode(&value);
        assert_eq!(bytes.len(), 2 + 8 + 5 + 8 + 16);
        assert_eq!(decode::<(u16, String, Vec<u64>)>(&bytes, 64), Ok(value));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        assert_eq!(decode::<u16>(&[1, 0, 9], 64), Err(DecodeError::TrailingBytes(1)));
    }

    #[test]
    fn keys_out_of_order_or_twice_are_not_canonical() {
        let map = |keys: [u8; 2]| encode(&vec![(keys[0], 0u8), (keys[1], 0u8)]);
        let read = |bytes: &[u8]| decode::<BTreeMap<u8, u8>>(bytes, 64);
        assert_eq!(read(&map([1, 2])), Ok(BTreeMap::from([(1, 0), (2, 0)])));
        assert_eq!(read(&map([2, 1])), Err(DecodeError::NotCanonical));
        assert_eq!(read(&map([1, 1])), Err(DecodeError::NotCanonical));
    }

    #[test]
    fn the_limit_of_decoding_does_not_hold_for_encoding() {
        let bytes = encode(&vec![0u8; MESSAGE_BYTES_MAX]);
        assert_eq!(bytes.len(), MESSAGE_BYTES_MAX + 8);
        let refused = DecodeError::TooLong { len: bytes.len(), max: MESSAGE_BYTES_MAX };
        assert_eq!(decode::<Vec<u8>>(&bytes, usize::MAX), Err(refused));
    }

    #[test]
    fn a_length_bomb_is_refused_without_allocating() {
        let bomb = u64::MAX.to_le_bytes();
        assert!(matches!(decode::<Vec<u64>>(&bomb, 64), Err(DecodeError::Malformed(_))));
        let bomb = (1u64 << 30).to_le_bytes();
        assert!(matches!(decode::<Vec<u64>>(&bomb, 64), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn more_bytes_than_the_caller_allows_are_not_even_read() {
        assert_eq!(decode::<Vec<u8>>(&[0; 65], 64), Err(DecodeError::TooLong { len: 65, max: 64 }));
    }
}
