//! Numbers that only grow: what was carried, and what was refused.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::status::Counts;

/// Shared by the driver and all stream tasks.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) frames_sent: Counter,
    pub(crate) bytes_sent: Counter,
    pub(crate) frames_received: Counter,
    pub(crate) streams_malformed: Counter,
    pub(crate) links_broken: Counter,
    pub(crate) gossip_dropped: Counter,
    pub(crate) records_stored: Counter,
    pub(crate) records_refused: Counter,
    pub(crate) requests_refused: Counter,
    pub(crate) holes_punched: Counter,
    pub(crate) holes_failed: Counter,
    pub(crate) relay_reservations: Counter,
    pub(crate) relay_circuits: Counter,
    pub(crate) relay_refused: Counter,
}

/// One such number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts {
            frames_sent: self.frames_sent.get(),
            bytes_sent: self.bytes_sent.get(),
            frames_received: self.frames_received.get(),
            streams_malformed: self.streams_malformed.get(),
            links_broken: self.links_broken.get(),
            gossip_dropped: self.gossip_dropped.get(),
            records_stored: self.records_stored.get(),
            records_refused: self.records_refused.get(),
            requests_refused: self.requests_refused.get(),
            holes_punched: self.holes_punched.get(),
            holes_failed: self.holes_failed.get(),
            relay_reservations: self.relay_reservations.get(),
            relay_circuits: self.relay_circuits.get(),
            relay_refused: self.relay_refused.get(),
        }
    }
}
