//! Nothing is shown, sent or acknowledged before it is on disk.

use engine::{
    Table, Write,
    rows::{self, EnvelopeRow},
};
use protocol::{
    identity::{EnvelopeId, MessageId, PersonaId},
    wire::Frame,
};

use super::Checkers;
use crate::disk::Disk;

/// Where the place of a message in the log is noted.
pub(super) fn index_key(message: &MessageId) -> Vec<u8> {
    rows::key(&[b"i", message.as_bytes()])
}

impl Checkers {
    pub(crate) fn before_commit(&mut self, node: usize, disk: &Disk, writes: &[Write]) {
        for write in writes {
            match (write.table, &write.value) {
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
            Frame::CardRequest(_) | Frame::CardReply { .. } => {}
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
