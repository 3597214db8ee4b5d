//! A node with two owners: the real engine, a disk in memory, calendars as text.

use std::collections::BTreeMap;

use personas::Settings;
use protocol::{
    decision::{Base, Choice, Fraction, Rule},
    identity::{ConversationId, NodeId, PersonaId, ProposalId},
};

use crate::{
    Change, Effect, Engine, Event, EventBody, Input, Reply, Request, RequestError, RequestId,
    Table,
    request::{ContactSource, ConversationKind, LocalId},
    view::{ApprovalView, MandateView, ProposalView, VoterView},
};

pub(super) const START_MS: u64 = 1_900_000_000_000;
pub(super) const MINUTE_MS: u64 = 60_000;
pub(super) const SPANS: [&str; 2] =
    ["2031-05-09T10:00:00Z/2031-05-09T11:00:00Z", "2031-05-10T10:00:00Z/2031-05-10T11:00:00Z"];
/// Busy on the second day.
pub(super) const BUSY: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n\
    DTSTAMP:20310101T000000Z\r\nDTSTART:20310510T090000Z\r\nDTEND:20310510T120000Z\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

pub(super) struct House {
    pub(super) engine: Engine,
    pub(super) now_ms: u64,
    disk: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    requests: u64,
    replies: BTreeMap<u64, Result<Reply, RequestError>>,
    pub(super) events: Vec<Event>,
    /// Whether calendars can be read.
    pub(super) readable: bool,
    pub(super) alice: PersonaId,
    pub(super) bob: PersonaId,
    pub(super) group: ConversationId,
}

impl House {
    /// Alice's settings as given; Bob's persona does nothing alone. Both have a calendar.
    pub(super) fn new(settings: Settings) -> Self {
        let engine = Engine::load(NodeId([1; 32]), [2; 32], [], START_MS).unwrap();
        let nobody = PersonaId([0; 32]);
        let mut house = Self {
            engine,
            now_ms: START_MS,
            disk: BTreeMap::new(),
            requests: 0,
            replies: BTreeMap::new(),
            events: Vec::new(),
            readable: true,
            alice: nobody,
            bob: nobody,
            group: ConversationId([0; 16]),
        };
        house.input(Input::Listening(vec!["/ip4/127.0.0.1/tcp/4001".into()]));
        house.alice = house.persona("Alice", settings);
        house.bob = house.persona("Bob", Settings::default());
        let invite = match house.ask(Request::CreateInvite { persona: house.bob }).unwrap() {
            Reply::Invite { link, .. } => link,
            other => panic!("{other:?}"),
        };
        let peer = ContactSource::Invite(invite);
        house.ask(Request::AddContact { persona: house.alice, peer }).unwrap();
        let request = Request::OpenConversation {
            persona: house.bob,
            kind: ConversationKind::Group,
            members: vec![house.alice],
            title: Some("Friends".into()),
        };
        house.group = match house.ask(request).unwrap() {
            Reply::Conversation(view) => view.id,
            other => panic!("{other:?}"),
        };
        house
    }

    fn persona(&mut self, name: &str, settings: Settings) -> PersonaId {
        let request = Request::CreatePersona {
            name: name.into(),
            handle: None,
            settings: Some(settings),
            calendar: Some(format!("{name}.ics")),
        };
        match self.ask(request).unwrap() {
            Reply::Persona(view) => view.id,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn ask(&mut self, request: Request) -> Result<Reply, RequestError> {
        self.requests += 1;
        let id = self.requests;
        self.input(Input::Request { id: RequestId(id), request, by: None });
        self.replies.remove(&id).expect("it is answered at once")
    }

    pub(super) fn input(&mut self, input: Input) {
        self.engine.handle(input, self.now_ms);
        self.perform();
    }

    /// Whatever the engine wants, until it wants nothing.
    pub(super) fn perform(&mut self) {
        while let Some(effect) = self.engine.poll_effect() {
            let answer = match effect {
                Effect::Persist(writes) => {
                    for write in writes {
                        let key = (write.table, write.key.clone());
                        match write.change {
                            Change::Put(value) => drop(self.disk.insert(key, value)),
                            Change::Delete => drop(self.disk.remove(&key)),
                            Change::DeleteUnder => self.disk.retain(|(table, key), _| {
                                *table != write.table || !key.starts_with(&write.key)
                            }),
                        }
                    }
                    Input::Stored
                }
                Effect::ReadCalendar { ticket, .. } => {
                    let result =
                        if self.readable { Ok(BUSY.into()) } else { Err("torn in two".into()) };
                    Input::CalendarRead { ticket, result }
                }
                Effect::Book { ticket, .. } => Input::Booked { ticket, result: Ok(()) },
                Effect::Lookup { ticket, .. } => Input::Found { ticket, records: Vec::new() },
                Effect::Reply { request, result } => {
                    self.replies.insert(request.0, result);
                    continue;
                }
                Effect::Emit(event) => {
                    self.events.push(event);
                    continue;
                }
                _ => continue,
            };
            self.engine.handle(answer, self.now_ms);
        }
    }

    /// Time passes; every timeout on the way happens when it is due.
    pub(super) fn pass(&mut self, until_ms: u64) {
        for _ in 0..100_000 {
            match self.engine.poll_timeout().filter(|due_ms| *due_ms <= until_ms) {
                Some(due_ms) => {
                    self.now_ms = self.now_ms.max(due_ms);
                    self.input(Input::Timeout);
                }
                None => {
                    self.now_ms = until_ms;
                    return;
                }
            }
        }
        panic!("the same moment again and again: {:?}", self.engine.poll_timeout());
    }

    /// A power cut; afterwards there is what was on disk.
    pub(super) fn restart(&mut self) {
        let rows = self.disk.iter().filter(|((table, key), _)| {
            Table::LOADED.iter().any(|(loaded, prefix)| loaded == table && key.starts_with(prefix))
        });
        let rows = rows.map(|((table, key), value)| (*table, key.clone(), value.clone()));
        let rows: Vec<_> = rows.collect();
        self.engine = Engine::load(NodeId([1; 32]), [3; 32], rows, self.now_ms).unwrap();
        self.perform();
    }

    /// Bob asks for a time.
    pub(super) fn bob_asks(&mut self, within_ms: u64) -> ProposalId {
        let rule = Rule::Approval { winners: 1, minimum: Fraction { num: 1, den: 1 }, quorum: 2 };
        let options = SPANS.map(str::to_owned).to_vec();
        self.propose(self.bob, rule, options, within_ms)
    }

    /// Bob asks yes or no.
    pub(super) fn bob_asks_yes_or_no(&mut self, within_ms: u64) -> ProposalId {
        let rule = Rule::Threshold { num: 1, den: 1, base: Base::Electorate, quorum: 2 };
        self.propose(self.bob, rule, Vec::new(), within_ms)
    }

    pub(super) fn propose(
        &mut self,
        persona: PersonaId,
        rule: Rule,
        options: Vec<String>,
        within_ms: u64,
    ) -> ProposalId {
        let request = Request::Propose {
            conversation: self.group,
            persona: Some(persona),
            question: "When shall we meet: dinner?".into(),
            options,
            rule,
            deadline_ms: Some(self.now_ms + within_ms),
            grace_ms: 0,
            early_close: false,
        };
        match self.ask(request).unwrap() {
            Reply::Proposal(view) => view.id,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn vote(
        &mut self,
        persona: PersonaId,
        proposal: ProposalId,
        choice: Choice,
        alone: bool,
    ) -> Result<Reply, RequestError> {
        self.ask(Request::Vote { proposal, persona: Some(persona), choice, alone })
    }

    pub(super) fn view(&self, persona: PersonaId, proposal: ProposalId) -> ProposalView {
        self.engine.proposal_view(persona, proposal).unwrap()
    }

    /// What Alice's own screen says of her vote.
    pub(super) fn alices(&self, proposal: ProposalId) -> VoterView {
        let view = self.view(self.alice, proposal);
        view.voters.into_iter().find(|voter| voter.persona == self.alice).unwrap()
    }

    /// What waits for Alice's word on a vote.
    pub(super) fn asked(&self) -> Option<ApprovalView> {
        let mut views = self.engine.approval_views();
        views.retain(|view| view.persona == self.alice && view.kind == "vote");
        assert!(views.len() < 2, "{views:?}");
        views.pop()
    }

    pub(super) fn say(&mut self, approval: LocalId, allow: bool) -> Result<Reply, RequestError> {
        self.ask(Request::Decide { approval, allow })
    }

    pub(super) fn mandates(&self) -> Vec<MandateView> {
        self.engine.mandate_views(self.alice).unwrap()
    }

    /// How often an owner was reminded of a vote.
    pub(super) fn reminders(&self, persona: PersonaId, id: ProposalId) -> usize {
        let is = |event: &&Event| {
            event.persona == Some(persona)
                && matches!(event.body, EventBody::VoteMissing { proposal, .. } if proposal == id)
        };
        self.events.iter().filter(is).count()
    }
}
