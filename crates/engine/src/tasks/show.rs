//! A task as it stands.

use personas::TimeRange;
use protocol::identity::PersonaId;

use super::STEPS_MAX;
use crate::{
    agent::slot_in_words,
    effect::Table,
    event::EventBody,
    request::{LocalId, RequestError},
    rows::{TaskRow, TaskStage},
    state::Engine,
    view::{StepView, TaskView},
};

impl Engine {
    /// A time as this persona's owner reads it.
    pub(crate) fn in_words(&self, me: PersonaId, slot: &TimeRange) -> String {
        let zone = self.personas.get(&me).map_or("UTC", |hosted| &hosted.row.settings.zone);
        slot_in_words(slot, zone)
    }

    pub(super) fn step(&mut self, id: LocalId, text: String) {
        let now_ms = self.now_ms;
        if let Some(task) = self.tasks.get_mut(&id) {
            note_step(task, now_ms, text);
        }
        self.save_task(id);
    }

    pub(super) fn set_stage(&mut self, id: LocalId, stage: TaskStage) {
        let now_ms = self.now_ms;
        if let Some(task) = self.tasks.get_mut(&id) {
            match &stage {
                TaskStage::Done(text) | TaskStage::Failed(text) | TaskStage::Question(text) => {
                    note_step(task, now_ms, text.clone());
                }
                _ => {}
            }
            task.stage = stage;
        }
        self.save_task(id);
    }

    pub(super) fn save_task(&mut self, id: LocalId) {
        let Some(row) = self.tasks.get(&id).cloned() else { return };
        self.put(Table::Task, id.0.to_vec(), &row);
        self.emit(Some(row.persona), EventBody::TaskUpdated(id));
    }

    pub(crate) fn task_view(&self, id: LocalId) -> Result<TaskView, RequestError> {
        let row = self.tasks.get(&id).ok_or(RequestError::NotFound { what: "task" })?;
        let (state, question, result) = match &row.stage {
            TaskStage::Reading => ("asking", None, None),
            TaskStage::Gathering { .. } => ("gathering", None, None),
            TaskStage::Voting => ("voting", None, None),
            TaskStage::Booking => ("booking", None, None),
            TaskStage::Done(text) => ("done", None, Some(text.clone())),
            TaskStage::Failed(text) => ("failed", None, Some(text.clone())),
            TaskStage::Question(text) => ("question", Some(text.clone()), None),
        };
        let step = |(at_ms, text): &(u64, String)| StepView { at_ms: *at_ms, text: text.clone() };
        Ok(TaskView {
            id,
            persona: row.persona,
            text: row.text.clone(),
            state,
            steps: row.steps.iter().map(step).collect(),
            question,
            conversation: row.conversation,
            proposal: row.proposal,
            slot: row.slot,
            result,
            created_at_ms: row.created_at_ms,
        })
    }
}

/// The newest steps are kept.
fn note_step(task: &mut TaskRow, now_ms: u64, text: String) {
    if task.steps.len() >= STEPS_MAX {
        task.steps.remove(0);
    }
    task.steps.push((now_ms, text));
}
