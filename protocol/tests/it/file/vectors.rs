//! The known answers in `protocol/spec/vectors/file.json`.

use protocol::{
    file::{FileAnswer, FileAsk, FileContent, FilePart},
    identity::{FileId, NodeId},
};
use serde_json::{Value, json};

use super::sealed;
use crate::{
    vector_file::{array, assert_unchanged, bytes, cases, hex, vectors, write},
    wire::decode_error,
};

const ASKER: NodeId = NodeId([0x31; 32]);
const HOLDER: NodeId = NodeId([0x32; 32]);

fn made() -> Value {
    json!({
        "description": "Files, their chunks, proofs, questions and answers; see file.md. Byte n of each file is n modulo 251. Bytes are lower-case hexadecimal.",
        "files": ([0, 1, 20_000].map(file)),
        "questions": questions(),
        "answers": answers(),
        "refused_bodies": refused(),
    })
}

fn file(size: usize) -> Value {
    let (content, _, chunks) = sealed(size);
    let hash = |chunk: &Vec<u8>| {
        use sha2::Digest;
        hex(sha2::Sha256::digest(chunk))
    };
    let proof = content.token().proof(&ASKER, &HOLDER, &content.file);
    let part = FilePart { file: content.file, place: 0, chunk: chunks[0].clone() };
    json!({
        "key": hex(&content.key.0),
        "size": content.size,
        "chunk_bytes": content.chunk_bytes,
        "media_type": content.media_type,
        "name": content.name,
        "caption": content.caption,
        "sha256_of_chunks": chunks.iter().map(hash).collect::<Vec<_>>(),
        "file": content.file.to_string(),
        "asker": ASKER.to_string(),
        "holder": HOLDER.to_string(),
        "proof": hex(proof.0),
        "bytes": hex(content.to_bytes()),
        "bytes_of_part_0_sha256": hash(&part.to_bytes()),
    })
}

fn questions() -> Vec<Value> {
    let (content, _, _) = sealed(1);
    let proof = content.token().proof(&ASKER, &HOLDER, &content.file);
    let asks = [FileAsk::Open { file: content.file, proof }, FileAsk::Chunk(7)];
    asks.map(|ask| json!({ "name": format!("{ask:?}").split([' ', '(']).next(), "bytes": hex(ask.to_bytes()) }))
        .to_vec()
}

fn answers() -> Vec<Value> {
    let answers = [
        ("hashes", FileAnswer::Hashes(vec![1; 32])),
        ("chunk", FileAnswer::Chunk { place: 7, bytes: vec![2; 17] }),
        ("refused", FileAnswer::Refused),
    ];
    answers.map(|(name, answer)| json!({ "name": name, "bytes": hex(answer.to_bytes()) })).to_vec()
}

fn refused() -> Vec<Value> {
    type Break = fn(&mut FileContent);
    let breaks: [(&str, Break); 5] = [
        ("a name with a separator", |c| c.name = "../x".into()),
        ("a name of dots", |c| c.name = "..".into()),
        ("a file too large", |c| c.size = 1 << 31),
        ("chunks too small", |c| c.chunk_bytes = 1),
        ("a media type with a parameter", |c| c.media_type = "text/html;x".into()),
    ];
    breaks
        .map(|(why, change)| {
            let (mut content, _, _) = sealed(1);
            change(&mut content);
            let bytes = content.to_bytes();
            let error = FileContent::from_bytes(&bytes).unwrap_err();
            json!({ "why": why, "bytes": hex(bytes), "error": decode_error(&error) })
        })
        .to_vec()
}

#[test]
fn the_bytes_of_every_file_are_those_of_the_vectors() {
    assert_unchanged("file", &made());
}

#[test]
fn the_files_of_the_vectors_are_read() {
    let file = vectors("file");
    for case in cases(&file, "files") {
        let content = FileContent::from_bytes(&bytes(case, "bytes")).unwrap();
        assert_eq!(content.file.to_string(), case["file"].as_str().unwrap());
        assert_eq!(content.key.0, array::<32>(case, "key"));
        let file: FileId = case["file"].as_str().unwrap().parse().unwrap();
        let proof = protocol::file::Proof(array(case, "proof"));
        assert!(content.token().holds(&proof, &ASKER, &HOLDER, &file));
    }
    for case in cases(&file, "refused_bodies") {
        assert!(FileContent::from_bytes(&bytes(case, "bytes")).is_err(), "{case}");
    }
}

#[test]
#[ignore = "writes the vectors; run it after a deliberate change of format"]
fn write_vectors() {
    write("file", &made());
}
