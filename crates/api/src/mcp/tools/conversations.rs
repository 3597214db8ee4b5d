//! Conversations.

use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AsTool, Effect, people::Page};
use crate::mcp::{
    desk::{Desk, page, read},
    door::Refusal,
    told::Told,
};

/// The conversations of the persona.
pub(super) struct ListConversations;

/// A conversation.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Conversation {
    /// Which; other tools take it as `conversation`.
    pub(super) id: String,
    /// The persona of this node that is in it.
    pub(super) persona: String,
    /// direct or group.
    kind: String,
    /// For people. In a group its founder chose it.
    pub(super) title: String,
    /// Everyone in it.
    members: Vec<Member>,
    /// Whether the persona is still in it.
    active: bool,
    /// When something was last said or decided.
    last_activity: String,
    /// What was last said; null where nothing was.
    last_message: Option<LastMessage>,
}

/// A member.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Member {
    /// Its did:key.
    persona: String,
    /// What it calls itself.
    name: String,
    /// Whether it is a persona of this node.
    ours: bool,
    /// Whether its node is connected now.
    online: bool,
}

/// The beginning of a message.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct LastMessage {
    /// Which.
    id: String,
    /// Who wrote it.
    author_name: String,
    /// When it came.
    committed_at: String,
    /// At most 200 characters of it.
    text: String,
}

/// Conversations.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Conversations {
    /// One page of them, the last active first.
    conversations: Vec<Conversation>,
    /// The offset of the next page; null at the end.
    #[serde(default)]
    next_offset: Option<usize>,
}

impl Desk {
    /// A conversation of this persona.
    pub(super) async fn conversation(&self, id: &str) -> Result<Conversation, Refusal> {
        let all = self.conversations().await?;
        let found = all.into_iter().find(|one| one.id == id);
        found.ok_or_else(|| Refusal::about("conversation", "the persona is in none of this id"))
    }

    /// The conversations of this persona, the last active first.
    async fn conversations(&self) -> Result<Vec<Conversation>, Refusal> {
        let me = self.me().await?;
        let Conversations { mut conversations, .. } = self.get("/v1/conversations").await?;
        conversations.retain(|one| one.persona == me.id);
        conversations.sort_by(|a, b| b.last_activity.cmp(&a.last_activity));
        Ok(conversations)
    }
}

impl Conversation {
    fn in_words(&self) -> String {
        let names: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
        let last = match &self.last_message {
            Some(last) => format!("; last, {}: {}", last.author_name, last.text),
            None => String::new(),
        };
        let left = if self.active { "" } else { " (left)" };
        format!(
            "{} {}{left} \"{}\" with {}{last}",
            self.id,
            self.kind,
            self.title,
            names.join(", ")
        )
    }
}

impl AsTool for ListConversations {
    const NAME: &'static str = "list_conversations";
    const TITLE: &'static str = "List conversations";
    const WHAT: &'static str =
        "Lists the persona's conversations with their members and last message, last active first.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Page;
    type Output = Conversations;

    async fn call(desk: &Desk, input: Page) -> Result<Told<Conversations>, Refusal> {
        let all = desk.conversations().await?;
        let total = all.len();
        let (conversations, next_offset) = page(all, input.limit, input.offset)?;
        let words = format!("{} of {total} conversations.", conversations.len());
        let lines: Vec<String> = conversations.iter().map(Conversation::in_words).collect();
        Ok(Told::new(Conversations { conversations, next_offset }, words).with(lines))
    }
}

/// Opening one.
pub(super) struct OpenConversation;

/// With whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct With {
    /// The did:keys of contacts; one for a direct conversation.
    #[schemars(length(min = 1, max = 100))]
    members: Vec<String>,
    /// Makes it a group with this title, at most 128 bytes; direct when absent.
    title: Option<String>,
}

impl AsTool for OpenConversation {
    const NAME: &'static str = "open_conversation";
    const TITLE: &'static str = "Open a conversation";
    const WHAT: &'static str = "Opens an end to end encrypted conversation with contacts: direct with one, or a group with a title.";
    const EFFECT: Effect = Effect::Tells;
    type Input = With;
    type Output = Conversation;

    async fn call(desk: &Desk, input: With) -> Result<Told<Conversation>, Refusal> {
        let kind = if input.title.is_some() { "group" } else { "direct" };
        let persona = desk.me().await?.id;
        let body = json!({
            "persona": persona, "kind": kind, "members": input.members, "title": input.title,
        });
        let answer = desk.post("/v1/conversations", body).await?;
        let opened: Conversation = read(answer.body)?;
        let line = opened.in_words();
        Ok(Told::new(opened, "The conversation is open.").with([line]))
    }
}
