//! Who decides what happens next: the loop over the agenda, and the life and death of nodes.

use engine::{Effect, Engine, Input, Request, RequestId};
use protocol::{identity::PersonaId, wire::Frame};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::{
    calendars::Diary,
    checkers::Checkers,
    clock::{Agenda, START_MS},
    dht::Dht,
    faults::{self, CrashPoint, Fault},
    mailboxes::Mailbox,
    network::{Network, Plans},
    node::{Node, Running},
    owner::{Names, Pursuit},
    report::Outcome,
    scenarios::Scenario,
};

/// Everything that can happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A node has a connection to another.
    Met { side: usize, other: usize, serial: u64 },
    /// A node notices that a connection is gone.
    Missed { side: usize, other: usize },
    /// A frame arrives.
    Frame { from: usize, to: usize, serial: u64, frame: Frame },
    /// A dial has come to its end.
    Dialled { from: usize, to: usize, life: u64, then: Option<Frame> },
    /// The disk has the batch.
    Written { node: usize, life: u64 },
    /// Something outside answers an engine.
    Answer { node: usize, life: u64, input: Input },
    /// The time an engine waits for has come.
    Wake { node: usize, life: u64, at_ms: u64 },
    /// Something goes wrong.
    Fault(Fault),
    /// A node that was to die at some point of its work never came to that point.
    Doom { node: usize, life: u64 },
    /// A node starts.
    Start { node: usize },
    /// Something happens on the network of the mailboxes.
    Mail(Box<Event>),
    /// A node's dial to a mailbox has come to its end.
    MailboxDialled { node: usize, mailbox: usize, life: u64 },
    /// The time a mailbox waits for has come.
    MailboxWake { mailbox: usize, life: u64, at_ms: u64 },
    /// A mailbox starts.
    MailboxStart { mailbox: usize },
    /// An owner looks at the screen.
    Pursue(usize),
    /// The observer looks whether it is over.
    Look,
}

/// A persona and its owner.
pub(crate) struct Person {
    pub(crate) node: usize,
    pub(crate) name: &'static str,
    pub(crate) id: Option<PersonaId>,
    pub(crate) diary: Diary,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Personas are made and meet; nothing goes wrong.
    Setup,
    /// The scenario takes place.
    Story { began_ms: u64 },
}

/// One run.
pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) size: u32,
    seed: u64,
    trace: bool,
    pub(crate) agenda: Agenda<Event>,
    pub(crate) network: Network,
    pub(crate) dht: Dht,
    /// The network on which nodes talk to mailboxes.
    pub(crate) mail: Network,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) people: Vec<Person>,
    pub(crate) pursuits: Vec<Pursuit>,
    pub(crate) names: Names,
    pub(crate) checkers: Checkers,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) next_request: u64,
    phase: Phase,
    setup_wishes: usize,
    crashes: u64,
    /// Since when nothing is amiss any more.
    well_since_ms: Option<u64>,
}

const NAMES: [&str; 6] = ["Ada", "Bela", "Cleo", "Dora", "Emil", "Finn"];
/// How often the observer looks, in milliseconds.
const LOOK_MS: u64 = 2_000;
/// How long all must have been well before a run ends, in milliseconds: longer than the longest
/// pause before an envelope is sent again, so that a late duplicate would be seen.
const WELL_MS: u64 = 70_000;
/// How long the setup may take, in milliseconds.
const SETUP_MS_MAX: u64 = 10 * 60 * 1000;
/// Timeouts an engine may want at one moment.
const SPINS_MAX: u32 = 1_000;

/// Randomness for one purpose, so that more of it used there changes nothing elsewhere.
fn stream(seed: u64, purpose: u64) -> ChaCha20Rng {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario, seed: u64, size: u32, trace: bool) -> Self {
        let nodes = scenario.homes.iter().max().map_or(0, |last| last + 1);
        let mut diaries = stream(seed, 1);
        let people = scenario.homes.iter().zip(NAMES);
        let people = people.map(|(node, name)| Person {
            node: *node,
            name,
            id: None,
            diary: Diary::new(&mut diaries),
        });
        let mut world = Self {
            scenario,
            size,
            seed,
            trace,
            agenda: Agenda::new(),
            network: Network::new(nodes, scenario.faults.weather, stream(seed, 2)),
            mail: Network::new(
                nodes + scenario.mailboxes,
                scenario.faults.weather,
                stream(seed, 5),
            ),
            mailboxes: Vec::new(),
            dht: Dht::default(),
            nodes: (0..nodes).map(Node::new).collect(),
            people: people.collect(),
            pursuits: Vec::new(),
            names: Names::default(),
            checkers: Checkers::new(nodes),
            rng: stream(seed, 3),
            next_request: 0,
            phase: Phase::Setup,
            setup_wishes: scenario.setup.len(),
            crashes: 0,
            well_since_ms: None,
        };
        world.mailboxes_arrive();
        for node in 0..nodes {
            world.start(node);
        }
        world.people_arrive();
        for wish in scenario.setup {
            world.wish(*wish, START_MS + 500);
        }
        world.agenda.after(LOOK_MS, Event::Look);
        world
    }

    fn people_arrive(&mut self) {
        for index in 0..self.people.len() {
            let person = &self.people[index];
            let settings = engine::personas::Settings {
                auto_schedule: true,
                auto_vote: true,
                auto_book: true,
                ..Default::default()
            };
            let request = Request::CreatePersona {
                name: person.name.into(),
                handle: None,
                settings: Some(settings),
                calendar: Some(format!("{index}.ics")),
            };
            self.request(person.node, None, request);
        }
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Outcome {
        let began = std::time::Instant::now();
        while let Some(event) = self.agenda.next() {
            if self.is_over(&event) {
                break;
            }
            self.happen(event);
        }
        let mut complaints = self.checkers.take_complaints();
        complaints.extend(self.judge());
        Outcome {
            seed: self.seed,
            complaints,
            virtual_ms: self.agenda.now_ms() - START_MS,
            real_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            crashes: self.crashes,
            cuts: self.network.cuts,
            frames: self.network.frames,
            lost: self.network.lost,
            batches: self.nodes.iter().map(|node| node.disk.commits).sum(),
            accepted: self.checkers.promises(),
            certificates: self.certified(),
            booked: self.people.iter().map(|person| person.diary.booked.len()).sum(),
            peaks: self.checkers.peaks.clone(),
        }
    }

    /// Whether the run ends with this event.
    fn is_over(&mut self, event: &Event) -> bool {
        if self.checkers.has_complaints() {
            return true;
        }
        let Event::Look = event else { return false };
        let now_ms = self.agenda.now_ms();
        // The longer it takes, the less often is all of it looked at.
        let calm_ms = match self.phase {
            Phase::Setup => now_ms,
            Phase::Story { began_ms } => began_ms + self.scenario.faults.until_ms,
        };
        self.agenda.after(LOOK_MS.max(now_ms.saturating_sub(calm_ms) / 20), Event::Look);
        match self.phase {
            Phase::Setup => {
                let done = self.pursuits[..self.setup_wishes].iter().all(|pursuit| pursuit.done);
                if done && self.people.iter().all(|person| person.id.is_some()) {
                    self.begin_story();
                } else if now_ms > START_MS + SETUP_MS_MAX {
                    self.checkers.complain("the setup does not come to an end".into());
                }
                false
            }
            Phase::Story { .. } => {
                let late = now_ms > calm_ms + self.scenario.settles_ms;
                let busy = now_ms <= calm_ms
                    || self.nodes.iter().any(|node| node.running.is_none() && !node.dead)
                    || self
                        .pursuits
                        .iter()
                        .any(|pursuit| !pursuit.done && !self.is_dead(pursuit.wish.owner()));
                if busy || (self.well_since_ms.is_none() && !self.judge().is_empty()) {
                    return late;
                }
                now_ms > *self.well_since_ms.get_or_insert(now_ms) + WELL_MS
            }
        }
    }

    fn begin_story(&mut self) {
        let began_ms = self.agenda.now_ms();
        self.phase = Phase::Story { began_ms };
        self.note(|| "the story begins".into());
        let mut rng = stream(self.seed, 4);
        let list = faults::schedule(&self.scenario.faults, self.nodes.len(), &mut rng);
        for (at_ms, fault) in list {
            self.agenda.at(began_ms + at_ms, Event::Fault(fault));
        }
        for (at_ms, wish) in self.scenario.story {
            self.wish(*wish, began_ms + at_ms);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Met { side, other, serial } => {
                if self.is_up(side) && self.network.on_met(side, other, serial) {
                    self.note(|| format!("{side} meets {other}"));
                    let node = self.nodes[other].id;
                    self.input(side, Input::Connected(node));
                }
            }
            Event::Missed { side, other } => {
                if self.is_up(side) && self.network.on_missed(side, other) {
                    self.note(|| format!("{side} misses {other}"));
                    let node = self.nodes[other].id;
                    self.input(side, Input::Disconnected(node));
                }
            }
            Event::Frame { from, to, serial, frame } => {
                if self.network.arrives(from, to, serial) && self.is_up(to) {
                    self.note(|| format!("{from} -> {to} {}", crate::perform::name(&frame)));
                    let node = self.nodes[from].id;
                    self.input(to, Input::Frame { node, frame });
                }
            }
            Event::Dialled { from, to, life, then } => self.on_dialled(from, to, life, then),
            Event::Written { node, life } => self.on_written(node, life),
            Event::Answer { node, life, input } => {
                if self.nodes[node].life == life && self.is_up(node) {
                    self.input(node, input);
                }
            }
            Event::Wake { node, life, at_ms } => self.on_wake(node, life, at_ms),
            Event::Fault(fault) => self.on_fault(fault),
            Event::Doom { node, life } => {
                let waits = self.nodes[node].doom.is_some() && self.nodes[node].life == life;
                if waits {
                    self.die(node);
                }
            }
            Event::Start { node } if self.nodes[node].dead => {}
            Event::Start { node } => self.start(node),
            Event::Mail(event) => self.on_mail(*event),
            Event::MailboxDialled { node, mailbox, life } => {
                self.on_mailbox_dialled(node, mailbox, life);
            }
            Event::MailboxWake { mailbox, life, at_ms } => {
                self.on_mailbox_wake(mailbox, life, at_ms);
            }
            Event::MailboxStart { mailbox } => self.on_mailbox_start(mailbox),
            Event::Pursue(index) => self.pursue(index),
            Event::Look => {}
        }
    }

    fn on_fault(&mut self, fault: Fault) {
        self.note(|| format!("FAULT {fault:?}"));
        let now_ms = self.agenda.now_ms();
        match fault {
            Fault::WeatherTurns { bad } => {
                self.network.weather_turns(bad);
                self.mail.weather_turns(bad);
            }
            Fault::MailboxDies { mailbox, down_ms } => self.mailbox_dies(mailbox, down_ms),
            Fault::MailCut => self.mail_is_cut(),
            Fault::Cut { a, b } => {
                let plans = self.network.cut(a, b, now_ms);
                self.plan(plans);
            }
            Fault::Death { node } => {
                self.nodes[node].dead = true;
                if self.is_up(node) {
                    self.nodes[node].doom = Some((CrashPoint::Now, 0, false));
                    self.die(node);
                }
            }
            Fault::Loss { node, down_ms } => {
                self.forgive_what_is_lost(node);
                let restored = self.nodes[node].disk.restored(now_ms);
                self.nodes[node].disk = restored;
                if self.is_up(node) {
                    self.nodes[node].doom = Some((CrashPoint::Now, down_ms, false));
                    self.die(node);
                }
            }
            Fault::Part { sides } => {
                let plans = self.network.part(sides, now_ms);
                self.plan(plans);
            }
            Fault::Heal => self.network.heal(),
            Fault::Crash { node, point, down_ms, moves } => {
                if !self.is_up(node) {
                    return;
                }
                self.nodes[node].doom = Some((point, down_ms, moves));
                if point == CrashPoint::Now {
                    self.die(node);
                } else {
                    let life = self.nodes[node].life;
                    self.agenda.after(5_000, Event::Doom { node, life });
                }
            }
        }
    }

    pub(crate) fn plan(&mut self, plans: Plans) {
        for (at_ms, event) in plans {
            self.agenda.at(at_ms, event);
        }
    }

    /// Whether a person's node will never start again.
    pub(crate) fn is_dead(&self, person: usize) -> bool {
        self.nodes[self.people[person].node].dead
    }

    pub(crate) fn is_up(&self, node: usize) -> bool {
        self.nodes[node].running.is_some()
    }

    pub(crate) fn note(&self, text: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>10} {}", self.agenda.now_ms() - START_MS, text());
        }
    }

    /// A node starts with what its disk has.
    fn start(&mut self, node: usize) {
        let now_ms = self.agenda.now_ms();
        let life = self.nodes[node].life;
        let index = u64::try_from(node).expect("few nodes");
        let seed = stream(self.seed, 1_000 + 1_000 * index + life).r#gen();
        let rows = self.nodes[node].disk.loaded();
        match Engine::load(self.nodes[node].id, seed, rows, now_ms) {
            Ok(engine) => {
                self.note(|| format!("{node} starts"));
                self.nodes[node].running = Some(Running::new(engine));
                let address = self.nodes[node].address(node);
                let chosen = Input::Mailboxes(self.chosen_mailboxes());
                self.agenda.after(0, Event::Answer { node, life, input: chosen });
                let input = Input::Listening(vec![address]);
                self.agenda.after(50, Event::Answer { node, life, input });
                self.check_promises_of(node);
                self.turn(node);
            }
            Err(error) => self.checkers.complain(format!("node {node} cannot start: {error}")),
        }
    }

    /// A node stops at once, and starts again later.
    pub(crate) fn die(&mut self, node: usize) {
        let Some((_, down_ms, moves)) = self.nodes[node].doom.take() else { return };
        self.note(|| format!("{node} dies"));
        self.crashes += 1;
        self.nodes[node].running = None;
        self.nodes[node].life += 1;
        self.nodes[node].house += u32::from(moves);
        let plans = self.network.drop_node(node, self.agenda.now_ms());
        self.plan(plans);
        self.hang_up_mailboxes(node);
        self.agenda.after(down_ms, Event::Start { node });
    }

    /// Something happens to a node; it takes it when it can.
    pub(crate) fn input(&mut self, node: usize, input: Input) {
        if let Some(running) = &mut self.nodes[node].running {
            running.waiting.push_back(input);
            self.turn(node);
        }
    }

    /// Asks something of a node in its owner's name.
    pub(crate) fn request(&mut self, node: usize, wish: Option<usize>, request: Request) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        if let (Some(running), Some(wish)) = (&mut self.nodes[node].running, wish) {
            running.asked.insert(id, wish);
        }
        self.input(node, Input::Request { id, request, by: None });
    }

    /// Lets a node work until its disk is busy or nothing is left to do.
    pub(crate) fn turn(&mut self, node: usize) {
        loop {
            let now_ms = self.agenda.now_ms();
            let Some(running) = &mut self.nodes[node].running else { return };
            if running.writing.is_some() {
                return;
            }
            match running.engine.poll_effect() {
                Some(Effect::Persist(writes)) => {
                    running.writing = Some(writes);
                    if self.dies_at(node, CrashPoint::Unwritten) {
                        return self.die(node);
                    }
                    let life = self.nodes[node].life;
                    let takes_ms = self.rng.gen_range(1..8);
                    self.agenda.after(takes_ms, Event::Written { node, life });
                }
                Some(effect) => {
                    self.perform(node, effect);
                    if self.dies_after_effect(node) {
                        return self.die(node);
                    }
                }
                None => {
                    // Now and then several things are taken before their effects.
                    let several = if self.rng.gen_bool(0.3) { 8 } else { 1 };
                    let mut taken = 0;
                    while taken < several {
                        let Some(input) = running.waiting.pop_front() else { break };
                        running.engine.handle(input, now_ms);
                        taken += 1;
                    }
                    let depths = running.engine.depths();
                    self.checkers.on_depths(node, &depths);
                    if taken == 0 {
                        return self.set_alarm(node);
                    }
                }
            }
        }
    }

    fn dies_at(&self, node: usize, here: CrashPoint) -> bool {
        self.nodes[node].doom.is_some_and(|(point, ..)| point == here)
    }

    fn dies_after_effect(&mut self, node: usize) -> bool {
        let Some((CrashPoint::AfterEffects(left), ..)) = &mut self.nodes[node].doom else {
            return false;
        };
        *left -= 1;
        *left == 0
    }

    fn on_written(&mut self, node: usize, life: u64) {
        let now_ms = self.agenda.now_ms();
        if self.nodes[node].life != life {
            return;
        }
        let Some(running) = &mut self.nodes[node].running else { return };
        let Some(writes) = running.writing.take() else { return };
        self.commit(node, writes);
        if self.dies_at(node, CrashPoint::Written) {
            return self.die(node);
        }
        if let Some(running) = &mut self.nodes[node].running {
            running.engine.handle(Input::Stored, now_ms);
        }
        self.turn(node);
    }

    fn set_alarm(&mut self, node: usize) {
        let (now_ms, life) = (self.agenda.now_ms(), self.nodes[node].life);
        let Some(running) = &mut self.nodes[node].running else { return };
        let Some(at_ms) = running.engine.poll_timeout() else { return };
        let at_ms = at_ms.max(now_ms);
        if running.wakes_ms != Some(at_ms) {
            running.wakes_ms = Some(at_ms);
            self.agenda.at(at_ms, Event::Wake { node, life, at_ms });
        }
    }

    fn on_wake(&mut self, node: usize, life: u64, at_ms: u64) {
        if self.nodes[node].life != life {
            return;
        }
        let Some(running) = &mut self.nodes[node].running else { return };
        if running.wakes_ms != Some(at_ms) {
            return;
        }
        running.wakes_ms = None;
        running.spins = match running.spins {
            (then, count) if then == at_ms => (at_ms, count + 1),
            _ => (at_ms, 1),
        };
        if running.spins.1 > SPINS_MAX {
            return self.checkers.complain(format!("node {node} asks for the same time for ever"));
        }
        self.input(node, Input::Timeout);
    }
}
