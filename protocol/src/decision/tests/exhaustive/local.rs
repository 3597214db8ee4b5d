//! The states of one member, each found by running the real core and numbered once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::stage::{CLOSED, Grounds, Stage, VIEWS, VOTES, Vote, Why};
use crate::decision::{
    Decision, Digest, Effect, Input, Kind, SignedMessage, Statement, VIEWS_MAX, peek,
};

/// What can happen to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Event {
    /// A quorum's votes arrive: which of [`VOTES`].
    Votes(usize),
    /// A cut of the liar arrives.
    LiarsCut(u32, usize, Grounds),
    /// A cut of an honest leader arrives: which of [`Locals::cuts`].
    Cut(usize),
    /// The liar's other list and ballot arrive.
    LateList,
    /// Patience with the view runs out.
    Patience,
    /// The member loses its memory and comes back from its disk.
    Restart,
}

/// One member between two events.
#[derive(Clone)]
pub(super) struct Local {
    decision: Decision,
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    now: u64,
    /// Every vote it ever signed.
    pub(super) votes: BTreeSet<Vote>,
    /// Every cut it ever signed.
    pub(super) cuts: BTreeMap<Vec<u8>, (u32, Digest)>,
}

impl Local {
    /// Everyone honest has voted, all honest lists are closed and known to all.
    pub(super) fn start(stage: &Stage, seat: u16) -> Self {
        let electorate = stage.charter.electorate().to_vec();
        let me = electorate[usize::from(seat)];
        let decision = Decision::new(stage.proposal.clone(), electorate, me).unwrap();
        let mut local = Self {
            decision,
            disk: BTreeMap::new(),
            now: CLOSED - 1,
            votes: BTreeSet::new(),
            cuts: BTreeMap::new(),
        };
        local.feed(stage, seat, stage.ballots());
        local.now = CLOSED;
        local.step(stage, seat, Input::Timeout);
        let lists = stage.contents[0].statements(stage.charter.id());
        let lists = lists.into_iter().filter(|(said, _)| matches!(said, Statement::Held(_)));
        let id = stage.charter.id();
        let bytes =
            lists.map(|(said, sig)| SignedMessage::assemble(id, &said, sig).to_bytes()).collect();
        local.feed(stage, seat, bytes);
        local
    }

    fn feed(&mut self, stage: &Stage, seat: u16, messages: Vec<Vec<u8>>) {
        for bytes in messages {
            self.step(stage, seat, Input::Message(bytes));
        }
    }

    fn step(&mut self, stage: &Stage, seat: u16, input: Input) {
        let key = &stage.keys[usize::from(seat)];
        let mut next = Some(input);
        while let Some(input) = next.take() {
            self.decision.handle(input, key, self.now);
            while let Some(effect) = self.decision.poll_effect() {
                match effect {
                    Effect::Persist { key, value } => {
                        self.disk.insert(key, value);
                        next = Some(Input::Stored);
                    }
                    Effect::Broadcast(bytes) => self.said(stage, seat, bytes),
                    _ => {}
                }
            }
        }
    }

    /// Takes note of what it said, in its own name.
    fn said(&mut self, stage: &Stage, seat: u16, bytes: Vec<u8>) {
        let head = peek(&bytes).unwrap();
        if matches!(head.kind, Kind::Proof | Kind::Certificate) {
            return;
        }
        let statement = SignedMessage::from_bytes(&bytes).unwrap().open(&stage.charter).unwrap();
        if statement.signer() != seat {
            return;
        }
        let vote = match &statement {
            Statement::Notarize(v) => (Kind::Notarize, v.view, Some(v.value)),
            Statement::Finalize(v) => (Kind::Finalize, v.view, Some(v.value)),
            Statement::Nullify(v) => (Kind::Nullify, v.view, None),
            Statement::Confirm(v) => (Kind::Confirm, 0, Some(v.value)),
            Statement::Cut(cut) => {
                let digest = cut.content.digest(stage.charter.id());
                self.cuts.insert(bytes, (cut.view, digest));
                return;
            }
            _ => return,
        };
        self.votes.insert(vote);
    }

    /// `quorum` is a quorum behind the event's vote, where it has one.
    fn apply(&mut self, stage: &Stage, seat: u16, event: Event, quorum: &[u16], cuts: &[Vec<u8>]) {
        match event {
            Event::Votes(which) => {
                let vote = stage.vote_of(VOTES[which]);
                let others = quorum.iter().filter(|sealer| **sealer != seat);
                let bytes = others.map(|sealer| stage.vote(vote, *sealer).to_bytes());
                self.feed(stage, seat, bytes.collect());
            }
            Event::LiarsCut(view, which, grounds) => {
                let why = match grounds {
                    Grounds::Nothing => Why::Nothing,
                    Grounds::GivenUp => Why::GivenUp(quorum.to_vec()),
                    Grounds::Notarized => Why::Notarized(quorum.to_vec()),
                };
                self.feed(stage, seat, vec![stage.liars_cut(view, which, &why)]);
            }
            Event::Cut(cut) => self.feed(stage, seat, vec![cuts[cut].clone()]),
            Event::LateList => self.feed(stage, seat, stage.late_list.clone()),
            Event::Patience => {
                if let (_, Some(at)) = self.decision.patience() {
                    self.now = self.now.max(at);
                    self.step(stage, seat, Input::Timeout);
                }
            }
            Event::Restart => {
                let me = stage.keys[usize::from(seat)].id();
                self.decision = Decision::restore(self.disk.clone(), me).unwrap();
                self.step(stage, seat, Input::Timeout);
            }
        }
    }

    pub(super) fn view(&self) -> u32 {
        self.decision.patience().0
    }

    /// What an honest member never does, if it did.
    pub(super) fn guilt(&self, stage: &Stage) -> Option<String> {
        let named = self.decision.view().evidence.into_iter().map(|evidence| evidence.culprit);
        let liar = stage.charter.electorate()[usize::from(stage.liar)];
        if let Some(innocent) = named.into_iter().find(|culprit| *culprit != liar) {
            return Some(format!("{innocent} is accused"));
        }
        let of = |kind, view| {
            let voted = self.votes.iter().filter(move |(k, v, _)| (*k, *v) == (kind, view));
            voted.filter_map(|(_, _, value)| *value).collect::<BTreeSet<_>>()
        };
        (0..=VIEWS_MAX.min(3)).find_map(|view| {
            let both: BTreeSet<_> =
                of(Kind::Notarize, view).union(&of(Kind::Finalize, view)).copied().collect();
            let gave_up = self.votes.contains(&(Kind::Nullify, view, None));
            let finalized = !of(Kind::Finalize, view).is_empty();
            let guilty = both.len() > 1 || (gave_up && finalized) || of(Kind::Confirm, 0).len() > 1;
            guilty.then(|| format!("contradicts itself in view {view}: {:?}", self.votes))
        })
    }

    fn fingerprint(&self) -> Vec<u8> {
        let mut bytes = self.decision.fingerprint();
        bytes.extend(format!("{:?}{:?}", self.votes, self.cuts.values()).bytes());
        bytes
    }
}

/// What a member has said: which of [`VOTES`], one bit each, and which of [`Locals::cuts`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Said {
    pub(super) votes: u16,
    pub(super) cuts: Vec<usize>,
}

/// All states found so far, of all members.
#[derive(Default)]
pub(super) struct Locals {
    pub(super) all: Vec<Local>,
    /// What was said in each, a number of [`Locals::sayings`].
    pub(super) said: Vec<u32>,
    pub(super) sayings: Vec<Said>,
    /// Every cut an honest leader ever sent.
    pub(super) cuts: Vec<Vec<u8>>,
    numbers: HashMap<(u16, Vec<u8>), u32>,
    sayings_numbers: HashMap<Said, u32>,
    steps: HashMap<(u32, Event), u32>,
}

impl Locals {
    pub(super) fn number(&mut self, stage: &Stage, seat: u16, local: Local) -> u32 {
        let next = u32::try_from(self.all.len()).unwrap();
        let number = *self.numbers.entry((seat, local.fingerprint())).or_insert(next);
        if number == next {
            let said = self.saying(stage, &local);
            self.said.push(said);
            self.all.push(local);
        }
        number
    }

    fn saying(&mut self, stage: &Stage, local: &Local) -> u32 {
        let mut said = Said::default();
        for (bit, vote) in VOTES.iter().enumerate() {
            said.votes |= u16::from(local.votes.contains(&stage.vote_of(*vote))) << bit;
        }
        for (bytes, _) in local.cuts.iter().filter(|(_, (view, _))| *view <= VIEWS) {
            let known = self.cuts.iter().position(|cut| cut == bytes);
            said.cuts.push(known.unwrap_or(self.cuts.len()));
            if known.is_none() {
                self.cuts.push(bytes.clone());
            }
        }
        let next = u32::try_from(self.sayings.len()).unwrap();
        let number = *self.sayings_numbers.entry(said.clone()).or_insert(next);
        if number == next {
            self.sayings.push(said);
        }
        number
    }

    /// Where an event leads; run once and remembered. Which members a quorum is made of makes no
    /// difference to where it leads.
    pub(super) fn step(
        &mut self,
        stage: &Stage,
        seat: u16,
        from: u32,
        event: Event,
        quorum: &[u16],
    ) -> u32 {
        if let Some(to) = self.steps.get(&(from, event)) {
            return *to;
        }
        let mut local = self.all[from as usize].clone();
        local.apply(stage, seat, event, quorum, &self.cuts);
        let to = self.number(stage, seat, local);
        self.steps.insert((from, event), to);
        to
    }

    pub(super) fn transitions(&self) -> usize {
        self.steps.len()
    }
}
