//! Files and pictures: what a message says about one, and how its bytes travel.
//!
//! ```text
//!  file       cut into chunks of `chunk_bytes`, the last one shorter or empty
//!  chunk n    encrypted under the file's own key, n and "is it the last" in the nonce
//!  FileId     hash over the size, the chunk size and the hash of every encrypted chunk
//!
//!  Alice --- message: FileId, key, size, media type, name ---> Bob     end to end encrypted
//!  Bob   --- Open: FileId, proof that he knows the key ------> Alice   stream /conclave/files/1
//!  Bob   <-- hashes of all chunks ---------------------------- Alice   checked against the FileId
//!  Bob   --- Chunk: n ---------------------------------------> Alice
//!  Bob   <-- the encrypted chunk ----------------------------- Alice   checked against its hash
//! ```
//!
//! A chunk is checked before it is kept, so a file can be fetched in pieces from several nodes of
//! which some lie, and go on after a restart of either side. Whoever holds a file's chunks without
//! the message holds ciphertext. The chunks of a small file are also said in the conversation, as
//! [`FilePart`]s, so that mailboxes carry them to members who are never awake with the sender.

mod cipher;
mod content;
mod exchange;
mod hashes;
mod name;

pub use cipher::{ChunkCipher, TAG_BYTES};
pub use content::{
    CAPTION_BYTES_MAX, CHUNK_BYTES, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, CHUNKS_MAX, FILE_BYTES_MAX,
    FileContent, FileKey, FilePart, MEDIA_TYPE_BYTES_MAX, PARTS_BYTES_MAX, is_media_type,
};
pub use exchange::{ANSWER_BYTES_MAX, ASK_BYTES_MAX, FileAnswer, FileAsk, FileToken, Proof};
pub use hashes::{ChunkHashes, HASH_BYTES};
pub use name::{NAME_BYTES_MAX, clean_name, is_clean_name};
