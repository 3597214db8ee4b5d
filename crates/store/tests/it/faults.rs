//! Single calls that fail or are the last, put in the way of a child process by `strace`.
//!
//! [`crate::kill`] and [`crate::power_cut`] hit random instants; here nothing is left to chance:
//! the process is killed at each call with which an opening changes the disk, one after the
//! other, a flush fails exactly once, and a disk is full from one write on.

use std::{
    env,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use store::LedgerEngine;

use crate::{
    harness::{Place, copy, on_both_engines, strace},
    lanes::{self, Acknowledged, LANES},
};

on_both_engines!(
    killed_at_any_call_of_an_opening_it_opens_again,
    after_one_failed_flush_nothing_more_is_acknowledged_and_nothing_is_lost,
    a_disk_without_space_stops_commits_and_loses_nothing,
);

/// The calls with which a disk is changed.
const CHANGES: [&str; 9] =
    ["mkdir", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "unlink", "chmod"];

/// What a child said before it ended.
struct Said {
    opened: bool,
    acknowledged: Acknowledged,
    /// For each lane, how often it was refused, and whether it was told yes after that.
    refused: [usize; LANES],
    yes_after_no: bool,
    failed: Vec<String>,
}

/// Has a child work in a place under a fault in the words of `strace --inject`.
fn under(fault: &str, place: &Place, batches: u64) -> anyhow::Result<Option<Said>> {
    let Some(mut strace) = strace()? else { return Ok(None) };
    strace.args(["-f", "-qq", "-o", "/dev/null"]);
    // What is injected into has to be traced.
    let (call, _) = fault.split_once(':').context("a fault names its call")?;
    strace.args(["-e", &format!("trace={call}"), "-e", &format!("inject={fault}")]);
    strace.arg(env::current_exe()?).stderr(Stdio::null());
    let output = lanes::work_on(&mut strace, place, Some(batches)).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut said = Said {
        opened: false,
        acknowledged: Acknowledged::default(),
        refused: [0; LANES],
        yes_after_no: false,
        failed: Vec::new(),
    };
    for line in text.lines() {
        said.opened |= line == "opened.";
        if let Some((lane, n)) = lanes::acknowledgement(line) {
            said.yes_after_no |= said.refused[lane] > 0;
            lanes::note(&mut said.acknowledged, (lane, n));
        }
        if line.starts_with("failed ") {
            said.failed.push(line.to_owned());
        }
        for lane in 0..LANES {
            let told = |word: &str| line.starts_with(&format!("{word} {lane}"));
            said.refused[lane] += usize::from(told("failed") || told("poisoned"));
        }
    }
    Ok(Some(said))
}

/// Everything promised is there, and the ledger takes commits again.
fn is_whole(place: &Place, acknowledged: &Acknowledged) -> anyhow::Result<()> {
    let store = place.try_open()?;
    let reached = lanes::verify(&*store, acknowledged)?;
    lanes::go_on(&*store, &reached)
}

/// A ledger whose process was killed under load, so that opening it has something to recover.
fn killed_under_load(engine: LedgerEngine) -> anyhow::Result<(Place, Acknowledged)> {
    use std::io::{BufRead, BufReader};
    let place = Place::new(engine);
    let mut acknowledged = Acknowledged::default();
    let mut command = Command::new(env::current_exe()?);
    let mut child = lanes::work_on(&mut command, &place, None).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("is piped")?).lines();
    while acknowledged[0] < Some(60) {
        let line = lines.next().context("the child goes on")??;
        lanes::acknowledgement(&line).into_iter().for_each(|told| {
            lanes::note(&mut acknowledged, told);
        });
    }
    child.kill()?;
    child.wait()?;
    Ok((place, acknowledged))
}

fn killed_at_any_call_of_an_opening_it_opens_again(engine: LedgerEngine) {
    let used = killed_under_load(engine).expect("a ledger to recover");
    let fresh = (Place::new(engine), Acknowledged::default());
    let mut kills = 0;
    for (from, acknowledged) in [&fresh, &used] {
        for call in CHANGES {
            // One call later each time, until the opening no longer makes that many.
            for when in 1.. {
                assert!(when < 500, "{call}: the opening never ends");
                let place = Place::new(engine);
                if from.dir().exists() {
                    copy(&from.dir(), &place.dir()).expect("copies");
                }
                let fault = format!("{call}:signal=KILL:when={when}");
                let Some(said) = under(&fault, &place, 1).expect("runs") else { return };
                is_whole(&place, acknowledged)
                    .unwrap_or_else(|error| panic!("killed at {call} {when}: {error:#}"));
                if said.opened {
                    break;
                }
                kills += 1;
            }
        }
    }
    eprintln!("{engine}: killed at {kills} calls of an opening, opened again after each");
    assert!(kills > 40, "only {kills} calls were hit");
}

fn stops_and_keeps(engine: LedgerEngine, fault: &str) -> anyhow::Result<()> {
    let place = Place::new(engine);
    let Some(said) = under(fault, &place, 200)? else { return Ok(()) };
    let last = said.acknowledged.iter().flatten().max().copied();
    eprintln!("{engine}, {fault}: acknowledged up to {last:?}, then {:?}", said.failed);
    ensure!(last.is_some_and(|last| last < 199), "the fault came too early or never: {last:?}");
    ensure!(!said.failed.is_empty(), "nobody was told of a failure");
    ensure!(said.refused.iter().all(|count| *count > 1), "{:?}", said.refused);
    ensure!(!said.yes_after_no, "acknowledged after a failure");
    is_whole(&place, &said.acknowledged)
}

fn after_one_failed_flush_nothing_more_is_acknowledged_and_nothing_is_lost(engine: LedgerEngine) {
    // Exactly one: the next would succeed, and would not mean what it says. The thread that
    // commits flushes the database nowhere else, so this is a commit's flush.
    stops_and_keeps(engine, "fdatasync:error=EIO:when=30").expect("stops and loses nothing");
}

fn a_disk_without_space_stops_commits_and_loses_nothing(engine: LedgerEngine) {
    // Counted for each thread: SQLite writes in the one that commits, sled in a pool of its own.
    let writes = match engine {
        LedgerEngine::Sqlite => 600,
        LedgerEngine::Sled => 30,
    };
    let fault = format!("pwrite64:error=ENOSPC:when={writes}+");
    stops_and_keeps(engine, &fault).expect("stops and loses nothing");
}
