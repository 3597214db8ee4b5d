//! What waits for the owner's word.

use engine::view::ApprovalView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::iso;

/// Something that waits for the owner's word.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Approval {
    /// Which.
    id: String,
    /// For which persona.
    persona: String,
    /// `contact`, `availability`, `vote` or `booking`.
    kind: String,
    /// What is asked, in one sentence.
    summary: String,
    /// Who asks.
    from: Option<String>,
    /// What that persona calls itself.
    from_name: Option<String>,
    /// Since when.
    #[schema(format = DateTime)]
    created_at: String,
    /// The same in milliseconds since the Unix epoch.
    created_at_ms: u64,
    /// Until when; then it counts as denied.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The same in milliseconds since the Unix epoch.
    expires_at_ms: u64,
}

impl From<ApprovalView> for Approval {
    fn from(view: ApprovalView) -> Self {
        Self {
            id: view.id.to_string(),
            persona: view.persona.to_string(),
            kind: view.kind.to_owned(),
            summary: view.summary,
            from: view.from.map(|id| id.to_string()),
            from_name: view.from_name,
            created_at: iso(view.created_at_ms),
            created_at_ms: view.created_at_ms,
            expires_at: iso(view.expires_at_ms),
            expires_at_ms: view.expires_at_ms,
        }
    }
}

/// The inbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Approvals {
    /// In the order they came.
    pub(crate) approvals: Vec<Approval>,
}

/// The owner's word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    /// Yes or no.
    pub(crate) decision: WordKind,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WordKind {
    /// Do it.
    Allow,
    /// Do not.
    Deny,
}
