//! Conversations and who is in them.

use engine::{
    request::ConversationKind as Kind,
    view::{ConversationView, LastMessageView, MemberView, RejoinView},
};
use protocol::identity::PersonaId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{id::Id, time::iso};

/// What kind of conversation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConversationKind {
    /// Two personas.
    Direct,
    /// Two or more, with a title.
    Group,
}

impl From<ConversationKind> for Kind {
    fn from(kind: ConversationKind) -> Self {
        match kind {
            ConversationKind::Direct => Self::Direct,
            ConversationKind::Group => Self::Group,
        }
    }
}

impl From<Kind> for ConversationKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Direct => Self::Direct,
            Kind::Group => Self::Group,
        }
    }
}

/// A conversation to open with contacts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConversation {
    /// Who opens it: a persona of this node.
    #[schema(value_type = String)]
    pub(crate) persona: Id<PersonaId>,
    /// Direct or group.
    pub(crate) kind: ConversationKind,
    /// The others.
    #[schema(value_type = Vec<String>)]
    pub(crate) members: Vec<Id<PersonaId>>,
    /// For people; at most 128 bytes.
    pub(crate) title: Option<String>,
}

/// Contacts to add to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMembers {
    /// Whom.
    #[schema(value_type = Vec<String>)]
    pub(crate) members: Vec<Id<PersonaId>>,
}

/// A member of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Who.
    persona: String,
    /// What it calls itself, where its card is known.
    name: String,
    /// Whether it is a persona of this node.
    ours: bool,
    /// Whether its home node is connected to ours now (ours always is).
    online: bool,
    /// When it last came back with new keys, if it did.
    #[schema(format = DateTime)]
    rejoined_at: Option<String>,
}

impl From<MemberView> for Member {
    fn from(view: MemberView) -> Self {
        Self {
            persona: view.persona.to_string(),
            name: view.name,
            ours: view.ours,
            online: view.online,
            rejoined_at: view.rejoined_at_ms.map(iso),
        }
    }
}

/// A wish to be let back into a conversation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRejoin {
    /// Who of this node; needed where several personas are or were members.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}

/// How our persona stands to a conversation whose keys it lost.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RejoinState {
    /// It asks the others to be let back in; what is written meanwhile leaves when it is.
    Asking,
    /// It is back.
    Back,
    /// Another copy of this persona came back; this one is locked out.
    Replaced,
}

/// How our persona stands to a conversation whose keys it lost, and since when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rejoin {
    /// How.
    state: RejoinState,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// How many of the others were asked, while it asks.
    asked: Option<usize>,
    /// The same in a sentence for people.
    words: String,
}

impl From<RejoinView> for Rejoin {
    fn from(view: RejoinView) -> Self {
        match view {
            RejoinView::Asking { since_ms, asked } => Self {
                state: RejoinState::Asking,
                since: iso(since_ms),
                asked: Some(asked),
                words: match asked {
                    0 => "rejoining, looking for the other members".into(),
                    1 => "rejoining, asked 1 member".into(),
                    _ => format!("rejoining, asked {asked} members"),
                },
            },
            RejoinView::Back { at_ms } => Self {
                state: RejoinState::Back,
                since: iso(at_ms),
                asked: None,
                words: "back, with new keys".into(),
            },
            RejoinView::Replaced { at_ms } => Self {
                state: RejoinState::Replaced,
                since: iso(at_ms),
                asked: None,
                words: "another copy of this persona came back here, so this one is locked out"
                    .into(),
            },
        }
    }
}

/// The last message of a conversation, for a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastMessage {
    /// Which.
    id: String,
    /// Who wrote it.
    author: String,
    /// What the author calls itself.
    author_name: String,
    /// Our clock when it was committed.
    #[schema(format = DateTime)]
    committed_at: String,
    /// The same in milliseconds since the Unix epoch.
    committed_at_ms: u64,
    /// The kind of content, as in a message.
    kind: String,
    /// The beginning of its text, at most 200 characters.
    text: String,
}

impl From<LastMessageView> for LastMessage {
    fn from(view: LastMessageView) -> Self {
        Self {
            id: view.id.to_string(),
            author: view.author.to_string(),
            author_name: view.author_name,
            committed_at: iso(view.committed_at_ms),
            committed_at_ms: view.committed_at_ms,
            kind: view.kind.to_owned(),
            text: view.text,
        }
    }
}

/// A conversation as one of our personas sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Conversation {
    /// Which.
    id: String,
    /// Our persona in it.
    persona: String,
    /// Direct or group.
    kind: ConversationKind,
    /// For people.
    title: String,
    /// Everyone in it.
    members: Vec<Member>,
    /// Who orders membership changes.
    sequencer: String,
    /// The MLS epoch: rises with every membership change.
    epoch: u64,
    /// Whether we are still in it.
    active: bool,
    /// How our persona stands to it, where it lost its keys, or another copy of it came back.
    rejoin: Option<Rejoin>,
    /// When it was opened.
    #[schema(format = DateTime)]
    created_at: String,
    /// The same in milliseconds since the Unix epoch.
    created_at_ms: u64,
    /// When something was last said or decided in it, or else when it was opened.
    #[schema(format = DateTime)]
    last_activity: String,
    /// The same in milliseconds since the Unix epoch.
    last_activity_ms: u64,
    /// What somebody last said, or the last message of the protocol where nobody said anything
    /// lately; null where there is none, and in the answers to changes.
    last_message: Option<LastMessage>,
}

impl From<ConversationView> for Conversation {
    fn from(view: ConversationView) -> Self {
        Self {
            id: view.id.to_string(),
            persona: view.persona.to_string(),
            kind: view.kind.into(),
            title: view.title,
            members: view.members.into_iter().map(Member::from).collect(),
            sequencer: view.sequencer.to_string(),
            epoch: view.epoch,
            active: view.active,
            rejoin: view.rejoin.map(Rejoin::from),
            created_at: iso(view.created_at_ms),
            created_at_ms: view.created_at_ms,
            last_activity: iso(view.last_activity_ms),
            last_activity_ms: view.last_activity_ms,
            last_message: view.last_message.map(LastMessage::from),
        }
    }
}

/// All conversations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Conversations {
    /// In no special order.
    pub(crate) conversations: Vec<Conversation>,
}
