//! What stands in the ledger: one struct a row, with the key it lies under.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | Identity | persona | [`PersonaRow`] |
//! | Identity | persona, `m`, number | [`MandateRow`] |
//! | Group | persona, then the MLS key | MLS state, as the session wrote it |
//! | Contact | owner, peer | [`ContactRow`] |
//! | Card | persona | the signed card |
//! | Invite | token | [`InviteRow`] |
//! | Conversation | persona, conversation | [`ConversationRow`] |
//! | Conversation | persona, conversation, `w` | changes of members an owner wants |
//! | Conversation | persona, conversation, `j` | whether it lost its keys, and asks for others |
//! | Conversation | persona, conversation, `h`, count | a message that waits until its author is back |
//! | Conversation | persona, conversation, `q`, member | what a member asks that lost its keys |
//! | Conversation | persona, conversation, `b`, member | when it came back |
//! | Message | `m`, conversation, order | [`MessageRow`] |
//! | Message | `i`, message | the key of its row |
//! | Message | `b`, message | the body of a Text or Reply, which its row leaves empty |
//! | Message | `v`, message, count of the edit | [`EditRow`] |
//! | Message | `r`, message, author | [`ReactionRow`] |
//! | Message | `t`, message | [`DeletedRow`] |
//! | Message | `w`, conversation, author, count | [`AheadRow`] |
//! | Message | `q`, message | [`InquiryRow`] |
//! | Message | `q`, message, conversation, author | [`AnswerRow`] |
//! | Message | `n` | the order of the next message |
//! | Message | `a`, conversation, author | [`AuthorRow`] |
//! | Receipt | message, recipient | [`ReceiptRow`] |
//! | Outbox | `e`, order | [`EnvelopeRow`] |
//! | Outbox | `p`, order, recipient | nothing: it still waits |
//! | Outbox | `s`, order, mailbox | [`StoredRow`] |
//! | Outbox | `r`, persona, author, envelope | [`OwedRow`] |
//! | Inbox | envelope, persona | [`InboxRow`] |
//! | Vote | persona, proposal, `c`, core key | the decision core's rows |
//! | Vote | persona, proposal, `x` | [`ProposalRow`] |
//! | Vote | persona, proposal, `y`, hash | [`EarlyRow`] |
//! | Vote | persona, proposal, `z` | [`MissingRow`] |
//! | Vote | persona, proposal, `r` | nothing: its owner was reminded to vote |
//! | Vote | persona, proposal, `a` | nothing: its owner was asked for this vote |
//! | Task | task | [`TaskRow`] |
//! | Task | `q`, question | [`QuestionRow`] |
//! | Approval | approval | [`ApprovalRow`] |
//! | Audit | time, counter | [`AuditRow`] |
//! | Audit | `c`, time, counter | [`ChangeRow`] |
//! | Idempotency | conversation, SHA-256 of the key | [`IdempotencyRow`] |
//! | Booking | persona, proposal | [`BookingRow`] |
//! | File | `f`, file, message | [`FileRow`] |
//! | File | `u`, file | [`UploadRow`] |
//! | File | `w`, file | [`WishRow`] |
//! | File | `p`, file, place | [`PartRow`] |
//!
//! Numbers in keys are big-endian, so that keys sort by them. A value is one version byte and the
//! canonical encoding of its struct; a struct once released never changes, a new one takes the
//! next version.

use std::collections::BTreeSet;

use personas::{Settings, TimeRange};
use protocol::{
    card::HomeNode,
    decision::{Choice, SignedMandate},
    file::FileContent,
    identity::{ConversationId, EnvelopeId, Handle, MessageId, PersonaId, ProposalId},
    mailbox::{ReleaseLock, Stored},
    wire::{self, DecodeError, Message, Receipt},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    request::{ConversationKind, LocalId},
    view::{ContactState, DeliveryState},
};

const VERSION: u8 = 1;

/// A row's bytes.
pub fn to_bytes<T: Serialize>(row: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(wire::encode(row));
    bytes
}

/// A row from its bytes.
///
/// # Errors
/// [`DecodeError`]: the ledger was written by a newer version, or is damaged.
pub fn from_bytes<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match bytes.split_first() {
        Some((&VERSION, body)) => wire::decode(body, wire::MESSAGE_BYTES_MAX),
        Some((&other, _)) => Err(DecodeError::UnknownVersion(other)),
        None => Err(DecodeError::Malformed("empty row".into())),
    }
}

/// Joins the parts of a key.
pub fn key(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A persona of this node.
#[derive(Clone, Serialize, Deserialize)]
pub struct PersonaRow {
    /// Of the identity key.
    pub seed: [u8; 32],
    /// Of the X25519 key for first contact.
    pub sealing_seed: [u8; 32],
    /// For people.
    pub name: String,
    /// As published.
    pub handle: Handle,
    /// What its owner allows.
    pub settings: Settings,
    /// The calendar it reads and books in.
    pub calendar: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// Of the newest card.
    pub card_sequence: u64,
    /// The last-resort KeyPackage in the card.
    #[serde(with = "serde_bytes")]
    pub key_package: Vec<u8>,
}

/// What a persona may vote on by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MandateRow {
    /// As it stands in ballots.
    pub signed: SignedMandate,
    /// When its owner took it back, milliseconds since the Unix epoch.
    pub revoked_at_ms: Option<u64>,
}

/// A persona one of ours knows, or asked to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContactRow {
    /// How far the acquaintance has come.
    pub state: ContactState,
    /// Whether the owner has blocked it.
    pub blocked: bool,
    /// Whether the owner trusts it more than others.
    pub trusted: bool,
    /// For a request that waits for the peer's card: the invite's token and where to ask.
    pub wanted: Option<Wanted>,
    /// Milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// What is needed to send a contact request once the peer's card is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wanted {
    /// Of the invite, if there was one.
    pub token: Option<[u8; 16]>,
    /// Where to ask for the card, if an invite said so.
    pub home: Option<HomeNode>,
}

/// An invite handed out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteRow {
    /// Who invites.
    pub persona: PersonaId,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// A conversation as one of our personas sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConversationRow {
    /// Direct or group.
    pub kind: ConversationKind,
    /// For people.
    pub title: String,
    /// Who opened it and orders its membership changes.
    pub creator: PersonaId,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// Whether we are still in it.
    pub active: bool,
    /// How many messages we have sent.
    pub next_seq: u64,
    /// Our last message; zeroes before the first.
    pub previous: MessageId,
    /// Electorates of the last epochs, so that a proposal made just before a change can be checked.
    pub epochs: Vec<EpochRow>,
}

/// Who was in a group in one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRow {
    /// The MLS epoch.
    pub epoch: u64,
    /// Hash of the MLS group context.
    pub context_hash: [u8; 32],
    /// Sorted.
    pub roster: Vec<PersonaId>,
}

/// A message of ours or another's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageRow {
    /// As authenticated.
    pub message: Message,
    /// Who wrote it.
    pub author: PersonaId,
    /// Our clock when it was committed, milliseconds since the Unix epoch.
    pub committed_at_ms: u64,
    /// For whom, when it is ours.
    pub recipients: Vec<PersonaId>,
}

/// Another text of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditRow {
    /// The text.
    pub text: String,
    /// The author's clock, milliseconds since the Unix epoch.
    pub sent_at_ms: u64,
    /// Our clock when it was committed, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What one persona thinks of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionRow {
    /// Where it was said; it counts only if the message stands there too.
    pub conversation: ConversationId,
    /// At most [`protocol::wire::REACTIONS_MAX`].
    pub emoji: Vec<String>,
    /// Our clock when it was committed, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// A message that shares a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// Where it was said.
    pub conversation: ConversationId,
    /// Our persona there.
    pub me: PersonaId,
    /// Who said it.
    pub author: PersonaId,
    /// The file with its key, without the caption.
    pub content: FileContent,
}

/// A file our owner added and no message shares yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRow {
    /// The file with its key.
    pub content: FileContent,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What our owner wants of a file that others share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishRow {
    /// To have it although it is not fetched by itself.
    pub asked: bool,
    /// Not to have it.
    pub stopped: bool,
}

/// A chunk that was said, until it lies with the others.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// As encrypted.
    #[serde(with = "serde_bytes")]
    pub chunk: Vec<u8>,
}

impl std::fmt::Debug for PartRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PartRow of {} bytes", self.chunk.len())
    }
}

/// A message was deleted by its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedRow {
    /// Our clock when that was committed, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// A question that binds nobody, named by its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InquiryRow {
    /// Where.
    pub conversation: ConversationId,
    /// Who asked.
    pub asker: PersonaId,
    /// The asker's clock then, milliseconds since the Unix epoch.
    pub asked_at_ms: u64,
    /// What it says.
    pub inquiry: wire::Inquiry,
}

/// One member's first answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// Its count among the messages of its author.
    pub seq: u64,
    /// The author's clock then, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What was said, if anything.
    pub text: Option<String>,
    /// Places of those whose answers the author had.
    pub seen: Vec<u16>,
}

/// What an author said about messages while earlier messages of it are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AheadRow {
    /// What it thinks of a message.
    Reaction {
        /// Which.
        to: MessageId,
    },
    /// That a message of its own is deleted.
    Deletion {
        /// Its count.
        of: u64,
    },
}

/// How far the messages of one author in one conversation have been received.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AuthorRow {
    /// One more than the highest number received.
    pub next_seq: u64,
    /// Lower numbers that were not received yet. Rising.
    pub missing: Vec<Gap>,
}

/// Messages that were not received yet, with the places in the log kept free for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The number of the first.
    pub first: u64,
    /// The place of the first; the others follow it.
    pub place: u64,
    /// How many.
    pub count: u64,
}

/// What became of a message for one recipient. No row means it still waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReceiptRow {
    /// How far it has come.
    pub state: DeliveryState,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// An envelope on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnvelopeRow {
    /// Its bytes; every retry sends these same ones.
    #[serde(with = "serde_bytes")]
    pub envelope: Vec<u8>,
    /// Its id.
    pub id: EnvelopeId,
    /// Which of our personas sends it.
    pub author: PersonaId,
    /// What is inside.
    pub cargo: Cargo,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
}

/// What an envelope carries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Cargo {
    /// An introduction.
    FirstContact {
        /// Which its recipient opens when it lies at a mailbox.
        lock: ReleaseLock,
    },
    /// A change of a conversation's members.
    Change {
        /// Where.
        conversation: ConversationId,
        /// The number of the author's next message there.
        seq: u64,
    },
    /// A message.
    Message {
        /// Where.
        conversation: ConversationId,
        /// The epoch it was sealed in; when that is too long gone it is sealed again.
        epoch: u64,
        /// What is said.
        message: Message,
        /// Whether the owner sees it.
        shown: bool,
    },
    /// Receipts for the author of what was committed. They wait for no receipt of their own.
    Receipts {
        /// Where.
        conversation: ConversationId,
        /// The epoch they were sealed in; when that is too long gone they are sealed again.
        epoch: u64,
        /// For which envelopes.
        receipts: Vec<(EnvelopeId, Receipt)>,
    },
    /// The same for first contacts, sealed like one.
    Received {
        /// Which its recipient opens when it lies at a mailbox.
        lock: ReleaseLock,
    },
}

impl EnvelopeRow {
    /// Where it belongs, unless it is a first contact.
    pub fn conversation(&self) -> Option<ConversationId> {
        match &self.cargo {
            Cargo::FirstContact { .. } | Cargo::Received { .. } => None,
            Cargo::Change { conversation, .. }
            | Cargo::Message { conversation, .. }
            | Cargo::Receipts { conversation, .. } => Some(*conversation),
        }
    }

    /// Whether it is done with once mailboxes hold it.
    pub fn is_receipt(&self) -> bool {
        matches!(self.cargo, Cargo::Receipts { .. } | Cargo::Received { .. })
    }

    /// The message inside, if it is one the owner sees.
    pub fn shown_message(&self) -> Option<MessageId> {
        match &self.cargo {
            Cargo::Message { message, shown: true, .. } => Some(message.id),
            _ => None,
        }
    }
}

/// A mailbox's word that it holds an envelope of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRow {
    /// When it came, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What it said.
    pub stored: Stored,
}

/// A receipt that has still to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedRow {
    /// Where, and the receipt for the envelope; none for a first contact.
    pub receipt: Option<(ConversationId, Receipt)>,
}

/// An envelope one of our personas has committed, so that it takes effect once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InboxRow {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Where, unless it was a first contact.
    pub conversation: Option<ConversationId>,
    /// Who waits for a receipt. Receipts themselves have none to wait for them.
    pub author: Option<PersonaId>,
}

/// What the node remembers of a proposal beside the core's own rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProposalRow {
    /// Where.
    pub conversation: ConversationId,
    /// Milliseconds since the Unix epoch, when it was first seen.
    pub seen_at_ms: u64,
    /// The task that made it, if one of ours did.
    pub task: Option<LocalId>,
    /// Whether the time agreed on was handed to the calendar, or the owner wants it there: it is
    /// entered then whatever the calendar says, for the entry in the way may be its own.
    pub handed: bool,
    /// Whether our persona has dealt with the result.
    pub settled: bool,
    /// Whose vote the conversation shows already; a restarted voter says it again.
    pub shown: BTreeSet<PersonaId>,
}

/// A message of a decision that came before its proposal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EarlyRow {
    /// Who sent it.
    pub author: PersonaId,
    /// The message.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// A proposal that is spoken of and has not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRow {
    /// Where it is spoken of.
    pub conversation: ConversationId,
    /// Who spoke of it first.
    pub first: PersonaId,
}

/// Something the owner asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskRow {
    /// Which persona does it.
    pub persona: PersonaId,
    /// The owner's words.
    pub text: String,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// How long the whole may take, in milliseconds.
    pub decide_within_ms: u64,
    /// How far it has come.
    pub stage: TaskStage,
    /// What has happened.
    pub steps: Vec<(u64, String)>,
    /// What the meeting is called.
    pub title: String,
    /// The other personas asked.
    pub participants: Vec<PersonaId>,
    /// The conversation used.
    pub conversation: Option<ConversationId>,
    /// Names the request between personas.
    pub correlation: [u8; 16],
    /// The times offered.
    pub slots: Vec<TimeRange>,
    /// Who answered, and which of the offered times suit.
    pub answers: Vec<(PersonaId, Vec<u16>)>,
    /// The proposal made.
    pub proposal: Option<ProposalId>,
    /// The time agreed on.
    pub slot: Option<TimeRange>,
}

/// How far a task has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskStage {
    /// Reading the owner's own calendar.
    Reading,
    /// Waiting for the others' answers until a time, milliseconds since the Unix epoch.
    Gathering {
        /// When waiting ends.
        until_ms: u64,
    },
    /// The vote is on.
    Voting,
    /// Entering the time agreed on.
    Booking,
    /// Done, with the result in words.
    Done(String),
    /// Given up, with the reason in words.
    Failed(String),
    /// The owner must say more.
    Question(String),
}

/// A question about times that is answered once the calendar has been read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QuestionRow {
    /// Who is asked.
    pub me: PersonaId,
    /// Where to answer.
    pub conversation: ConversationId,
    /// Who asks.
    pub from: PersonaId,
    /// What is asked: a [`personas::AgentRequest`] as it came.
    #[serde(with = "serde_bytes")]
    pub request: Vec<u8>,
}

/// Something that waits for the owner's word.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApprovalRow {
    /// For which persona.
    pub persona: PersonaId,
    /// The exact action.
    pub action: Pending,
    /// Who asks.
    pub from: PersonaId,
    /// What is asked, in one sentence.
    pub summary: String,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// An action that waits for the owner's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pending {
    /// Accept a stranger as a contact.
    Contact,
    /// Tell which of these times suit.
    Availability {
        /// Where to answer.
        conversation: ConversationId,
        /// Names the request.
        session: [u8; 16],
        /// Names the request.
        correlation: [u8; 16],
        /// The times offered.
        slots: Vec<TimeRange>,
    },
    /// Vote.
    Vote {
        /// On what.
        proposal: ProposalId,
        /// Exactly so.
        choice: Choice,
    },
    /// Enter the agreed time into the calendar.
    Booking {
        /// Which decision.
        proposal: ProposalId,
    },
}

impl Pending {
    /// The proposal this is about.
    pub fn proposal(&self) -> Option<ProposalId> {
        match self {
            Self::Vote { proposal, .. } | Self::Booking { proposal } => Some(*proposal),
            Self::Contact | Self::Availability { .. } => None,
        }
    }

    /// Whether this is a vote on this proposal.
    pub fn is_vote_on(&self, id: ProposalId) -> bool {
        matches!(self, Self::Vote { proposal, .. } if *proposal == id)
    }
}

/// One thing said or done in the owner's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditRow {
    /// By which persona.
    pub persona: PersonaId,
    /// `noun.verb`.
    pub action: String,
    /// In words.
    pub detail: String,
}

/// One thing somebody asked for through the local API, and got.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeRow {
    /// Who.
    pub by: String,
    /// `noun.verb`.
    pub action: String,
    /// In words, without content.
    pub detail: String,
}

/// A request that must not be carried out twice.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdempotencyRow {
    /// SHA-256 of what was asked.
    pub body: [u8; 32],
    /// The message it made.
    pub message: MessageId,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// A calendar entry made for a decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BookingRow {
    /// When the meeting is.
    pub slot: TimeRange,
    /// Milliseconds since the Unix epoch.
    pub booked_at_ms: u64,
}
