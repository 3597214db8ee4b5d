//! Tasks of personas.

use engine::view::{StepView, TaskView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::iso;

/// Something one's persona is to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTask {
    /// In plain words, at most 1 KiB.
    #[schema(example = "find a dinner slot this week with Bob and Carol")]
    pub(crate) text: String,
    /// How long the vote may take.
    pub(crate) decide_within_seconds: Option<u64>,
}

/// A task and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Task {
    /// Which.
    id: String,
    /// Which persona does it.
    persona: String,
    /// The owner's words.
    text: String,
    /// `asking`, `gathering`, `voting`, `booking`, `done`, `failed` or `question`.
    state: String,
    /// What has happened, oldest first.
    steps: Vec<Step>,
    /// What the persona needs to know, when the state is `question`.
    question: Option<String>,
    /// The conversation used.
    conversation: Option<String>,
    /// The proposal made.
    proposal: Option<String>,
    /// The time agreed on.
    slot: Option<Slot>,
    /// The result in words.
    result: Option<String>,
    /// When the owner asked.
    #[schema(format = DateTime)]
    created_at: String,
    /// The same in milliseconds since the Unix epoch.
    created_at_ms: u64,
}

/// A step of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// The same in milliseconds since the Unix epoch.
    at_ms: u64,
    /// In words.
    text: String,
}

/// A span of time, its end not included.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Slot {
    /// From.
    #[schema(format = DateTime)]
    start: String,
    /// The same in milliseconds since the Unix epoch.
    start_ms: u64,
    /// To.
    #[schema(format = DateTime)]
    end: String,
    /// The same in milliseconds since the Unix epoch.
    end_ms: u64,
}

impl From<StepView> for Step {
    fn from(view: StepView) -> Self {
        Self { at: iso(view.at_ms), at_ms: view.at_ms, text: view.text }
    }
}

impl From<TaskView> for Task {
    fn from(view: TaskView) -> Self {
        Self {
            id: view.id.to_string(),
            persona: view.persona.to_string(),
            text: view.text,
            state: view.state.to_owned(),
            steps: view.steps.into_iter().map(Step::from).collect(),
            question: view.question,
            conversation: view.conversation.map(|id| id.to_string()),
            proposal: view.proposal.map(|id| id.to_string()),
            slot: view.slot.map(|slot| Slot {
                start: iso(slot.start_ms),
                start_ms: slot.start_ms,
                end: iso(slot.end_ms),
                end_ms: slot.end_ms,
            }),
            result: view.result,
            created_at: iso(view.created_at_ms),
            created_at_ms: view.created_at_ms,
        }
    }
}

/// All tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tasks {
    /// Newest first.
    pub(crate) tasks: Vec<Task>,
}
