//! Having the persona do something, such as finding a time for a meeting.

use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AsTool, Effect, people::Page};
use crate::mcp::{
    desk::{Desk, id, page, read},
    door::Refusal,
    told::Told,
};

/// A task.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Task {
    /// Which; other tools take it as `task`.
    id: String,
    /// The persona that does it.
    persona: String,
    /// What was asked.
    text: String,
    /// asking, gathering, voting, booking, done, failed or question.
    state: String,
    /// What has happened, oldest first.
    steps: Vec<Step>,
    /// What the persona needs to know, when the state is question.
    question: Option<String>,
    /// The conversation used.
    conversation: Option<String>,
    /// The proposal made, for get_decision.
    proposal: Option<String>,
    /// The time agreed on.
    slot: Option<Slot>,
    /// The result in words.
    result: Option<String>,
    /// When it was asked for.
    created_at: String,
    /// What waits for the owner's approval about it, by its id in list_approvals.
    #[serde(default)]
    approval: Option<String>,
}

/// A step of a task.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Step {
    /// When.
    at: String,
    /// In words.
    text: String,
}

/// A span of time.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Slot {
    /// From.
    start: String,
    /// To.
    end: String,
}

/// Tasks.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Tasks {
    /// One page of them, newest first.
    tasks: Vec<Task>,
    /// The offset of the next page; null at the end.
    #[serde(default)]
    next_offset: Option<usize>,
}

impl Task {
    fn in_words(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().map(|step| step.text.as_str()).collect();
        let last = self.result.as_ref().or(self.question.as_ref());
        let last = last.map(|words| format!("; {words}")).unwrap_or_default();
        format!("{} {} \"{}\": {}{last}", self.id, self.state, self.text, steps.join("; "))
    }

    fn told(self) -> Told<Self> {
        let waits = match &self.approval {
            Some(approval) => {
                format!(" It waits for approval by the owner, as {approval} in list_approvals.")
            }
            None => String::new(),
        };
        let words = format!("The task {} is in the state {}.{waits}", self.id, self.state);
        let line = self.in_words();
        Told::new(self, words).with([line])
    }
}

/// Giving one.
pub(super) struct GiveTask;

/// What to do.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct NewTask {
    /// In plain words, at most 1 KiB, such as "find a dinner slot this week with Bob and Carol".
    #[schemars(length(min = 1, max = 1024))]
    text: String,
    /// How many seconds a vote about it may take.
    decide_within_seconds: Option<u64>,
}

impl AsTool for GiveTask {
    const NAME: &'static str = "give_task";
    const TITLE: &'static str = "Schedule a meeting, or give another task";
    const WHAT: &'static str = "Asks the persona to do something in plain words, such as finding a \
        time for a meeting with contacts: it compares calendars, puts the times to the vote and \
        books what was agreed. It takes a while; follow it with get_task.";
    const EFFECT: Effect = Effect::Tells;
    type Input = NewTask;
    type Output = Task;

    async fn call(desk: &Desk, input: NewTask) -> Result<Told<Task>, Refusal> {
        let path = format!("/v1/personas/{}/tasks", desk.me().await?.id);
        let body = json!({
            "text": input.text, "decide_within_seconds": input.decide_within_seconds,
        });
        let task: Task = read(desk.post(&path, body).await?.body)?;
        Ok(task.told())
    }
}

impl Desk {
    async fn tasks(&self) -> Result<Vec<Task>, Refusal> {
        let me = self.me().await?;
        let Tasks { mut tasks, .. } = self.get("/v1/tasks").await?;
        tasks.retain(|task| task.persona == me.id);
        Ok(tasks)
    }
}

/// All of them.
pub(super) struct ListTasks;

impl AsTool for ListTasks {
    const NAME: &'static str = "list_tasks";
    const TITLE: &'static str = "List tasks";
    const WHAT: &'static str = "Lists what the persona was asked to do, newest first.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Page;
    type Output = Tasks;

    async fn call(desk: &Desk, input: Page) -> Result<Told<Tasks>, Refusal> {
        let all = desk.tasks().await?;
        let total = all.len();
        let (tasks, next_offset) = page(all, input.limit, input.offset)?;
        let words = format!("{} of {total} tasks.", tasks.len());
        let lines: Vec<String> = tasks.iter().map(Task::in_words).collect();
        Ok(Told::new(Tasks { tasks, next_offset }, words).with(lines))
    }
}

/// One of them.
pub(super) struct GetTask;

/// Which task.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct OneTask {
    /// The task's id.
    task: String,
}

impl AsTool for GetTask {
    const NAME: &'static str = "get_task";
    const TITLE: &'static str = "See a task";
    const WHAT: &'static str = "Shows how far a task has come, and what it waits for.";
    const EFFECT: Effect = Effect::Reads;
    type Input = OneTask;
    type Output = Task;

    async fn call(desk: &Desk, input: OneTask) -> Result<Told<Task>, Refusal> {
        let path = format!("/v1/tasks/{}", id("task", &input.task)?);
        let mut task: Task = desk.get(&path).await?;
        if task.persona != desk.me().await?.id {
            return Err(Refusal::about("task", "the persona has none of this id"));
        }
        if let Some(proposal) = &task.proposal {
            task.approval = desk.decision(proposal).await?.approval;
        }
        Ok(task.told())
    }
}
