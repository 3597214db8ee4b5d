//! What an operator may know of a mailbox.

/// How full it is, and what happened since it started. None of it concerns a single persona.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Envelopes held.
    pub envelopes: u64,
    /// Room they take, in bytes.
    pub room_bytes: u64,
    /// Tags that have envelopes.
    pub tags: u64,
    /// Tags watched over all connections.
    pub watches: u64,
    /// Envelopes taken.
    pub taken: u64,
    /// Deposits of envelopes that were there already.
    pub repeated: u64,
    /// Deposits refused.
    pub refused: u64,
    /// Entries handed out.
    pub handed_out: u64,
    /// Envelopes all of whose locks were opened.
    pub released: u64,
    /// Envelopes whose time was over.
    pub expired: u64,
    /// Requests that broke a bound, or came over no connection.
    pub dropped: u64,
}
