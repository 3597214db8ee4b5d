//! The owners: each looks at the screen twice a second and does the next thing towards a wish.
//!
//! An owner whose node crashed before it answered knows nothing, looks again, and asks again; a
//! message is sent again under the same idempotency key.

use std::collections::BTreeMap;

use engine::{
    Reply, Request, RequestError,
    request::{ContactSource, ConversationKind, LocalId, NewInquiry},
    view::{ContactState, ConversationView, InquiryView, ProposalView, TaskView},
};
use protocol::{
    decision::{Base, Choice, Rule},
    identity::{ConversationId, MessageId, PersonaId, ProposalId},
    wire::Way,
};
use rand::Rng;

use crate::{
    wish::Wish,
    world::{Event, World},
};

/// How often an owner looks, in milliseconds.
const LOOK_MS: u64 = 500;
/// How often one in a hurry does, in milliseconds.
const HURRIED_MS: u64 = 5;
/// How long late ballots may still come, in milliseconds.
const GRACE_MS: u64 = 5_000;

/// How long votes may be revealed, in milliseconds.
const REVEAL_MS: u64 = 60_000;

/// How long an owner who has just come back may be left in doubt, in milliseconds.
const KNOW_MS: u64 = 5 * 60 * 1000;

/// A wish and how far it is.
pub(crate) struct Pursuit {
    pub(crate) wish: Wish,
    pub(crate) done: bool,
    sent: u32,
    not_before_ms: u64,
    invite: Option<String>,
    task: Option<LocalId>,
    choice: Option<Choice>,
}

/// What the names of a scenario stand for.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) conversations: BTreeMap<&'static str, ConversationId>,
    pub(crate) questions: BTreeMap<&'static str, (ProposalId, u64)>,
    /// What was asked without a vote, and until when answers count.
    pub(crate) inquiries: BTreeMap<&'static str, (MessageId, u64)>,
    /// Who was told that its answer is on its way.
    pub(crate) answered: Vec<(&'static str, usize)>,
    /// Who was ever removed from which conversation.
    pub(crate) removed: Vec<(ConversationId, PersonaId)>,
}

/// What an owner does next.
enum Step {
    Done,
    Wait,
    Ask(usize, Request),
}

impl World<'_> {
    pub(crate) fn wish(&mut self, wish: Wish, from_ms: u64) {
        let index = self.pursuits.len();
        self.pursuits.push(Pursuit {
            wish,
            done: false,
            sent: 0,
            not_before_ms: from_ms,
            invite: None,
            task: None,
            choice: None,
        });
        self.agenda.at(from_ms, Event::Pursue(index));
    }

    pub(crate) fn pursue(&mut self, index: usize) {
        let waits = |node: &crate::node::Node| {
            let running = node.running.as_ref();
            running.is_some_and(|running| running.asked.values().any(|wish| *wish == index))
        };
        if !self.nodes.iter().any(waits) {
            match self.next_step(index) {
                Step::Done => {
                    self.note(|| format!("done: {:?}", self.pursuits[index].wish));
                    self.pursuits[index].done = true;
                    return;
                }
                Step::Wait => {}
                Step::Ask(node, request) => self.request(node, Some(index), request),
            }
        }
        let hurried = matches!(self.pursuits[index].wish, Wish::Talk { every_ms: 0, .. });
        self.agenda.after(if hurried { HURRIED_MS } else { LOOK_MS }, Event::Pursue(index));
    }

    fn next_step(&mut self, index: usize) -> Step {
        let wish = self.pursuits[index].wish;
        let home = self.people[wish.owner()].node;
        if !self.is_up(home) || self.agenda.now_ms() < self.pursuits[index].not_before_ms {
            return Step::Wait;
        }
        match wish {
            Wish::Befriend { asks, asked } => self.befriend(index, asks, asked),
            Wish::Open { by, with, title } => self.open(by, with, title),
            Wish::Talk { by, title, count, .. } => self.talk(index, by, title, count),
            Wish::Propose { by, title, question, within_ms, hidden } => {
                self.propose(by, title, question, within_ms, hidden)
            }
            Wish::Vote { by, question } => self.vote(index, by, question),
            Wish::Inquire { by, title, question, turn_ms, within_ms } => {
                self.inquire(by, title, question, (turn_ms, within_ms))
            }
            Wish::Answer { by, question } => self.answer(by, question),
            Wish::Add { by, who, title } => self.change(by, who, title, true),
            Wish::Remove { by, who, title } => self.change(by, who, title, false),
            Wish::Task { by, text, within_ms } => self.task(index, by, text, within_ms),
            Wish::Know { by } => self.know(index, by),
        }
    }

    fn id(&self, person: usize) -> PersonaId {
        self.people[person].id.expect("personas are made before anything is wished")
    }

    /// What a screen of a person's node shows; none while the node is down.
    pub(crate) fn look(&self, person: usize, request: &Request) -> Option<Reply> {
        let node = &self.nodes[self.people[person].node];
        node.running.as_ref()?.engine.query(request, &node.disk)?.ok()
    }

    fn acquaintance(&self, whose: usize, with: usize) -> Option<ContactState> {
        let persona = Some(self.id(whose));
        match self.look(whose, &Request::ListContacts { persona })? {
            Reply::Contacts(contacts) => {
                let with = self.id(with);
                contacts.iter().find(|contact| contact.persona == with).map(|found| found.state)
            }
            _ => None,
        }
    }

    fn befriend(&self, index: usize, asks: usize, asked: usize) -> Step {
        let ours = self.acquaintance(asks, asked);
        let theirs = self.acquaintance(asked, asks);
        let established = Some(ContactState::Established);
        if ours == established && theirs == established {
            return Step::Done;
        }
        match &self.pursuits[index].invite {
            None if self.is_up(self.people[asked].node) => {
                let persona = self.id(asked);
                Step::Ask(self.people[asked].node, Request::CreateInvite { persona })
            }
            Some(link) if ours.is_none() => {
                let peer = ContactSource::Invite(link.clone());
                let request = Request::AddContact { persona: self.id(asks), peer };
                Step::Ask(self.people[asks].node, request)
            }
            _ => Step::Wait,
        }
    }

    /// The conversation as one person's screen shows it.
    pub(crate) fn conversation(&self, person: usize, title: &str) -> Option<ConversationView> {
        let persona = self.id(person);
        match self.look(person, &Request::ListConversations)? {
            Reply::Conversations(views) => {
                views.into_iter().find(|view| view.persona == persona && view.title == title)
            }
            _ => None,
        }
    }

    fn open(&mut self, by: usize, with: &[usize], title: &'static str) -> Step {
        let Some(view) = self.conversation(by, title) else {
            let request = Request::OpenConversation {
                persona: self.id(by),
                kind: ConversationKind::Group,
                members: with.iter().map(|member| self.id(*member)).collect(),
                title: Some(title.into()),
            };
            return Step::Ask(self.people[by].node, request);
        };
        self.names.conversations.insert(title, view.id);
        let joined = with.iter().all(|member| self.conversation(*member, title).is_some());
        if joined { Step::Done } else { Step::Wait }
    }

    fn know(&mut self, index: usize, by: usize) -> Step {
        let unknown = self.undelivered_by(by);
        if unknown > 0 {
            if self.agenda.now_ms() > self.pursuits[index].not_before_ms + KNOW_MS {
                let name = self.people[by].name;
                self.checkers.complain(format!("{name} has {unknown} messages not delivered yet"));
            }
            return Step::Wait;
        }
        Step::Done
    }

    fn talk(&mut self, index: usize, by: usize, title: &str, count: u32) -> Step {
        let sent = self.pursuits[index].sent;
        if sent >= count * self.size {
            return Step::Done;
        }
        match self.conversation(by, title) {
            None => Step::Wait,
            Some(view) if !view.active => Step::Done,
            Some(view) => {
                let request = Request::Send {
                    conversation: view.id,
                    persona: Some(self.id(by)),
                    text: format!("{} says {sent}", self.people[by].name),
                    reply_to: None,
                    idempotency_key: Some(format!("{index}/{sent}")),
                };
                Step::Ask(self.people[by].node, request)
            }
        }
    }

    fn proposals(&self, person: usize) -> Vec<ProposalView> {
        let persona = self.id(person);
        match self.look(person, &Request::ListProposals { conversation: None }) {
            Some(Reply::Proposals(views)) => {
                views.into_iter().filter(|view| view.persona == persona).collect()
            }
            _ => Vec::new(),
        }
    }

    fn propose(
        &mut self,
        by: usize,
        title: &str,
        question: &'static str,
        within_ms: u64,
        hidden: bool,
    ) -> Step {
        let known = self.proposals(by).into_iter().find(|view| view.question == question);
        if let Some(view) = known {
            self.names.questions.insert(question, (view.id, view.deadline_ms));
            return Step::Done;
        }
        let Some(view) = self.conversation(by, title) else { return Step::Wait };
        let plain = Rule::Threshold { num: 1, den: 2, base: Base::Cast, quorum: 1 };
        let rule = match hidden {
            true => Rule::Hidden { rule: Box::new(plain), reveal_ms: REVEAL_MS },
            false => plain,
        };
        let request = Request::Propose {
            conversation: view.id,
            persona: Some(self.id(by)),
            question: question.into(),
            options: Vec::new(),
            rule,
            deadline_ms: Some(self.agenda.now_ms() + within_ms),
            grace_ms: GRACE_MS,
            early_close: true,
        };
        Step::Ask(self.people[by].node, request)
    }

    fn vote(&mut self, index: usize, by: usize, question: &str) -> Step {
        let Some(&(proposal, deadline_ms)) = self.names.questions.get(question) else {
            return Step::Wait;
        };
        let over = self.agenda.now_ms() > deadline_ms;
        let Some(view) = self.proposals(by).into_iter().find(|view| view.id == proposal) else {
            return if over { Step::Done } else { Step::Wait };
        };
        let persona = self.id(by);
        let ours = view.voters.iter().find(|voter| voter.persona == persona);
        if over || view.phase != "open" || ours.is_none_or(|voter| voter.choice.is_some()) {
            return Step::Done;
        }
        // An owner whose node crashed may have changed their mind in the meantime.
        let choice = if self.rng.gen_bool(0.5) { Choice::Yes } else { Choice::No };
        self.pursuits[index].choice = Some(choice.clone());
        let request = Request::Vote { proposal, persona: Some(persona), choice, alone: false };
        Step::Ask(self.people[by].node, request)
    }

    fn inquire(
        &mut self,
        by: usize,
        title: &str,
        question: &'static str,
        (turn_ms, within_ms): (Option<u64>, u64),
    ) -> Step {
        let known = self.inquiries(by).into_iter().find(|view| view.question == question);
        if let Some(view) = known {
            self.names.inquiries.insert(question, (view.id, view.deadline_ms));
            return Step::Done;
        }
        let Some(view) = self.conversation(by, title) else { return Step::Wait };
        let inquiry = NewInquiry {
            way: if turn_ms.is_some() { Way::Sequential } else { Way::Broadcast },
            question: question.into(),
            asked: Vec::new(),
            at_most: NewInquiry::AT_MOST,
            open_ms: Some(within_ms),
            turn_ms,
            enough: NewInquiry::ENOUGH,
        };
        let (conversation, persona) = (view.id, Some(self.id(by)));
        Step::Ask(self.people[by].node, Request::Inquire { conversation, persona, inquiry })
    }

    /// What a person's node shows of inquiries.
    pub(crate) fn inquiries(&self, person: usize) -> Vec<InquiryView> {
        match self.look(person, &Request::ListInquiries { conversation: None }) {
            Some(Reply::Inquiries(views)) => views,
            _ => Vec::new(),
        }
    }

    fn answer(&mut self, by: usize, question: &str) -> Step {
        let Some(&(inquiry, deadline_ms)) = self.names.inquiries.get(question) else {
            return Step::Wait;
        };
        let (persona, over) = (self.id(by), self.agenda.now_ms() > deadline_ms);
        let view = self.inquiries(by).into_iter().find(|view| view.id == inquiry);
        let asked = view.and_then(|view| view.asked.into_iter().find(|a| a.persona == persona));
        match asked.map(|asked| asked.standing) {
            Some("due" | "passed") if !over => {
                let text = Some(format!("{} says so", self.people[by].name));
                let request = Request::Answer { inquiry, persona: Some(persona), text };
                Step::Ask(self.people[by].node, request)
            }
            None | Some("next") if !over => Step::Wait,
            _ => Step::Done,
        }
    }

    fn change(&mut self, by: usize, who: usize, title: &str, add: bool) -> Step {
        let Some(view) = self.conversation(by, title) else { return Step::Wait };
        let member = self.id(who);
        let is_member = view.members.iter().any(|other| other.persona == member);
        if is_member == add {
            return Step::Done;
        }
        let conversation = view.id;
        let request = if add {
            Request::AddMembers { conversation, members: vec![member] }
        } else {
            self.names.removed.push((conversation, member));
            Request::RemoveMember { conversation, member }
        };
        Step::Ask(self.people[by].node, request)
    }

    pub(crate) fn tasks(&self, person: usize) -> Vec<TaskView> {
        match self.look(person, &Request::ListTasks) {
            Some(Reply::Tasks(views)) => views,
            _ => Vec::new(),
        }
    }

    fn task(&mut self, index: usize, by: usize, text: &str, within_ms: u64) -> Step {
        let persona = self.id(by);
        let known = |view: &&TaskView| view.persona == persona && view.text == text;
        match self.tasks(by).iter().find(known) {
            Some(view) => {
                self.pursuits[index].task = Some(view.id);
                let over = ["done", "failed", "question"].contains(&view.state);
                if over { Step::Done } else { Step::Wait }
            }
            None => {
                let decide_within_ms = Some(within_ms);
                let text = text.to_owned();
                let request = Request::CreateTask { persona, text, decide_within_ms };
                Step::Ask(self.people[by].node, request)
            }
        }
    }

    pub(crate) fn on_answer(
        &mut self,
        index: usize,
        node: usize,
        result: Result<Reply, RequestError>,
    ) {
        let now_ms = self.agenda.now_ms();
        match (self.pursuits[index].wish, result) {
            (Wish::Talk { by, every_ms, .. }, Ok(Reply::Accepted { message })) => {
                self.pursuits[index].sent += 1;
                self.pursuits[index].not_before_ms = now_ms + every_ms;
                let disk = &self.nodes[node].disk;
                self.checkers.on_accepted(by, node, disk, message);
            }
            (Wish::Befriend { .. }, Ok(Reply::Invite { link, .. })) => {
                self.pursuits[index].invite = Some(link);
            }
            (Wish::Answer { by, question }, Ok(Reply::Inquiry(_))) => {
                self.names.answered.push((question, by));
            }
            (Wish::Vote { .. }, Ok(Reply::Proposal(view))) => self.check_vote(index, &view),
            (_, Ok(_)) => {}
            (wish, Err(RequestError::Internal { reason })) => {
                self.checkers.complain(format!("{wish:?} was answered: {reason}"));
            }
            (wish, Err(error)) => {
                self.note(|| format!("{wish:?} was refused: {error}"));
                self.pursuits[index].not_before_ms = now_ms + 1_000;
            }
        }
    }

    /// A vote that was answered counts as it was cast.
    fn check_vote(&mut self, index: usize, view: &ProposalView) {
        let persona = self.id(self.pursuits[index].wish.owner());
        let voter = view.voters.iter().find(|voter| voter.persona == persona);
        let shown = voter.and_then(|voter| voter.choice.clone());
        let wanted = self.pursuits[index].choice.clone();
        if shown.is_some() && shown != wanted {
            self.checkers.complain(format!("a vote for {wanted:?} became {shown:?}"));
        }
    }
}
