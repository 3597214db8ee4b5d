//! Kills at every point where something is written.

use super::*;

fn requests() -> Vec<(NodeId, Request)> {
    let deposits: Vec<_> = (0..12u8).map(|n| group(token(n % 3), n.into(), &[1, 2])).collect();
    let answer = |n: usize, keys: &[u8]| {
        let keys = keys.iter().map(|n| release(*n)).collect();
        (BOB, Request::Answer(vec![Answer { envelope: id(&deposits[n]), keys }]))
    };
    let mut requests: Vec<_> =
        deposits.iter().map(|deposit| (ALICE, Request::Deposit(deposit.clone()))).collect();
    requests.extend([
        (BOB, Request::Watch((0..3).map(|n| Claim::Token(token(n))).collect())),
        answer(0, &[1]),
        answer(1, &[1, 2]),
        (ALICE, Request::Deposit(group(token(0), 0, &[3]))),
        (ALICE, Request::Deposit(deposits[1].clone())),
        answer(0, &[2]),
        answer(0, &[3]),
        answer(5, &[1, 2]),
    ]);
    requests
}

/// What was promised and not given free must be there after a kill, whichever write it hit.
#[test]
fn a_kill_at_any_write_loses_nothing_promised_and_brings_back_nothing_released() {
    let requests = requests();
    for killed_before in 0..2 * requests.len() {
        let mut world = World::with(&[ALICE, BOB]);
        let mut promised = BTreeSet::new();
        let mut written = 0;
        'run: for (from, request) in &requests {
            world.host.handle(*from, request.clone(), NOW);
            while let Some(batch) = world.host.poll_batch() {
                if written == killed_before {
                    break 'run;
                }
                written += 1;
                let number = batch.number;
                world.disk.apply(batch);
                // The kill may also hit between the write and the promise.
                if written == killed_before {
                    break 'run;
                }
                written += 1;
                world.host.stored(number);
            }
            for (_, heard) in world.said() {
                if let Heard::Stored(id) = heard {
                    promised.insert(id);
                }
            }
        }
        let released: BTreeSet<_> = requests
            .iter()
            .flat_map(|(_, request)| match request {
                Request::Answer(answers) => answers.clone(),
                _ => vec![],
            })
            .map(|answer| answer.envelope)
            .collect();
        let held: BTreeSet<_> = world.disk.envelopes.values().map(|e| EnvelopeId::of(e)).collect();
        assert!(promised.difference(&held).all(|id| released.contains(id)), "{killed_before}");
        let (keys, rows): (Vec<_>, Vec<_>) = (
            world.disk.envelopes.keys().copied().collect(),
            world.disk.rows.keys().copied().collect(),
        );
        assert_eq!(keys, rows, "a row without its envelope, or the other way round");

        world.restart();
        assert_eq!(world.host.counts().envelopes, u64::try_from(held.len()).unwrap());
        world.connect(BOB);
        let mut got = BTreeSet::new();
        for n in 0..3 {
            got.extend(world.watch(BOB, Claim::Token(token(n))));
        }
        assert_eq!(got, held, "killed before write {killed_before}");
        // The same requests again lead to the same end.
        world.connect(ALICE);
        for (from, request) in &requests {
            world.ask(*from, request.clone());
        }
        let left = world.disk.envelopes.len();
        assert_eq!(left, 12 - 2, "0 and 5 are free; 1 was left again after it was");
    }
}

#[test]
fn after_a_restart_order_and_quotas_of_tags_are_as_before() {
    let limits = Limits { tag_entries: 10, ..Limits::default() };
    let mut world = World::new(limits);
    world.connect(ALICE);
    let deposits: Vec<_> = (0..10).map(|n| group(token(1), n, &[1])).collect();
    world.deposit_all(ALICE, &deposits);
    let room = world.host.counts().room_bytes;
    world.restart();
    assert_eq!(world.host.counts().room_bytes, room);
    world.connect(ALICE);
    let more = group(token(1), 10, &[1]);
    assert_eq!(world.deposit(ALICE, &more), Heard::Refused(id(&more), Refusal::TagFull));
    world.connect(BOB);
    let ids: Vec<_> = deposits.iter().map(id).collect();
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), ids);
    world.answer(BOB, ids[9], &[1]);
    assert_eq!(world.deposit(ALICE, &more), Heard::Stored(id(&more)));
    assert_eq!(world.disk.rows.len(), 10, "no key is used twice");
}

#[test]
fn a_batch_that_could_not_be_written_is_refused_and_forgotten() {
    let mut world = World::with(&[ALICE, BOB]);
    world.watch(BOB, Claim::Token(token(1)));
    let deposit = group(token(1), 1, &[1]);
    world.host.handle(ALICE, Request::Deposit(deposit.clone()), NOW);
    let batch = world.host.poll_batch().unwrap();
    // Left again with more locks before the first write came back.
    world.host.handle(BOB, Request::Deposit(group(token(1), 1, &[2])), NOW);
    world.host.failed(batch.number);
    let refused = Heard::Refused(id(&deposit), Refusal::Full);
    assert_eq!(world.settle(), [(ALICE, refused.clone()), (BOB, refused)]);
    assert_eq!((&world.disk, world.host.counts().room_bytes), (&Disk::default(), 0));
    assert_eq!(world.deposit(ALICE, &deposit), Heard::Stored(id(&deposit)));
}

#[test]
fn an_envelope_that_cannot_be_read_leaves_the_index_and_stays_on_disk() {
    let mut world = World::with(&[ALICE, BOB]);
    world.deposit(ALICE, &group(token(1), 1, &[1]));
    let key = *world.disk.rows.keys().next().unwrap();
    world.host.unreadable(key);
    assert_eq!(world.settle(), []);
    assert_eq!((world.host.counts().envelopes, world.disk.rows.len()), (0, 1));
    assert_eq!(world.watch(BOB, Claim::Token(token(1))), []);
}

#[test]
fn rows_name_no_node() {
    let mut world = World::with(&[ALICE, BOB]);
    for n in 0..20 {
        world.deposit(if n % 2 == 0 { ALICE } else { BOB }, &group(token(9), n, &[8]));
    }
    let rows: Vec<u8> = world.disk.rows.values().flatten().copied().collect();
    for secret in [ALICE.0, BOB.0, token(9).0, release(8).0] {
        assert!(!rows.windows(8).any(|window| window == &secret[..8]));
    }
    assert!(!rows.windows(4).any(|window| window == [192, 0, 2, 1]));
}
