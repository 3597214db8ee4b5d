//! What waits for the owner. It is only shown: the owner's word is given on their page.

use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AsTool, Effect, people::Page};
use crate::mcp::{
    desk::{Desk, page},
    door::Refusal,
    told::Told,
};

/// What waits.
pub(super) struct ListApprovals;

/// Something that waits for the owner's word.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Approval {
    /// Which.
    id: String,
    /// For which persona.
    persona: String,
    /// contact, availability, vote or booking.
    kind: String,
    /// What is asked, in one sentence, in which others' words may stand.
    summary: String,
    /// What whoever asks calls itself.
    from_name: Option<String>,
    /// Since when.
    created_at: String,
    /// Until when; then it counts as denied.
    expires_at: String,
}

/// The owner's inbox.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Approvals {
    /// One page of it, newest first.
    approvals: Vec<Approval>,
    /// The offset of the next page; null at the end.
    #[serde(default)]
    next_offset: Option<usize>,
}

impl AsTool for ListApprovals {
    const NAME: &'static str = "list_approvals";
    const TITLE: &'static str = "List what waits for the owner's approval";
    const WHAT: &'static str = "Lists what the owner is asked to approve. Only the owner can, on \
        their page; no tool does.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Page;
    type Output = Approvals;

    async fn call(desk: &Desk, input: Page) -> Result<Told<Approvals>, Refusal> {
        let me = desk.me().await?;
        let Approvals { mut approvals, .. } = desk.get("/v1/approvals").await?;
        approvals.retain(|one| one.persona == me.id);
        let total = approvals.len();
        let (approvals, next_offset) = page(approvals, input.limit, input.offset)?;
        let words = format!("{} of {total} wait for the owner's approval.", approvals.len());
        let line = |one: &Approval| {
            format!("{} {}, until {}: {}", one.id, one.kind, one.expires_at, one.summary)
        };
        let lines: Vec<String> = approvals.iter().map(line).collect();
        Ok(Told::new(Approvals { approvals, next_offset }, words).with(lines))
    }
}
