//! The known answers in `protocol/spec/vectors/cards.json`.

use protocol::{
    card::{
        CardError, Claims, HandlePointer, HomeNode, Introduction, Invite, PersonaCard, Purpose,
        Record, RecordKey, Signed, SignedInvite,
    },
    identity::PersonaKey,
};
use serde_json::{Value, json};

use super::samples::{self, NOW, Sample, alice, bob};
use crate::{
    vector_file::{array, assert_unchanged, bytes, cases, hex, text, vectors, write},
    wire::decode_error,
};

/// The whole file, made anew.
fn made() -> Value {
    json!({
        "description": "Signed claims and DHT records; see card.md. Bytes are lower-case hexadecimal. All of them verify at now_ms, but for those under refused.",
        "now_ms": NOW,
        "sealing_keys": [{
            "secret": hex(samples::SEALING_SEED),
            "public": hex(samples::card(&alice(), "maya").sealing_key.0),
        }],
        "cards": claims(&samples::cards(), card),
        "pointers": claims(&samples::pointers(), pointer),
        "invites": claims(&samples::invites(), invite),
        "introductions": claims(&samples::introductions(), introduction),
        "records": records().iter().map(record).collect::<Vec<_>>(),
        "refused": refused(),
    })
}

fn claims<C: Claims>(samples: &[Sample<C>], fields: fn(&C) -> Value) -> Vec<Value> {
    let case = |sample: &Sample<C>| {
        let bytes = sample.signed().to_bytes();
        let (body, signature) = bytes[8..].split_at(bytes.len() - 8 - 64);
        let mut case = json!({
            "name": sample.name,
            "signer_seed": hex(sample.seed),
            "domain": C::DOMAIN.as_str(),
            "fields": fields(&sample.claim),
            "body": hex(body),
            "signature": hex(signature),
            "bytes": hex(&bytes),
        });
        if C::DOMAIN == Invite::DOMAIN {
            let link = SignedInvite::from_bytes(&bytes).unwrap().to_link();
            case["link"] = json!(link);
        }
        case
    };
    samples.iter().map(case).collect()
}

fn home(home: &HomeNode) -> Value {
    json!({ "node": home.node.to_string(), "addresses": home.addresses })
}

fn card(card: &PersonaCard) -> Value {
    let capability = |capability| format!("{capability:?}");
    json!({
        "persona": card.persona.to_string(),
        "sequence": card.sequence,
        "issued_at_ms": card.issued_at_ms,
        "expires_at_ms": card.expires_at_ms,
        "display_name": card.display_name,
        "handle": card.handle.to_string(),
        "capabilities": card.capabilities.iter().map(capability).collect::<Vec<_>>(),
        "home": home(&card.home),
        "mailboxes": card.mailboxes.iter().map(home).collect::<Vec<_>>(),
        "sealing_key": hex(card.sealing_key.0),
        "key_package": hex(&card.key_package),
    })
}

fn pointer(pointer: &HandlePointer) -> Value {
    json!({
        "handle": pointer.handle.to_string(),
        "persona": pointer.persona.to_string(),
        "sequence": pointer.sequence,
        "issued_at_ms": pointer.issued_at_ms,
        "expires_at_ms": pointer.expires_at_ms,
    })
}

fn invite(invite: &Invite) -> Value {
    json!({
        "persona": invite.persona.to_string(),
        "handle": invite.handle.to_string(),
        "home": home(&invite.home),
        "token": hex(invite.token.0),
        "issued_at_ms": invite.issued_at_ms,
        "expires_at_ms": invite.expires_at_ms,
    })
}

fn introduction(introduction: &Introduction) -> Value {
    let purpose = match &introduction.purpose {
        Purpose::Request { token } => {
            json!({ "Request": { "token": token.map(|token| hex(token.0)) } })
        }
        Purpose::Accept => json!("Accept"),
        Purpose::Received(envelopes) => json!({
            "Received": envelopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Purpose::Rejoin { request, card } => json!({ "Rejoin": {
            "request": hex(request.to_bytes()),
            "card": hex(card.to_bytes()),
        } }),
        Purpose::Readmit { welcome, cards } => json!({ "Readmit": {
            "welcome": hex(welcome),
            "cards": cards.iter().map(|card| hex(card.to_bytes())).collect::<Vec<_>>(),
        } }),
        Purpose::Welcome { direct, title, welcome, cards } => json!({ "Welcome": {
            "direct": direct,
            "title": title,
            "welcome": hex(welcome),
            "cards": cards.iter().map(|card| hex(card.to_bytes())).collect::<Vec<_>>(),
        } }),
    };
    json!({
        "persona": introduction.persona.to_string(),
        "to": introduction.to.to_string(),
        "issued_at_ms": introduction.issued_at_ms,
        "expires_at_ms": introduction.expires_at_ms,
        "card": hex(introduction.card.to_bytes()),
        "purpose": purpose,
    })
}

/// Records with what their key is made from.
fn records() -> [(RecordKey, String, u64, Record); 2] {
    let (card, pointer) = (samples::cards().remove(0), samples::pointers().remove(0));
    let (persona, handle) = (card.claim.persona, pointer.claim.handle.clone());
    [
        (
            RecordKey::card(&persona),
            persona.to_string(),
            card.claim.sequence,
            Record::Card(card.signed()),
        ),
        (
            RecordKey::handle(&handle),
            handle.to_string(),
            pointer.claim.sequence,
            Record::Pointer(pointer.signed()),
        ),
    ]
}

fn record((key, of, sequence, record): &(RecordKey, String, u64, Record)) -> Value {
    json!({
        "of": of,
        "key": hex(key.0),
        "sequence": sequence,
        "value": hex(record.to_bytes()),
    })
}

/// Cards that are not accepted, each for one reason.
fn refused() -> Vec<Value> {
    let sign = |change: fn(&mut PersonaCard), key: PersonaKey| {
        let mut card = samples::card(&alice(), "maya");
        change(&mut card);
        Signed::sign(&card, &key).to_bytes()
    };
    let whole = || sign(|_| {}, alice());
    let changed = || {
        let mut bytes = whole();
        // The last letter of the display name.
        let at = bytes.windows(2).position(|pair| pair == b"er").unwrap();
        bytes[at + 1] = b'l';
        bytes
    };
    let cards = [
        ("signed by another persona", sign(|_| {}, bob())),
        ("one letter of the name changed", changed()),
        ("cut off", whole()[..whole().len() - 1].to_vec()),
        ("one byte left over", [whole(), vec![0]].concat()),
        ("expired", sign(|card| card.expires_at_ms = NOW, alice())),
        ("from the future", sign(|card| card.issued_at_ms = NOW + 600_001, alice())),
        ("for too long", sign(|card| card.expires_at_ms = NOW + 172_800_001, alice())),
        (
            "the name turns the direction",
            sign(|card| card.display_name = "\u{202e}".into(), alice()),
        ),
        (
            "the tag of another key",
            sign(|card| card.handle = samples::card(&bob(), "maya").handle, alice()),
        ),
        ("capabilities out of order", sign(|card| card.capabilities.reverse(), alice())),
        ("an empty address", sign(|card| card.home.addresses.push(String::new()), alice())),
        (
            "four mailboxes",
            sign(
                |card| {
                    card.mailboxes = vec![HomeNode { addresses: vec![], ..samples::home() }; 4];
                },
                alice(),
            ),
        ),
        ("no key package", sign(|card| card.key_package.clear(), alice())),
        ("an oversize body", sign(|card| card.display_name = "x".repeat(1920), alice())),
    ];
    let case = |(why, bytes): &(&str, Vec<u8>)| {
        let error = error(&judge(bytes).unwrap_err());
        json!({ "why": why, "bytes": hex(bytes), "error": error })
    };
    cards.iter().map(case).collect()
}

fn judge(bytes: &[u8]) -> Result<PersonaCard, CardError> {
    Signed::from_bytes(bytes)?.verify(NOW)
}

fn error(error: &CardError) -> String {
    match error {
        CardError::Decode(error) => decode_error(error).into(),
        CardError::Signature => "signature".into(),
        CardError::Expired => "expired".into(),
        CardError::Lifetime => "lifetime".into(),
        CardError::Field(field) => format!("field {field}"),
    }
}

#[test]
fn the_bytes_of_every_claim_are_those_of_the_vectors() {
    assert_unchanged("cards", &made());
}

fn verify_all<C: Claims + PartialEq + std::fmt::Debug>(section: &str, samples: &[Sample<C>]) {
    let file = vectors("cards");
    assert_eq!(cases(&file, section).len(), samples.len());
    for (case, sample) in cases(&file, section).iter().zip(samples) {
        let signed = Signed::<C>::from_bytes(&bytes(case, "bytes")).unwrap();
        let claim = signed.verify(file["now_ms"].as_u64().unwrap()).unwrap();
        assert_eq!(claim, sample.claim, "{}", sample.name);
        let signer = PersonaKey::from_seed(&array(case, "signer_seed"));
        let signature = signer.sign(C::DOMAIN, &bytes(case, "body"));
        assert_eq!(signature.0, array(case, "signature"));
    }
}

#[test]
fn the_claims_of_the_vectors_verify() {
    verify_all("cards", &samples::cards());
    verify_all("pointers", &samples::pointers());
    verify_all("invites", &samples::invites());
    verify_all("introductions", &samples::introductions());
    for case in cases(&vectors("cards"), "invites") {
        let signed: SignedInvite = text(case, "link").parse().unwrap();
        assert_eq!(signed.to_bytes(), bytes(case, "bytes"));
    }
}

#[test]
fn the_records_of_the_vectors_verify_under_their_keys() {
    for case in cases(&vectors("cards"), "records") {
        let (key, value) = (RecordKey(array(case, "key")), bytes(case, "value"));
        let (record, sequence) = Record::verify(&key, &value, NOW).unwrap();
        assert_eq!(record.to_bytes(), value);
        assert_eq!(sequence, case["sequence"].as_u64().unwrap());
    }
}

#[test]
fn the_cards_the_vectors_refuse_are_refused() {
    for case in cases(&vectors("cards"), "refused") {
        let verdict = judge(&bytes(case, "bytes")).unwrap_err();
        assert_eq!(error(&verdict), text(case, "error"), "{}", case["why"]);
    }
}

#[test]
#[ignore = "writes the vectors; run it after a deliberate change of format"]
fn write_vectors() {
    write("cards", &made());
}
