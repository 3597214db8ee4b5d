//! Commits a second on both ledgers, beside what the disk does at most.
//!
//! `cargo bench -p store`. The folder is below `target/`, or `CONCLAVE_BENCH_DIR`; it must be on
//! the disk in question and not in memory. On a machine busy with other work, waiting for a
//! processor exceeds waiting for the disk, and ratios mean little. Each figure runs for `CONCLAVE_BENCH_SECONDS` (4).

use std::{
    env, fs,
    io::{Seek, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use store::{Batch, LedgerEngine, RootKey, Store, Table, open_ledger};

/// An ordinary message, sealed.
const PAYLOAD_BYTES: usize = 1024;
const CONVERSATIONS: u64 = 1000;
const SLICES: u32 = 20;
const RAW_BYTES: usize = 8 * 1024 * 1024;

fn main() -> Result<()> {
    let seconds = env::var("CONCLAVE_BENCH_SECONDS").map_or(Ok(4), |text| text.parse())?;
    let time = Duration::from_secs(seconds);
    let base = env::var_os("CONCLAVE_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    fs::create_dir_all(&base)?;
    let dir = tempfile::tempdir_in(&base)?;

    println!("machine  {}", machine());
    println!("folder   {} ({})", base.display(), file_system(&base));
    println!("payload  {PAYLOAD_BYTES} bytes a row, encrypted, {CONVERSATIONS} conversations");
    println!("time     {seconds} s a line, in {SLICES} slices");
    println!(
        "raw      overwriting {PAYLOAD_BYTES} bytes and syncing, for as long, between the slices"
    );
    println!();
    println!(
        "| engine | threads | rows a commit | commits/s | raw syncs/s | ratio | rows/s | p50 µs | p99 µs |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for engine in [LedgerEngine::Sqlite, LedgerEngine::Sled] {
        for (threads, rows) in [(1, 1), (1, 64), (64, 1)] {
            let name = format!("{engine}-{threads}-{rows}");
            let line = measure(&dir.path().join(name), engine, threads, rows, time)?;
            let (raw, commits) = (line.raw_per_second(), line.commits_per_second());
            println!(
                "| {engine} | {threads} | {rows} | {commits:.0} | {raw:.0} | {:.2} | {:.0} | {} | {} |",
                commits / raw,
                commits * f64::from(rows),
                line.percentile(50),
                line.percentile(99),
            );
        }
    }
    Ok(())
}

/// What one line of the table is made of.
#[derive(Default)]
struct Line {
    committing: Duration,
    /// How long each commit took, sorted.
    latencies: Vec<Duration>,
    syncing: Duration,
    syncs: u32,
}

impl Line {
    fn commits_per_second(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX))
            / self.committing.as_secs_f64()
    }

    fn raw_per_second(&self) -> f64 {
        f64::from(self.syncs) / self.syncing.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> u128 {
        let position = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[position].as_micros()
    }
}

/// Commits and plain syncs take turns: other users of a shared disk come and go, and both have
/// to meet the same ones.
fn measure(
    dir: &Path,
    engine: LedgerEngine,
    threads: u32,
    rows: u32,
    time: Duration,
) -> Result<Line> {
    let store = open_ledger(dir, engine, &RootKey::generate())?;
    // Overwriting in place costs the file system least: no store that keeps its word can commit
    // faster than that alone.
    let mut raw = fs::File::create(dir.with_extension("raw"))?;
    raw.write_all(&vec![0xa5; RAW_BYTES])?;
    raw.sync_all()?;
    let next = AtomicU64::new(0);
    let mut line = Line::default();
    for _ in 0..SLICES {
        let over = AtomicBool::new(false);
        let began = Instant::now();
        let latencies = std::thread::scope(|scope| {
            let committing: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| commit_until(&*store, rows, &next, &over)))
                .collect();
            std::thread::sleep(time / SLICES);
            over.store(true, Ordering::Relaxed);
            committing
                .into_iter()
                .map(|thread| thread.join().expect("a committing thread does not panic"))
                .collect::<Result<Vec<_>>>()
        })?;
        line.committing += began.elapsed();
        line.latencies.extend(latencies.into_iter().flatten());

        let began = Instant::now();
        while began.elapsed() < time / SLICES {
            if usize::try_from(raw.stream_position()?)? + PAYLOAD_BYTES > RAW_BYTES {
                raw.rewind()?;
            }
            raw.write_all(&[0x5a; PAYLOAD_BYTES])?;
            raw.sync_data()?;
            line.syncs += 1;
        }
        line.syncing += began.elapsed();
    }
    anyhow::ensure!(!line.latencies.is_empty(), "not a single commit in {time:?}");
    line.latencies.sort_unstable();
    Ok(line)
}

fn commit_until(
    store: &dyn Store,
    rows: u32,
    next: &AtomicU64,
    over: &AtomicBool,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let payload = [0x5a; PAYLOAD_BYTES];
    while !over.load(Ordering::Relaxed) {
        let mut batch = Batch::new();
        for _ in 0..rows {
            let n = next.fetch_add(1, Ordering::Relaxed);
            // Conversations in no particular order, each one growing at its end.
            let conversation = (n % CONVERSATIONS).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let key = [conversation, 0, n, 0, n].map(u64::to_be_bytes).concat();
            batch.put(Table::Message, key, payload);
        }
        let began = Instant::now();
        store.commit(batch)?;
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    format!("{cores} cores, {model}, {} {}", env::consts::OS, env::consts::ARCH)
}

/// The type of the file system a folder is on, where the system tells.
fn file_system(dir: &Path) -> String {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(mount, _)| dir.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map_or_else(|| "unknown".into(), |(_, kind)| kind.into())
}
