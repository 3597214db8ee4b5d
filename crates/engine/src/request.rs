//! What the owner may ask of the node, and what it answers.
//!
//! Every request of the local API and the command line is one of these; the API crate turns HTTP
//! into [`Request`] and [`Reply`] into JSON.

use personas::Settings;
use protocol::{
    decision::{Choice, Fraction, Methods, Rule, Topic},
    file::FileContent,
    identity::{ConversationId, FileId, Handle, MessageId, PersonaId, ProposalId},
    wire::Way,
};
use thiserror::Error;

use crate::view::{
    ApprovalView, AuditView, ContactView, ConversationView, EditView, FileView, HitView,
    InquiryView, MandateView, MessageView, NetworkView, PersonaView, ProposalView, QueueView,
    TaskView,
};

/// A 16-byte random name of a task, an approval or another thing only this node knows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct LocalId(pub [u8; 16]);

/// One request of the owner.
#[derive(Debug, Clone)]
pub enum Request {
    /// Makes a persona: keys, card, settings.
    CreatePersona {
        /// Shown to people; 1 to 64 bytes.
        name: String,
        /// The name part of the handle; made from `name` when absent.
        handle: Option<String>,
        /// Settings; defaults when absent.
        settings: Option<Settings>,
        /// Path of an iCalendar file the persona may read and book in.
        calendar: Option<String>,
    },
    /// All personas of this node.
    ListPersonas,
    /// Replaces a persona's settings and calendar.
    UpdatePersona {
        /// Which.
        persona: PersonaId,
        /// `None` keeps them.
        settings: Option<Settings>,
        /// `None` keeps it.
        calendar: Option<String>,
    },
    /// Finds a persona in the network.
    Discover(Whom),
    /// Makes an invite link, good for one contact.
    CreateInvite {
        /// Who invites.
        persona: PersonaId,
    },
    /// Asks another persona to become a contact.
    AddContact {
        /// Who asks.
        persona: PersonaId,
        /// Whom.
        peer: ContactSource,
    },
    /// Contacts of one persona, or of all.
    ListContacts {
        /// Only this persona's.
        persona: Option<PersonaId>,
    },
    /// Opens a direct or group conversation with contacts.
    OpenConversation {
        /// Who opens; becomes creator and sequencer.
        persona: PersonaId,
        /// Direct or group.
        kind: ConversationKind,
        /// The others.
        members: Vec<PersonaId>,
        /// For people; at most 128 bytes.
        title: Option<String>,
    },
    /// All conversations.
    ListConversations,
    /// One conversation.
    GetConversation(ConversationId),
    /// Adds contacts to a group. For its sequencer and admins; for any member while the sequencer
    /// is out of reach, and then it may take until the others have voted.
    AddMembers {
        /// Where.
        conversation: ConversationId,
        /// Whom.
        members: Vec<PersonaId>,
    },
    /// Asks the members of a conversation this persona lost its keys of, or was locked out of by
    /// another copy of it, to let it back in.
    Rejoin {
        /// Which.
        conversation: ConversationId,
        /// Who of ours; needed where several are or were members.
        persona: Option<PersonaId>,
    },
    /// Removes a member of a group. For whom [`Request::AddMembers`] is.
    RemoveMember {
        /// Where.
        conversation: ConversationId,
        /// Whom.
        member: PersonaId,
    },
    /// Says something.
    Send {
        /// Where.
        conversation: ConversationId,
        /// Which of the node's personas speaks, where several are members.
        persona: Option<PersonaId>,
        /// At most 64 KiB.
        text: String,
        /// The message it answers.
        reply_to: Option<MessageId>,
        /// The same key with the same text answers the same message; with another text it is a
        /// conflict. At most 128 bytes.
        idempotency_key: Option<String>,
    },
    /// Notes a file whose encrypted chunks are on the disk.
    AddFile(FileContent),
    /// Shares a file.
    SendFile {
        /// Where.
        conversation: ConversationId,
        /// Which of the node's personas speaks, where several are members.
        persona: Option<PersonaId>,
        /// Which.
        file: FileId,
        /// What to say about it, at most 8 KiB; may be empty.
        caption: String,
        /// All encrypted chunks of a file that is small enough to be said in the conversation.
        parts: Vec<Vec<u8>>,
        /// As with [`Request::Send`].
        idempotency_key: Option<String>,
    },
    /// One file.
    GetFile(FileId),
    /// Has a file fetched that is not fetched by itself, and again one that was stopped.
    FetchFile(FileId),
    /// Stops fetching a file and removes what is here of it; drops an upload.
    StopFile(FileId),
    /// A page of a conversation, newest first.
    ListMessages {
        /// Where.
        conversation: ConversationId,
        /// Only messages before this one.
        before: Option<MessageId>,
        /// At most 200.
        limit: usize,
    },
    /// Messages with these words in them, newest first: one step of a search.
    Search {
        /// In the conversations of this persona; of all when absent.
        persona: Option<PersonaId>,
        /// In this conversation; in all when absent.
        conversation: Option<ConversationId>,
        /// The words.
        question: String,
        /// Where to go on: what the step before said.
        before: Option<u64>,
        /// At most 50 hits.
        limit: usize,
    },
    /// One message.
    GetMessage(MessageId),
    /// What a message said before it was edited, oldest first.
    ListEdits(MessageId),
    /// Says what one of our personas thinks of a message, replacing what it said before.
    React {
        /// Where.
        conversation: ConversationId,
        /// Who.
        persona: PersonaId,
        /// Of which message.
        message: MessageId,
        /// At most 8, rising; none takes everything back.
        emoji: Vec<String>,
    },
    /// Gives a message of one of our personas another text.
    EditMessage {
        /// Where.
        conversation: ConversationId,
        /// Who wrote it.
        persona: PersonaId,
        /// Its count among the messages of its author.
        seq: u64,
        /// At most 64 KiB.
        text: String,
    },
    /// Takes a message of one of our personas back, for everyone.
    DeleteMessage {
        /// Where.
        conversation: ConversationId,
        /// Who wrote it.
        persona: PersonaId,
        /// Its count among the messages of its author.
        seq: u64,
    },
    /// Puts a question to a conversation.
    Propose {
        /// Where.
        conversation: ConversationId,
        /// Which of the node's personas asks, where several are members.
        persona: Option<PersonaId>,
        /// At most 1 KiB.
        question: String,
        /// At most 16 of at most 256 bytes; none for yes or no.
        options: Vec<String>,
        /// How it is decided.
        rule: Rule,
        /// When voting ends, milliseconds since the Unix epoch; ten minutes from now when absent.
        deadline_ms: Option<u64>,
        /// How long late ballots may still arrive after the deadline, in milliseconds.
        grace_ms: u64,
        /// Whether voting ends as soon as the outcome cannot change any more.
        early_close: bool,
    },
    /// Proposals of one conversation, or of all.
    ListProposals {
        /// Only this conversation's.
        conversation: Option<ConversationId>,
    },
    /// One proposal.
    GetProposal(ProposalId),
    /// Casts a ballot in the owner's name.
    Vote {
        /// On what.
        proposal: ProposalId,
        /// Which of the node's personas votes, where several are electors.
        persona: Option<PersonaId>,
        /// How.
        choice: Choice,
        /// Whether a program votes for the persona, rather than the owner. Without a mandate the
        /// owner is asked first.
        alone: bool,
    },
    /// What a persona may vote on by itself.
    ListMandates {
        /// Which persona.
        persona: PersonaId,
    },
    /// Lets a persona vote by itself.
    GrantMandate {
        /// Which persona.
        persona: PersonaId,
        /// In this conversation, or everywhere.
        conversation: Option<ConversationId>,
        /// About what.
        topic: Topic,
        /// On questions decided by one of these.
        methods: Methods,
        /// Until when, milliseconds since the Unix epoch; 90 days from now when absent.
        expires_at_ms: Option<u64>,
    },
    /// Takes a mandate back.
    RevokeMandate {
        /// Whose.
        persona: PersonaId,
        /// Which.
        number: u64,
    },
    /// The certificate file of a decided proposal.
    GetCertificate(ProposalId),
    /// Puts a question to a conversation whose answers bind nobody.
    Inquire {
        /// Where.
        conversation: ConversationId,
        /// Which of the node's personas asks, where several are members.
        persona: Option<PersonaId>,
        /// What, whom and how.
        inquiry: NewInquiry,
    },
    /// Inquiries of one conversation, or of all, newest first.
    ListInquiries {
        /// Only this conversation's.
        conversation: Option<ConversationId>,
    },
    /// One inquiry.
    GetInquiry(MessageId),
    /// Answers an inquiry in the owner's name.
    Answer {
        /// Which.
        inquiry: MessageId,
        /// Which of the node's personas answers, where several are asked.
        persona: Option<PersonaId>,
        /// At most 4 KiB; none for nothing to say.
        text: Option<String>,
    },
    /// Asks one's persona to do something, in plain words.
    CreateTask {
        /// Which persona.
        persona: PersonaId,
        /// At most 1 KiB.
        text: String,
        /// How long the vote may take, in milliseconds; a sensible default when absent.
        decide_within_ms: Option<u64>,
    },
    /// All tasks, newest first.
    ListTasks,
    /// One task.
    GetTask(LocalId),
    /// What waits for the owner's word.
    ListApprovals,
    /// The owner's word.
    Decide {
        /// On which entry.
        approval: LocalId,
        /// Yes or no.
        allow: bool,
    },
    /// What still waits for its recipients.
    ListQueue,
    /// Tries at once to deliver what a recipient waits for.
    Retry {
        /// Who.
        recipient: PersonaId,
    },
    /// Takes back a message of which no copy has left yet.
    CancelMessage(MessageId),
    /// Who is connected, and how.
    GetNetwork,
    /// What was said and done in the owner's name, and who asked for it, newest first, at most 200
    /// entries.
    ListAudit,
    /// Notes a change the engine has no part in.
    Note {
        /// `noun.verb`.
        action: &'static str,
        /// In words.
        detail: String,
    },
}

/// A question to ask without putting it to a vote.
#[derive(Debug, Clone)]
pub struct NewInquiry {
    /// To all at once, or one after another.
    pub way: Way,
    /// At most 4 KiB.
    pub question: String,
    /// Whom, in the order of their turns; all other members when empty.
    pub asked: Vec<PersonaId>,
    /// With more than so many it is refused: a slip is not to bother a crowd.
    pub at_most: usize,
    /// How long answers count, in milliseconds. When absent ten minutes, or where members are asked
    /// one after another as long as all turns.
    pub open_ms: Option<u64>,
    /// How long one turn is, in milliseconds; ten minutes when absent.
    pub turn_ms: Option<u64>,
    /// The share of those asked whose answers are enough.
    pub enough: Fraction,
}

impl NewInquiry {
    /// How many are asked at most when nobody says otherwise.
    pub const AT_MOST: usize = crate::inquiries::ASKED_USUALLY;
    /// The share that is enough when nobody says otherwise.
    pub const ENOUGH: Fraction = Fraction { num: 7, den: 10 };
}

/// Whom to look for.
#[derive(Debug, Clone)]
pub enum Whom {
    /// Through the handle's pointer.
    Handle(Handle),
    /// Directly by key.
    Persona(PersonaId),
}

/// How a contact is known before it is one.
#[derive(Debug, Clone)]
pub enum ContactSource {
    /// An invite link from its owner.
    Invite(String),
    /// Its key.
    Persona(PersonaId),
}

/// What kind of conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ConversationKind {
    /// Two personas.
    Direct,
    /// Two or more, with a title.
    Group,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone)]
pub enum Reply {
    /// One persona.
    Persona(PersonaView),
    /// Several personas.
    Personas(Vec<PersonaView>),
    /// A persona found in the network.
    Discovered(DiscoveredView),
    /// An invite link.
    Invite {
        /// `conclave:invite:...`
        link: String,
        /// When it stops working, milliseconds since the Unix epoch.
        expires_at_ms: u64,
    },
    /// One contact.
    Contact(ContactView),
    /// Several contacts.
    Contacts(Vec<ContactView>),
    /// One conversation.
    Conversation(ConversationView),
    /// Several conversations.
    Conversations(Vec<ConversationView>),
    /// The message is on disk and will be delivered.
    Accepted {
        /// Its id.
        message: MessageId,
    },
    /// A page of messages.
    Messages {
        /// Newest first.
        messages: Vec<MessageView>,
        /// Pass as `before` to get the next page; absent at the end.
        next: Option<MessageId>,
    },
    /// Messages with the words that were looked for.
    Found {
        /// Newest first.
        hits: Vec<HitView>,
        /// Where the next step begins; absent when all was looked at.
        next: Option<u64>,
    },
    /// One file.
    File {
        /// For the owner.
        view: Box<FileView>,
        /// For whoever reads it, with its key.
        content: Box<FileContent>,
    },
    /// One message.
    Message(MessageView),
    /// What a message said.
    Edits(Vec<EditView>),
    /// One proposal.
    Proposal(Box<ProposalView>),
    /// Several proposals.
    Proposals(Vec<ProposalView>),
    /// The owner is asked for this vote; the proposal as it is now.
    Asked(Box<ProposalView>),
    /// One mandate.
    Mandate(MandateView),
    /// Several mandates.
    Mandates(Vec<MandateView>),
    /// The certificate file, exactly as `conclave verify` reads it.
    Certificate(String),
    /// One inquiry.
    Inquiry(Box<InquiryView>),
    /// Several inquiries.
    Inquiries(Vec<InquiryView>),
    /// One task.
    Task(TaskView),
    /// Several tasks.
    Tasks(Vec<TaskView>),
    /// The inbox of approvals.
    Approvals(Vec<ApprovalView>),
    /// What waits.
    Queue(QueueView),
    /// The network.
    Network(NetworkView),
    /// The audit log.
    Audit(Vec<AuditView>),
    /// Done; nothing more to say.
    Done,
}

/// A persona found in the network, with what its card shows.
#[derive(Debug, Clone)]
pub struct DiscoveredView {
    /// Its key.
    pub persona: PersonaId,
    /// What it calls itself.
    pub name: String,
    /// Its handle.
    pub handle: String,
    /// The node it lives on, in hexadecimal.
    pub home_node: String,
    /// What it says it can do.
    pub capabilities: Vec<&'static str>,
    /// When its card expires, milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// Why a request was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No such thing here.
    #[error("{what} not found")]
    NotFound {
        /// Which kind of thing.
        what: &'static str,
    },
    /// A field breaks its rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field, as the API spells it.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// It contradicts what is already there.
    #[error("{reason}")]
    Conflict {
        /// With what.
        reason: String,
    },
    /// Policy or role forbids it.
    #[error("{reason}")]
    Forbidden {
        /// Why.
        reason: String,
    },
    /// It needs somebody who cannot be reached now; trying later may work.
    #[error("{reason}")]
    Unavailable {
        /// Who or what.
        reason: String,
    },
    /// A bug of this node.
    #[error("internal error: {reason}")]
    Internal {
        /// What went wrong.
        reason: String,
    },
}

impl std::fmt::Display for LocalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for LocalId {
    type Err = protocol::identity::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse::<MessageId>()?.0))
    }
}
