//! Everything that can wake the engine.

use protocol::{
    card::{HomeNode, Record},
    identity::NodeId,
    mailbox,
    wire::Frame,
};

use crate::{
    effect::{RequestId, Ticket},
    request::Request,
};

/// One thing that happened outside.
#[derive(Debug, Clone)]
pub enum Input {
    /// The owner wants something.
    Request {
        /// Goes back with the reply.
        id: RequestId,
        /// What.
        request: Request,
        /// Who asks, where the audit log is to name it.
        by: Option<String>,
    },
    /// A node said something.
    Frame {
        /// Which, proven by the transport.
        node: NodeId,
        /// What.
        frame: Frame,
    },
    /// A node can be reached now.
    Connected(NodeId),
    /// A connected node is reached this way now.
    Path {
        /// Which.
        node: NodeId,
        /// Through a relay, or from socket to socket.
        relayed: bool,
    },
    /// A node cannot be reached any more.
    Disconnected(NodeId),
    /// Our own addresses, all of them, without the `/p2p` part.
    Listening(Vec<String>),
    /// The mailboxes this node's owner chose, addresses without the `/p2p` part.
    Mailboxes(Vec<HomeNode>),
    /// A mailbox said something.
    FromMailbox {
        /// Which, proven by the transport.
        node: NodeId,
        /// What.
        reply: mailbox::Reply,
    },
    /// The connection with a mailbox could not be made, or is gone.
    MailboxLost(NodeId),
    /// The answer to a lookup: verified records, newest first; empty when nothing was found.
    Found {
        /// Of the lookup.
        ticket: Ticket,
        /// What was found.
        records: Vec<Record>,
    },
    /// The answer to reading a calendar.
    CalendarRead {
        /// Of the reading.
        ticket: Ticket,
        /// The iCalendar text, or why there is none.
        result: Result<String, String>,
    },
    /// The answer to a booking.
    Booked {
        /// Of the booking.
        ticket: Ticket,
        /// Done, or why not.
        result: Result<(), String>,
    },
    /// Every [`crate::Effect::Persist`] taken so far is on disk.
    Stored,
    /// The time of [`crate::Engine::poll_timeout`] has come.
    Timeout,
}
