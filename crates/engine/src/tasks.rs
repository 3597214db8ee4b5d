//! How "find a dinner slot this week with Bob" becomes an entry in everybody's calendar.
//!
//! ```text
//! understand -> own calendar -> ask the others which times suit (Gathering)
//!            -> put the times that suit to the vote (Voting) -> certificate -> book (Booking)
//! ```
//!
//! Each step is on disk before it has an effect outside, so a restart goes on where it stopped.

use personas::{
    AgentRequest, AgentResponse, AgentResponseBody, Calendar, Context, MeetingRequest,
    Participants, TimeRange, Understanding, understand,
};
use protocol::{
    decision::{Fraction, Rule},
    identity::{PersonaId, ProposalId},
    wire::{Content, ContentKind},
};
use rand::Rng;

use crate::{
    agent::{Errand, busy_around, option_of, question_for, slot_in_words},
    decisions::Question,
    effect::Table,
    event::EventBody,
    persona::invalid,
    request::{ConversationKind, LocalId, Reply, RequestError},
    rows::{TaskRow, TaskStage},
    state::{Engine, LoadError, Rows, damaged, read},
    view::{ContactState, StepView, TaskView},
};

/// The longest wish, in bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// How long a task may take when the owner does not say, in milliseconds.
const DECIDE_WITHIN_MS: u64 = 10 * 60 * 1000;
const DECIDE_WITHIN_MS_MIN: u64 = 2_000;
const DECIDE_WITHIN_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;
/// Times offered to the others, and times put to the vote.
const OFFERED_MAX: usize = 48;
const VOTED_MAX: usize = 8;
/// Tasks under way at once.
const ACTIVE_MAX: usize = 100;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Task).unwrap_or_default() {
        let id = key.try_into().map_err(|_| damaged(Table::Task, "key"))?;
        engine.tasks.insert(LocalId(id), read(Table::Task, &value)?);
    }
    Ok(())
}

impl Engine {
    pub(crate) fn create_task(
        &mut self,
        persona: PersonaId,
        text: &str,
        decide_within_ms: Option<u64>,
    ) -> Result<Reply, RequestError> {
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(invalid("text", &format!("1 to {TEXT_BYTES_MAX} bytes")));
        }
        let decide_within_ms = decide_within_ms.unwrap_or(DECIDE_WITHIN_MS);
        if !(DECIDE_WITHIN_MS_MIN..=DECIDE_WITHIN_MS_MAX).contains(&decide_within_ms) {
            return Err(invalid("decide_within", "between 2 seconds and 7 days"));
        }
        let active = self.tasks.values().filter(|task| !is_over(&task.stage)).count();
        if active >= ACTIVE_MAX {
            let reason = "too many tasks are under way; wait for one to end".into();
            return Err(RequestError::Unavailable { reason });
        }
        self.hosted(&persona)?;
        let id = self.local_id();
        let row = TaskRow {
            persona,
            text: text.to_owned(),
            created_at_ms: self.now_ms,
            decide_within_ms,
            stage: TaskStage::Reading,
            steps: Vec::new(),
            title: String::new(),
            participants: Vec::new(),
            conversation: None,
            correlation: self.rng.r#gen(),
            slots: Vec::new(),
            answers: Vec::new(),
            proposal: None,
            slot: None,
        };
        self.tasks.insert(id, row);
        self.audit(persona, "task.created", text.to_owned());
        self.plan(id);
        Ok(Reply::Task(self.task_view(id)?))
    }

    /// Understands the owner's words and reads the owner's calendar.
    fn plan(&mut self, id: LocalId) {
        let Some((persona, request)) = self.understand_task(id) else { return };
        let (title, participants) = match request {
            Ok((request, participants)) => (request.title, participants),
            Err(question) => return self.set_stage(id, TaskStage::Question(question)),
        };
        let names = self.names(&participants);
        if let Some(task) = self.tasks.get_mut(&id) {
            task.title = title.clone();
            task.participants = participants;
        }
        self.step(id, format!("understood: {title} with {names}"));
        self.with_calendar(persona, Errand::PlanTask(id));
    }

    /// What the owner means, with whom; or a question back.
    #[allow(clippy::type_complexity)]
    fn understand_task(
        &self,
        id: LocalId,
    ) -> Option<(PersonaId, Result<(MeetingRequest, Vec<PersonaId>), String>)> {
        let task = self.tasks.get(&id)?;
        let persona = task.persona;
        let hosted = self.personas.get(&persona)?;
        let contacts: Vec<PersonaId> = self
            .contacts
            .iter()
            .filter(|((owner, _), row)| {
                *owner == persona && row.state == ContactState::Established && !row.blocked
            })
            .map(|((_, peer), _)| *peer)
            .collect();
        let names: Vec<String> = contacts.iter().map(|peer| self.name_of(peer)).collect();
        let context = Context {
            now_ms: task.created_at_ms,
            zone: &hosted.row.settings.zone,
            contacts: &names,
            settings: &hosted.row.settings,
        };
        let meant = match understand(&task.text, &context) {
            Understanding::AskBack { question } => Err(question),
            Understanding::Schedule(request) => {
                let participants: Vec<PersonaId> = match &request.participants {
                    Participants::Everyone => contacts,
                    Participants::Named(wanted) => contacts
                        .into_iter()
                        .zip(&names)
                        .filter(|(_, name)| wanted.contains(name))
                        .map(|(peer, _)| peer)
                        .collect(),
                };
                if participants.is_empty() {
                    Err("You have no contacts yet. Whom shall I ask? Invite them first.".into())
                } else {
                    Ok((request, participants))
                }
            }
        };
        Some((persona, meant))
    }

    /// The owner's calendar is here: offer its free times to the others.
    pub(crate) fn on_own_calendar(&mut self, id: LocalId, calendar: Result<Calendar, String>) {
        let Some((persona, Ok((request, participants)))) = self.understand_task(id) else { return };
        let Some(hosted) = self.personas.get(&persona) else { return };
        let settings = hosted.row.settings.clone();
        let busy = calendar.and_then(|c| busy_around(&c, &request.windows, &settings.zone));
        let busy = match busy {
            Ok(busy) => busy,
            Err(reason) => return self.set_stage(id, TaskStage::Failed(reason)),
        };
        let slots = personas::candidates(&request, &busy, &settings, self.now_ms, OFFERED_MAX);
        if slots.is_empty() {
            let reason = "your own calendar has no free time that fits".to_owned();
            return self.set_stage(id, TaskStage::Failed(reason));
        }
        if let Err(error) = self.ask_around(id, persona, &request, participants, slots) {
            self.set_stage(id, TaskStage::Failed(error.to_string()));
        }
    }

    fn ask_around(
        &mut self,
        id: LocalId,
        persona: PersonaId,
        request: &MeetingRequest,
        participants: Vec<PersonaId>,
        slots: Vec<TimeRange>,
    ) -> Result<(), RequestError> {
        let kind = match participants.len() {
            1 => ConversationKind::Direct,
            _ => ConversationKind::Group,
        };
        let conversation = match self.conversation_of(persona, kind, &participants) {
            Some(conversation) => conversation,
            None => {
                let title = Some(request.title.clone()).filter(|_| kind == ConversationKind::Group);
                match self.open_conversation(persona, kind, participants, title)? {
                    Reply::Conversation(view) => view.id,
                    _ => return Err(RequestError::NotFound { what: "conversation" }),
                }
            }
        };
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(()) };
        let until_ms = self.now_ms + task.decide_within_ms / 4;
        let question = AgentRequest::availability(
            id.0,
            task.correlation,
            &request.title,
            request.minutes,
            slots.clone(),
            until_ms,
        )
        .map_err(|error| invalid("text", &error.to_string()))?;
        task.conversation = Some(conversation);
        task.slots = slots;
        let count = task.slots.len();
        let others = task.participants.len();
        let content = Content::new(ContentKind::AgentRequest, question.to_bytes());
        self.say(persona, conversation, content)?;
        self.step(id, format!("asked {others} others which of {count} times suit"));
        self.set_stage(id, TaskStage::Gathering { until_ms });
        Ok(())
    }

    /// Somebody answers which times suit.
    pub(crate) fn on_agent_response(&mut self, me: PersonaId, author: PersonaId, body: &[u8]) {
        let Ok(response) = AgentResponse::from_bytes(body) else { return };
        let id = LocalId(response.session);
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let expected = task.persona == me
            && task.correlation == response.correlation
            && matches!(task.stage, TaskStage::Gathering { .. })
            && task.participants.contains(&author)
            && task.answers.iter().all(|(other, _)| *other != author);
        let AgentResponseBody::Feasible(indexes) = response.body else { return };
        if !expected || indexes.iter().any(|index| usize::from(*index) >= task.slots.len()) {
            return;
        }
        let suit = indexes.len();
        task.answers.push((author, indexes));
        let complete = task.answers.len() == task.participants.len();
        self.step(id, format!("{} can make {suit} of them", self.name_of(&author)));
        if complete {
            self.put_to_vote(id);
        }
    }

    /// Gathering has ended: put the times that suit most to the vote.
    fn put_to_vote(&mut self, id: LocalId) {
        let Some(task) = self.tasks.get(&id) else { return };
        let (persona, conversation) = (task.persona, task.conversation);
        let (Some(conversation), Some(hosted)) = (conversation, self.personas.get(&persona)) else {
            return;
        };
        if task.answers.is_empty() {
            let reason = "nobody answered in time; ask again when they are back".to_owned();
            return self.set_stage(id, TaskStage::Failed(reason));
        }
        let answers: Vec<Vec<u16>> = task.answers.iter().map(|(_, a)| a.clone()).collect();
        let settings = &hosted.row.settings;
        let best = personas::shortlist(&task.slots, &answers, settings, VOTED_MAX);
        let slots: Vec<TimeRange> =
            best.iter().filter_map(|i| task.slots.get(usize::from(*i)).copied()).collect();
        if slots.is_empty() {
            let reason = "none of the times suits anybody who answered".to_owned();
            return self.set_stage(id, TaskStage::Failed(reason));
        }
        let everyone = task.participants.len() + 1;
        let quorum = u16::try_from(everyone / 2 + 1).unwrap_or(u16::MAX);
        let ask = Question {
            question: question_for(&task.title),
            options: slots.iter().map(option_of).collect(),
            // A time wins only if it suits everyone who votes.
            rule: Rule::Approval { winners: 1, minimum: Fraction { num: 1, den: 1 }, quorum },
            deadline_ms: self.now_ms + task.decide_within_ms / 2,
            grace_ms: task.decide_within_ms / 8,
            task: Some(id),
        };
        let answered = task.answers.len();
        self.step(
            id,
            format!(
                "{answered} of {} answered; {} times go to the vote",
                everyone - 1,
                slots.len()
            ),
        );
        // The task knows its proposal before the proposal can be decided, which in a group of one
        // happens at once.
        self.set_stage(id, TaskStage::Voting);
        match self.propose(conversation, persona, ask) {
            Ok(proposal) => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.proposal = Some(proposal);
                }
                self.save_task(id);
            }
            Err(error) => self.set_stage(id, TaskStage::Failed(error.to_string())),
        }
    }

    /// A vote made by a task has its certificate.
    pub(crate) fn on_task_decided(
        &mut self,
        me: PersonaId,
        proposal: ProposalId,
        slot: Option<TimeRange>,
    ) {
        let Some(id) = self.task_of(me, proposal) else { return };
        match slot {
            Some(slot) => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.slot = Some(slot);
                }
                let when = self.in_words(me, &slot);
                self.step(id, format!("decided and certified: {when}"));
                self.set_stage(id, TaskStage::Booking);
            }
            None => {
                let reason = "the vote is certified: no time suits everyone who voted".to_owned();
                self.set_stage(id, TaskStage::Done(reason));
            }
        }
    }

    /// The agreed time is in our own calendar, or is not.
    pub(crate) fn on_task_settled(
        &mut self,
        me: PersonaId,
        proposal: ProposalId,
        slot: TimeRange,
        result: Result<(), String>,
    ) {
        let Some(id) = self.task_of(me, proposal) else { return };
        let when = self.in_words(me, &slot);
        let text = match result {
            Ok(()) => format!("agreed on {when} and entered into the calendar"),
            Err(reason) => format!("agreed on {when}, not in the calendar: {reason}"),
        };
        self.set_stage(id, TaskStage::Done(text));
    }

    /// A time as this persona's owner reads it.
    fn in_words(&self, me: PersonaId, slot: &TimeRange) -> String {
        let zone = self.personas.get(&me).map_or("UTC", |hosted| &hosted.row.settings.zone);
        slot_in_words(slot, zone)
    }

    fn task_of(&self, me: PersonaId, proposal: ProposalId) -> Option<LocalId> {
        self.decisions.get(&(me, proposal))?.row.task
    }

    pub(crate) fn tasks_timeout(&self) -> Option<u64> {
        let due = |task: &TaskRow| match task.stage {
            TaskStage::Gathering { until_ms } => Some(until_ms),
            _ => None,
        };
        self.tasks.values().filter_map(due).min()
    }

    pub(crate) fn on_task_timeout(&mut self) {
        let now_ms = self.now_ms;
        let due = |task: &TaskRow| matches!(task.stage, TaskStage::Gathering { until_ms } if until_ms <= now_ms);
        let due: Vec<_> = self.tasks.iter().filter(|(_, t)| due(t)).map(|(id, _)| *id).collect();
        for id in due {
            self.put_to_vote(id);
        }
    }

    /// After a restart: goes on with what was under way.
    pub(crate) fn resume_tasks(&mut self) {
        let reading: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.stage == TaskStage::Reading)
            .map(|(id, _)| *id)
            .collect();
        for id in reading {
            self.plan(id);
        }
        for (me, id) in self.decisions.keys().copied().collect::<Vec<_>>() {
            self.resume_decision(me, id);
        }
    }

    fn step(&mut self, id: LocalId, text: String) {
        let now_ms = self.now_ms;
        if let Some(task) = self.tasks.get_mut(&id) {
            task.steps.push((now_ms, text));
        }
        self.save_task(id);
    }

    fn set_stage(&mut self, id: LocalId, stage: TaskStage) {
        let now_ms = self.now_ms;
        if let Some(task) = self.tasks.get_mut(&id) {
            match &stage {
                TaskStage::Done(text) | TaskStage::Failed(text) | TaskStage::Question(text) => {
                    task.steps.push((now_ms, text.clone()));
                }
                _ => {}
            }
            task.stage = stage;
        }
        self.save_task(id);
    }

    fn save_task(&mut self, id: LocalId) {
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

fn is_over(stage: &TaskStage) -> bool {
    matches!(stage, TaskStage::Done(_) | TaskStage::Failed(_) | TaskStage::Question(_))
}
