//! Damaged frames and messages.

use protocol::{
    identity::{Handle, PersonaId},
    wire::{
        Ack, Answer, Content, Deletion, Edit, Frame, Inquiry, Message, Reaction, Receipt, Reply,
        decode, encode,
    },
};

use super::samples;
use crate::damage::{Parser, attack};

#[test]
fn damaged_frames_are_refused_or_read_exactly() {
    let valid = samples::frames().iter().map(|(_, frame)| frame.to_bytes()).collect();
    let read = |bytes: &[u8]| Some(Frame::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "frame", valid, read, signed: false });
}

#[test]
fn damaged_acks_and_receipts_are_refused_or_read_exactly() {
    let valid = samples::acks().iter().map(encode).collect();
    let read = |bytes: &[u8]| Some(encode(&decode::<Ack>(bytes, 1024).ok()?));
    attack(&Parser { name: "ack", valid, read, signed: false });
    let valid = vec![encode(&samples::receipt())];
    let read = |bytes: &[u8]| Some(encode(&decode::<Receipt>(bytes, 1024).ok()?));
    attack(&Parser { name: "receipt", valid, read, signed: false });
}

#[test]
fn damaged_contents_and_messages_are_refused_or_read_exactly() {
    let valid = samples::contents().iter().map(|(_, content)| encode(content)).collect();
    let read = |bytes: &[u8]| Some(encode(&decode::<Content>(bytes, 1024).ok()?));
    attack(&Parser { name: "content", valid, read, signed: false });
    let valid = samples::messages().iter().map(encode).collect();
    let read = |bytes: &[u8]| Some(encode(&decode::<Message>(bytes, 1024).ok()?));
    attack(&Parser { name: "message", valid, read, signed: false });
}

#[test]
fn damaged_words_about_messages_are_refused_or_read_exactly() {
    let valid = vec![samples::reply().to_bytes()];
    let read = |bytes: &[u8]| Some(Reply::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "reply", valid, read, signed: false });
    let valid = vec![samples::reaction().to_bytes()];
    let read = |bytes: &[u8]| Some(Reaction::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "reaction", valid, read, signed: false });
    let valid = vec![samples::edit().to_bytes()];
    let read = |bytes: &[u8]| Some(Edit::from_bytes(bytes, u64::MAX).ok()?.to_bytes());
    attack(&Parser { name: "edit", valid, read, signed: false });
    let valid = vec![Deletion { of: 7 }.to_bytes()];
    let read = |bytes: &[u8]| Some(Deletion::from_bytes(bytes, u64::MAX).ok()?.to_bytes());
    attack(&Parser { name: "deletion", valid, read, signed: false });
}

#[test]
fn damaged_inquiries_and_answers_are_refused_or_read_exactly() {
    let valid = vec![samples::inquiry().to_bytes()];
    let read = |bytes: &[u8]| {
        let author = crate::card::samples::alice().id();
        Some(Inquiry::from_bytes(bytes, author).ok()?.to_bytes())
    };
    attack(&Parser { name: "inquiry", valid, read, signed: false });
    let valid = samples::answers().iter().map(Answer::to_bytes).collect();
    let read = |bytes: &[u8]| Some(Answer::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "answer", valid, read, signed: false });
}

#[test]
fn damaged_names_are_refused_or_read_exactly() {
    let persona = crate::card::samples::alice().id();
    let read = |bytes: &[u8]| {
        let id: PersonaId = std::str::from_utf8(bytes).ok()?.parse().ok()?;
        Some(id.to_string().into_bytes())
    };
    let valid = vec![persona.to_string().into_bytes()];
    attack(&Parser { name: "did:key", valid, read, signed: false });
    let read = |bytes: &[u8]| {
        let handle: Handle = std::str::from_utf8(bytes).ok()?.parse().ok()?;
        Some(handle.to_string().into_bytes())
    };
    let valid = vec![Handle::new("maya", &persona).unwrap().to_string().into_bytes()];
    attack(&Parser { name: "handle", valid, read, signed: false });
}
