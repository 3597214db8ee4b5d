//! Random requests to the host and to a model that is slow and plainly right.

use proptest::prelude::*;

use super::*;

/// What anyone may do.
#[derive(Debug, Clone)]
enum Step {
    Deposit { from: u8, tag: u8, n: u8, locks: Vec<u8> },
    Watch { from: u8, tag: u8 },
    Answer { from: u8, tag: u8, n: u8, keys: Vec<u8> },
    Reconnect { from: u8 },
    Lost { from: u8 },
    Hours(u64),
    Restart,
}

const HOUR: u64 = 3_600_000;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let from = 1u8..4;
    let names = || (0u8..3, 0u8..12);
    let keys = || prop::collection::btree_set(0u8..4, 0..4).prop_map(Vec::from_iter);
    let step = prop_oneof![
        6 => (from.clone(), names(), keys())
            .prop_map(|(from, (tag, n), locks)| Step::Deposit { from, tag, n, locks }),
        3 => (from.clone(), 0u8..3).prop_map(|(from, tag)| Step::Watch { from, tag }),
        6 => (from.clone(), names(), keys())
            .prop_map(|(from, (tag, n), keys)| Step::Answer { from, tag, n, keys }),
        1 => from.clone().prop_map(|from| Step::Reconnect { from }),
        1 => from.prop_map(|from| Step::Lost { from }),
        1 => (1u64..48).prop_map(Step::Hours),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..120)
}

/// One envelope as the model knows it.
#[derive(Debug)]
struct Kept {
    id: EnvelopeId,
    tag: u8,
    locks: BTreeSet<u8>,
    lockless: bool,
    until: u64,
}

/// Everything held, oldest first, and what each connection watches, was handed and has answered.
#[derive(Default)]
struct Model {
    kept: Vec<Kept>,
    watched: BTreeMap<u8, BTreeSet<u8>>,
    handed: BTreeMap<u8, BTreeSet<EnvelopeId>>,
}

impl Model {
    fn deposit(&mut self, id: EnvelopeId, tag: u8, locks: &[u8], until: u64) {
        match self.kept.iter_mut().find(|kept| kept.id == id) {
            Some(kept) => kept.locks.extend(locks),
            None => {
                let (locks, lockless) = (locks.iter().copied().collect(), locks.is_empty());
                self.kept.push(Kept { id, tag, locks, lockless, until });
            }
        }
    }

    fn answer(&mut self, id: EnvelopeId, keys: &[u8]) {
        for kept in self.kept.iter_mut().filter(|kept| kept.id == id) {
            kept.locks.retain(|lock| !keys.contains(lock));
        }
        self.kept.retain(|kept| kept.lockless || !kept.locks.is_empty());
        self.forget_gone();
    }

    fn expire(&mut self, now: u64) {
        self.kept.retain(|kept| kept.until > now);
        self.forget_gone();
    }

    fn forget_gone(&mut self) {
        let ids: BTreeSet<_> = self.kept.iter().map(|kept| kept.id).collect();
        self.handed.values_mut().for_each(|handed| handed.retain(|id| ids.contains(id)));
    }

    /// Everything from the first unanswered entry of a tag on is due once more.
    fn rewind(&mut self, from: u8, unanswered: &BTreeSet<EnvelopeId>, tags: impl Fn(u8) -> bool) {
        let Some(handed) = self.handed.get_mut(&from) else { return };
        let mut rewound = BTreeSet::new();
        for kept in self.kept.iter().filter(|kept| tags(kept.tag)) {
            if unanswered.contains(&kept.id) {
                rewound.insert(kept.tag);
            }
            if rewound.contains(&kept.tag) {
                handed.remove(&kept.id);
            }
        }
    }

    /// What a connection still is to be handed; fewer envelopes than may be unanswered exist.
    fn due(&mut self, from: u8) -> Vec<EnvelopeId> {
        let watched = self.watched.entry(from).or_default();
        let handed = self.handed.entry(from).or_default();
        let due = self.kept.iter().filter(|kept| watched.contains(&kept.tag));
        let due: Vec<_> = due.map(|kept| kept.id).filter(|id| !handed.contains(id)).collect();
        handed.extend(&due);
        due
    }
}

fn run(steps: Vec<Step>) {
    let (mut world, mut model) = (World::with(&[ALICE, BOB, CAROL]), Model::default());
    // The model hands out what a broken link held only if it was not answered.
    let mut unanswered: BTreeMap<u8, BTreeSet<EnvelopeId>> = BTreeMap::new();
    for step in steps {
        match &step {
            Step::Deposit { from, tag, n, locks } => {
                let mut deposit = group(token(*tag), (*n).into(), locks);
                deposit.keep_ms = HOUR * (1 + u64::from(*n));
                // A lockless envelope takes no locks, in the model by itself.
                model.deposit(id(&deposit), *tag, locks, world.now + deposit.keep_ms);
                world.host.handle(NodeId([*from; 32]), Request::Deposit(deposit), world.now);
            }
            Step::Watch { from, tag } => {
                if !model.watched.entry(*from).or_default().insert(*tag) {
                    let again = unanswered.entry(*from).or_default();
                    model.rewind(*from, again, |other| other == *tag);
                    let of_tag = |id: &EnvelopeId| {
                        model.kept.iter().any(|kept| kept.id == *id && kept.tag == *tag)
                    };
                    again.retain(|id| !of_tag(id));
                }
                let claims = vec![Claim::Token(token(*tag))];
                world.host.handle(NodeId([*from; 32]), Request::Watch(claims), world.now);
            }
            Step::Answer { from, tag, n, keys } => {
                let envelope = id(&group(token(*tag), (*n).into(), &[]));
                model.answer(envelope, keys);
                unanswered.entry(*from).or_default().remove(&envelope);
                let keys = keys.iter().map(|n| release(*n)).collect();
                let answers = vec![Answer { envelope, keys }];
                world.host.handle(NodeId([*from; 32]), Request::Answer(answers), world.now);
            }
            Step::Reconnect { from } => {
                model.watched.remove(from);
                model.handed.remove(from);
                unanswered.remove(from);
                world.host.disconnected(NodeId([*from; 32]));
                world.connect(NodeId([*from; 32]));
            }
            Step::Lost { from } => {
                let node = NodeId([*from; 32]);
                world.host.lost(node, world.now);
                let again = unanswered.remove(from).unwrap_or_default();
                model.rewind(*from, &again, |_| true);
                world.now += 60_000;
                world.host.on_timeout(world.now);
                model.expire(world.now);
            }
            Step::Hours(hours) => {
                world.now += hours * HOUR;
                world.host.on_timeout(world.now);
                model.expire(world.now);
            }
            Step::Restart => {
                world.settle();
                world.restart();
                (model.watched, model.handed) = <_>::default();
                unanswered.clear();
                for node in [ALICE, BOB, CAROL] {
                    world.connect(node);
                }
            }
        }
        let mut got: BTreeMap<u8, Vec<EnvelopeId>> = BTreeMap::new();
        for (to, heard) in world.settle() {
            match heard {
                Heard::Entry(id) => got.entry(to.0[0]).or_default().push(id),
                Heard::Refused(_, reason) => panic!("{reason}"),
                Heard::Stored(_) | Heard::Watching(..) => {}
            }
        }
        for from in 1..4 {
            let due = model.due(from);
            assert_eq!(got.remove(&from).unwrap_or_default(), due, "{step:?}");
            unanswered.entry(from).or_default().extend(due);
        }
        let mut held: Vec<_> =
            world.disk.envelopes.values().map(|bytes| EnvelopeId::of(bytes)).collect();
        let mut expected: Vec<_> = model.kept.iter().map(|kept| kept.id).collect();
        assert_eq!(held, expected, "{step:?}");
        held.sort_unstable();
        expected.sort_unstable();
        let counts = world.host.counts();
        assert_eq!(counts.envelopes, u64::try_from(expected.len()).unwrap());
        assert_eq!(counts.room_bytes == 0, expected.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_host_does_what_the_model_does(steps in steps()) {
        run(steps);
    }
}
