//! What happens, told to whoever listens on the local API.

use protocol::identity::{ConversationId, MessageId, PersonaId, ProposalId};

use crate::{
    request::LocalId,
    view::{DeliveryState, FileState, FileView, MessageView},
};

/// One thing that happened, with its time. Events are told after what they tell is on disk.
#[derive(Debug, Clone)]
pub struct Event {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The persona of this node it happened to, where it concerns one.
    pub persona: Option<PersonaId>,
    /// What.
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventBody {
    /// A persona was made or changed.
    PersonaUpdated(PersonaId),
    /// A contact was requested, asked for, or established.
    ContactUpdated(PersonaId),
    /// A conversation was opened, joined, or its membership changed.
    ConversationUpdated(ConversationId),
    /// A member that lost its keys is back, with new ones.
    MemberRejoined {
        /// Where.
        conversation: ConversationId,
        /// Who.
        persona: PersonaId,
    },
    /// A message, ours or another's, is on disk.
    MessagePersisted(Box<MessageView>),
    /// Somebody reacted to a message, edited or deleted it. It may not be here yet.
    MessageUpdated {
        /// Which.
        message: MessageId,
        /// Where.
        conversation: ConversationId,
        /// In which way.
        about: About,
    },
    /// The owner has added a file; it can be sent now.
    FileUploaded(Box<FileView>),
    /// A file that messages share has come further, or is not wanted any longer.
    FileUpdated {
        /// As it is now.
        file: Box<FileView>,
        /// The messages, and where each was said.
        messages: Vec<(MessageId, ConversationId)>,
    },
    /// A message of ours has come further.
    MessageDelivery {
        /// Which.
        message: MessageId,
        /// Where.
        conversation: ConversationId,
        /// For whom.
        recipient: PersonaId,
        /// How far.
        state: DeliveryState,
    },
    /// A proposal was made, voted on, closed or decided.
    ProposalUpdated {
        /// Which.
        proposal: ProposalId,
        /// Where.
        conversation: ConversationId,
        /// See [`crate::view::ProposalView::phase`].
        phase: &'static str,
    },
    /// Time to vote runs out, and the owner has not. Told once for each question.
    VoteMissing {
        /// On which.
        proposal: ProposalId,
        /// Where.
        conversation: ConversationId,
        /// What is asked.
        question: String,
        /// When voting ends, milliseconds since the Unix epoch.
        deadline_ms: u64,
    },
    /// An inquiry was made or answered, a turn passed, or its time is over.
    InquiryUpdated {
        /// Which.
        inquiry: MessageId,
        /// Where.
        conversation: ConversationId,
        /// See [`crate::view::InquiryView::phase`].
        phase: &'static str,
    },
    /// A task took a step.
    TaskUpdated(LocalId),
    /// Something waits for the owner, or no longer does.
    ApprovalsChanged,
    /// A node of a contact connected or went away.
    PresenceChanged {
        /// Whose home.
        contact: PersonaId,
        /// Now connected?
        online: bool,
    },
}

/// What was said about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// What somebody thinks of it.
    Reaction,
    /// It has another text.
    Edit,
    /// It is gone.
    Deletion,
}

impl About {
    /// Its name on the local API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reaction => "reaction",
            Self::Edit => "edit",
            Self::Deletion => "deletion",
        }
    }
}

impl EventBody {
    /// The event's name on the local API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PersonaUpdated(_) => "persona.updated",
            Self::ContactUpdated(_) => "contact.updated",
            Self::ConversationUpdated(_) => "conversation.updated",
            Self::MemberRejoined { .. } => "member.rejoined",
            Self::MessagePersisted(_) => "message.persisted",
            Self::MessageUpdated { .. } => "message.updated",
            Self::FileUploaded(_) => "file.upload.completed",
            Self::FileUpdated { file, .. } => match file.state {
                FileState::Fetching => "file.progress",
                FileState::Here => "file.completed",
                _ => "file.updated",
            },
            Self::MessageDelivery { .. } => "message.delivery",
            Self::ProposalUpdated { .. } => "proposal.updated",
            Self::VoteMissing { .. } => "vote.missing",
            Self::InquiryUpdated { .. } => "inquiry.updated",
            Self::TaskUpdated(_) => "task.updated",
            Self::ApprovalsChanged => "approvals.changed",
            Self::PresenceChanged { online: true, .. } => "presence.user.joined",
            Self::PresenceChanged { online: false, .. } => "presence.user.left",
        }
    }
}
