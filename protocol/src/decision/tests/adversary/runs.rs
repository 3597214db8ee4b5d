//! The runs of every size, and the table they make.
//!
//! `LIARS_RUNS=2000 cargo test --release -p protocol --lib liars_ -- --nocapture` plays that many
//! runs for each number of members within the tolerance, a quarter of it for each number beyond,
//! and prints the table. `LIARS_FIRST` is the first seed; `LIARS_MEMBERS` plays one size only;
//! `LIARS_BEYOND_RUNS` says how many runs beyond the tolerance, instead of a quarter, and
//! `LIARS_HIDDEN_RUNS` how many of hidden votes, which are two decisions each.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::{
    checks::{Outcome, judge},
    hidden::judge_hidden,
};
use crate::decision::Quorum;

/// Each with how many runs an ordinary test may take of it: large groups take long.
const SIZES: [(u16, u64); 7] = [(2, 20), (3, 20), (4, 40), (5, 20), (7, 10), (10, 3), (13, 2)];

/// The number a long run asks for.
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number of runs"))
}

/// The sizes that are played.
fn sizes() -> impl Iterator<Item = (u16, u64)> {
    let only = asked("LIARS_MEMBERS");
    SIZES.into_iter().filter(move |(n, _)| only.is_none_or(|only| only == u64::from(*n)))
}

#[derive(Default)]
struct Row {
    runs: u64,
    forks: u64,
    fewest: Option<usize>,
    undecided: u64,
    receipts: usize,
    accused: usize,
    views: u32,
    messages: usize,
}

const HEAD: &str = "members  liars     runs    forks  fewest named  undecided  \
                    receipts  liars named  last view  messages a run";

impl Row {
    fn line(&self, n: u16, liars: u16) -> String {
        let Self { runs, forks, undecided, receipts, accused, views, .. } = self;
        let fewest = self.fewest.map_or("-".to_owned(), |fewest| fewest.to_string());
        let messages = u64::try_from(self.messages).unwrap() / runs.max(&1);
        format!(
            "{n:>7} {liars:>6} {runs:>8} {forks:>8} {fewest:>13} {undecided:>10} {receipts:>9} \
             {accused:>12} {views:>10} {messages:>15}"
        )
    }
}

impl Row {
    fn add(&mut self, outcome: &Outcome, honest: usize) {
        self.runs += 1;
        if outcome.forked {
            self.forks += 1;
            self.fewest = Some(self.fewest.unwrap_or(usize::MAX).min(outcome.culprits));
        }
        self.undecided += u64::from(outcome.decided < honest);
        self.receipts += outcome.receipts;
        self.accused += outcome.accused;
        self.views = self.views.max(outcome.views);
        self.messages += outcome.messages;
    }
}

/// Plays so many runs on all processors and panics with the seeds of those that were amiss.
fn play(n: u16, liars: u16, runs: u64) -> Row {
    play_by(judge, n, liars, runs)
}

fn play_by(judge: fn(usize, usize, u64) -> Outcome, n: u16, liars: u16, runs: u64) -> Row {
    let first = asked("LIARS_FIRST").unwrap_or(0);
    let next = AtomicU64::new(first);
    let row = Mutex::new(Row::default());
    let amiss = Mutex::new(Vec::new());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + runs {
            return;
        }
        let outcome = judge(usize::from(n), usize::from(liars), seed);
        row.lock().unwrap().add(&outcome, usize::from(n - liars));
        if let Some(complaint) = outcome.complaints.first() {
            let text = format!("{n} members, {liars} liars, seed {seed}: {complaint}");
            amiss.lock().unwrap().push(text);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let amiss = amiss.into_inner().unwrap();
    let shown = amiss[..amiss.len().min(20)].join("\n");
    assert!(amiss.is_empty(), "{} runs amiss\n{shown}", amiss.len());
    row.into_inner().unwrap()
}

#[test]
fn liars_within_the_tolerance_change_nothing() {
    println!("{HEAD}");
    for (n, few) in sizes() {
        let liars = Quorum::of(n).f;
        println!("{}", play(n, liars, asked("LIARS_RUNS").unwrap_or(few)).line(n, liars));
    }
}

#[test]
fn liars_in_a_hidden_vote_change_nothing_either() {
    println!("{HEAD}");
    let wanted = asked("LIARS_HIDDEN_RUNS").or(asked("LIARS_RUNS"));
    // Two decisions each: large groups only when a long run asks for them.
    for (n, few) in sizes().filter(|(n, _)| *n <= 7 || wanted.is_some()) {
        let liars = Quorum::of(n).f;
        let runs = wanted.unwrap_or(few.div_ceil(2));
        println!("{}", play_by(judge_hidden, n, liars, runs).line(n, liars));
    }
}

#[test]
fn liars_beyond_the_tolerance_are_named_when_they_fork() {
    println!("{HEAD}");
    let (mut forks, mut runs) = (0, 0);
    for (n, few) in sizes() {
        let f = Quorum::of(n).f;
        for liars in f + 1..=(2 * f).max(f + 1).min(n - 1) {
            let quarter = asked("LIARS_RUNS").map(|runs| runs.div_ceil(4));
            let runs_here = asked("LIARS_BEYOND_RUNS").or(quarter);
            let row = play(n, liars, runs_here.unwrap_or(few.div_ceil(2)));
            println!("{}", row.line(n, liars));
            (forks, runs) = (forks + row.forks, runs + row.runs);
        }
    }
    // One size alone may be one where no fork is possible.
    let is_weak = forks * 20 <= runs && asked("LIARS_MEMBERS").is_none();
    assert!(!is_weak, "{forks} forks in {runs} runs: the liars are too weak");
}
