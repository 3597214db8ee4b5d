//! Damaged claims, links and records.

use protocol::card::{
    Claims, Record, RecordKey, Signed, SignedCard, SignedIntroduction, SignedInvite, SignedPointer,
};

use super::samples::{self, NOW, Sample};
use crate::damage::{Parser, attack};

fn signed<C: Claims>(samples: &[Sample<C>]) -> Vec<Vec<u8>> {
    samples.iter().map(|sample| sample.signed().to_bytes()).collect()
}

fn read<C: Claims>(bytes: &[u8]) -> Option<Vec<u8>> {
    let signed = Signed::<C>::from_bytes(bytes).ok()?;
    signed.verify(NOW).ok()?;
    Some(signed.to_bytes())
}

#[test]
fn damaged_cards_and_pointers_never_verify() {
    let valid = signed(&samples::cards());
    attack(&Parser {
        name: "card",
        valid,
        read: read::<protocol::card::PersonaCard>,
        signed: true,
    });
    let (valid, read) = (signed(&samples::pointers()), read::<protocol::card::HandlePointer>);
    attack(&Parser { name: "pointer", valid, read, signed: true });
}

#[test]
fn damaged_invites_never_verify() {
    let (valid, read) = (signed(&samples::invites()), read::<protocol::card::Invite>);
    attack(&Parser { name: "invite", valid, read, signed: true });
}

#[test]
fn damaged_links_never_verify() {
    let read = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        let signed: SignedInvite = text.parse().ok()?;
        signed.verify(NOW).ok()?;
        // White space around a link is no damage; all else comes back as it was.
        (text == text.trim()).then(|| signed.to_link().into_bytes())
    };
    let valid = vec![samples::invites()[0].signed().to_link().into_bytes()];
    attack(&Parser { name: "link", valid, read, signed: true });
}

#[test]
fn damaged_introductions_never_verify() {
    let (valid, read) = (signed(&samples::introductions()), read::<protocol::card::Introduction>);
    attack(&Parser { name: "introduction", valid, read, signed: true });
}

#[test]
fn damaged_records_never_verify() {
    let read = |bytes: &[u8]| {
        let card = RecordKey::card(&samples::alice().id());
        let pointer = RecordKey::handle(&samples::pointer().handle);
        let verify = |key| Record::verify(key, bytes, NOW).ok();
        Some(verify(&card).or_else(|| verify(&pointer))?.0.to_bytes())
    };
    let card = Record::Card(samples::cards()[0].signed());
    let pointer = Record::Pointer(samples::pointers()[0].signed());
    let valid = vec![card.to_bytes(), pointer.to_bytes()];
    attack(&Parser { name: "record", valid, read, signed: true });
}

/// Before the signature is looked at: body and signature alone.
#[test]
fn damaged_claims_are_refused_or_read_exactly() {
    let valid = || signed(&samples::introductions());
    let read = |bytes: &[u8]| Some(SignedIntroduction::from_bytes(bytes).ok()?.to_bytes());
    attack(&Parser { name: "unverified introduction", valid: valid(), read, signed: false });
    let (valid, read) = (signed(&samples::cards()), |bytes: &[u8]| {
        Some(SignedCard::from_bytes(bytes).ok()?.to_bytes())
    });
    attack(&Parser { name: "unverified card", valid, read, signed: false });
    let (valid, read) = (signed(&samples::pointers()), |bytes: &[u8]| {
        Some(SignedPointer::from_bytes(bytes).ok()?.to_bytes())
    });
    attack(&Parser { name: "unverified pointer", valid, read, signed: false });
}
