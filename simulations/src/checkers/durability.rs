//! Nothing is shown, sent or acknowledged before it is on disk.

use engine::{
    Table, Write,
    rows::{self, EnvelopeRow, PersonaRow},
};
use protocol::{
    identity::{EnvelopeId, MessageId, NodeId, PersonaId},
    mailbox::Request,
    session::{Envelope, SealingSecret, Signal, SignedSignal, Word, open_sealed},
    wire::Frame,
};

use super::Checkers;
use crate::{disk::Disk, world::World};

/// Where the place of a message in the log is noted.
pub(super) fn index_key(message: &MessageId) -> Vec<u8> {
    rows::key(&[b"i", message.as_bytes()])
}

impl Checkers {
    pub(crate) fn before_commit(&mut self, node: usize, disk: &Disk, writes: &[Write]) {
        for write in writes {
            match (write.table, write.value()) {
                (Table::Outbox, Some(value)) if write.key.first() == Some(&b'e') => {
                    match rows::from_bytes::<EnvelopeRow>(value) {
                        Ok(row) => drop(self.posted[node].insert(row.id)),
                        Err(error) => self.complain(format!("an outbox row is damaged: {error}")),
                    }
                }
                (Table::Vote, Some(value)) => self.on_vote_row(disk, writes, &write.key, value),
                _ => {}
            }
        }
    }

    pub(crate) fn on_send(&mut self, node: usize, disk: &Disk, frame: &Frame) {
        match frame {
            Frame::Envelope(bytes) => {
                if !self.posted[node].contains(&EnvelopeId::of(bytes)) {
                    self.complain(format!("node {node} sends what its disk does not have"));
                }
            }
            Frame::Ack(ack) => {
                if disk.under(Table::Inbox, ack.envelope.as_bytes()).next().is_none() {
                    self.complain(format!("node {node} acknowledges what its disk does not have"));
                }
            }
            Frame::CardRequest(_)
            | Frame::CardReply { .. }
            | Frame::ToMailbox(_)
            | Frame::FromMailbox(_) => {}
        }
    }

    /// What a node leaves at a mailbox is on its disk, and so is what it gives free.
    pub(crate) fn on_mailbox(&mut self, node: usize, disk: &Disk, request: &Request) {
        match request {
            Request::Deposit(deposit) => {
                if !self.posted[node].contains(&EnvelopeId::of(&deposit.envelope)) {
                    self.complain(format!("node {node} deposits what its disk does not have"));
                }
            }
            Request::Answer(answers) => {
                let on_disk =
                    |id: &EnvelopeId| disk.under(Table::Inbox, id.as_bytes()).next().is_some();
                let given = answers.iter().filter(|answer| !answer.keys.is_empty());
                if given.into_iter().any(|answer| !on_disk(&answer.envelope)) {
                    self.complain(format!("node {node} gives free what its disk does not have"));
                }
            }
            Request::Watch(_) => {}
        }
    }

    /// A message was shown to an owner.
    pub(crate) fn on_persisted(&mut self, node: usize, disk: &Disk, message: &MessageId) {
        if disk.row(Table::Message, &index_key(message)).is_none() {
            self.complain(format!("node {node} shows message {message}, which is not on disk"));
        }
    }

    /// An owner was told how far a message came.
    pub(crate) fn on_delivery(
        &mut self,
        node: usize,
        disk: &Disk,
        message: &MessageId,
        recipient: &PersonaId,
    ) {
        let key = rows::key(&[message.as_bytes(), recipient.as_bytes()]);
        if disk.row(Table::Receipt, &key).is_none() {
            self.complain(format!("node {node} tells of a delivery that is not on disk"));
        }
    }
}

impl World<'_> {
    /// Whether a frame is what a member says about a group, or a commit it passes on. The outbox
    /// keeps neither: the first is said again while it is true, the second is in the group's log.
    /// A vote has to be on disk before it is said.
    pub(crate) fn is_said_again(&mut self, node: usize, to: &NodeId, frame: &Frame) -> bool {
        let Frame::Envelope(bytes) = frame else { return false };
        let Some(there) = self.nodes.iter().find(|other| other.id == *to) else { return false };
        let Ok(envelope) = Envelope::from_bytes(bytes.clone()) else { return false };
        let said = there.disk.under(Table::Identity, b"").find_map(|(_, row)| {
            let row: PersonaRow = rows::from_bytes(row).ok()?;
            let secret = SealingSecret::from_seed(&row.sealing_seed);
            let (plain, _) = open_sealed(&secret, &envelope).ok()?;
            SignedSignal::from_bytes(&plain).ok()?.verify_at_issue().ok()
        });
        let disk = &self.nodes[node].disk;
        match said {
            Some(Signal { persona, group, word: Word::Vote { .. }, .. }) => {
                let record = rows::key(&[persona.as_bytes(), b"r", group.as_bytes()]);
                if disk.row(Table::Group, &record).is_none() {
                    self.checkers.complain(format!("node {node} votes without keeping it"));
                }
                true
            }
            Some(_) => true,
            None => disk.under(Table::Group, b"").any(|(_, value)| value.ends_with(bytes)),
        }
    }
}
