//! The known answers in `protocol/spec/vectors/`.

use protocol::{
    identity::{ConversationId, Domain, Signature, verify},
    session::{
        DeviceCredential, EntryKind, Envelope, SealedFrame, SealingSecret, SeqEntry, SignedEntry,
        Tag, TagKey, contact_tags, open_sealed,
    },
};

use crate::vector_file::{array, bytes, cases, vectors};

#[test]
fn tags_are_as_the_vectors_say() {
    for case in cases(&vectors("envelope"), "tags") {
        let (key, window) = (TagKey::from_bytes(array(case, "tag_key")), &case["window"]);
        let window = window.as_u64().unwrap();
        assert_eq!(key.token(window).0, array(case, "token"));
        assert_eq!(key.tag(window), Tag(array(case, "tag")));
    }
}

#[test]
fn envelopes_are_as_the_vectors_say() {
    for case in cases(&vectors("envelope"), "envelopes") {
        let (key, content) = (array(case, "envelope_key"), bytes(case, "content"));
        let (tag, nonce) = (Tag(array(case, "tag")), array(case, "nonce"));
        let sealed = Envelope::seal(&key, tag, nonce, &content).unwrap();
        assert_eq!(sealed.as_bytes(), bytes(case, "envelope"));
        assert_eq!(sealed.id().to_string(), case["id"].as_str().unwrap());
        assert_eq!(sealed.open(&key).unwrap().as_slice(), content);
    }
}

#[test]
fn sealed_boxes_are_as_the_vectors_say() {
    for case in cases(&vectors("envelope"), "sealed_boxes") {
        let secret = SealingSecret::from_seed(&array(case, "sealing_secret"));
        assert_eq!(secret.public().0, array(case, "sealing_key"));
        let envelope = Envelope::from_bytes(bytes(case, "envelope")).unwrap();
        assert_eq!(open_sealed(&secret, &envelope).unwrap().0, bytes(case, "content"));
        let tags = contact_tags(&secret.public(), case["now_ms"].as_u64().unwrap());
        assert_eq!(tags[1], envelope.tag());
    }
}

#[test]
fn credentials_are_as_the_vectors_say() {
    for case in cases(&vectors("envelope"), "credentials") {
        let leaf_key: [u8; 32] = array(case, "leaf_key");
        let credential = DeviceCredential::verify(&bytes(case, "credential"), &leaf_key).unwrap();
        assert_eq!(credential.persona.to_string(), case["persona"].as_str().unwrap());
        assert_eq!(u64::from(credential.device), case["device"].as_u64().unwrap());
        assert_eq!(credential.not_after_ms, case["not_after_ms"].as_u64().unwrap());
    }
}

#[test]
fn the_log_is_as_the_vectors_say() {
    let file = vectors("envelope");
    let mut head = None;
    for case in cases(&file, "log") {
        let group: ConversationId = case["conversation"].as_str().unwrap().parse().unwrap();
        let signed = SignedEntry::from_bytes(&bytes(case, "signed_entry")).unwrap();
        let kind = match case["kind"].as_str().unwrap() {
            "Add" => EntryKind::Add,
            "Remove" => EntryKind::Remove,
            other => panic!("{other}"),
        };
        let expected = SeqEntry {
            group: SeqEntry::genesis(group),
            term: case["term"].as_u64().unwrap(),
            epoch: case["epoch"].as_u64().unwrap(),
            leaf: case["leaf"].as_u64().unwrap().try_into().unwrap(),
            previous: array(case, "previous"),
            commit: array(case, "commit"),
            authenticator: array(case, "authenticator"),
            kind,
            time_ms: case["time_ms"].as_u64().unwrap(),
        };
        assert_eq!(signed.unverified(), Ok(expected.clone()));
        assert_eq!(signed.verify(&bytes(case, "leaf_key")), Ok(()));
        assert_eq!(expected.previous, head.unwrap_or(SeqEntry::genesis(group)));
        assert_eq!(signed.hash(), array(case, "hash"));
        head = Some(signed.hash());
    }
}

#[test]
fn frames_are_as_the_vectors_say() {
    for case in cases(&vectors("envelope"), "frames") {
        let frame = match case["kind"].as_str().unwrap() {
            "Application" => SealedFrame::Application(bytes(case, "message")),
            "Commit" => {
                let entry = SignedEntry::from_bytes(&bytes(case, "signed_entry")).unwrap();
                SealedFrame::Commit { entry, commit: bytes(case, "commit") }
            }
            other => panic!("{other}"),
        };
        assert_eq!(frame.to_bytes(), bytes(case, "frame"));
        assert_eq!(SealedFrame::from_bytes(&bytes(case, "frame")), Ok(frame));
    }
}

#[test]
fn receipts_are_as_the_vectors_say() {
    for case in cases(&vectors("envelope"), "receipts") {
        let (key, signature) = (array(case, "leaf_key"), Signature(array(case, "signature")));
        assert_eq!(verify(&key, Domain::Receipt, &bytes(case, "envelope"), &signature), Ok(()));
    }
}
