//! The catalogue: every table of the ledger, its number, its keys and what it holds.
//!
//! Keys are written to disk as given, so they hold only random identifiers, public keys, hashes,
//! counters and names fixed in the program; whatever an owner typed belongs in a value, which is
//! encrypted. Numbers in keys are big-endian, so that byte order is number order, and the widths
//! are written after the parts: `conversation 16` is sixteen bytes.
//!
//! The number of a table is on disk and in every encrypted value. It never changes, and the
//! number of a table that goes away is never given to another.

/// The largest key, in bytes.
pub const KEY_BYTES_MAX: usize = 512;

/// The largest value, in bytes, before encryption.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// The layout of rows this version writes, and the newest it reads.
pub const SCHEMA_VERSION: u16 = 1;

/// A table of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Single values of the node itself.
    Meta = 1,
    /// The personas that live here, with their secret keys.
    Identity = 2,
    /// State of private groups.
    Group = 3,
    /// Whom our personas know.
    Contact = 4,
    /// The newest signed card of each persona.
    Card = 5,
    /// Invitations we gave out or were given.
    Invite = 6,
    /// Conversations and how each is shown.
    Conversation = 7,
    /// What was said.
    Message = 8,
    /// Who has which message.
    Receipt = 9,
    /// Envelopes that still have to reach someone.
    Outbox = 10,
    /// Envelopes already taken in, so that none counts twice.
    Inbox = 11,
    /// Signing slots and ballots.
    Vote = 12,
    /// Work our personas were asked to do.
    Task = 13,
    /// What waits for an owner's yes, and the answers.
    Approval = 14,
    /// What happened, in order, for the local API.
    Event = 15,
    /// Who did what, and why it was allowed.
    Audit = 16,
    /// Answers already given to requests that carry an idempotency key.
    Idempotency = 17,
    /// What the owner configured at run time.
    Setting = 18,
    /// Slots taken in calendars.
    Booking = 19,
    /// Envelopes held for others, who alone can open them.
    Mail = 20,
    /// What is known of each of them without opening it.
    MailIndex = 21,
    /// Files of the conversations: their keys, and who said what about them. Their bytes lie in
    /// [`crate::Files`].
    File = 22,
}

/// What the catalogue says about a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableInfo {
    /// The table.
    pub table: Table,
    /// Its name in reports and messages.
    pub name: &'static str,
    /// The parts of its keys, in order, with their widths in bytes.
    pub key_layout: &'static str,
    /// What a row holds.
    pub holds: &'static str,
}

const fn info(
    table: Table,
    name: &'static str,
    key_layout: &'static str,
    holds: &'static str,
) -> TableInfo {
    TableInfo { table, name, key_layout, holds }
}

/// All tables, in the order of their numbers.
pub const TABLES: [TableInfo; 22] = [
    info(Table::Meta, "meta", "fixed name", "single values of the node"),
    info(Table::Identity, "identity", "persona 32", "profile and secret keys of one persona"),
    info(Table::Group, "group", "group 16, part", "one part of a group's MLS state"),
    info(Table::Contact, "contact", "persona 32", "trust, tags and reach of one contact"),
    info(Table::Card, "card", "persona 32", "the newest signed card"),
    info(Table::Invite, "invite", "invite 16", "an invitation and its state"),
    info(Table::Conversation, "conversation", "conversation 16", "members, title, read position"),
    info(Table::Message, "message", "conversation 16, order 8, message 16", "one message"),
    info(Table::Receipt, "receipt", "message 16, persona 32", "when it was received or read"),
    info(Table::Outbox, "outbox", "node 32, not before 8, envelope 32", "a sealed envelope"),
    info(Table::Inbox, "inbox", "envelope 32", "when the envelope was taken in"),
    info(Table::Vote, "vote", "decision 32, voter 32, slot", "a signing slot and what it signed"),
    info(Table::Task, "task", "task 16", "a task and its state"),
    info(Table::Approval, "approval", "hash 32", "a pending question or its answer"),
    info(Table::Event, "event", "sequence 8", "one event of the local API"),
    info(Table::Audit, "audit", "sequence 8", "one entry of the audit trail"),
    info(Table::Idempotency, "idempotency", "hash 32", "the answer given the first time"),
    info(Table::Setting, "setting", "fixed name", "one setting"),
    info(Table::Booking, "booking", "persona 32, start 8, booking 16", "one slot taken"),
    info(Table::Mail, "mail", "arrival 8", "an envelope held for others"),
    info(Table::MailIndex, "mail index", "arrival 8", "its tag, locks and end"),
    info(Table::File, "file", "kind, file 32, message 16", "key, size and name of a file"),
];

/// Holds what describes the ledger itself: its schema and the check of its key. Not reachable
/// through the API.
pub(crate) const INTERNAL: u8 = 0;

impl Table {
    /// The number on disk, 1 to 22.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The table with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        TABLES.iter().map(|info| info.table).find(|table| table.number() == number)
    }

    /// Its row of the catalogue.
    pub const fn info(self) -> &'static TableInfo {
        &TABLES[self as usize - 1]
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.info().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_in_the_order_of_the_numbers_on_disk() {
        for (position, info) in TABLES.iter().enumerate() {
            assert_eq!(usize::from(info.table.number()), position + 1, "{}", info.name);
            assert_eq!(info.table.info(), info);
            assert_eq!(Table::from_number(info.table.number()), Some(info.table));
        }
        assert_eq!(Table::from_number(INTERNAL), None);
        assert_eq!(Table::from_number(23), None);
    }

    #[test]
    fn the_numbers_on_disk_are_the_published_ones() {
        assert_eq!(Table::Meta.number(), 1);
        assert_eq!(Table::Message.number(), 8);
        assert_eq!(Table::Vote.number(), 12);
        assert_eq!(Table::Booking.number(), 19);
        assert_eq!(Table::MailIndex.number(), 21);
        assert_eq!(Table::File.number(), 22);
    }
}
