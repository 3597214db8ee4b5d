//! From the owner's words to a question to the others.

use personas::{
    AgentRequest, Calendar, Context, Group, MeetingRequest, Participants, TimeRange, Understanding,
    understand,
};
use protocol::{
    identity::PersonaId,
    wire::{Content, ContentKind},
};
use rand::Rng;

use super::{
    ACTIVE_MAX, DECIDE_WITHIN_MS, DECIDE_WITHIN_MS_MAX, DECIDE_WITHIN_MS_MIN, OFFERED_MAX,
    TEXT_BYTES_MAX,
};
use crate::{
    agent::{Errand, busy_around},
    persona::invalid,
    request::{ConversationKind, LocalId, Reply, RequestError},
    rows::{TaskRow, TaskStage},
    state::Engine,
    view::ContactState,
};

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
        let groups = self.groups_of(persona, &contacts);
        let context = Context {
            now_ms: task.created_at_ms,
            zone: &hosted.row.settings.zone,
            contacts: &names,
            groups: &groups,
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

    /// The groups the owner may mention by title: those it opened itself, because a title that
    /// somebody else chose must not decide whom the owner means. Titles that several groups have
    /// name none of them.
    fn groups_of(&self, persona: PersonaId, contacts: &[PersonaId]) -> Vec<Group> {
        let own = self.conversations.iter().filter(|((member, _), row)| {
            *member == persona
                && row.active
                && row.kind == ConversationKind::Group
                && row.creator == persona
        });
        let mut groups: Vec<Group> = Vec::new();
        for (_, row) in own {
            let Some(epoch) = row.epochs.last() else { continue };
            let others = epoch.roster.iter().filter(|member| **member != persona);
            let members: Vec<String> =
                others.filter(|m| contacts.contains(m)).map(|m| self.name_of(m)).collect();
            groups.push(Group { name: row.title.clone(), members });
        }
        let once = |group: &Group| {
            groups.iter().filter(|other| other.name.eq_ignore_ascii_case(&group.name)).count() == 1
        };
        groups.iter().filter(|group| once(group)).cloned().collect()
    }

    /// Those whom a task asks, but does without if they cannot.
    pub(crate) fn optional_of(&self, id: LocalId) -> Vec<PersonaId> {
        let Some((_, Ok((request, participants)))) = self.understand_task(id) else {
            return Vec::new();
        };
        let is_optional = |peer: &PersonaId| request.optional.contains(&self.name_of(peer));
        participants.into_iter().filter(is_optional).collect()
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
        let asked = match task.participants.len() {
            1 => "the other".to_owned(),
            others => format!("{others} others"),
        };
        let content = Content::new(ContentKind::AgentRequest, question.to_bytes());
        self.say(persona, conversation, content)?;
        self.step(id, format!("asked {asked} which of {count} times suit"));
        self.set_stage(id, TaskStage::Gathering { until_ms });
        Ok(())
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
}

fn is_over(stage: &TaskStage) -> bool {
    matches!(stage, TaskStage::Done(_) | TaskStage::Failed(_) | TaskStage::Question(_))
}
