//! The queue alone.

use protocol::{
    identity::MessageId,
    mailbox::ReleaseLock,
    wire::{Content, Message},
};

use super::{
    line::{IN_FLIGHT_MAX, RETRY_MS, WINDOW},
    *,
};
use crate::rows::Cargo;

fn row(n: u8) -> EnvelopeRow {
    EnvelopeRow {
        envelope: vec![n],
        id: EnvelopeId([n; 32]),
        author: PersonaId([0; 32]),
        cargo: Cargo::FirstContact { lock: ReleaseLock([0; 16]) },
        created_at_ms: 0,
    }
}

const HERE: ConversationId = ConversationId([7; 16]);

fn numbered(n: u8) -> EnvelopeRow {
    let author = PersonaId([0; 32]);
    let message = Message {
        id: MessageId::derive(HERE, author, n.into()),
        seq: n.into(),
        previous: MessageId([0; 16]),
        sent_at_ms: 0,
        content: Content::text("hello"),
    };
    let cargo = Cargo::Message { conversation: HERE, epoch: 0, message, shown: true };
    EnvelopeRow { cargo, ..row(n) }
}

fn change(n: u8) -> EnvelopeRow {
    let cargo = Cargo::Change { conversation: HERE, seq: n.into() };
    EnvelopeRow { cargo, ..row(n) }
}

/// Nobody else lives where a recipient does.
fn nobody(_: &PersonaId) -> bool {
    false
}

const BOB: PersonaId = PersonaId([1; 32]);
const CAROL: PersonaId = PersonaId([2; 32]);

#[test]
fn envelopes_leave_in_order_and_only_once_until_they_are_late() {
    let mut outbox = Outbox::default();
    outbox.push(row(1), Class::Control, &[BOB]);
    outbox.push(row(2), Class::Control, &[BOB, CAROL]);
    assert_eq!(outbox.take(&BOB, nobody, 0), vec![vec![1], vec![2]]);
    assert!(outbox.take(&BOB, nobody, 0).is_empty());
    assert_eq!(outbox.poll_timeout(), Some(RETRY_MS));
    assert_eq!(outbox.expire(RETRY_MS), vec![(BOB, 1)]);
    assert_eq!(outbox.take(&BOB, nobody, RETRY_MS), vec![vec![1], vec![2]]);
}

#[test]
fn one_copy_goes_to_a_node_on_which_several_wait_for_it() {
    let mut outbox = Outbox::default();
    let together = |_: &PersonaId| true;
    outbox.push(row(1), Class::Control, &[BOB, CAROL]);
    outbox.push(row(2), Class::Control, &[CAROL]);
    assert_eq!(outbox.take(&BOB, together, 0), vec![vec![1]]);
    assert_eq!(outbox.take(&CAROL, together, 0), vec![vec![2]]);
    outbox.settle(&EnvelopeId([1; 32]), &BOB);
    assert_eq!(outbox.expire(RETRY_MS), vec![(CAROL, 1)], "Carol has not said that she has it");
    assert_eq!(outbox.take(&CAROL, together, RETRY_MS), vec![vec![1], vec![2]]);
}

#[test]
fn an_envelope_stays_until_its_last_recipient_has_it() {
    let mut outbox = Outbox::default();
    let order = outbox.push(row(2), Class::Control, &[BOB, CAROL]);
    let id = EnvelopeId([2; 32]);
    assert_eq!(outbox.settle(&id, &BOB), Some(Delivered { order, last: false, stored: vec![] }));
    assert_eq!(outbox.settle(&id, &BOB), None, "a second receipt changes nothing");
    assert_eq!(outbox.settle(&id, &CAROL), Some(Delivered { order, last: true, stored: vec![] }));
    assert_eq!(outbox.len(), 0);
}

#[test]
fn a_broken_connection_puts_everything_back_in_the_original_order() {
    let mut outbox = Outbox::default();
    for n in 0..5 {
        outbox.push(row(n), Class::Control, &[BOB]);
    }
    assert_eq!(outbox.take(&BOB, nobody, 0).len(), 5);
    outbox.settle(&EnvelopeId([1; 32]), &BOB);
    outbox.requeue(&BOB);
    assert_eq!(outbox.take(&BOB, nobody, 9), vec![vec![0], vec![2], vec![3], vec![4]]);
}

#[test]
fn nothing_is_sent_that_a_recipient_could_not_open_before_what_it_lacks() {
    let mut outbox = Outbox::default();
    let window = u8::try_from(WINDOW).unwrap();
    for n in 0..=window {
        outbox.push(numbered(n), Class::Group, &[BOB]);
    }
    outbox.push(row(200), Class::Control, &[BOB]);
    let sent = outbox.take(&BOB, nobody, 0);
    assert!(!sent.contains(&vec![window]), "it would be {WINDOW} ahead of the first");
    assert!(sent.contains(&vec![200]), "another lane does not wait");
    for n in 1..window {
        outbox.settle(&EnvelopeId([n; 32]), &BOB);
    }
    assert!(outbox.take(&BOB, nobody, 0).is_empty(), "the first is still missing");
    outbox.settle(&EnvelopeId([0; 32]), &BOB);
    assert_eq!(outbox.take(&BOB, nobody, 0), vec![vec![window]]);
}

#[test]
fn no_change_waits_for_messages_that_may_need_it() {
    let mut outbox = Outbox::default();
    let window = u8::try_from(WINDOW).unwrap();
    for n in 0..=window {
        outbox.push(numbered(n), Class::Group, &[BOB]);
    }
    outbox.push(change(window + 1), Class::Control, &[BOB]);
    let sent = outbox.take(&BOB, nobody, 0);
    assert!(!sent.contains(&vec![window]));
    assert!(sent.contains(&vec![window + 1]));
}

#[test]
fn changes_go_first_when_not_everything_fits() {
    let mut outbox = Outbox::default();
    let window = u8::try_from(WINDOW).unwrap();
    for author in 1..=5 {
        for n in 0..window {
            let id = EnvelopeId([n; 32].map(|byte| byte ^ (author << 5)));
            let author = PersonaId([author; 32]);
            outbox.push(EnvelopeRow { id, author, ..numbered(n) }, Class::Group, &[BOB]);
        }
    }
    outbox.push(change(255), Class::Control, &[BOB]);
    let sent = outbox.take(&BOB, nobody, 0);
    assert_eq!(sent.len(), IN_FLIGHT_MAX);
    assert!(sent.contains(&vec![255]));
}

#[test]
fn a_vote_does_not_wait_for_what_was_said_before_it() {
    let mut outbox = Outbox::default();
    for n in 0..200 {
        outbox.push(numbered(n), Class::Group, &[BOB]);
    }
    outbox.push(numbered(200), Class::Vote, &[BOB]);
    let sent = outbox.take(&BOB, nobody, 0);
    assert!(sent.contains(&vec![200]) && !sent.contains(&vec![199]));
}

#[test]
fn every_class_has_its_share_of_the_room() {
    let mut outbox = Outbox::default();
    let classes = [Class::Group, Class::Direct, Class::Control];
    for (n, class) in (0u8..).zip(classes) {
        for author in 0..=255 {
            let mut id = [n; 32];
            id[1] = author;
            let author = PersonaId([author; 32]);
            let row = EnvelopeRow { id: EnvelopeId(id), author, ..row(n) };
            outbox.push(row, class, &[BOB]);
        }
    }
    let sent = outbox.take(&BOB, nobody, 0);
    let share = |n| sent.iter().filter(|envelope| **envelope == [n]).count() * 100 / sent.len();
    assert_eq!(sent.len(), IN_FLIGHT_MAX);
    assert!(share(0) >= 5 && share(1) > share(0) && share(2) > share(1));
}
