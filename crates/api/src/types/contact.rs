//! Invites and contacts.

use engine::view::{ContactState as State, ContactView};
use protocol::identity::PersonaId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{id::Id, time::iso};

/// Who invites.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvite {
    /// A persona of this node.
    #[schema(value_type = String)]
    pub(crate) persona: Id<PersonaId>,
}

/// An invite, good for one contact.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invite {
    /// The link to hand over.
    #[schema(example = "conclave:invite:...")]
    invite: String,
    /// When it stops working.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The same in milliseconds since the Unix epoch.
    expires_at_ms: u64,
}

impl Invite {
    pub(crate) fn new(invite: String, expires_at_ms: u64) -> Self {
        Self { invite, expires_at: iso(expires_at_ms), expires_at_ms }
    }
}

/// Whom to ask to become a contact: by exactly one of `invite` and `contact`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewContact {
    /// Who asks: a persona of this node.
    #[schema(value_type = String)]
    pub(crate) persona: Id<PersonaId>,
    /// An invite link they gave us.
    pub(crate) invite: Option<String>,
    /// Their key.
    #[schema(value_type = Option<String>)]
    pub(crate) contact: Option<Id<PersonaId>>,
}

/// Which contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContactsQuery {
    /// Only those of this persona.
    pub(crate) persona: Option<String>,
}

/// Another persona one of ours knows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Contact {
    /// Whose contact.
    owner: String,
    /// Who.
    persona: String,
    /// What it calls itself.
    name: String,
    /// Its handle.
    handle: String,
    /// How far it is trusted: `blocked`, `unknown`, `known`, `trusted` or `operator`.
    tier: String,
    /// How far the acquaintance has come.
    state: ContactState,
    /// Whether its home node is connected to ours now.
    online: bool,
    /// How that node is reached: `here` for our own, `direct`, `relayed` or `none`.
    path: String,
    /// When its home node was last connected.
    #[schema(format = DateTime)]
    last_seen: Option<String>,
    /// The same in milliseconds since the Unix epoch.
    last_seen_ms: Option<u64>,
}

/// How far an acquaintance has come.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContactState {
    /// We asked; no answer yet.
    Requested,
    /// They asked; our owner has not answered.
    Pending,
    /// Both agreed.
    Established,
}

impl From<State> for ContactState {
    fn from(state: State) -> Self {
        match state {
            State::Requested => Self::Requested,
            State::Pending => Self::Pending,
            State::Established => Self::Established,
        }
    }
}

impl From<ContactView> for Contact {
    fn from(view: ContactView) -> Self {
        Self {
            owner: view.owner.to_string(),
            persona: view.persona.to_string(),
            name: view.name,
            handle: view.handle,
            tier: view.tier.to_owned(),
            state: view.state.into(),
            online: view.online,
            path: view.path.to_owned(),
            last_seen: view.last_seen_ms.map(iso),
            last_seen_ms: view.last_seen_ms,
        }
    }
}

/// Contacts of one persona, or of all.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Contacts {
    /// In no special order.
    pub(crate) contacts: Vec<Contact>,
}
