//! The rules of frames and messages, a sentence each.

use protocol::{
    identity::{ConversationId, Domain, MessageId, PersonaKey, verify},
    wire::{Content, ContentKind, DecodeError, FRAME_BYTES_MAX, Frame, decode, encode},
};

use super::samples;

#[test]
fn a_frame_of_the_largest_size_is_read_and_one_byte_more_is_not() {
    let overhead = Frame::Envelope(vec![]).to_bytes().len();
    let largest = Frame::Envelope(vec![7; FRAME_BYTES_MAX - overhead]);
    assert_eq!(largest.to_bytes().len(), FRAME_BYTES_MAX);
    assert_eq!(Frame::from_bytes(&largest.to_bytes()), Ok(largest));
    let larger = Frame::Envelope(vec![7; FRAME_BYTES_MAX - overhead + 1]).to_bytes();
    let refused = DecodeError::TooLong { len: FRAME_BYTES_MAX + 1, max: FRAME_BYTES_MAX };
    assert_eq!(Frame::from_bytes(&larger), Err(refused));
}

#[test]
fn a_greeting_is_no_frame() {
    assert!(matches!(Frame::from_bytes(&[]), Err(DecodeError::Malformed(_))));
}

#[test]
fn a_frame_of_another_version_is_refused_whatever_it_holds() {
    for (name, frame) in samples::frames() {
        let mut bytes = frame.to_bytes();
        for version in (0..=u8::MAX).filter(|version| *version != 1) {
            bytes[0] = version;
            let refused = Err(DecodeError::UnknownVersion(version));
            assert_eq!(Frame::from_bytes(&bytes), refused, "{name}");
        }
    }
}

#[test]
fn only_the_six_numbers_of_the_table_are_content_kinds() {
    let known = |number| ContentKind::from_number(number).map(|kind| (number, kind as u16));
    let known: Vec<_> = (0..=u16::MAX).filter_map(known).collect();
    assert_eq!(known, [1, 16, 17, 32, 33, 48].map(|number| (number, number)));
}

#[test]
fn content_of_an_unknown_kind_is_kept_whole() {
    let content = Content { kind: 60_000, body: vec![1, 2, 3] };
    assert_eq!(decode::<Content>(&encode(&content), 64), Ok(content));
}

#[test]
fn a_message_id_depends_on_conversation_author_and_counter() {
    let author = |seed| PersonaKey::from_seed(&[seed; 32]).id();
    let group = |byte| ConversationId([byte; 16]);
    let id = MessageId::derive(group(1), author(1), 1);
    assert_eq!(id, MessageId::derive(group(1), author(1), 1));
    assert_ne!(id, MessageId::derive(group(2), author(1), 1));
    assert_ne!(id, MessageId::derive(group(1), author(2), 1));
    assert_ne!(id, MessageId::derive(group(1), author(1), 2));
}

#[test]
fn a_receipt_proves_one_envelope_and_no_other() {
    let leaf = PersonaKey::from_seed(&samples::LEAF_SEED).id();
    let (receipt, ack) = (samples::receipt(), samples::acks()[1].clone());
    let check = |id: &[u8]| verify(&leaf.0, Domain::Receipt, id, &receipt.signature);
    assert!(check(ack.envelope.as_bytes()).is_ok());
    assert!(check(&[0; 32]).is_err());
}
