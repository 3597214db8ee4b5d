//! What a message says about a file, and a chunk said in a message.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    cipher::{ChunkCipher, TAG_BYTES},
    exchange::FileToken,
    name::is_clean_name,
};
use crate::{
    identity::{Domain, FileId},
    wire::{self, DecodeError},
};

/// How this version cuts files, in bytes: a chunk in a message just fits the envelope of 128 KiB.
pub const CHUNK_BYTES: u32 = 120 * 1024;
/// The smallest and largest chunks that are understood, in bytes.
pub const CHUNK_BYTES_MIN: u32 = 16 * 1024;
/// The other end of [`CHUNK_BYTES_MIN`].
pub const CHUNK_BYTES_MAX: u32 = 240 * 1024;
/// The largest file there can be, in bytes. Nodes set tighter limits of their own.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The most chunks of one file.
pub const CHUNKS_MAX: u32 = 12 * 1024;
/// The longest media type, in bytes.
pub const MEDIA_TYPE_BYTES_MAX: usize = 127;
/// The longest text beside a file, in bytes.
pub const CAPTION_BYTES_MAX: usize = 8 * 1024;
/// Files up to this size are also said in the conversation, chunk by chunk.
pub const PARTS_BYTES_MAX: u64 = 1024 * 1024;

/// Room for what stands beside caption, name and media type.
const FRAME_BYTES: usize = 512;

/// The key of one file and nothing else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct FileKey(pub [u8; 32]);

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(..)")
    }
}

/// A file somebody shares: where its bytes are found, how they are opened, what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileContent {
    /// Names its encrypted bytes.
    pub file: FileId,
    /// Opens them.
    pub key: FileKey,
    /// Of the file, in bytes.
    pub size: u64,
    /// Of every chunk but the last, in bytes, before encryption.
    pub chunk_bytes: u32,
    /// As its sender says, such as `image/png`. Nobody trusts it: see [`is_media_type`].
    pub media_type: String,
    /// For people; never a path. By [`is_clean_name`].
    pub name: String,
    /// What its sender says about it; may be empty.
    pub caption: String,
}

/// One encrypted chunk of a file, said where the file was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    /// Of which file.
    pub file: FileId,
    /// Its number, from 0.
    pub place: u32,
    /// As encrypted.
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}

impl FileContent {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// From a body.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let max = CAPTION_BYTES_MAX + super::NAME_BYTES_MAX + MEDIA_TYPE_BYTES_MAX + FRAME_BYTES;
        read(bytes, max, |content: &Self| {
            content.size <= FILE_BYTES_MAX
                && (CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&content.chunk_bytes)
                && content.chunks() <= CHUNKS_MAX
                && is_media_type(&content.media_type)
                && is_clean_name(&content.name)
                && content.caption.len() <= CAPTION_BYTES_MAX
        })
    }

    /// How many chunks it has; an empty file has one, which is empty.
    pub fn chunks(&self) -> u32 {
        let chunks = self.size.div_ceil(u64::from(self.chunk_bytes.max(1))).max(1);
        u32::try_from(chunks).unwrap_or(u32::MAX)
    }

    /// The bytes of the chunk at a place, before encryption; none where there is no such chunk.
    pub fn plain_bytes(&self, place: u32) -> Option<usize> {
        let chunk = u64::from(self.chunk_bytes);
        let before = u64::from(place) * chunk;
        let bytes = self.size.checked_sub(before)?.min(chunk);
        (place < self.chunks()).then(|| usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// The same after encryption.
    pub fn sealed_bytes(&self, place: u32) -> Option<usize> {
        self.plain_bytes(place).map(|bytes| bytes + TAG_BYTES)
    }

    /// Everything after encryption, in bytes: what it takes on a disk.
    pub fn sealed_size(&self) -> u64 {
        self.size + u64::from(self.chunks()) * (TAG_BYTES as u64)
    }

    /// Whether the chunk at a place is the last.
    pub fn is_last(&self, place: u32) -> bool {
        place + 1 == self.chunks()
    }

    /// Encrypts and opens its chunks.
    pub fn cipher(&self) -> ChunkCipher {
        cipher(&self.key, self.chunk_bytes)
    }

    /// What proves to others that one knows it.
    pub fn token(&self) -> FileToken {
        FileToken::of(&self.key)
    }

    /// Whether its chunks are said in the conversation too.
    pub fn has_parts(&self) -> bool {
        self.size <= PARTS_BYTES_MAX
    }
}

impl FilePart {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// From a body.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let chunk = CHUNK_BYTES_MAX as usize + TAG_BYTES;
        read(bytes, chunk + FRAME_BYTES, |part: &Self| {
            (TAG_BYTES..=chunk).contains(&part.chunk.len())
                && u64::from(part.place) * u64::from(CHUNK_BYTES_MIN) <= PARTS_BYTES_MAX
        })
    }
}

/// The cipher of a file. Its key is used for nothing else, so the nonces begin with zeroes.
pub(super) fn cipher(key: &FileKey, chunk_bytes: u32) -> ChunkCipher {
    ChunkCipher::new(&key.0, &[0; 19], &Domain::File.bytes(&chunk_bytes.to_be_bytes()))
}

/// Whether this reads `type/subtype` in lower case, without parameters.
pub fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+".contains(&b))
    };
    text.len() <= MEDIA_TYPE_BYTES_MAX
        && text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

fn read<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    max: usize,
    holds: impl Fn(&T) -> bool,
) -> Result<T, DecodeError> {
    let value = wire::decode(bytes, max)?;
    match holds(&value) {
        true => Ok(value),
        false => Err(DecodeError::Malformed("a field breaks its rule".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(size: u64) -> FileContent {
        FileContent {
            file: FileId([1; 32]),
            key: FileKey([2; 32]),
            size,
            chunk_bytes: CHUNK_BYTES,
            media_type: "image/png".into(),
            name: "cat.png".into(),
            caption: "look".into(),
        }
    }

    #[test]
    fn a_file_is_cut_so_that_its_chunks_add_up() {
        let chunk = u64::from(CHUNK_BYTES);
        for (size, chunks) in
            [(0, 1), (1, 1), (chunk, 1), (chunk + 1, 2), (10 * chunk, 10), (FILE_BYTES_MAX, 8739)]
        {
            let content = content(size);
            assert_eq!(content.chunks(), chunks, "{size}");
            let sum: usize = (0..chunks).map(|n| content.plain_bytes(n).unwrap()).sum();
            assert_eq!(sum as u64, size);
            assert_eq!(content.plain_bytes(chunks), None);
            assert!(content.is_last(chunks - 1) && (chunks == 1 || !content.is_last(0)));
        }
    }

    #[test]
    fn every_rule_of_a_file_is_kept_on_reading() {
        let good = content(5);
        assert_eq!(FileContent::from_bytes(&good.to_bytes()), Ok(good));
        type Break = fn(&mut FileContent);
        let breaks: [Break; 11] = [
            |c| c.size = FILE_BYTES_MAX + 1,
            |c| c.size = u64::MAX,
            |c| c.chunk_bytes = 0,
            |c| c.chunk_bytes = u32::MAX,
            |c| (c.size, c.chunk_bytes) = (FILE_BYTES_MAX, CHUNK_BYTES_MIN),
            |c| c.media_type = "image/png; x=1".into(),
            |c| c.media_type = String::new(),
            |c| c.name = "../cat.png".into(),
            |c| c.name = String::new(),
            |c| c.name = "x".repeat(256),
            |c| c.caption = "x".repeat(CAPTION_BYTES_MAX + 1),
        ];
        for change in breaks {
            let mut bad = content(5);
            change(&mut bad);
            assert!(FileContent::from_bytes(&bad.to_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_of_hostile_numbers_do_not_overflow() {
        for (size, chunk_bytes) in [(u64::MAX, 1), (u64::MAX, 0), (0, 0), (1, u32::MAX)] {
            let content = FileContent { size, chunk_bytes, ..content(0) };
            for place in [0, 1, u32::MAX - 1] {
                let _ = (content.chunks(), content.plain_bytes(place), content.is_last(place));
            }
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        assert!(!format!("{:?}", content(1)).contains("2, 2"));
    }
}
