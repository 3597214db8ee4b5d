//! From the others' answers to a vote, and from its result to the end of the task.

use personas::{AgentResponse, AgentResponseBody, Settings, TimeRange};
use protocol::{
    decision::{Fraction, Rule},
    identity::{PersonaId, ProposalId},
};

use super::VOTED_MAX;
use crate::{
    agent::{option_of, question_for},
    decisions::Question,
    request::LocalId,
    rows::{TaskRow, TaskStage},
    state::Engine,
};

/// The times to put to the vote: where some may be missing, those that suit all the others who
/// answered, if there are any.
fn shortlist(task: &TaskRow, optional: &[PersonaId], settings: &Settings) -> Vec<u16> {
    let all = |answers: Vec<Vec<u16>>, slots: usize| {
        personas::shortlist(&task.slots, &answers, settings, slots)
    };
    let answers: Vec<Vec<u16>> = task.answers.iter().map(|(_, a)| a.clone()).collect();
    let required: Vec<&Vec<u16>> =
        task.answers.iter().filter(|(p, _)| !optional.contains(p)).map(|(_, a)| a).collect();
    if optional.is_empty() || required.is_empty() {
        return all(answers, VOTED_MAX);
    }
    let suits = |index: &u16| required.iter().all(|answer| answer.contains(index));
    let mut best = all(answers.clone(), task.slots.len());
    best.retain(suits);
    if best.is_empty() {
        return all(required.into_iter().cloned().collect(), VOTED_MAX);
    }
    // Of those the ones that suit most of the others too.
    let rest: Vec<Vec<u16>> = answers
        .into_iter()
        .map(|answer| answer.into_iter().filter(|index| best.contains(index)).collect())
        .collect();
    all(rest, VOTED_MAX)
}

/// How many of those who vote a time has to suit when so many of them may be missing.
fn share_needed(everyone: usize, optional: usize) -> Fraction {
    let number = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    match everyone.saturating_sub(optional) {
        needed if optional > 0 && needed > 0 => {
            Fraction { num: number(needed), den: number(everyone) }
        }
        _ => Fraction { num: 1, den: 1 },
    }
}

impl Engine {
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
        let optional = self.optional_of(id);
        let settings = &hosted.row.settings;
        let best = shortlist(task, &optional, settings);
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
            // A time wins only if it suits everyone who votes, those who may be missing aside.
            rule: Rule::Approval {
                winners: 1,
                minimum: share_needed(everyone, optional.len()),
                quorum,
            },
            deadline_ms: self.now_ms + task.decide_within_ms / 2,
            grace_ms: task.decide_within_ms / 8,
            early_close: true,
            task: Some(id),
        };
        let answered = task.answers.len();
        let silent: Vec<PersonaId> = task
            .participants
            .iter()
            .filter(|peer| task.answers.iter().all(|(other, _)| other != *peer))
            .copied()
            .collect();
        let absent = self.absent_in_words(&silent);
        self.step(
            id,
            format!(
                "{answered} of {} answered{absent}; {} times go to the vote",
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

    /// Why some have not answered, as far as we can tell.
    fn absent_in_words(&self, silent: &[PersonaId]) -> String {
        let (awake, asleep): (Vec<_>, Vec<_>) =
            silent.iter().copied().partition(|peer| self.is_online(peer));
        let mut reasons = Vec::new();
        if !asleep.is_empty() {
            reasons.push(format!("asleep: {}", self.names(&asleep)));
        }
        if !awake.is_empty() {
            reasons.push(format!("no answer yet: {}", self.names(&awake)));
        }
        if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
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
                // After a restart it is booked again, but decided once.
                if self.tasks.get(&id).is_some_and(|task| task.stage != TaskStage::Booking) {
                    let when = self.in_words(me, &slot);
                    self.step(id, format!("decided and certified: {when}"));
                    self.set_stage(id, TaskStage::Booking);
                }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persona(byte: u8) -> PersonaId {
        protocol::identity::PersonaKey::from_seed(&[byte; 32]).id()
    }

    #[test]
    fn somebody_optional_neither_blocks_a_time_nor_is_forgotten() {
        let hour = |n: u64| TimeRange::starting(1_800_000_000_000 + n * 3_600_000, 60);
        let (bob, carol) = (persona(1), persona(2));
        let mut task = TaskRow {
            persona: persona(3),
            text: String::new(),
            created_at_ms: 0,
            decide_within_ms: 0,
            stage: TaskStage::Voting,
            steps: Vec::new(),
            title: String::new(),
            participants: vec![bob, carol],
            conversation: None,
            correlation: [0; 16],
            slots: (0..4).map(hour).collect(),
            answers: vec![(bob, vec![0, 1, 2]), (carol, vec![2, 3])],
            proposal: None,
            slot: None,
        };
        let settings = Settings::default();
        let chosen = |task: &TaskRow| shortlist(task, &[carol], &settings);
        assert!(chosen(&task).contains(&2), "what suits both is offered");
        assert!(!chosen(&task).contains(&3), "what suits the optional one alone is not");
        task.answers[1].1 = vec![3];
        assert_eq!(chosen(&task), [0, 1, 2], "Bob's times stand where Carol has none in common");
        assert_eq!(share_needed(3, 0), Fraction { num: 1, den: 1 });
        assert_eq!(share_needed(3, 1), Fraction { num: 2, den: 3 });
        assert_eq!(share_needed(3, 3), Fraction { num: 1, den: 1 });
    }
}
