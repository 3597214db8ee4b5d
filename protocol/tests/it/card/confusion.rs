//! What one type signed is never taken for another: all by one key, the worst case.

use protocol::{
    card::{
        Claims, HandlePointer, Introduction, Invite, PersonaCard, Purpose, Record, RecordKey,
        Signed,
    },
    decision::{Base, Proposal, Rule, SignedProposal, Terms},
    identity::{ConversationId, Domain, Signature, verify},
    session::{DeviceCredential, EntryKind, SeqEntry, SignedEntry},
    wire::{Receipt, decode, encode},
};

use super::samples::{self, NOW, alice};

/// A signed type: bytes of it that verify, and whether some bytes verify as it.
struct Type {
    name: &'static str,
    bytes: Vec<u8>,
    accepts: fn(&[u8]) -> bool,
}

const ENVELOPE_ID: [u8; 32] = [9; 32];

fn claim<C: Claims>(name: &'static str, claim: &C) -> Type {
    let accepts =
        |bytes: &[u8]| Signed::<C>::from_bytes(bytes).is_ok_and(|it| it.verify(NOW).is_ok());
    Type { name, bytes: Signed::sign(claim, &alice()).to_bytes(), accepts }
}

fn introduction() -> Introduction {
    let card = Signed::sign(&samples::card(&alice(), "maya"), &alice());
    let persona = alice().id();
    Introduction { persona, card, ..samples::introduction(Purpose::Accept) }
}

fn record(name: &'static str, record: &Record, accepts: fn(&[u8]) -> bool) -> Type {
    Type { name, bytes: record.to_bytes(), accepts }
}

fn credential() -> Vec<u8> {
    let fields = (alice().id(), 1u32, alice().id().0, NOW);
    let signature = alice().sign(Domain::DeviceCredential, &encode(&fields));
    encode(&(fields, signature))
}

fn entry() -> Vec<u8> {
    let entry = SeqEntry {
        group: SeqEntry::genesis(ConversationId([1; 16])),
        term: 0,
        epoch: 0,
        leaf: 0,
        previous: SeqEntry::genesis(ConversationId([1; 16])),
        commit: [2; 32],
        authenticator: [3; 32],
        kind: EntryKind::Add,
        time_ms: NOW,
    };
    let body = encode(&entry);
    let signature = alice().sign(Domain::SeqEntry, &body);
    encode(&(body, signature))
}

fn proposal() -> Vec<u8> {
    let terms = Terms {
        group: ConversationId([1; 16]),
        epoch: 1,
        context_hash: [0; 32],
        proposer: alice().id(),
        rule: Rule::Threshold { num: 1, den: 2, base: Base::Cast, quorum: 1 },
        question: "Shall we?".into(),
        options: vec![],
        opens_at_ms: NOW,
        deadline_ms: NOW + 1000,
        grace_ms: 0,
        early_close: false,
        nonce: [0; 32],
    };
    let proposal = Proposal::freeze(terms, &[alice().id()]).unwrap();
    encode(&SignedProposal::sign(&proposal, &alice()))
}

fn receipt() -> Vec<u8> {
    let signature = alice().sign(Domain::Receipt, &ENVELOPE_ID);
    encode(&Receipt { leaf: 0, signature })
}

fn types() -> Vec<Type> {
    let card = Signed::sign(&samples::card(&alice(), "maya"), &alice());
    let pointer = Signed::sign(&samples::pointer(), &alice());
    vec![
        claim("card", &samples::card(&alice(), "maya")),
        claim("pointer", &samples::pointer()),
        claim("invite", &samples::invite()),
        claim("introduction", &introduction()),
        record("card record", &Record::Card(card), |bytes| {
            Record::verify(&RecordKey::card(&alice().id()), bytes, NOW).is_ok()
        }),
        record("pointer record", &Record::Pointer(pointer), |bytes| {
            let key = RecordKey::handle(&samples::pointer().handle);
            Record::verify(&key, bytes, NOW).is_ok()
        }),
        Type {
            name: "device credential",
            bytes: credential(),
            accepts: |bytes| DeviceCredential::verify(bytes, alice().id().as_bytes()).is_ok(),
        },
        Type {
            name: "log entry",
            bytes: entry(),
            accepts: |bytes| {
                SignedEntry::from_bytes(bytes).is_ok_and(|it| {
                    it.unverified().is_ok() && it.verify(alice().id().as_bytes()).is_ok()
                })
            },
        },
        Type {
            name: "proposal",
            bytes: proposal(),
            accepts: |bytes| {
                decode::<SignedProposal>(bytes, 8192).is_ok_and(|it| it.verify().is_ok())
            },
        },
        Type {
            name: "receipt",
            bytes: receipt(),
            accepts: |bytes| {
                let (key, domain) = (alice().id().0, Domain::Receipt);
                decode::<Receipt>(bytes, 128)
                    .is_ok_and(|it| verify(&key, domain, &ENVELOPE_ID, &it.signature).is_ok())
            },
        },
    ]
}

#[test]
fn bytes_of_one_type_never_verify_as_another() {
    let types = types();
    for parser in &types {
        for offered in &types {
            let accepted = (parser.accepts)(&offered.bytes);
            assert_eq!(
                accepted,
                parser.name == offered.name,
                "{} as {}",
                offered.name,
                parser.name
            );
        }
    }
}

fn verifies_as<C: Claims>(body: &[u8], signature: Signature) -> bool {
    let bytes = encode(&(body.to_vec(), signature));
    Signed::<C>::from_bytes(&bytes).is_ok_and(|it| it.verify(NOW).is_ok())
}

#[test]
fn a_body_signed_for_another_purpose_never_verifies() {
    let card = encode(&samples::card(&alice(), "maya"));
    let (pointer, invite) = (encode(&samples::pointer()), encode(&samples::invite()));
    let introduction = encode(&introduction());
    for domain in Domain::ALL {
        let sign = |body: &[u8]| alice().sign(domain, body);
        let verdicts = [
            (verifies_as::<PersonaCard>(&card, sign(&card)), Domain::Card),
            (verifies_as::<HandlePointer>(&pointer, sign(&pointer)), Domain::HandlePointer),
            (verifies_as::<Invite>(&invite, sign(&invite)), Domain::Invite),
            (verifies_as::<Introduction>(&introduction, sign(&introduction)), Domain::Introduction),
        ];
        for (verifies, own) in verdicts {
            assert_eq!(verifies, domain == own, "{own:?} signed as {domain:?}");
        }
    }
}
