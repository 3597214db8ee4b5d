//! Messages and what became of them.

use engine::view::{
    DeliveryState as Far, DeliveryView, EditView, MessageView, QuoteView, ReactionView,
};
use protocol::{
    identity::{MessageId, PersonaId},
    mailbox::needed,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{file::File, id::Id, time::iso};

/// Something to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMessage {
    /// At most 64 KiB.
    pub(crate) text: String,
    /// The message it answers.
    #[schema(value_type = Option<String>)]
    pub(crate) reply_to: Option<Id<MessageId>>,
    /// Which of the node's personas speaks, where several are members.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}

/// What one of the node's personas thinks of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReaction {
    /// One emoji, at most 48 bytes. A persona may put 8 different ones on a message.
    pub(crate) emoji: String,
    /// False takes it back; true where absent.
    pub(crate) on: Option<bool>,
    /// Which of the node's personas reacts, where several are members.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}

/// Another text for a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewText {
    /// At most 64 KiB.
    pub(crate) text: String,
}

/// A text a message has or had.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Edit {
    /// The text.
    text: String,
    /// The author's clock.
    #[schema(format = DateTime)]
    sent_at: String,
    /// The same in milliseconds since the Unix epoch.
    sent_at_ms: u64,
}

impl From<EditView> for Edit {
    fn from(view: EditView) -> Self {
        Self { text: view.text, sent_at: iso(view.sent_at_ms), sent_at_ms: view.sent_at_ms }
    }
}

/// What a message said and says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Edits {
    /// The first is the original, the last holds; of very many the newest 100 follow it. Empty
    /// when the message was deleted.
    pub(crate) edits: Vec<Edit>,
}

/// The promise about a message just sent: it is on disk and will be delivered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// Its id.
    id: String,
    /// `accepted`.
    #[schema(example = "accepted")]
    state: &'static str,
}

impl From<MessageId> for Accepted {
    fn from(id: MessageId) -> Self {
        Self { id: id.to_string(), state: "accepted" }
    }
}

/// Which page of a conversation.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesQuery {
    /// Only messages before this one: the `next` of the page before.
    pub(crate) before: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: Option<usize>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    /// Which.
    pub(crate) id: String,
    /// Where.
    conversation: String,
    /// Who wrote it.
    author: String,
    /// What the author calls itself.
    author_name: String,
    /// Whether one of our personas wrote it.
    ours: bool,
    /// The author's clock.
    #[schema(format = DateTime)]
    sent_at: String,
    /// The same in milliseconds since the Unix epoch.
    sent_at_ms: u64,
    /// Our clock when it was committed.
    #[schema(format = DateTime)]
    committed_at: String,
    /// The same in milliseconds since the Unix epoch.
    committed_at_ms: u64,
    /// The kind of content: `text`, `file`, `agent_request`, `agent_response`, `inquiry`, `answer`,
    /// `proposal`, `ballot`,
    /// `decision`, `certificate`, `roster` or `unknown`.
    kind: String,
    /// Text for people; one line about it for messages of the protocol.
    text: String,
    /// The file it shares.
    file: Option<File>,
    /// The proposal it is about, for the messages of a vote.
    proposal: Option<String>,
    /// The message it answers.
    reply_to: Option<String>,
    /// That message, where it is here; null in events.
    quoted: Option<Quote>,
    /// What others think of it, the most agreed first; empty in events.
    reactions: Vec<Reaction>,
    /// When its author last edited it.
    #[schema(format = DateTime)]
    edited_at: Option<String>,
    /// The same in milliseconds since the Unix epoch.
    edited_at_ms: Option<u64>,
    /// When its author deleted it. Nothing is left of its text then.
    #[schema(format = DateTime)]
    deleted_at: Option<String>,
    /// The same in milliseconds since the Unix epoch.
    deleted_at_ms: Option<u64>,
    /// How far it has come altogether.
    state: MessageState,
    /// What became of it, per recipient; empty for messages of others.
    deliveries: Vec<Delivery>,
}

/// The message another one answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quote {
    /// Who wrote it.
    author: String,
    /// What the author calls itself.
    author_name: String,
    /// The beginning of its text; empty when it was deleted.
    text: String,
}

impl From<QuoteView> for Quote {
    fn from(view: QuoteView) -> Self {
        Self { author: view.author.to_string(), author_name: view.author_name, text: view.text }
    }
}

/// Who thinks the same of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reaction {
    /// In a picture.
    emoji: String,
    /// The personas.
    by: Vec<String>,
}

impl From<ReactionView> for Reaction {
    fn from(view: ReactionView) -> Self {
        Self { emoji: view.emoji, by: view.by.iter().map(ToString::to_string).collect() }
    }
}

/// How far a message has come, all recipients taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageState {
    /// Somebody else wrote it and we have it.
    Received,
    /// On our disk; at least one recipient's node has still to confirm it.
    Accepted,
    /// Enough mailboxes hold it for every recipient whose node is away.
    Stored,
    /// On the disk of every recipient that is still there to have it.
    Delivered,
    /// Its owner took it back before it left.
    Cancelled,
    /// It can reach no recipient any more.
    Failed,
}

/// What became of a message for one recipient.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// For whom.
    recipient: String,
    /// How far.
    state: DeliveryState,
    /// Who holds it meanwhile; null unless some mailbox does.
    mailboxes: Option<Held>,
    /// When that state was reached.
    #[schema(format = DateTime)]
    at: String,
    /// The same in milliseconds since the Unix epoch.
    at_ms: u64,
}

/// How many of a recipient's mailboxes hold a message for it, by their signed word.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Held {
    /// So many do.
    held: u8,
    /// So many it has.
    of: u8,
}

impl Held {
    /// The mailboxes of a state.
    pub(crate) fn of(state: Far) -> Option<Self> {
        match state {
            Far::Stored { held, of } => Some(Self { held, of }),
            _ => None,
        }
    }

    /// Whether one of them may die and the message is still there.
    fn is_enough(&self) -> bool {
        usize::from(self.held) >= needed(self.of.into())
    }
}

/// How far a message has come for one recipient.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// On our disk, waiting for the recipient's node.
    Queued,
    /// Held by enough mailboxes of the recipient, whose node is away: two, or all it has.
    Stored,
    /// On the recipient's disk, by its signed receipt.
    Delivered,
    /// It waited 30 days, and its recipient never came for it.
    Expired,
    /// Its owner took it back before it left.
    Cancelled,
    /// The recipient left or was removed before it could be delivered.
    Failed,
}

impl From<Far> for DeliveryState {
    fn from(state: Far) -> Self {
        match state {
            Far::Queued => Self::Queued,
            Far::Stored { .. } if Held::of(state).is_some_and(|held| held.is_enough()) => {
                Self::Stored
            }
            Far::Stored { .. } => Self::Queued,
            Far::Delivered => Self::Delivered,
            Far::Expired => Self::Expired,
            Far::Cancelled => Self::Cancelled,
            Far::Failed => Self::Failed,
        }
    }
}

/// Whether mailboxes hold a message for some recipient, and so many of them that this is true.
fn any_with(view: &MessageView, holds: impl Fn(&Held) -> bool) -> bool {
    view.deliveries.iter().filter_map(|delivery| Held::of(delivery.state)).any(|held| holds(&held))
}

impl MessageState {
    fn of(view: &MessageView) -> Self {
        let any = |far| view.deliveries.iter().any(|delivery| delivery.state == far);
        let stored = any_with(view, Held::is_enough);
        let waits = any(Far::Queued) || any_with(view, |held| !held.is_enough());
        match view.ours {
            false => Self::Received,
            true if waits => Self::Accepted,
            true if stored => Self::Stored,
            true if any(Far::Cancelled) && !any(Far::Delivered) => Self::Cancelled,
            true if (any(Far::Failed) || any(Far::Expired)) && !any(Far::Delivered) => Self::Failed,
            true => Self::Delivered,
        }
    }
}

impl From<DeliveryView> for Delivery {
    fn from(view: DeliveryView) -> Self {
        Self {
            recipient: view.recipient.to_string(),
            state: view.state.into(),
            mailboxes: Held::of(view.state),
            at: iso(view.at_ms),
            at_ms: view.at_ms,
        }
    }
}

impl From<MessageView> for Message {
    fn from(view: MessageView) -> Self {
        let state = MessageState::of(&view);
        Self {
            id: view.id.to_string(),
            conversation: view.conversation.to_string(),
            author: view.author.to_string(),
            author_name: view.author_name,
            ours: view.ours,
            sent_at: iso(view.sent_at_ms),
            sent_at_ms: view.sent_at_ms,
            committed_at: iso(view.committed_at_ms),
            committed_at_ms: view.committed_at_ms,
            kind: view.kind.to_owned(),
            text: view.text,
            file: view.file.map(|file| File::from(*file)),
            proposal: view.proposal.map(|id| id.to_string()),
            reply_to: view.reply_to.map(|id| id.to_string()),
            quoted: view.quoted.map(Quote::from),
            reactions: view.reactions.into_iter().map(Reaction::from).collect(),
            edited_at: view.edited_at_ms.map(iso),
            edited_at_ms: view.edited_at_ms,
            deleted_at: view.deleted_at_ms.map(iso),
            deleted_at_ms: view.deleted_at_ms,
            state,
            deliveries: view.deliveries.into_iter().map(Delivery::from).collect(),
        }
    }
}

/// A page of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Messages {
    /// Newest first.
    pub(crate) messages: Vec<Message>,
    /// Pass as `before` to get the next page; null at the end.
    pub(crate) next: Option<String>,
}
