//! Receipts name who gave them.

use protocol::{
    identity::{EnvelopeId, Signature},
    session::{GroupEngine, Opened, SessionError},
    wire::Receipt,
};

use super::world::{GROUP, Member, group_of};

#[test]
fn a_receipt_verifies_for_its_envelope_and_names_the_member() {
    let mut members = group_of(3);
    let envelope = members[0].say("hello");
    members[2].read(&envelope);
    let receipt = members[2].engine.receipt(GROUP, envelope.id()).unwrap();
    let verify = |envelope: EnvelopeId, receipt: &Receipt| {
        members[0].engine.verify_receipt(GROUP, envelope, receipt)
    };
    assert_eq!(verify(envelope.id(), &receipt), Ok(members[2].id()));
    assert_eq!(verify(EnvelopeId([0; 32]), &receipt), Err(SessionError::Receipt));
    for leaf in [0, 1, 3, u32::MAX] {
        let elsewhere = Receipt { leaf, ..receipt.clone() };
        assert_eq!(verify(envelope.id(), &elsewhere), Err(SessionError::Receipt), "{leaf}");
    }
    let forged = Receipt { signature: Signature([0; 64]), ..receipt };
    assert_eq!(verify(envelope.id(), &forged), Err(SessionError::Receipt));
}

#[test]
fn who_is_removed_still_proves_that_it_got_the_commit() {
    let mut members = group_of(3);
    let carol = members[2].id();
    let change = members[0].engine.remove(GROUP, &[carol], super::world::NOW).unwrap();
    let envelope = change.envelope.unwrap();
    let receipt = members[2].engine.receipt(GROUP, envelope.id()).unwrap();
    assert_eq!(members[2].open(&envelope), Ok(Opened::Evicted));
    members[1].open(&envelope).unwrap();
    for member in &members[..2] {
        assert_eq!(member.engine.verify_receipt(GROUP, envelope.id(), &receipt), Ok(carol));
    }

    // The place in the tree goes to somebody else; the signature tells them apart.
    let mut dora = Member::new(9);
    let change = members[0].add(&mut [&mut dora]);
    dora.engine.join(&change.welcome.unwrap(), super::world::NOW).unwrap();
    let hello = members[0].say("hello");
    let fresh = dora.engine.receipt(GROUP, hello.id()).unwrap();
    assert_eq!(fresh.leaf, receipt.leaf);
    let verify = |id, receipt| members[0].engine.verify_receipt(GROUP, id, receipt);
    assert_eq!(verify(hello.id(), &fresh), Ok(dora.id()));
    assert_eq!(verify(envelope.id(), &receipt), Ok(carol));
}
