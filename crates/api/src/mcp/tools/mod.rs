//! The tools, a file an idea. Each names what it takes and gives as a type, and is a call or two
//! of the API.

mod approvals;
mod conversations;
mod decisions;
mod messages;
mod people;
mod search;
mod tasks;
mod votes;

use std::sync::OnceLock;

use futures::future::BoxFuture;
use rmcp::{
    model::{CallToolResult, Tool, ToolAnnotations},
    schemars::JsonSchema,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{desk::Desk, door::Refusal, schema::schema_of, told::Told};

/// What calling a tool may do, as hints for clients that ask their people before they call one.
pub(super) enum Effect {
    /// It only shows something.
    Reads,
    /// Other people hear of it.
    Tells,
    /// Other people hear of it, and there is no way back.
    Binds,
}

/// One tool.
pub(super) trait AsTool {
    const NAME: &'static str;
    const TITLE: &'static str;
    const WHAT: &'static str;
    const EFFECT: Effect;
    type Input: DeserializeOwned + JsonSchema + Send;
    type Output: Serialize + JsonSchema;

    fn call(
        desk: &Desk,
        input: Self::Input,
    ) -> impl Future<Output = Result<Told<Self::Output>, Refusal>> + Send;

    /// As clients list it.
    fn tool() -> Tool {
        let reads = matches!(Self::EFFECT, Effect::Reads);
        let hints = ToolAnnotations::new()
            .read_only(reads)
            .destructive(matches!(Self::EFFECT, Effect::Binds))
            .idempotent(reads)
            .open_world(!reads);
        Tool::new(Self::NAME, Self::WHAT, schema_of::<Self::Input>())
            .with_title(Self::TITLE)
            .with_raw_output_schema(schema_of::<Self::Output>())
            .with_annotations(hints)
    }
}

/// Calls a tool with arguments.
pub(super) type Calling = fn(Desk, Value) -> BoxFuture<'static, Result<CallToolResult, Refusal>>;

/// A tool in the table.
pub(super) struct Entry {
    pub(super) tool: Tool,
    pub(super) call: Calling,
}

/// Every tool there is.
pub(super) fn all() -> &'static [Entry] {
    static ALL: OnceLock<Vec<Entry>> = OnceLock::new();
    ALL.get_or_init(|| {
        vec![
            Entry::of::<people::WhoAmI>(),
            Entry::of::<people::ListContacts>(),
            Entry::of::<conversations::ListConversations>(),
            Entry::of::<conversations::OpenConversation>(),
            Entry::of::<messages::ReadMessages>(),
            Entry::of::<messages::GetMessage>(),
            Entry::of::<search::SearchMessages>(),
            Entry::of::<messages::SendMessage>(),
            Entry::of::<votes::ProposeDecision>(),
            Entry::of::<votes::Vote>(),
            Entry::of::<decisions::ListDecisions>(),
            Entry::of::<decisions::GetDecision>(),
            Entry::of::<decisions::GetCertificate>(),
            Entry::of::<tasks::GiveTask>(),
            Entry::of::<tasks::ListTasks>(),
            Entry::of::<tasks::GetTask>(),
            Entry::of::<approvals::ListApprovals>(),
        ]
    })
}

pub(super) fn find(name: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.tool.name == name)
}
