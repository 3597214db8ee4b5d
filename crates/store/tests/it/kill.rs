//! kill -9 at random instants, also while the ledger is opening.
//!
//! A child process commits numbered batches in several lanes at once and prints each number when
//! it is acknowledged. It is killed, the ledger is opened, and everything printed must be there,
//! nothing torn, and nothing missing in between. `CONCLAVE_KILLS` says how often (20 an engine),
//! `CONCLAVE_KILL_SEED` repeats a run.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use store::{Batch, Dir, KeyRange, LedgerEngine, Store, Table, open_ledger};

use crate::harness::{Place, key, noise, on_both_engines};

on_both_engines!(what_was_acknowledged_survives_kill_9_and_nothing_is_torn);

const LANES: u8 = 3;
/// Messages and envelopes older than this are deleted again, so that space is reused.
const KEPT: u64 = 40;

const CHILD_DIR: &str = "CONCLAVE_STORE_CHILD_DIR";
const CHILD_ENGINE: &str = "CONCLAVE_STORE_CHILD_ENGINE";

fn row_key(lane: u8, n: u64) -> Vec<u8> {
    [&[lane], &n.to_be_bytes()[..]].concat()
}

/// The message of a batch; some are long enough to be cut into pieces.
fn message(lane: u8, n: u64) -> Vec<u8> {
    let len = match n % 16 {
        0 => 90_000,
        1..=3 => 12_000,
        _ => 1_100,
    };
    noise(n * 10 + u64::from(lane), len)
}

/// State that is rewritten with every batch, and says how far its lane is.
fn state(lane: u8, n: u64) -> Vec<u8> {
    [&n.to_be_bytes()[..], &noise(n + u64::from(lane), 5_000)].concat()
}

/// One thing that happened: log row, state, outbox row, and older rows that go.
fn batch(lane: u8, n: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Message, row_key(lane, n), message(lane, n));
    batch.put(Table::Group, [lane], state(lane, n));
    batch.put(Table::Outbox, row_key(lane, n), n.to_be_bytes());
    if let Some(old) = n.checked_sub(KEPT) {
        batch.delete(Table::Message, row_key(lane, old));
        batch.delete(Table::Outbox, row_key(lane, old));
    }
    batch
}

/// How far a lane is: the number of its last batch.
fn position(store: &dyn Store, lane: u8) -> Option<u64> {
    let state = store.get(Table::Group, &[lane]).expect("reads")?;
    Some(u64::from_be_bytes(*state.first_chunk().expect("starts with its number")))
}

/// Checks that a lane holds exactly its batches up to the last one, each one whole.
fn verify(store: &dyn Store, lane: u8, acknowledged: Option<u64>) -> Option<u64> {
    let last = position(store, lane);
    assert!(last >= acknowledged, "lane {lane}: {acknowledged:?} acknowledged, {last:?} there");
    let expected: Vec<u64> = match last {
        None => Vec::new(),
        Some(last) => ((last + 1).saturating_sub(KEPT)..=last).collect(),
    };
    if let Some(last) = last {
        let found = store.get(Table::Group, &[lane]).expect("reads");
        assert!(found.as_deref() == Some(&state(lane, last)[..]), "lane {lane}: torn state");
    }
    for table in [Table::Message, Table::Outbox] {
        let page = store.scan(table, KeyRange::prefix(&[lane]), Dir::Forward, 1000);
        let rows = page.expect("scans").rows;
        let keys: Vec<_> = rows.iter().map(|(key, _)| key.to_vec()).collect();
        let wanted: Vec<_> = expected.iter().map(|n| row_key(lane, *n)).collect();
        assert_eq!(keys, wanted, "lane {lane}: rows of {table} up to {last:?}");
        for ((_, value), n) in rows.iter().zip(&expected) {
            let right = match table {
                Table::Message => value[..] == message(lane, *n)[..],
                _ => value[..] == n.to_be_bytes()[..],
            };
            assert!(right, "lane {lane}, batch {n}: {table} is not what was committed");
        }
    }
    last
}

/// Runs in the child only.
#[test]
#[ignore = "the process the other tests here start and kill"]
fn child() {
    let dir = env::var_os(CHILD_DIR).expect("started by a test of this file");
    let engine: LedgerEngine =
        env::var(CHILD_ENGINE).expect("is set").parse().expect("names an engine");
    let store = open_ledger(Path::new(&dir), engine, &key()).expect("opens");
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        // A closed pipe means that the parent is gone.
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    };
    say("opened".into());
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (store, say) = (&store, &say);
            scope.spawn(move || {
                let first = position(&**store, lane).map_or(0, |last| last + 1);
                for n in first.. {
                    store.commit(batch(lane, n)).expect("commits");
                    say(format!("acknowledged {lane} {n}"));
                    if lane == 0 && n % 25 == 24 {
                        store.maintain(Duration::from_millis(50)).expect("maintains");
                    }
                }
            });
        }
    });
}

fn start(place: &Place) -> Child {
    Command::new(env::current_exe().expect("the test binary"))
        .args(["--exact", "kill::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, place.dir())
        .env(CHILD_ENGINE, place.engine.to_string())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(place.beside("stderr")).expect("creates"))
        .spawn()
        .expect("starts")
}

/// What a round does before it kills.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// So long after the start: in the middle of opening, more often than not.
    Elapsed(Duration),
    /// So many acknowledgements, and then so long again.
    Acknowledged(u32, Duration),
}

/// Starts a child, kills it, and notes what it had acknowledged. Says whether it had opened.
fn round(place: &Place, until: Until, acknowledged: &mut [Option<u64>]) -> bool {
    let mut child = start(place);
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let (mut opened, mut count) = (false, 0);
    let mut note = |line: &str| {
        opened |= line.ends_with("opened");
        let mut words = line.split(' ');
        if words.next() == Some("acknowledged") {
            let lane: usize = words.next().expect("a lane").parse().expect("a number");
            let n: u64 = words.next().expect("a batch").parse().expect("a number");
            let expected = acknowledged[lane];
            assert!(expected.is_none_or(|last| n > last), "lane {lane}: {n} after {expected:?}");
            acknowledged[lane] = Some(n);
            return true;
        }
        false
    };
    // The instant of the kill is random on purpose: it is what is being tested.
    match until {
        Until::Elapsed(time) => std::thread::sleep(time),
        Until::Acknowledged(wanted, time) => {
            while count < wanted {
                let Some(line) = lines.next() else {
                    let said = fs::read_to_string(place.beside("stderr")).expect("reads");
                    panic!("the child ended by itself after {acknowledged:?}: {said}");
                };
                let line = line.expect("reads");
                count += u32::from(note(&line));
            }
            std::thread::sleep(time);
        }
    }
    child.kill().expect("kills");
    let status = child.wait().expect("ends");
    assert!(!status.success() && status.code().is_none(), "not killed but ended: {status}");
    for line in lines {
        // The last line may be cut off; then nobody has been told.
        let line = line.expect("reads");
        let whole = line.split(' ').count() == 3 || line.ends_with("opened");
        if whole {
            note(&line);
        }
    }
    opened
}

fn what_was_acknowledged_survives_kill_9_and_nothing_is_torn(engine: LedgerEngine) {
    let number =
        |name, default| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let rounds = number("CONCLAVE_KILLS", 20);
    let seed = number("CONCLAVE_KILL_SEED", rand::random::<u64>());
    eprintln!("{engine}: CONCLAVE_KILLS={rounds} CONCLAVE_KILL_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let place = Place::new(engine);
    let mut acknowledged = [None; LANES as usize];

    // How long opening takes here, so that kills during it hit it.
    let began = Instant::now();
    let mut child = start(&place);
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    while !lines.next().expect("the child goes on").expect("reads").ends_with("opened") {}
    let opening = began.elapsed();
    child.kill().expect("kills");
    child.wait().expect("ends");
    drop(lines);

    let (mut killed_opening, mut verified) = (0, 0);
    for n in 0..rounds {
        let until = if n % 3 == 2 {
            Until::Elapsed(opening.mul_f64(rng.gen_range(0.05..1.0)))
        } else {
            let time = Duration::from_micros(rng.gen_range(0..20_000));
            Until::Acknowledged(rng.gen_range(1..120), time)
        };
        let opened = round(&place, until, &mut acknowledged);
        killed_opening += u64::from(!opened);
        if n % 4 == 3 {
            // The next child opens what this one left, so that recovery itself is killed, too.
            continue;
        }
        let store = place.open();
        for (lane, acknowledged) in (0..LANES).zip(&mut acknowledged) {
            *acknowledged = verify(&*store, lane, *acknowledged);
        }
        verified += 1;
    }
    let store = place.open();
    let reached: Vec<_> =
        (0..LANES).zip(acknowledged).map(|(lane, last)| verify(&*store, lane, last)).collect();
    assert!(store.check(true).expect("checks").is_ok());
    eprintln!(
        "{engine}: {rounds} kills, {killed_opening} of them before it was open; \
         verified {verified} times, lanes at {reached:?}"
    );
    assert!(reached.iter().any(Option::is_some) || rounds == 0, "nothing was ever committed");
}
