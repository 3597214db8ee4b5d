//! Damaged files, parts, questions and answers.

use protocol::{
    file::{FileAnswer, FileAsk, FileContent, FilePart, Proof},
    identity::FileId,
};

use super::sealed;
use crate::damage::{Parser, attack};

#[test]
fn damaged_files_and_parts_are_refused_or_read_exactly() {
    let (content, _, chunks) = sealed(100);
    let read = |bytes: &[u8]| Some(FileContent::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "file", valid: vec![content.to_bytes()], read, signed: false });
    let part = FilePart { file: content.file, place: 0, chunk: chunks[0].clone() };
    let read = |bytes: &[u8]| Some(FilePart::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "file part", valid: vec![part.to_bytes()], read, signed: false });
}

#[test]
fn damaged_questions_and_answers_are_refused_or_read_exactly() {
    let open = FileAsk::Open { file: FileId([1; 32]), proof: Proof([2; 32]) };
    let valid = vec![open.to_bytes(), FileAsk::Chunk(7).to_bytes()];
    let read = |bytes: &[u8]| Some(FileAsk::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "question", valid, read, signed: false });
    let answers = [
        FileAnswer::Hashes(vec![3; 64]),
        FileAnswer::Chunk { place: 1, bytes: vec![4; 20] },
        FileAnswer::Refused,
    ];
    let valid = answers.iter().map(FileAnswer::to_bytes).collect();
    let read = |bytes: &[u8]| Some(FileAnswer::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "answer", valid, read, signed: false });
}

#[test]
fn what_is_too_long_is_refused_unread() {
    let long = vec![0; 1024 * 1024 + 1];
    assert!(FileContent::from_bytes(&long).is_err());
    assert!(FilePart::from_bytes(&long).is_err());
    assert!(FileAnswer::from_bytes(&long).is_err());
    assert!(FileAsk::from_bytes(&long[..129]).is_err());
}
