//! The rules of frames and messages, a sentence each.

use protocol::{
    identity::{ConversationId, Domain, MessageId, PersonaId, PersonaKey, verify},
    wire::{
        Answer, Content, ContentKind, DecodeError, Deletion, Edit, FRAME_BYTES_MAX, Frame, Inquiry,
        Reaction, Way, decode, encode, is_emoji,
    },
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
fn only_the_fourteen_numbers_of_the_table_are_content_kinds() {
    let known = |number| ContentKind::from_number(number).map(|kind| (number, kind as u16));
    let known: Vec<_> = (0..=u16::MAX).filter_map(known).collect();
    assert_eq!(
        known,
        [1, 2, 3, 4, 5, 6, 7, 16, 17, 32, 33, 34, 35, 48].map(|number| (number, number))
    );
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

#[test]
fn an_emoji_is_a_picture_and_nothing_that_could_pass_for_text() {
    for emoji in ["👍", "❤️", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👍🏽", "1️⃣", "🇨🇭", "☺"]
    {
        assert!(is_emoji(emoji), "{emoji}");
    }
    let long = "👍".repeat(13);
    for other in ["", "a", "1", " ", "👍 ", "\u{200d}", "\u{fe0f}", "\u{202e}👍", "<b>", &long]
    {
        assert!(!is_emoji(other), "{other:?}");
    }
}

#[test]
fn a_reaction_is_bounded_and_has_one_form() {
    let to = MessageId([1; 16]);
    let read = |emoji: &[&str]| {
        let emoji = emoji.iter().map(|emoji| (*emoji).to_owned()).collect();
        Reaction::from_bytes(&Reaction { to, emoji }.to_bytes())
    };
    assert!(read(&[]).is_ok(), "taken back");
    assert!(read(&["🎂", "👍"]).is_ok());
    assert!(read(&["👍", "🎂"]).is_err(), "out of order");
    assert!(read(&["👍", "👍"]).is_err(), "twice");
    assert!(read(&["ok"]).is_err(), "a word");
    let many = ["😀", "😁", "😂", "😃", "😄", "😅", "😆", "😇", "😈"];
    assert!(read(&many[..8]).is_ok());
    assert!(read(&many).is_err(), "nine");
}

#[test]
fn an_edit_or_deletion_is_of_an_earlier_message_of_the_author() {
    let edit = samples::edit().to_bytes();
    assert!(Edit::from_bytes(&edit, 8).is_ok());
    assert!(Edit::from_bytes(&edit, 7).is_err());
    let deletion = Deletion { of: 7 }.to_bytes();
    assert!(Deletion::from_bytes(&deletion, 8).is_ok());
    assert!(Deletion::from_bytes(&deletion, 7).is_err());
    assert!(Edit::from_bytes(&Edit { of: 0, text: String::new() }.to_bytes(), 1).is_err());
    let long = Edit { of: 0, text: "x".repeat(64 * 1024 + 1) };
    assert!(Edit::from_bytes(&long.to_bytes(), 1).is_err());
}

#[test]
fn an_inquiry_names_who_is_asked_and_how_long() {
    let author = crate::card::samples::alice().id();
    let check = |change: &dyn Fn(&mut Inquiry)| {
        let mut inquiry = samples::inquiry();
        change(&mut inquiry);
        assert_eq!(
            Inquiry::from_bytes(&inquiry.to_bytes(), author).is_ok(),
            inquiry.check(author).is_ok()
        );
        inquiry.check(author)
    };
    assert_eq!(check(&|_| {}), Ok(()));
    assert_eq!(check(&|i| i.question = " ".into()), Err("question"));
    assert_eq!(check(&|i| i.question = "x".repeat(4_097)), Err("question"));
    assert_eq!(check(&|i| i.asked.clear()), Err("asked"));
    assert_eq!(check(&|i| i.asked.push(i.asked[0])), Err("asked"));
    assert_eq!(check(&|i| i.asked.push(author)), Err("asked"));
    assert_eq!(check(&|i| i.open_ms = 31 * 86_400_000 + 1), Err("open_ms"));
    assert_eq!(check(&|i| (i.open_ms, i.turn_ms) = (999, 999)), Err("open_ms"));
    assert_eq!(check(&|i| i.turn_ms = 0), Err("turn_ms"));
    assert_eq!(check(&|i| i.turn_ms = i.open_ms + 1), Err("turn_ms"));
    assert_eq!(check(&|i| i.way = Way::Broadcast), Err("turn_ms"));
    assert_eq!(check(&|i| (i.way, i.turn_ms) = (Way::Broadcast, 0)), Ok(()));
    assert_eq!(check(&|i| i.enough.den = 0), Err("enough"));
    assert_eq!(check(&|i| i.enough.num = 11), Err("enough"));
    let many = |count: u32| {
        let key = |number: u32| {
            let mut key = [0xee; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            PersonaId(key)
        };
        check(&move |i| i.asked = (0..count).map(key).collect())
    };
    assert_eq!(many(1_000), Ok(()), "far more than the usual twenty");
    assert_eq!(many(1_001), Err("asked"));
}

#[test]
fn an_answer_is_visible_text_or_nothing() {
    let read = |text: Option<&str>, seen: &[u16]| {
        let to = MessageId([1; 16]);
        let answer = Answer { to, text: text.map(str::to_owned), seen: seen.to_vec() };
        Answer::from_bytes(&answer.to_bytes()).is_ok()
    };
    assert!(read(Some("Soup"), &[0, 2]) && read(None, &[]));
    assert!(!read(Some(""), &[]) && !read(Some("\u{202e}Soup"), &[]));
    assert!(!read(Some(&"x".repeat(4_097)), &[]));
    assert!(!read(None, &[2, 0]) && !read(None, &[1, 1]) && !read(None, &[1_000]));
}
