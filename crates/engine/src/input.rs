//! Everything that can wake the engine.

use std::collections::BTreeSet;

use protocol::{
    card::{HomeNode, Record},
    identity::{FileId, NodeId},
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
    /// Files that are whole on the disk, said once at start, and how much there may be.
    FilesOnDisk {
        /// Which.
        whole: BTreeSet<FileId>,
        /// How much.
        limits: FileLimits,
    },
    /// What became of the bytes of a file.
    FileNews {
        /// Which.
        file: FileId,
        /// What.
        news: FileNews,
    },
    /// Every [`crate::Effect::Persist`] taken so far is on disk.
    Stored,
    /// The time of [`crate::Engine::poll_timeout`] has come.
    Timeout,
}

/// How much files may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// One file, in bytes. Default 100 MiB.
    pub file_bytes: u64,
    /// Larger ones are fetched only when the owner asks, in bytes. Default 16 MiB.
    pub automatic_bytes: u64,
    /// All files of one conversation, in bytes. Default 1 GiB.
    pub conversation_bytes: u64,
    /// All files, in bytes. Default 4 GiB.
    pub disk_bytes: u64,
}

/// What became of the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNews {
    /// A part said in the conversation lies with the other chunks, or is none of them.
    PartKept(u32),
    /// So many bytes are here.
    Progress {
        /// Of the file.
        have: u64,
    },
    /// All are, checked and flushed.
    Whole,
    /// Nobody who was asked could give what is missing. What came is kept.
    Failed {
        /// Why, in words.
        reason: String,
    },
    /// It is not on the disk any more.
    Lost,
}
