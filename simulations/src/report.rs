//! What came of the runs, as a table.

use std::fmt::Write as _;

use engine::view::Depths;

/// What came of one run.
#[derive(Debug)]
pub struct Outcome {
    /// Of the run.
    pub seed: u64,
    /// What was amiss; empty when all is well.
    pub complaints: Vec<String>,
    /// How much virtual time passed, in milliseconds.
    pub virtual_ms: u64,
    /// How much real time it took, in milliseconds.
    pub real_ms: u64,
    /// Times a node crashed.
    pub crashes: u64,
    /// Times a connection broke.
    pub cuts: u64,
    /// Frames sent.
    pub frames: u64,
    /// Frames that did not arrive.
    pub lost: u64,
    /// Batches written to all disks.
    pub batches: u64,
    /// Messages accepted from owners.
    pub accepted: usize,
    /// Proposals with a certificate.
    pub certificates: usize,
    /// Calendar entries made.
    pub booked: usize,
    /// The deepest each queue of an engine ever was.
    pub peaks: Depths,
}

/// The sums over the runs of one scenario.
#[derive(Debug, Default)]
pub struct Totals {
    /// Seeds that failed, with the first complaint.
    pub failed: Vec<(u64, String)>,
    runs: u64,
    virtual_ms: u64,
    real_ms: u64,
    crashes: u64,
    cuts: u64,
    frames: u64,
    lost: u64,
    accepted: usize,
    certificates: usize,
    booked: usize,
    outbox_peak: usize,
    parked_peak: usize,
}

impl Totals {
    /// Adds one run.
    pub fn add(&mut self, outcome: &Outcome) {
        if let Some(complaint) = outcome.complaints.first() {
            self.failed.push((outcome.seed, complaint.clone()));
        }
        self.runs += 1;
        self.virtual_ms += outcome.virtual_ms;
        self.real_ms += outcome.real_ms;
        self.crashes += outcome.crashes;
        self.cuts += outcome.cuts;
        self.frames += outcome.frames;
        self.lost += outcome.lost;
        self.accepted += outcome.accepted;
        self.certificates += outcome.certificates;
        self.booked += outcome.booked;
        self.outbox_peak = self.outbox_peak.max(outcome.peaks.outbox);
        self.parked_peak = self.parked_peak.max(outcome.peaks.parked);
    }

    /// Its line of the table.
    pub fn line(&self, name: &str) -> String {
        let hours = self.virtual_ms / 360_000;
        format!(
            "| {name} | {} | {} | {}.{} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.runs,
            self.failed.len(),
            hours / 10,
            hours % 10,
            self.accepted,
            self.certificates,
            self.booked,
            self.crashes,
            self.cuts,
            self.frames,
            self.lost,
            self.outbox_peak,
            self.parked_peak,
            self.real_ms / 1000,
        )
    }
}

/// The head of the table.
pub fn head() -> String {
    let columns = [
        "scenario",
        "runs",
        "failed",
        "virtual hours",
        "messages",
        "certificates",
        "bookings",
        "crashes",
        "broken links",
        "frames",
        "lost frames",
        "deepest outbox",
        "most parked",
        "seconds",
    ];
    let mut head = format!("| {} |\n|", columns.join(" | "));
    for _ in columns {
        // Writing to a string cannot fail.
        let _ = write!(head, " --- |");
    }
    head
}
