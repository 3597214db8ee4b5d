//! One value of every shape that crosses a stream or stands inside a message.

use protocol::{
    decision::Fraction,
    identity::{ConversationId, Domain, EnvelopeId, MessageId, PersonaKey},
    wire::{
        Ack, Answer, Content, ContentKind, Deletion, Edit, Frame, Inquiry, Message, Reaction,
        Receipt, Reply, Way,
    },
};

use crate::card::samples as cards;

pub(super) const LEAF_SEED: [u8; 32] = [0x1f; 32];
pub(super) const LEAF: u32 = 3;
pub(super) const ENVELOPE: &[u8] = b"an envelope is opaque to those who carry it";
pub(super) const CONVERSATION: ConversationId = ConversationId(*b"the conversation");

/// A leaf key is an Ed25519 key like a persona's; only the MLS engine holds real ones.
pub(super) fn receipt() -> Receipt {
    let envelope = EnvelopeId::of(ENVELOPE);
    let key = PersonaKey::from_seed(&LEAF_SEED);
    Receipt { leaf: LEAF, signature: key.sign(Domain::Receipt, envelope.as_bytes()) }
}

pub(super) fn acks() -> [Ack; 2] {
    let envelope = EnvelopeId::of(ENVELOPE);
    [Ack { envelope, receipt: None }, Ack { envelope, receipt: Some(receipt()) }]
}

pub(super) fn frames() -> Vec<(&'static str, Frame)> {
    let [bare, proved] = acks();
    let persona = cards::alice().id();
    let card = cards::cards().remove(0).signed();
    vec![
        ("envelope", Frame::Envelope(ENVELOPE.to_vec())),
        ("envelope without a byte", Frame::Envelope(Vec::new())),
        ("ack of a first-contact envelope", Frame::Ack(bare)),
        ("ack with a receipt", Frame::Ack(proved)),
        ("card request", Frame::CardRequest(persona)),
        ("card reply with a card", Frame::CardReply { persona, card: Some(card) }),
        ("card reply without a card", Frame::CardReply { persona, card: None }),
    ]
}

pub(super) fn reply() -> Reply {
    Reply { to: MessageId(*b"an older message"), text: "Half past is fine".into() }
}

pub(super) fn reaction() -> Reaction {
    let emoji = ["\u{2764}\u{fe0f}", "\u{1f44d}"].map(str::to_owned).to_vec();
    Reaction { to: MessageId(*b"an older message"), emoji }
}

pub(super) fn edit() -> Edit {
    Edit { of: 7, text: "Dinner at eight?".into() }
}

pub(super) fn inquiry() -> Inquiry {
    Inquiry {
        way: Way::Sequential,
        question: "What shall we cook?".into(),
        asked: vec![cards::bob().id(), PersonaKey::from_seed(&LEAF_SEED).id()],
        open_ms: 1_200_000,
        turn_ms: 600_000,
        enough: Fraction { num: 7, den: 10 },
    }
}

pub(super) fn answers() -> [Answer; 2] {
    let to = MessageId(*b"an older message");
    let text = Some("Soup, and bread with it".into());
    [Answer { to, text, seen: vec![0] }, Answer { to, text: None, seen: vec![] }]
}

pub(super) fn contents() -> Vec<(&'static str, Content)> {
    let of = |kind, body: &[u8]| Content::new(kind, body.to_vec());
    vec![
        ("text", Content::text("Grüezi, Maya: um halb acht?")),
        ("text without a character", Content::text("")),
        ("reply", of(ContentKind::Reply, &reply().to_bytes())),
        ("reaction", of(ContentKind::Reaction, &reaction().to_bytes())),
        ("edit", of(ContentKind::Edit, &edit().to_bytes())),
        ("deletion", of(ContentKind::Deletion, &Deletion { of: 7 }.to_bytes())),
        ("file", of(ContentKind::File, &[11, 12])),
        ("file part", of(ContentKind::FilePart, &[13])),
        ("agent request", of(ContentKind::AgentRequest, &[1, 2, 3])),
        ("agent response", of(ContentKind::AgentResponse, &[4, 5])),
        ("decision", of(ContentKind::Decision, &[6])),
        ("certificate", of(ContentKind::Certificate, &[7, 8])),
        ("inquiry", of(ContentKind::Inquiry, &inquiry().to_bytes())),
        ("answer", of(ContentKind::Answer, &answers()[0].to_bytes())),
        ("answer of nothing to say", of(ContentKind::Answer, &answers()[1].to_bytes())),
        ("roster", of(ContentKind::Roster, &[9])),
        ("a kind of a later version", Content { kind: 999, body: vec![10] }),
    ]
}

/// An author's first and second message in one conversation.
pub(super) fn messages() -> Vec<Message> {
    let id = |seq| MessageId::derive(CONVERSATION, cards::alice().id(), seq);
    let message = |seq, previous, text| Message {
        id: id(seq),
        seq,
        previous,
        sent_at_ms: cards::NOW + seq,
        content: Content::text(text),
    };
    vec![message(0, MessageId([0; 16]), "Hello"), message(1, id(0), "Are you there?")]
}
