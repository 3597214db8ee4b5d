//! Commits a second on both ledgers, beside what the disk does at most.
//!
//! `cargo bench -p store`. The folder is below `target/`, or `CONCLAVE_BENCH_DIR`; it must be on
//! the disk in question and not in memory. Each figure runs for `CONCLAVE_BENCH_SECONDS` (3).

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use store::{Batch, LedgerEngine, RootKey, Store, Table, open_ledger};

/// An ordinary message, sealed.
const PAYLOAD_BYTES: usize = 1024;
const CONVERSATIONS: u64 = 1000;

fn main() -> Result<()> {
    let seconds = env::var("CONCLAVE_BENCH_SECONDS").map_or(Ok(3), |text| text.parse())?;
    let time = Duration::from_secs(seconds);
    let base = env::var_os("CONCLAVE_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    fs::create_dir_all(&base)?;
    let dir = tempfile::tempdir_in(&base)?;

    println!("machine  {}", machine());
    println!("folder   {} ({})", base.display(), file_system(&base));
    println!("payload  {PAYLOAD_BYTES} bytes a row, encrypted, {CONVERSATIONS} conversations");
    println!("time     {seconds} s a line; the disk is measured before and after");
    let first = raw_sync_rate(dir.path(), time)?;

    let mut lines = Vec::new();
    for engine in [LedgerEngine::Sqlite, LedgerEngine::Sled] {
        for (threads, rows) in [(1, 1), (1, 64), (64, 1)] {
            let name = format!("{engine}-{threads}-{rows}");
            let line = measure(&dir.path().join(name), engine, threads, rows, time)?;
            lines.push((engine, threads, rows, line));
        }
    }
    let second = raw_sync_rate(dir.path(), time)?;
    let raw = (first + second) / 2.0;
    println!();
    println!(
        "appending {PAYLOAD_BYTES} bytes and syncing: {first:.0}/s before, {second:.0}/s after"
    );
    println!();
    println!(
        "| engine | threads | rows a commit | commits/s | of raw syncs | rows/s | p50 µs | p99 µs |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (engine, threads, rows, line) in lines {
        let commits = line.commits_per_second();
        println!(
            "| {engine} | {threads} | {rows} | {commits:.0} | {:.2} | {:.0} | {} | {} |",
            commits / raw,
            commits * f64::from(rows),
            line.percentile(50),
            line.percentile(99),
        );
    }
    Ok(())
}

/// What one line of the table is made of.
struct Line {
    elapsed: Duration,
    /// How long each commit took, sorted.
    latencies: Vec<Duration>,
}

impl Line {
    fn commits_per_second(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX))
            / self.elapsed.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> u128 {
        let position = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[position].as_micros()
    }
}

fn measure(
    dir: &Path,
    engine: LedgerEngine,
    threads: u32,
    rows: u32,
    time: Duration,
) -> Result<Line> {
    let store = open_ledger(dir, engine, &RootKey::generate())?;
    let next = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let latencies = std::thread::scope(|scope| {
        let committing: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| commit_until(&*store, rows, &next, &over)))
            .collect();
        std::thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        committing
            .into_iter()
            .map(|thread| thread.join().expect("a committing thread does not panic"))
            .collect::<Result<Vec<_>>>()
    })?;
    let elapsed = began.elapsed();
    let mut latencies = latencies.concat();
    latencies.sort_unstable();
    anyhow::ensure!(!latencies.is_empty(), "not a single commit in {time:?}");
    Ok(Line { elapsed, latencies })
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

/// Appends and syncs, one after the other: no store that keeps its word commits faster alone.
fn raw_sync_rate(dir: &Path, time: Duration) -> Result<f64> {
    let path = dir.join("raw");
    let mut file = fs::File::create(&path).context("the folder of the benchmark")?;
    let began = Instant::now();
    let mut syncs = 0u32;
    while began.elapsed() < time {
        file.write_all(&[0x5a; PAYLOAD_BYTES])?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = f64::from(syncs) / began.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(rate)
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
