//! What a host wants written and sent.

use super::RowKey;
use crate::{identity::NodeId, mailbox::Reply};

/// Changes that become durable together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number, for [`super::Host::stored`]; they rise.
    pub number: u64,
    /// In this order.
    pub changes: Vec<Change>,
}

/// One change of what is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Write these.
    Keep {
        /// Where.
        key: RowKey,
        /// The row of the index, replacing the one that may be there.
        row: Vec<u8>,
        /// The envelope; `None` leaves the one that is there.
        envelope: Option<Vec<u8>>,
    },
    /// Remove row and envelope.
    Drop {
        /// Where.
        key: RowKey,
    },
}

/// One thing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this.
    Reply {
        /// Whom to.
        to: NodeId,
        /// What.
        reply: Reply,
    },
    /// Load this envelope and send it as [`Reply::Entry`].
    Entry {
        /// Whom to.
        to: NodeId,
        /// Where it lies.
        key: RowKey,
    },
}
