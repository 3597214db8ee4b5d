//! Members, a network that reorders and repeats, disks that lose what was not flushed.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    decision::{
        BallotRecord, Base, Certificate, Charter, Choice, Decision, Effect, Evidence, Input, Kind,
        Proposal, Rule, SignedMessage, SignedProposal, Statement, Terms,
    },
    identity::{ConversationId, PersonaId, PersonaKey},
};

pub(super) const OPENS: u64 = 1_900_000_000_000;
pub(super) const DEADLINE: u64 = OPENS + 3_600_000;

/// Seeds to try: `count`, or as many times that as `DECISION_SEEDS` says, for long runs.
pub(super) fn seeds(count: u64) -> std::ops::Range<u64> {
    let factor = std::env::var("DECISION_SEEDS").ok().and_then(|text| text.parse().ok());
    0..count * factor.unwrap_or(1)
}

pub(super) fn majority() -> Rule {
    Rule::Threshold { num: 1, den: 2, base: Base::Cast, quorum: 1 }
}

/// Keys whose personas are sorted, so that index and key agree.
pub(super) fn keys(count: usize) -> Vec<PersonaKey> {
    let mut keys: Vec<_> =
        (0..count).map(|i| PersonaKey::from_seed(&[u8::try_from(i + 1).unwrap(); 32])).collect();
    keys.sort_by_key(PersonaKey::id);
    keys
}

pub(super) fn terms(rule: Rule, options: &[&str], proposer: PersonaId) -> Terms {
    Terms {
        group: ConversationId([3; 16]),
        epoch: 7,
        context_hash: [4; 32],
        proposer,
        rule,
        question: "Dinner on Friday at Nora's?".into(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        opens_at_ms: OPENS,
        deadline_ms: DEADLINE,
        grace_ms: 120_000,
        early_close: false,
        nonce: [9; 32],
    }
}

pub(super) fn propose(keys: &[PersonaKey], terms: Terms) -> SignedProposal {
    let electorate: Vec<_> = keys.iter().map(PersonaKey::id).collect();
    SignedProposal::sign(&Proposal::freeze(terms, &electorate).unwrap(), &keys[0])
}

/// One running node. A liar has two of them, with one key.
pub(super) struct Node {
    pub(super) seat: usize,
    pub(super) decision: Decision,
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    unflushed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Delivered since the last flush: not acknowledged, so delivered again after a crash.
    unacknowledged: Vec<Vec<u8>>,
    /// Handed out for sending, and lost by a crash.
    outgoing: Vec<Vec<u8>>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) reachable: bool,
}

pub(super) struct World {
    pub(super) keys: Vec<PersonaKey>,
    pub(super) charter: Charter,
    pub(super) nodes: Vec<Node>,
    pub(super) now: u64,
    pub(super) rng: ChaCha8Rng,
    /// Messages on their way, with the node they are for.
    pub(super) network: Vec<(usize, Vec<u8>)>,
    /// Everything that was ever sent, for members that wake up later.
    pub(super) history: Vec<Vec<u8>>,
    /// Seats whose second signature for one slot is no surprise.
    pub(super) liars: BTreeSet<usize>,
    pub(super) restarts: f64,
    /// What each honest member signed in each slot.
    signed: BTreeMap<(u16, Kind, u32), Vec<u8>>,
    /// Whether a listener hears a speaker, both by node; everyone by default.
    pub(super) hears: Box<dyn Fn(usize, usize) -> bool>,
}

impl World {
    pub(super) fn new(count: usize, proposal: SignedProposal, seed: u64) -> Self {
        let keys = keys(count);
        let electorate: Vec<_> = keys.iter().map(PersonaKey::id).collect();
        let charter = Charter::new(&proposal, electorate).unwrap();
        let mut world = Self {
            keys,
            charter,
            nodes: Vec::new(),
            now: OPENS,
            rng: ChaCha8Rng::seed_from_u64(seed),
            network: Vec::new(),
            history: Vec::new(),
            liars: BTreeSet::new(),
            restarts: 0.0,
            signed: BTreeMap::new(),
            hears: Box::new(|_, _| true),
        };
        for seat in 0..count {
            world.add(seat, &proposal);
        }
        world
    }

    /// The second half of a hidden vote: whoever has a certificate of the first goes on with it.
    pub(super) fn revealing(first: &Self, seed: u64) -> Self {
        let certificate = first.agreed().unwrap();
        let mut world = Self {
            keys: keys(first.keys.len()),
            charter: Charter::revealing(&certificate).unwrap(),
            nodes: Vec::new(),
            now: first.now,
            rng: ChaCha8Rng::seed_from_u64(seed),
            network: Vec::new(),
            history: Vec::new(),
            liars: BTreeSet::new(),
            restarts: first.restarts,
            signed: BTreeMap::new(),
            hears: Box::new(|_, _| true),
        };
        for node in &first.nodes {
            let own = node.decision.certificate().unwrap_or(&certificate).clone();
            let me = world.keys[node.seat].id();
            world.join(node.seat, Decision::reveal(own, me).unwrap());
        }
        world
    }

    pub(super) fn add(&mut self, seat: usize, proposal: &SignedProposal) {
        let electorate = self.charter.electorate().to_vec();
        let me = self.keys[seat].id();
        self.join(seat, Decision::new(proposal.clone(), electorate, me).unwrap());
    }

    fn join(&mut self, seat: usize, decision: Decision) {
        self.nodes.push(Node {
            seat,
            decision,
            disk: BTreeMap::new(),
            unflushed: Vec::new(),
            unacknowledged: Vec::new(),
            outgoing: Vec::new(),
            certificates: Vec::new(),
            evidence: Vec::new(),
            reachable: true,
        });
        let node = self.nodes.len() - 1;
        self.drain(node);
    }

    pub(super) fn vote(&mut self, node: usize, choice: Choice) {
        self.handle(node, Input::Vote(choice));
        self.flush(node);
        self.send(node);
    }

    /// Votes on a hidden proposal.
    pub(super) fn vote_hidden(&mut self, node: usize, choice: Choice) {
        let salt = self.rng.r#gen();
        self.handle(node, Input::VoteHidden { choice, salt });
        self.flush(node);
        self.send(node);
    }

    pub(super) fn handle(&mut self, node: usize, input: Input) {
        if let Input::Message(bytes) = &input {
            self.nodes[node].unacknowledged.push(bytes.clone());
        }
        let key = &self.keys[self.nodes[node].seat];
        self.nodes[node].decision.handle(input, key, self.now);
        self.drain(node);
    }

    fn drain(&mut self, node: usize) {
        while let Some(effect) = self.nodes[node].decision.poll_effect() {
            let it = &mut self.nodes[node];
            match effect {
                Effect::Persist { key, value } => it.unflushed.push((key, value)),
                Effect::Broadcast(bytes) => {
                    self.watch(node, &bytes);
                    self.nodes[node].outgoing.push(bytes);
                }
                Effect::Decided(certificate) => it.certificates.push(*certificate),
                Effect::Evidence(evidence) => it.evidence.push(*evidence),
                Effect::Refused(reason) => panic!("vote of {node} refused: {reason}"),
            }
        }
    }

    /// No honest member ever signs two things for one slot.
    fn watch(&mut self, node: usize, bytes: &[u8]) {
        let seat = self.nodes[node].seat;
        let Ok(message) = SignedMessage::from_bytes(bytes) else { return };
        let Ok(statement) = message.open(&self.charter) else {
            panic!("an honest member broadcasts what does not hold")
        };
        let place = match &statement {
            Statement::Held(held) => held.seq,
            Statement::Cut(cut) => cut.view,
            Statement::Notarize(vote) | Statement::Finalize(vote) => vote.view,
            Statement::Nullify(nullify) => nullify.view,
            Statement::Ballot(_) | Statement::Confirm(_) => 0,
            Statement::Evidence(_) => return,
        };
        let body = message.body().to_vec();
        let slot = (statement.signer(), statement.kind(), place);
        let first = self.signed.entry(slot).or_insert_with(|| body.clone());
        let by = usize::from(statement.signer());
        assert!(
            *first == body || self.liars.contains(&by),
            "{by} (via {seat}) signed {slot:?} twice"
        );
    }

    pub(super) fn flush(&mut self, node: usize) {
        loop {
            let it = &mut self.nodes[node];
            if it.unflushed.is_empty() {
                return;
            }
            it.disk.extend(it.unflushed.drain(..));
            it.unacknowledged.clear();
            self.handle(node, Input::Stored);
        }
    }

    pub(super) fn send(&mut self, node: usize) {
        let speaker = node;
        for bytes in std::mem::take(&mut self.nodes[node].outgoing) {
            self.history.push(bytes.clone());
            for listener in 0..self.nodes.len() {
                let hears = self.nodes[speaker].reachable
                    && self.nodes[listener].reachable
                    && (self.hears)(listener, speaker);
                if listener != speaker && hears {
                    self.network.push((listener, bytes.clone()));
                }
            }
        }
    }

    /// Loses memory, whatever was not flushed, and whatever was not sent.
    pub(super) fn restart(&mut self, node: usize) {
        let me = self.keys[self.nodes[node].seat].id();
        let it = &mut self.nodes[node];
        it.unflushed.clear();
        it.outgoing.clear();
        let again = std::mem::take(&mut it.unacknowledged);
        if it.disk.is_empty() {
            return;
        }
        it.decision = Decision::restore(it.disk.clone(), me).unwrap();
        self.network.extend(again.into_iter().map(|bytes| (node, bytes)));
    }

    /// Plays until nothing moves any more, or `until_ms` has come.
    pub(super) fn run(&mut self, until_ms: u64) {
        for _ in 0..200_000 {
            if !self.step(until_ms) {
                return;
            }
        }
        panic!("does not come to rest");
    }

    /// One step that never moves time.
    pub(super) fn run_some(&mut self) {
        self.step(self.now);
    }

    fn step(&mut self, until_ms: u64) -> bool {
        let node = self.rng.gen_range(0..self.nodes.len());
        if self.rng.gen_bool(self.restarts) {
            self.restart(node);
        }
        if self.rng.gen_bool(0.5) {
            self.flush(node);
            self.send(node);
        }
        if !self.network.is_empty() {
            let pick = self.rng.gen_range(0..self.network.len());
            let (to, bytes) = self.network.swap_remove(pick);
            if self.rng.gen_bool(0.1) {
                self.network.push((to, bytes.clone()));
            }
            self.handle(to, Input::Message(bytes));
            return true;
        }
        let busy = (0..self.nodes.len())
            .find(|i| !self.nodes[*i].unflushed.is_empty() || !self.nodes[*i].outgoing.is_empty());
        if let Some(node) = busy {
            self.flush(node);
            self.send(node);
            return true;
        }
        let reachable = |i: &usize| self.nodes[*i].reachable;
        let next = (0..self.nodes.len())
            .filter(reachable)
            .filter_map(|i| Some((self.nodes[i].decision.poll_timeout()?, i)))
            .min();
        match next {
            Some((at, node)) if at <= until_ms => {
                self.now = self.now.max(at);
                self.handle(node, Input::Timeout);
                true
            }
            _ => false,
        }
    }

    /// The one result everybody reached has; panics when they differ.
    pub(super) fn agreed(&self) -> Option<Certificate> {
        let mut agreed: Option<Certificate> = None;
        for node in self.nodes.iter().filter(|node| node.reachable) {
            let Some(certificate) = node.decision.certificate() else { continue };
            let first = agreed.get_or_insert_with(|| certificate.clone());
            assert_eq!(first.digest(), certificate.digest());
        }
        agreed
    }

    pub(super) fn all_decided(&self) -> bool {
        self.nodes.iter().filter(|n| n.reachable).all(|n| n.decision.certificate().is_some())
    }

    /// Whoever was told by a quorum of sealers that they hold its ballot is in the cut.
    pub(super) fn check_receipts(&self) {
        let Some(certificate) = self.agreed() else { return };
        for node in &self.nodes {
            let receipts = node.decision.view().receipts.unwrap_or(0);
            let counted = |record: &BallotRecord| usize::from(record.ballot.voter) == node.seat;
            let is_counted = certificate.content().ballots.iter().any(counted);
            assert!(receipts < self.charter.quorum().q || is_counted, "{} left out", node.seat);
        }
    }

    /// How many rows a node has on disk.
    pub(super) fn rows(&self, node: usize) -> usize {
        self.nodes[node].disk.len()
    }

    /// Everyone named by anyone.
    pub(super) fn named(&self) -> BTreeSet<usize> {
        let all = self.nodes.iter().flat_map(|node| node.decision.view().evidence);
        all.map(|e| usize::from(self.charter.seat(&e.culprit).unwrap())).collect()
    }
}
