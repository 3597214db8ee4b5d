//! The world: one seed, one decision, virtual time.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    super::world::{OPENS, keys, majority, terms},
    knowledge::Knowledge,
    member::{Bytes, Flush, Member},
};
use crate::{
    decision::{
        Charter, Choice, Decision, Input, Proposal, Rule, SignedProposal, certificate::Origin,
    },
    identity::PersonaKey,
};

/// How long ballots can be cast, in milliseconds.
pub(super) const VOTING_MS: u64 = 60_000;
const GRACE_MS: u64 = 2_000;
/// The longest way of a message while nothing is cut, in milliseconds.
pub(super) const DELAY_MS: u64 = 3_000;
/// How long the liars still speak after the network healed, in milliseconds.
const LAST_LIE_MS: u64 = 30_000;
/// How long honest members may take to decide after the liars have fallen silent.
const PATIENCE_MS: u64 = 12 * 3_600_000;
/// The same where more lie than may: the rest can be fewer than a quorum and try for ever.
const PATIENCE_BEYOND_MS: u64 = 3_600_000;
/// Far more than any run needs.
const EVENTS_MAX: usize = 400_000;
/// Different proposals: with so few of them most signatures of a run were checked in another.
const NONCES: u64 = 16;

enum Event {
    Deliver(usize, Bytes),
    Wake(usize),
    Vote(usize, Choice),
    Lie,
    Heal,
}

/// What goes wrong without anyone lying, in thousandths.
struct Weather {
    loss: u32,
    doubles: u32,
    crashes: u32,
    /// Whether the two camps cannot hear each other at first.
    parted: bool,
}

pub(super) struct Arena {
    pub(super) rng: ChaCha8Rng,
    pub(super) charter: Charter,
    pub(super) origin: Origin,
    pub(super) keys: Vec<PersonaKey>,
    /// Honest members, then the twins of the liars.
    pub(super) members: Vec<Member>,
    pub(super) liars: BTreeSet<u16>,
    /// Which half each seat belongs to.
    pub(super) camps: Vec<bool>,
    pub(super) known: Knowledge,
    pub(super) now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    ticket: u64,
    wakes: Vec<Option<u64>>,
    weather: Weather,
    healed: bool,
    /// Lost, until the layer below tries again.
    late: Vec<(usize, Bytes)>,
    last_lie: u64,
    /// In the second half of a hidden vote, what each member committed to, by seat and camp.
    secrets: Secrets,
}

/// What members committed to, by seat and camp.
pub(super) type Secrets = BTreeMap<(usize, Option<bool>), Choice>;

impl Arena {
    pub(super) fn new(n: usize, liars: usize, seed: u64) -> Self {
        Self::of(majority(), n, liars, seed)
    }

    /// A vote by this rule.
    pub(super) fn of(rule: Rule, n: usize, liars: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let keys = keys(n);
        let electorate: Vec<_> = keys.iter().map(PersonaKey::id).collect();
        let mut terms = terms(rule, &[], electorate[0]);
        terms.nonce = [u8::try_from(seed % NONCES).unwrap(); 32];
        terms.deadline_ms = OPENS + VOTING_MS;
        terms.grace_ms = GRACE_MS;
        let frozen = Proposal::freeze(terms, &electorate).unwrap();
        let proposal = SignedProposal::sign(&frozen, &keys[0]);
        let charter = Charter::new(&proposal, electorate.clone()).unwrap();
        let mut chosen = BTreeSet::new();
        while chosen.len() < liars {
            chosen.insert(u16::try_from(rng.gen_range(0..n)).unwrap());
        }
        Self::begin(rng, charter, Origin::Signed(proposal), chosen, Secrets::new())
    }

    /// The decision of these members, these among them lying.
    pub(super) fn begin(
        mut rng: ChaCha8Rng,
        charter: Charter,
        origin: Origin,
        chosen: BTreeSet<u16>,
        secrets: Secrets,
    ) -> Self {
        let n = charter.electorate().len();
        let is_beyond = chosen.len() > usize::from(charter.quorum().f);
        // Halves of one size are the easiest to tell different things.
        let halves = rng.gen_bool(0.5);
        let mut honest_before = 0;
        let camps: Vec<bool> = (0..n)
            .map(|seat| {
                honest_before += u32::from(!chosen.contains(&u16::try_from(seat).unwrap()));
                if halves { honest_before % 2 == 0 } else { rng.gen_bool(0.5) }
            })
            .collect();
        let weather = Weather {
            loss: [0, 50, 200, 500][rng.gen_range(0..4)],
            doubles: [0, 100][rng.gen_range(0..2)],
            crashes: [0, 0, 10, 40][rng.gen_range(0..4)],
            parted: rng.gen_bool(if is_beyond { 0.9 } else { 0.5 }),
        };
        let heals_at =
            OPENS + VOTING_MS + rng.gen_range(0..if is_beyond { 600_000 } else { 120_000 });
        let mut arena = Self {
            rng,
            charter,
            origin,
            keys: keys(n),
            members: Vec::new(),
            liars: chosen,
            camps,
            known: Knowledge::default(),
            now: OPENS,
            queue: BTreeMap::new(),
            ticket: 0,
            wakes: Vec::new(),
            weather,
            healed: false,
            late: Vec::new(),
            last_lie: heals_at + LAST_LIE_MS,
            secrets,
        };
        arena.push(heals_at, Event::Heal);
        arena.seat_members(n);
        arena.plan_lies();
        arena
    }

    fn seat_members(&mut self, n: usize) {
        let skewed = self.rng.gen_bool(0.3);
        let honest: Vec<_> = (0..n).filter(|seat| !self.is_liar(*seat)).collect();
        for seat in honest {
            let skew = if skewed { self.rng.gen_range(-300_000..300_000) } else { 0 };
            let decision = self.decision_of(seat);
            self.members.push(Member::new(seat, None, skew, decision));
        }
        if self.rng.gen_bool(0.5) {
            for seat in self.liars.clone().into_iter().map(usize::from) {
                for camp in [false, true] {
                    let decision = self.decision_of(seat);
                    self.members.push(Member::new(seat, Some(camp), 0, decision));
                }
            }
        }
        self.wakes = vec![None; self.members.len()];
        for member in 0..self.members.len() {
            // Few different moments, so that few different ballots are ever signed.
            let at = OPENS + VOTING_MS / 8 * self.rng.gen_range(0..7);
            let choice = if self.rng.gen_bool(0.5) { Choice::Yes } else { Choice::No };
            if self.rng.gen_bool(0.9) {
                let skew = self.members[member].skew_ms;
                let at = at.saturating_add_signed(-skew).max(OPENS);
                self.push(at, Event::Vote(member, choice));
            }
            self.look_at_clock(member);
        }
    }

    fn decision_of(&self, seat: usize) -> Decision {
        let electorate = self.charter.electorate().to_vec();
        let me = electorate[seat];
        match &self.origin {
            Origin::Signed(proposal) => Decision::new(proposal.clone(), electorate, me).unwrap(),
            Origin::Revealed(hidden) => Decision::reveal((**hidden).clone(), me).unwrap(),
        }
    }

    /// How a member says what it chose; in the second half of a hidden vote that was settled
    /// before.
    fn vote_of(&mut self, member: usize, choice: Choice) -> Option<Input> {
        match self.charter.proposal().rule {
            Rule::Hidden { .. } => {
                let salt = self.rng.r#gen();
                Some(Input::VoteHidden { choice, salt })
            }
            Rule::Reveal(_) => {
                let Member { seat, camp, .. } = self.members[member];
                self.secrets.get(&(seat, camp)).cloned().map(Input::Vote)
            }
            _ => Some(Input::Vote(choice)),
        }
    }

    fn plan_lies(&mut self) {
        if self.liars.is_empty() {
            return;
        }
        for _ in 0..self.rng.gen_range(0..40) {
            let at = self.rng.gen_range(OPENS..self.last_lie);
            self.push(at, Event::Lie);
        }
    }

    pub(super) fn is_liar(&self, seat: usize) -> bool {
        u16::try_from(seat).is_ok_and(|seat| self.liars.contains(&seat))
    }

    pub(super) fn honest(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.camp.is_none())
    }

    /// Whether a quorum of honest sealers is left and no more lie than may.
    pub(super) fn is_within_tolerance(&self) -> bool {
        self.liars.len() <= usize::from(self.charter.quorum().f)
    }

    fn push(&mut self, at: u64, event: Event) {
        self.ticket += 1;
        self.queue.insert((at, self.ticket), event);
    }

    /// Plays until all honest members have decided and all lies are told, or nothing moves.
    pub(super) fn run(&mut self) {
        let within = self.is_within_tolerance();
        let patience = if within { PATIENCE_MS } else { PATIENCE_BEYOND_MS };
        for _ in 0..EVENTS_MAX {
            let Some(((at, _), event)) = self.queue.pop_first() else { return };
            if at > self.last_lie + patience {
                return;
            }
            self.now = self.now.max(at);
            self.play(event);
            let decided = |member: &Member| member.decision.certificate().is_some();
            if self.now >= self.last_lie && self.honest().all(decided) {
                return;
            }
        }
        panic!("does not come to rest");
    }

    fn play(&mut self, event: Event) {
        match event {
            Event::Deliver(to, bytes) => {
                let (member, key, now) = self.at(to);
                member.deliver(&bytes, key, now);
                self.settle(to);
            }
            Event::Wake(to) => {
                if self.wakes[to].is_some_and(|at| at <= self.now) {
                    self.wakes[to] = None;
                    let (member, key, now) = self.at(to);
                    member.handle(Input::Timeout, key, now);
                    self.settle(to);
                }
            }
            Event::Vote(to, choice) => {
                if let Some(vote) = self.vote_of(to, choice) {
                    let (member, key, now) = self.at(to);
                    member.handle(vote, key, now);
                    self.settle(to);
                }
            }
            Event::Lie => self.lie(),
            Event::Heal => {
                self.healed = true;
                for (to, bytes) in std::mem::take(&mut self.late) {
                    self.send(to, &bytes);
                }
            }
        }
    }

    fn at(&mut self, member: usize) -> (&mut Member, &PersonaKey, u64) {
        let member = &mut self.members[member];
        let key = &self.keys[member.seat];
        (member, key, self.now)
    }

    /// After an input: the disk, perhaps a crash, and what goes out.
    fn settle(&mut self, node: usize) {
        let may_crash = self.members[node].camp.is_none() && !self.healed;
        if self.members[node].waiting() > 0 {
            let crashes = may_crash && self.chance(self.weather.crashes);
            // What was said before the crash may have left, or not.
            if crashes && self.rng.gen_bool(0.5) {
                self.speak(node);
            }
            let rows = self.rng.gen_range(0..=self.members[node].waiting());
            let how = if crashes { Flush::CrashAfter(rows) } else { Flush::All };
            let (member, key, now) = self.at(node);
            for bytes in member.flush(how, key, now) {
                self.send(node, &bytes);
            }
        }
        self.speak(node);
        self.look_at_clock(node);
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        self.rng.gen_ratio(thousandths, 1000)
    }

    fn look_at_clock(&mut self, node: usize) {
        let wakes = self.members[node].wakes_at().map(|at| at.max(self.now));
        if let Some(at) = wakes.filter(|at| self.wakes[node].is_none_or(|known| *at < known)) {
            self.wakes[node] = Some(at);
            self.push(at, Event::Wake(node));
        }
    }

    fn speak(&mut self, node: usize) {
        for bytes in self.members[node].take_outgoing() {
            self.known.learn(&self.charter, &bytes);
            for listener in 0..self.members.len() {
                if listener != node {
                    self.transmit(node, listener, &bytes);
                }
            }
        }
    }

    fn transmit(&mut self, speaker: usize, listener: usize, bytes: &Bytes) {
        let camp = |node: usize| {
            let member = &self.members[node];
            member.camp.unwrap_or(self.camps[member.seat])
        };
        let same = camp(speaker) == camp(listener);
        let (from_twin, to_twin) =
            (self.members[speaker].camp.is_some(), self.members[listener].camp.is_some());
        if to_twin && !same {
            return;
        }
        let cut = !same && (from_twin || self.weather.parted);
        if !self.healed && (cut || self.chance(self.weather.loss)) {
            self.late.push((listener, bytes.clone()));
            return;
        }
        self.send(listener, bytes);
        if self.chance(self.weather.doubles) {
            self.send(listener, bytes);
        }
    }

    /// On its way; nothing stops it any more.
    pub(super) fn send(&mut self, to: usize, bytes: &Bytes) {
        let at = self.now + self.rng.gen_range(1..DELAY_MS);
        self.push(at, Event::Deliver(to, bytes.clone()));
    }

    /// In the end everyone sees everything that was ever said, and the certificates given here.
    pub(super) fn exchange(&mut self, certificates: &[Bytes]) {
        let history: Vec<_> = self.known.history.iter().chain(certificates).cloned().collect();
        let is_honest = |node: &usize| self.members[*node].camp.is_none();
        let honest: Vec<_> = (0..self.members.len()).filter(is_honest).collect();
        for node in honest {
            for bytes in &history {
                let key = &self.keys[self.members[node].seat];
                self.members[node].deliver(bytes, key, self.now);
            }
            let (member, key, now) = self.at(node);
            member.flush(Flush::All, key, now);
        }
        // What honest members had to say to that.
        for node in 0..self.members.len() {
            for bytes in self.members[node].take_outgoing() {
                self.known.learn(&self.charter, &bytes);
            }
        }
    }
}
