//! The only caller of MessagePack. Local rows only; nothing of it crosses the wire.

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a row could not be written or read. A bug, or damage on this node's disk.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::session) enum StorageError {
    /// A value that does not encode.
    #[error("row does not encode: {0}")]
    Encode(String),
    /// A row that is not what was written.
    #[error("row does not decode: {0}")]
    Decode(String),
    /// A row that another row says is there.
    #[error("row is missing")]
    Missing,
}

/// Encodes a value with its field names.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Zeroizing<Vec<u8>>, StorageError> {
    rmp_serde::to_vec_named(value)
        .map(Zeroizing::new)
        .map_err(|error| StorageError::Encode(error.to_string()))
}

/// Decodes a value.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StorageError> {
    rmp_serde::from_slice(bytes).map_err(|error| StorageError::Decode(error.to_string()))
}
