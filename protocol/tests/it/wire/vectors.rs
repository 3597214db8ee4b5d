//! The known answers in `protocol/spec/vectors/wire.json`.

use protocol::{
    identity::{Domain, EnvelopeId, Handle, MessageId, NodeKey, PersonaKey},
    wire::{Content, DecodeError, Frame, Message, encode},
};
use serde_json::{Value, json};

use super::samples;
use crate::{
    card::samples as cards,
    vector_file::{array, assert_unchanged, bytes, cases, hex, text, vectors, write},
};

/// Why bytes are refused, in the words of the vector files.
pub(crate) fn decode_error(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::TooLong { .. } => "too long",
        DecodeError::Malformed(_) => "malformed",
        DecodeError::TrailingBytes(_) => "bytes left over",
        DecodeError::NotCanonical => "not canonical",
        DecodeError::UnknownVersion(_) => "unknown version",
    }
}

const NODE_SEEDS: [[u8; 32]; 3] = [[0x07; 32], cards::NODE_SEED, cards::MAILBOX_SEED];
const COUNTERS: [u64; 4] = [0, 1, 255, 1 << 40];

/// The whole file, made anew.
fn made() -> Value {
    json!({
        "description": "Names, message ids, contents, messages and frames; see wire.md. Bytes are lower-case hexadecimal.",
        "greeting": "00000000",
        "domains": Domain::ALL.map(domain),
        "personas": personas(),
        "nodes": NODE_SEEDS.map(node),
        "refused_personas": refused_personas(),
        "refused_handles": refused_handles(),
        "message_ids": COUNTERS.map(message_id),
        "contents": samples::contents().iter().map(content).collect::<Vec<_>>(),
        "messages": samples::messages().iter().map(message).collect::<Vec<_>>(),
        "receipts": [receipt()],
        "frames": samples::frames().iter().map(frame).collect::<Vec<_>>(),
        "refused_frames": refused_frames().iter().map(refused_frame).collect::<Vec<_>>(),
    })
}

fn domain(domain: Domain) -> Value {
    json!({
        "name": format!("{domain:?}"),
        "string": domain.as_str(),
        "sha256_over_abc": hex(domain.hash(b"abc")),
    })
}

fn personas() -> Vec<Value> {
    // The first seed is that of the first test of RFC 8032, section 7.1.
    let rfc = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let rfc: [u8; 32] = array(&json!({ "seed": rfc }), "seed");
    let persona = |(seed, name): (&[u8; 32], &str)| {
        let id = PersonaKey::from_seed(seed).id();
        json!({
            "seed": hex(seed),
            "public_key": hex(id.as_bytes()),
            "persona": id.to_string(),
            "fingerprint": id.fingerprint(usize::MAX),
            "name": name,
            "handle": Handle::new(name, &id).unwrap().to_string(),
        })
    };
    let named = [(&rfc, "maya"), (&cards::ALICE_SEED, "alice"), (&cards::BOB_SEED, "bob-2_x")];
    named.map(persona).to_vec()
}

fn node(seed: [u8; 32]) -> Value {
    json!({ "seed": hex(seed), "node": NodeKey::from_seed(&seed).id().to_string() })
}

fn refused_personas() -> Vec<Value> {
    let whole = cards::alice().id().to_string();
    let x25519 = [&[0xec, 0x01][..], &[9; 32]].concat();
    let short = [&[0xed, 0x01][..], &[9; 31]].concat();
    let spelled = |bytes: Vec<u8>| format!("did:key:z{}", bs58::encode(bytes).into_string());
    let spellings = [
        ("empty", String::new()),
        ("nothing behind the prefix", "did:key:z".into()),
        ("another method", "did:web:example.org".into()),
        ("without the method", whole.replace("did:key:", "")),
        ("another multibase", whole.replace(":z", ":u")),
        ("cut off", whole[..whole.len() - 1].into()),
        ("one character too many", format!("{whole}1")),
        ("a leading zero byte", whole.replace(":z", ":z1")),
        ("a character base58 leaves out", whole.replace(":z6", ":z0")),
        ("a fragment", format!("{whole}#key")),
        ("a space", format!(" {whole}")),
        ("an X25519 key", spelled(x25519)),
        ("a key of 31 bytes", spelled(short)),
    ];
    spellings.map(|(why, persona)| json!({ "why": why, "persona": persona })).to_vec()
}

fn refused_handles() -> Vec<Value> {
    let spellings = [
        ("no tag", "maya", "tag"),
        ("empty tag", "maya#", "tag"),
        ("a tag of three", "maya#4f2", "tag"),
        ("a tag of five", "maya#4f2ka", "tag"),
        ("capitals in the tag", "maya#4F2K", "tag"),
        ("1 is not base32", "maya#1f2k", "tag"),
        ("two tags", "maya#4f2k#4f2k", "tag"),
        ("no name", "#4f2k", "name"),
        ("a capital in the name", "Maya#4f2k", "name"),
        ("a dot in the name", "ma.ya#4f2k", "name"),
        ("a letter of another script", "m\u{430}ya#4f2k", "name"),
        ("a name of 33", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa#4f2k", "name"),
    ];
    let case = |(why, handle, field)| json!({ "why": why, "handle": handle, "field": field });
    spellings.map(case).to_vec()
}

fn message_id(seq: u64) -> Value {
    let author = cards::alice().id();
    json!({
        "conversation": samples::CONVERSATION.to_string(),
        "author": author.to_string(),
        "seq": seq,
        "id": MessageId::derive(samples::CONVERSATION, author, seq).to_string(),
    })
}

fn content((name, content): &(&'static str, Content)) -> Value {
    json!({
        "name": name,
        "kind": content.kind,
        "body": hex(&content.body),
        "bytes": hex(encode(content)),
    })
}

fn message(message: &Message) -> Value {
    json!({
        "conversation": samples::CONVERSATION.to_string(),
        "author": cards::alice().id().to_string(),
        "id": message.id.to_string(),
        "seq": message.seq,
        "previous": message.previous.to_string(),
        "sent_at_ms": message.sent_at_ms,
        "kind": message.content.kind,
        "body": hex(&message.content.body),
        "bytes": hex(encode(message)),
    })
}

fn receipt() -> Value {
    let receipt = samples::receipt();
    json!({
        "leaf_seed": hex(samples::LEAF_SEED),
        "leaf_key": hex(PersonaKey::from_seed(&samples::LEAF_SEED).id().as_bytes()),
        "leaf": receipt.leaf,
        "envelope": hex(samples::ENVELOPE),
        "envelope_id": EnvelopeId::of(samples::ENVELOPE).to_string(),
        "signature": hex(receipt.signature.0),
        "bytes": hex(encode(&receipt)),
    })
}

fn frame((name, frame): &(&'static str, Frame)) -> Value {
    let bytes = frame.to_bytes();
    let fields = match frame {
        Frame::Envelope(envelope) => json!({ "envelope": hex(envelope) }),
        Frame::Ack(ack) => json!({
            "envelope_id": ack.envelope.to_string(),
            "receipt": ack.receipt.as_ref().map(|receipt| hex(encode(receipt))),
        }),
        Frame::CardRequest(persona) => json!({ "persona": persona.to_string() }),
        Frame::CardReply { persona, card } => json!({
            "persona": persona.to_string(),
            "card": card.as_ref().map(|card| hex(card.to_bytes())),
        }),
        Frame::ToMailbox(request) => json!({ "request": hex(encode(request)) }),
        Frame::FromMailbox(reply) => json!({ "reply": hex(encode(reply)) }),
    };
    let prefix = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let stream = [&prefix[..], &bytes].concat();
    json!({ "name": name, "fields": fields, "bytes": hex(&bytes), "stream": hex(stream) })
}

fn refused_frames() -> Vec<(&'static str, Vec<u8>)> {
    let envelope = Frame::Envelope(vec![1, 2, 3]).to_bytes();
    let changed = |at: usize, byte: u8| {
        let mut bytes = envelope.clone();
        bytes[at] = byte;
        bytes
    };
    let ack = Frame::Ack(samples::acks()[0].clone()).to_bytes();
    let mut promises = vec![1, 0, 0, 0, 0];
    promises.extend(u64::MAX.to_le_bytes());
    vec![
        ("no byte at all", Vec::new()),
        ("version 0", changed(0, 0)),
        ("version 2", changed(0, 2)),
        ("a choice there is not", changed(1, 6)),
        ("a choice there is not, in its last byte", changed(4, 1)),
        ("big-endian length", [&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3][..], &[1, 2, 3]].concat()),
        ("cut off", envelope[..envelope.len() - 1].to_vec()),
        ("one byte left over", [&envelope[..], &[0]].concat()),
        ("a length beyond all memory", promises),
        ("an option that is neither 0 nor 1", [&ack[..ack.len() - 1], &[2]].concat()),
        ("only the version", vec![1]),
    ]
}

fn refused_frame((why, bytes): &(&'static str, Vec<u8>)) -> Value {
    let error = decode_error(&Frame::from_bytes(bytes).unwrap_err());
    json!({ "why": why, "bytes": hex(bytes), "error": error })
}

#[test]
fn the_bytes_of_every_shape_are_those_of_the_vectors() {
    assert_unchanged("wire", &made());
}

#[test]
fn the_frames_of_the_vectors_are_read() {
    let file = vectors("wire");
    for (case, (name, frame)) in cases(&file, "frames").iter().zip(samples::frames()) {
        assert_eq!(text(case, "name"), name);
        assert_eq!(Frame::from_bytes(&bytes(case, "bytes")), Ok(frame));
    }
    for case in cases(&file, "refused_frames") {
        let error = Frame::from_bytes(&bytes(case, "bytes")).unwrap_err();
        assert_eq!(decode_error(&error), text(case, "error"), "{case}");
    }
}

#[test]
#[ignore = "writes the vectors; run it after a deliberate change of format"]
fn write_vectors() {
    write("wire", &made());
}
