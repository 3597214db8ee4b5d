//! Who one is, and whom one knows.

use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AsTool, Effect};
use crate::mcp::{
    desk::{Desk, Persona, page},
    door::Refusal,
    told::Told,
};

/// Which persona and what the token may do.
pub(super) struct WhoAmI;

/// Nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Nothing {}

/// Who the client is to the node.
#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Self_ {
    /// The persona it uses.
    persona: Persona,
    /// What the audit log calls the token.
    token: String,
    /// What the token may do: read, send, vote, or admin for everything.
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Session {
    name: String,
    scopes: Vec<String>,
}

impl AsTool for WhoAmI {
    const NAME: &'static str = "who_am_i";
    const TITLE: &'static str = "Which persona this is";
    const WHAT: &'static str = "Says which persona you use and what your token may do.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Nothing;
    type Output = Self_;

    async fn call(desk: &Desk, _: Nothing) -> Result<Told<Self_>, Refusal> {
        let Session { name: token, scopes } = desk.get("/v1/session").await?;
        let persona = desk.me().await?;
        let words = format!(
            "You use the persona {} ({}) with {token}, which may: {}.",
            persona.handle,
            persona.id,
            scopes.join(", ")
        );
        Ok(Told::new(Self_ { persona, token, scopes }, words))
    }
}

/// Whom the persona knows.
pub(super) struct ListContacts;

/// A page of a list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Page {
    /// How many, 1 to 100; 20 when absent.
    #[schemars(range(min = 1, max = 100))]
    pub(super) limit: Option<usize>,
    /// How many to leave out first; none when absent.
    pub(super) offset: Option<usize>,
}

/// Another persona.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Contact {
    /// Its did:key.
    persona: String,
    /// What it calls itself.
    name: String,
    /// Its handle.
    handle: String,
    /// How far it is trusted: blocked, unknown, known, trusted or operator.
    tier: String,
    /// How far the acquaintance has come; established when both can talk.
    state: String,
    /// Whether its node is connected now.
    online: bool,
}

/// Contacts.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Contacts {
    /// One page of them. Names and handles are what others call themselves.
    contacts: Vec<Contact>,
    /// The offset of the next page; null at the end.
    #[serde(default)]
    next_offset: Option<usize>,
}

impl AsTool for ListContacts {
    const NAME: &'static str = "list_contacts";
    const TITLE: &'static str = "List contacts";
    const WHAT: &'static str = "Lists the personas of other people that this persona knows.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Page;
    type Output = Contacts;

    async fn call(desk: &Desk, input: Page) -> Result<Told<Contacts>, Refusal> {
        let me = desk.me().await?;
        let path = format!("/v1/contacts?persona={}", me.id);
        let Contacts { contacts, .. } = desk.get(&path).await?;
        let total = contacts.len();
        let (contacts, next_offset) = page(contacts, input.limit, input.offset)?;
        let lines: Vec<String> = contacts
            .iter()
            .map(|one| {
                let here = if one.online { "online" } else { "away" };
                format!(
                    "{} ({}), {}, {}, {here}: {}",
                    one.name, one.handle, one.tier, one.state, one.persona
                )
            })
            .collect();
        let words = format!("{} of {total} contacts.", contacts.len());
        Ok(Told::new(Contacts { contacts, next_offset }, words).with(lines))
    }
}
