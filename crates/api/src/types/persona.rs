//! Personas of this node, and personas found in the network.

use engine::{request::DiscoveredView, view::PersonaView};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::time::iso;

/// The wishes and permissions of a persona's owner. In requests, a field left out keeps its
/// value, or its default in a new persona; answers have them all. Hours of the day are minutes
/// since local midnight.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// IANA name of the owner's time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
    /// What contacts may learn without the owner being asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy: Option<PrivacyLevel>,
    /// Start of the working day.
    #[serde(skip_serializing_if = "Option::is_none")]
    working_from_minute: Option<u16>,
    /// End of the working day.
    #[serde(skip_serializing_if = "Option::is_none")]
    working_to_minute: Option<u16>,
    /// Which days are working days, Monday first.
    #[serde(skip_serializing_if = "Option::is_none")]
    working_days: Option<[bool; 7]>,
    /// No meeting starts before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest_minute: Option<u16>,
    /// No meeting ends after this; 1440 is midnight.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_minute: Option<u16>,
    /// Length of a meeting when nobody said how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_minutes: Option<u16>,
    /// Minutes that stay free around every entry of the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    buffer_minutes: Option<u16>,
    /// How long before its start a meeting must be proposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_minutes: Option<u16>,
    /// May answer contacts which of their slots fit, without asking.
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_schedule: Option<bool>,
    /// Votes alone on proposals for a time. Switching it on signs a mandate on times for 90 days,
    /// switching it off revokes it; it is off again when that expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_vote: Option<bool>,
    /// May write agreed meetings into the calendar without asking.
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_book: Option<bool>,
    /// May look for and propose times at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    can_schedule: Option<bool>,
    /// May read and write the calendar at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    can_access_calendar: Option<bool>,
    /// May commit the owner to something that costs money.
    #[serde(skip_serializing_if = "Option::is_none")]
    can_make_reservations: Option<bool>,
    /// How the persona speaks to its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_style: Option<ResponseStyle>,
    /// Takes part in direct conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_direct_mentions: Option<bool>,
    /// Takes part in groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_group_mentions: Option<bool>,
    /// Open conversations at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_conversations: Option<u16>,
}

/// How much contacts may learn without the owner being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum PrivacyLevel {
    /// Only trusted contacts get answers about availability.
    Strict,
    /// Accepted contacts get them too.
    Moderate,
    /// As moderate, and strangers may find the persona.
    Open,
}

/// How the persona speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ResponseStyle {
    /// As few words as possible.
    Brief,
    /// Whole, plain sentences.
    Friendly,
    /// Whole sentences, more distant.
    Formal,
}

impl Settings {
    /// The engine's settings: those of `base` with the fields given here in their place. Both
    /// sides spell every field alike, which a test holds them to.
    pub(crate) fn over<T: Serialize + DeserializeOwned>(self, base: &T) -> serde_json::Result<T> {
        let mut fields = serde_json::to_value(base)?;
        if let (Value::Object(fields), Value::Object(given)) =
            (&mut fields, serde_json::to_value(self)?)
        {
            fields.extend(given);
        }
        serde_json::from_value(fields)
    }
}

/// A new persona.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPersona {
    /// Shown to people; 1 to 64 bytes.
    pub(crate) name: String,
    /// The name part of the handle; made from `name` when absent.
    pub(crate) handle: Option<String>,
    /// What its owner allows.
    pub(crate) settings: Option<Settings>,
    /// Path of an iCalendar file the persona may read and book in.
    pub(crate) calendar: Option<String>,
}

/// What to change about a persona.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonaChange {
    /// The settings to change; the others stay.
    pub(crate) settings: Option<Settings>,
    /// Path of its iCalendar file.
    pub(crate) calendar: Option<String>,
}

/// A persona of this node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Persona {
    /// Its key.
    #[schema(example = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")]
    id: String,
    /// For people.
    name: String,
    /// Name and tag.
    #[schema(example = "maya#4f2k")]
    handle: String,
    /// What its owner allows.
    #[schema(value_type = Settings)]
    settings: Value,
    /// The calendar file it reads and books in.
    calendar: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// The same in milliseconds since the Unix epoch.
    created_at_ms: u64,
    /// Whether its card can be found in the network as it is now.
    published: bool,
}

impl From<PersonaView> for Persona {
    fn from(view: PersonaView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            handle: view.handle,
            settings: serde_json::to_value(&view.settings)
                .expect("settings are a record of plain values"),
            calendar: view.calendar,
            created_at: iso(view.created_at_ms),
            created_at_ms: view.created_at_ms,
            published: view.published,
        }
    }
}

/// All personas of this node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Personas {
    /// In no special order.
    pub(crate) personas: Vec<Persona>,
}

/// Whom to look for: exactly one of both.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiscoverQuery {
    /// A full handle; its `#` is written `%23`.
    #[param(example = "maya#4f2k")]
    pub(crate) handle: Option<String>,
    /// A persona's key.
    #[param(example = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")]
    pub(crate) persona: Option<String>,
}

/// A persona found in the network, with what its card shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Discovered {
    /// Its key.
    persona: String,
    /// What it calls itself.
    name: String,
    /// Its handle.
    handle: String,
    /// The node it lives on, in hexadecimal.
    home_node: String,
    /// What it says it can do.
    capabilities: Vec<String>,
    /// When its card expires.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The same in milliseconds since the Unix epoch.
    expires_at_ms: u64,
}

impl From<DiscoveredView> for Discovered {
    fn from(view: DiscoveredView) -> Self {
        Self {
            persona: view.persona.to_string(),
            name: view.name,
            handle: view.handle,
            home_node: view.home_node,
            capabilities: view.capabilities.into_iter().map(str::to_owned).collect(),
            expires_at: iso(view.expires_at_ms),
            expires_at_ms: view.expires_at_ms,
        }
    }
}
