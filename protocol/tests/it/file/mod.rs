//! Files: known answers, what is refused, and what damage does to what is read.

mod parsers;
mod vectors;

use protocol::file::{ChunkHashes, FileContent, FileKey};

/// A file of so many bytes, cut small, and its encrypted chunks.
fn sealed(size: usize) -> (FileContent, Vec<u8>, Vec<Vec<u8>>) {
    let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut content = FileContent {
        file: protocol::identity::FileId([0; 32]),
        key: FileKey([0x21; 32]),
        size: size as u64,
        chunk_bytes: protocol::file::CHUNK_BYTES_MIN,
        media_type: "image/png".into(),
        name: "Grüezi.png".into(),
        caption: "Look".into(),
    };
    let (cipher, mut hashes) = (content.cipher(), ChunkHashes::default());
    let mut chunks = Vec::new();
    for place in 0..content.chunks() {
        let start = place as usize * content.chunk_bytes as usize;
        let end = start + content.plain_bytes(place).unwrap();
        let chunk = cipher.seal(place, content.is_last(place), &plain[start..end]).unwrap();
        hashes.push(&chunk);
        chunks.push(chunk);
    }
    content.file = hashes.file_id(content.size, content.chunk_bytes);
    (content, plain, chunks)
}

#[test]
fn a_file_comes_back_from_its_chunks_and_each_is_known_by_its_hash() {
    for size in [0, 1, 16_384, 16_385, 50_000] {
        let (content, plain, chunks) = sealed(size);
        let mut hashes = ChunkHashes::default();
        chunks.iter().for_each(|chunk| hashes.push(chunk));
        let hashes = ChunkHashes::of(&content, hashes.as_bytes().to_vec()).unwrap();
        let mut back = Vec::new();
        for (place, chunk) in (0..).zip(&chunks) {
            assert!(hashes.is_chunk(place, chunk));
            let mut damaged = chunk.clone();
            damaged[0] ^= 1;
            assert!(!hashes.is_chunk(place, &damaged));
            assert!(!hashes.is_chunk(place + 1, chunk) || chunks.len() > 1 && size == 0);
            assert_eq!(Some(chunk.len()), content.sealed_bytes(place));
            back.extend(content.cipher().open(place, content.is_last(place), chunk).unwrap());
        }
        assert_eq!(back, plain);
        let total: usize = chunks.iter().map(Vec::len).sum();
        assert_eq!(total as u64, content.sealed_size());
    }
}

#[test]
fn hashes_of_another_file_size_or_number_are_refused() {
    let (content, _, chunks) = sealed(50_000);
    let mut hashes = ChunkHashes::default();
    chunks.iter().for_each(|chunk| hashes.push(chunk));
    let bytes = hashes.as_bytes().to_vec();
    assert!(ChunkHashes::of(&content, bytes.clone()).is_some());
    assert!(ChunkHashes::of(&content, bytes[1..].to_vec()).is_none());
    assert!(ChunkHashes::of(&content, [&bytes[..], &bytes[..32]].concat()).is_none());
    assert!(ChunkHashes::of(&content, Vec::new()).is_none());
    let mut flipped = bytes.clone();
    flipped[40] ^= 1;
    assert!(ChunkHashes::of(&content, flipped).is_none());
    let longer = FileContent { size: content.size + 1, ..content.clone() };
    assert!(ChunkHashes::of(&longer, bytes).is_none());
    assert!(!hashes.is_chunk(u32::MAX, &chunks[0]));
}
