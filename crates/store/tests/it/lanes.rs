//! The work a child process does until a fault ends it, and what must be left of it.
//!
//! Several lanes commit numbered batches at once and print each number when it is acknowledged.
//! Every batch is what one message does to a node: a log row, a state that is rewritten, a queue
//! row, and older rows that go. From the last number of a lane everything that must be there, and
//! nothing else, can be made again.

use std::{env, io::Write, path::Path, process::Command, time::Duration};

use anyhow::{Context, ensure};
use store::{Batch, CommitError, Dir, KeyRange, LedgerEngine, Store, Table, open_ledger};

use crate::harness::{Place, key, noise};

/// How many threads commit at once.
pub(crate) const LANES: usize = 3;
/// Messages and envelopes older than this are deleted again, so that space is reused.
const KEPT: u64 = 40;

const CHILD_DIR: &str = "CONCLAVE_STORE_CHILD_DIR";
const CHILD_ENGINE: &str = "CONCLAVE_STORE_CHILD_ENGINE";
const CHILD_BATCHES: &str = "CONCLAVE_STORE_CHILD_BATCHES";

/// The last batch of each lane that somebody was promised.
pub(crate) type Acknowledged = [Option<u64>; LANES];

fn lanes() -> impl Iterator<Item = u8> {
    (0..=u8::MAX).take(LANES)
}

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
fn position(store: &dyn Store, lane: u8) -> anyhow::Result<Option<u64>> {
    let Some(state) = store.get(Table::Group, &[lane])? else { return Ok(None) };
    Ok(Some(u64::from_be_bytes(*state.first_chunk().context("a state without its number")?)))
}

/// Checks that every lane holds exactly its batches up to the last one, each one whole, and that
/// what was acknowledged is among them. Says how far each lane is.
pub(crate) fn verify(
    store: &dyn Store,
    acknowledged: &Acknowledged,
) -> anyhow::Result<Acknowledged> {
    let mut reached = [None; LANES];
    for ((lane, acknowledged), reached) in lanes().zip(acknowledged).zip(&mut reached) {
        *reached = verify_lane(store, lane, *acknowledged)?;
    }
    Ok(reached)
}

fn verify_lane(
    store: &dyn Store,
    lane: u8,
    acknowledged: Option<u64>,
) -> anyhow::Result<Option<u64>> {
    let last = position(store, lane)?;
    ensure!(last >= acknowledged, "lane {lane}: {acknowledged:?} acknowledged, {last:?} there");
    let expected: Vec<u64> = match last {
        None => Vec::new(),
        Some(last) => ((last + 1).saturating_sub(KEPT)..=last).collect(),
    };
    if let Some(last) = last {
        let found = store.get(Table::Group, &[lane])?;
        ensure!(found.as_deref() == Some(&state(lane, last)[..]), "lane {lane}: torn state");
    }
    for table in [Table::Message, Table::Outbox] {
        let rows = store.scan(table, KeyRange::prefix(&[lane]), Dir::Forward, 1000)?.rows;
        let keys: Vec<_> = rows.iter().map(|(key, _)| key.to_vec()).collect();
        let wanted: Vec<_> = expected.iter().map(|n| row_key(lane, *n)).collect();
        ensure!(
            keys == wanted,
            "lane {lane}: {} rows of {table} up to {last:?}, not {}",
            keys.len(),
            wanted.len()
        );
        for ((_, value), n) in rows.iter().zip(&expected) {
            let right = match table {
                Table::Message => value[..] == message(lane, *n)[..],
                _ => value[..] == n.to_be_bytes()[..],
            };
            ensure!(right, "lane {lane}, batch {n}: {table} is not what was committed");
        }
    }
    Ok(last)
}

/// Commits one more batch in every lane.
pub(crate) fn go_on(store: &dyn Store, reached: &Acknowledged) -> anyhow::Result<()> {
    for (lane, next) in lanes().zip(next(reached).into_iter().flatten()) {
        store.commit(batch(lane, next))?;
    }
    Ok(())
}

/// Where lanes are after [`go_on`].
pub(crate) fn next(reached: &Acknowledged) -> Acknowledged {
    reached.map(|last| Some(last.map_or(0, |last| last + 1)))
}

/// Lane and number of an acknowledgement, if the line is one and whole.
pub(crate) fn acknowledgement(line: &str) -> Option<(usize, u64)> {
    let (lane, n) = line.strip_prefix("acknowledged ")?.strip_suffix('.')?.split_once(' ')?;
    Some((lane.parse().ok()?, n.parse().ok()?))
}

/// Notes an acknowledgement; numbers of a lane must rise.
pub(crate) fn note(acknowledged: &mut Acknowledged, (lane, n): (usize, u64)) {
    let before = acknowledged[lane];
    assert!(before.is_none_or(|last| n > last), "lane {lane}: {n} after {before:?}");
    acknowledged[lane] = Some(n);
}

/// The arguments that turn this test binary into the child.
pub(crate) const CHILD_ARGUMENTS: [&str; 5] =
    ["--exact", "lanes::child", "--ignored", "--nocapture", "--test-threads=1"];

/// Tells a command, which runs this test binary in the end, where to work and how long:
/// `batches` in each lane, without end if there is no number.
pub(crate) fn work_on<'a>(
    command: &'a mut Command,
    place: &Place,
    batches: Option<u64>,
) -> &'a mut Command {
    command
        .args(CHILD_ARGUMENTS)
        .env(CHILD_DIR, place.dir())
        .env(CHILD_ENGINE, place.engine.to_string())
        .env(CHILD_BATCHES, batches.unwrap_or(u64::MAX).to_string())
}

/// Runs in the child only.
#[test]
#[ignore = "the process the other tests here start and kill"]
fn child() {
    let dir = env::var_os(CHILD_DIR).expect("started by a test of this file");
    let engine: LedgerEngine =
        env::var(CHILD_ENGINE).expect("is set").parse().expect("names an engine");
    let batches: u64 = env::var(CHILD_BATCHES).expect("is set").parse().expect("a number");
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        // A closed pipe means that the parent is gone.
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    };
    // The test runner has written the name of this test into the first line.
    say(String::new());
    let store = match open_ledger(Path::new(&dir), engine, &key()) {
        Ok(store) => store,
        Err(error) => return say(format!("refused: {error}")),
    };
    say("opened.".into());
    std::thread::scope(|scope| {
        for lane in lanes() {
            let (store, say) = (&store, &say);
            scope.spawn(move || {
                let first = position(&**store, lane).expect("reads").map_or(0, |last| last + 1);
                for n in first..first.saturating_add(batches) {
                    match store.commit(batch(lane, n)) {
                        Ok(_) => say(format!("acknowledged {lane} {n}.")),
                        Err(CommitError::Failed(reason)) => {
                            say(format!("failed {lane}: {reason}"));
                            continue;
                        }
                        // Asked a few times more, it must never say yes again.
                        Err(CommitError::Poisoned(_)) => say(format!("poisoned {lane}.")),
                        Err(error) => panic!("{error}"),
                    }
                    if lane == 0 && n % 25 == 24 {
                        match store.maintain(Duration::from_millis(50)) {
                            Ok(_) => {}
                            Err(error) => say(format!("upkeep: {error}")),
                        }
                    }
                }
            });
        }
    });
}
