//! Power cuts at random instants, replayed.
//!
//! A child process works in [`crate::lanes`] under `strace`. [`trace`] reads what it did, call by
//! call, and [`disk`] follows the calls as a disk that forgets what was not flushed. At random
//! instants, most of them right after an acknowledgement, the folder is rebuilt as a power cut
//! would have left it; the ledger is opened there, and everything acknowledged before the instant
//! must be in it, nothing torn, and it must take further commits. The next trace begins in what
//! the last cut of the one before has left.
//!
//! Two things keep the replay honest: played to its end it must equal the real files byte for
//! byte, and on a disk that ignores flushes the same checks must find losses.
//!
//! `CONCLAVE_IMAGES` says how many images an engine (24), `CONCLAVE_KILL_SEED` repeats a run's
//! choices. `CONCLAVE_IMAGES=1000 cargo power-cuts` is the large run; `REPORT.md` beside this file
//! says what it found.

mod disk;
mod trace;

use std::{
    collections::BTreeSet,
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    str::FromStr,
    time::Instant,
};

use anyhow::{Context, ensure};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use store::LedgerEngine;

use self::{
    disk::{Disk, Luck},
    trace::Step,
};
use crate::{
    harness::{Place, on_both_engines, strace},
    lanes::{self, Acknowledged},
};

on_both_engines!(
    no_power_cut_loses_what_was_acknowledged_or_tears_a_batch,
    the_replay_finds_losses_on_a_disk_that_ignores_flushes,
);

/// Images of one trace.
const IMAGES_A_TRACE: usize = 50;
/// Batches of each lane in a trace.
const BATCHES: u64 = 120;
/// Every so many traces there is a long one, in which sled copies itself to a new generation.
const LONG_EVERY: usize = 5;
const BATCHES_LONG: u64 = 1_200;

/// What became of an engine's images.
#[derive(Debug, Default)]
struct Tally {
    traces: usize,
    images: usize,
    torn: usize,
    after_acknowledgement: usize,
    acknowledged: usize,
    /// Changes that were not certain at the instants, all together.
    uncertain: usize,
    bad: Vec<String>,
}

/// Has a child work in a place, and says what it did to the disk that holds it.
fn record(place: &Place, batches: u64) -> anyhow::Result<Option<Vec<Step>>> {
    let beside = tempfile::tempdir()?;
    let calls = beside.path().join("calls");
    let Some(mut strace) = strace()? else { return Ok(None) };
    strace.args(["-f", "--seccomp-bpf", "-y", "-xx", "-s", "100000000", "-e"]);
    strace.arg(format!("trace={}", trace::CALLS)).arg("-o").arg(&calls);
    strace.arg(env::current_exe()?);
    let output = lanes::work_on(&mut strace, place, Some(batches)).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", output.status);
    trace::read(&calls).map(Some)
}

/// Rebuilds the folder as a power cut after so many steps leaves it, and looks at it.
fn cut(
    disk: &Disk,
    engine: LedgerEngine,
    luck: Luck,
    acknowledged: &Acknowledged,
    rng: &mut StdRng,
) -> anyhow::Result<(Place, Acknowledged)> {
    let image = Place::new(engine);
    disk.write_to(image.root(), luck, rng)?;
    // sled asserts where its files surprise it.
    let look = || -> anyhow::Result<Acknowledged> {
        let store = image.try_open()?;
        let reached = lanes::verify(&*store, acknowledged)?;
        lanes::go_on(&*store, &reached)?;
        drop(store);
        lanes::verify(&*image.try_open()?, &lanes::next(&reached))
    };
    let reached = catch_unwind(AssertUnwindSafe(look))
        .unwrap_or_else(|_| Err(anyhow::anyhow!("the engine panicked")))?;
    Ok((image, reached))
}

/// Makes traces and images of them until there are enough, or a machine that cannot.
fn replay(
    engine: LedgerEngine,
    images: usize,
    flushes: bool,
    rng: &mut StdRng,
) -> anyhow::Result<Option<Tally>> {
    let mut tally = Tally::default();
    let (mut place, mut promised) = (Place::new(engine), Acknowledged::default());
    while tally.images < images {
        tally.traces += 1;
        let batches = if tally.traces % LONG_EVERY == 0 { BATCHES_LONG } else { BATCHES };
        let mut disk = Disk::holding(place.root(), flushes)?;
        let Some(steps) = record(&place, batches)? else { return Ok(None) };
        let instants = instants(&steps, IMAGES_A_TRACE.min(images - tally.images), rng);
        let mut left = None;
        for (n, step) in steps.iter().enumerate() {
            disk.take(step)?;
            if let Step::Acknowledged { lane, n } = step {
                lanes::note(&mut promised, (*lane, *n));
                tally.acknowledged += 1;
            }
            if !instants.contains(&n) {
                continue;
            }
            let luck = if rng.r#gen() { Luck::Synced } else { Luck::Torn };
            tally.images += 1;
            tally.torn += usize::from(luck == Luck::Torn);
            tally.after_acknowledgement += usize::from(matches!(step, Step::Acknowledged { .. }));
            tally.uncertain += disk.uncertain();
            match cut(&disk, engine, luck, &promised, rng) {
                Ok(image) => left = Some(image),
                Err(error) => {
                    let step = format!("trace {}, after step {n}, {luck:?}", tally.traces);
                    tally.bad.push(format!("{step}: {error:#}"));
                }
            }
        }
        disk.compare_with_reality().context("the replay is not what happened")?;
        let (trace, images, bad) = (tally.traces, tally.images, tally.bad.len());
        eprintln!("{engine}: trace {trace} of {} steps; {images} images, {bad} bad", steps.len());
        match left {
            Some((image, reached)) => (place, promised) = (image, reached),
            None => (place, promised) = (Place::new(engine), Acknowledged::default()),
        }
    }
    Ok(Some(tally))
}

/// Where to cut: most cuts right after an acknowledgement, which is where a loss would be a lie.
fn instants(steps: &[Step], wanted: usize, rng: &mut StdRng) -> BTreeSet<usize> {
    let told: Vec<_> =
        (0..steps.len()).filter(|n| matches!(steps[*n], Step::Acknowledged { .. })).collect();
    let mut chosen: BTreeSet<_> = told.choose_multiple(rng, wanted * 6 / 10).copied().collect();
    while chosen.len() < wanted.min(steps.len()) {
        chosen.insert(rng.gen_range(0..steps.len()));
    }
    chosen
}

fn number<T: FromStr>(name: &str, default: T) -> T {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn no_power_cut_loses_what_was_acknowledged_or_tears_a_batch(engine: LedgerEngine) {
    let images = number("CONCLAVE_IMAGES", 24);
    let seed = number("CONCLAVE_KILL_SEED", rand::random::<u64>());
    let began = Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    let tally = replay(engine, images, true, &mut rng).expect("replays");
    let Some(tally) = tally else { return };
    eprintln!(
        "{engine}: CONCLAVE_KILL_SEED={seed}: {} images of {} traces, {} with random unflushed \
         blocks, {} right after one of {} acknowledgements, {} changes uncertain at an instant on \
         average; {} bad; {} s",
        tally.images,
        tally.traces,
        tally.torn,
        tally.after_acknowledgement,
        tally.acknowledged,
        tally.uncertain / tally.images.max(1),
        tally.bad.len(),
        began.elapsed().as_secs(),
    );
    assert!(tally.bad.is_empty(), "{:#?}", tally.bad);
}

fn the_replay_finds_losses_on_a_disk_that_ignores_flushes(engine: LedgerEngine) {
    let mut rng = StdRng::seed_from_u64(1);
    let Some(tally) = replay(engine, 10, false, &mut rng).expect("replays") else { return };
    eprintln!("{engine}, flushes ignored: {} of {} images bad", tally.bad.len(), tally.images);
    assert!(tally.bad.len() >= 3, "a blind replay: {tally:?}");
}
