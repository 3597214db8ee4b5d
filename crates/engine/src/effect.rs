//! What the engine wants done. It does nothing itself.

use personas::Booking;
use protocol::{
    card::RecordKey,
    file::FileContent,
    identity::{FileId, NodeId},
    mailbox,
    wire::Frame,
};

use crate::{
    event::Event,
    request::{Reply, RequestError},
};

/// One thing to do. The driver takes effects in order and flushes every [`Effect::Persist`] before
/// it performs anything that comes after it.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "an answer is moved twice and never waits in numbers"
)]
pub enum Effect {
    /// Put these rows on disk, all or none; tell the engine with [`crate::Input::Stored`].
    Persist(Vec<Write>),
    /// Send a frame to a node. May be lost; the engine tries again.
    Send {
        /// To whom.
        node: NodeId,
        /// What.
        frame: Frame,
    },
    /// Try to connect to a node; remember where it lives.
    Dial {
        /// To whom.
        node: NodeId,
        /// Multiaddresses, without the `/p2p` part.
        addresses: Vec<String>,
    },
    /// Try to connect to a mailbox, under a key that is not this node's: it need not know who
    /// leaves or reads what.
    DialMailbox {
        /// Which.
        node: NodeId,
        /// Multiaddresses, without the `/p2p` part.
        addresses: Vec<String>,
    },
    /// Say something to a mailbox. When it is lost, or no connection can be made, the engine hears
    /// [`crate::Input::MailboxLost`].
    ToMailbox {
        /// Which.
        node: NodeId,
        /// What.
        request: mailbox::Request,
    },
    /// Put a record into the DHT and keep it there.
    Publish {
        /// Where.
        key: RecordKey,
        /// What.
        value: Vec<u8>,
        /// Until when, milliseconds since the Unix epoch.
        expires_at_ms: u64,
    },
    /// Look a record up in the DHT; answer with [`crate::Input::Found`].
    Lookup {
        /// Goes back with the answer.
        ticket: Ticket,
        /// What.
        key: RecordKey,
    },
    /// Read a calendar; answer with [`crate::Input::CalendarRead`].
    ReadCalendar {
        /// Goes back with the answer.
        ticket: Ticket,
        /// Where it is kept.
        path: String,
    },
    /// Book an event; answer with [`crate::Input::Booked`].
    Book {
        /// Goes back with the answer.
        ticket: Ticket,
        /// The calendar.
        path: String,
        /// The event.
        booking: Booking,
    },
    /// Fetch what is missing of a file from one of these nodes; tell the engine how it goes with
    /// [`crate::Input::FileNews`].
    FetchFile {
        /// The file, with its key.
        content: Box<FileContent>,
        /// All connected, the likeliest first.
        holders: Vec<NodeId>,
    },
    /// Put a chunk that was said in the conversation with the others; answer with
    /// [`crate::FileNews::PartKept`].
    KeepPart {
        /// Of which file.
        content: Box<FileContent>,
        /// Which chunk.
        place: u32,
        /// As encrypted.
        chunk: Vec<u8>,
    },
    /// Stop fetching a file, and remove what is here of it.
    DropFile(FileId),
    /// Answer a request.
    Reply {
        /// Which.
        request: RequestId,
        /// With what.
        result: Result<Reply, RequestError>,
    },
    /// Tell whoever listens.
    Emit(Event),
}

/// Names a request of the local API while it is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Names something asked of the outside world while it is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A change of one row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// In which table.
    pub table: Table,
    /// Under which key: ids and counters only, never names or words.
    pub key: Vec<u8>,
    /// What becomes of the row.
    pub change: Change,
}

/// What becomes of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The row has this value now.
    Put(Vec<u8>),
    /// The row is gone.
    Delete,
    /// Every row whose key begins with this one is gone, those written earlier in the same batch
    /// included.
    DeleteUnder,
}

impl Write {
    /// The new value of the row, where it has one.
    pub fn value(&self) -> Option<&[u8]> {
        match &self.change {
            Change::Put(value) => Some(value),
            Change::Delete | Change::DeleteUnder => None,
        }
    }
}

/// The tables the engine keeps. What their keys and values are stands in [`crate::rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Personas of this node with their secrets.
    Identity,
    /// MLS state.
    Group,
    /// Contacts.
    Contact,
    /// Newest cards of other personas.
    Card,
    /// Invites handed out and not yet used.
    Invite,
    /// Conversations.
    Conversation,
    /// The message log and its index.
    Message,
    /// What became of our messages.
    Receipt,
    /// Envelopes on their way and for whom.
    Outbox,
    /// Envelopes already committed.
    Inbox,
    /// Everything of decisions.
    Vote,
    /// Tasks.
    Task,
    /// What waits for the owner.
    Approval,
    /// What was done in the owner's name.
    Audit,
    /// Idempotency keys already used.
    Idempotency,
    /// Calendar entries made.
    Booking,
    /// Files of the conversations.
    File,
}

impl Table {
    /// What the engine wants to see at start: a table and the beginning of the keys. Histories are
    /// not among it; they are read when somebody asks.
    pub const LOADED: [(Self, &'static [u8]); 17] = [
        (Self::Identity, b""),
        (Self::Group, b""),
        (Self::Contact, b""),
        (Self::Card, b""),
        (Self::Invite, b""),
        (Self::Conversation, b""),
        (Self::Message, b"n"),
        (Self::Message, b"a"),
        (Self::Message, b"w"),
        (Self::Message, b"q"),
        (Self::Outbox, b""),
        (Self::Inbox, b""),
        (Self::Vote, b""),
        (Self::Task, b""),
        (Self::Approval, b""),
        (Self::Idempotency, b""),
        (Self::File, b""),
    ];
}

/// What the engine reads of the ledger when a request asks for history.
///
/// Only committed rows are seen. The shell implements it over the store.
pub trait Ledger {
    /// One row.
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>>;
    /// Rows whose key starts with `prefix` and, where `before` is given, sorts before it; the
    /// highest keys first, at most `limit`.
    fn newest(
        &self,
        table: Table,
        prefix: &[u8],
        before: Option<&[u8]>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Vec<u8>)>;
}
