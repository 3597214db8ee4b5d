//! What the node wants from its driver and does not wait for.
//!
//! Such requests are wishes about a state, "be subscribed to this", "keep that record published",
//! so they are kept per subject and the newest wins. That makes them bounded without ever losing
//! one that fits: a slow driver sees fewer, never stale ones.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use protocol::{card::RecordKey, identity::NodeId};
use tokio::sync::Notify;

use crate::{
    counters::Counters,
    event::{GossipId, Verdict},
};

/// Subjects of each kind that may wait at the same time.
const WAITING_MAX: usize = 4096;
/// Bytes of gossip that may wait at the same time.
const GOSSIP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Written by handles, taken by the driver.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

/// Everything wanted since the driver last looked.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Whether to be subscribed, by topic.
    pub(crate) topics: BTreeMap<String, bool>,
    /// Records to keep published: value, and when it expires in milliseconds.
    pub(crate) records: BTreeMap<RecordKey, (Vec<u8>, u64)>,
    /// Addresses of nodes to connect to.
    pub(crate) dials: BTreeMap<NodeId, Vec<String>>,
    /// Topic and data to publish, in order.
    pub(crate) gossip: VecDeque<(String, Vec<u8>)>,
    /// What became of received gossip.
    pub(crate) verdicts: VecDeque<(GossipId, Verdict)>,
    gossip_bytes: usize,
}

impl Requests {
    /// Resolves when there is something to take.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self) -> Waiting {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn topic(&self, topic: String, subscribed: bool, counters: &Counters) {
        self.change(counters, |waiting| insert(&mut waiting.topics, topic, subscribed));
    }

    pub(crate) fn record(&self, key: RecordKey, value: Vec<u8>, until: u64, counters: &Counters) {
        self.change(counters, |waiting| insert(&mut waiting.records, key, (value, until)));
    }

    pub(crate) fn dial(&self, node: NodeId, addresses: Vec<String>, counters: &Counters) {
        self.change(counters, |waiting| insert(&mut waiting.dials, node, addresses));
    }

    pub(crate) fn gossip(&self, topic: String, data: Vec<u8>, counters: &Counters) {
        self.change(counters, |waiting| {
            let bytes = waiting.gossip_bytes + data.len();
            if waiting.gossip.len() >= WAITING_MAX || bytes > GOSSIP_BYTES_MAX {
                return false;
            }
            waiting.gossip_bytes = bytes;
            waiting.gossip.push_back((topic, data));
            true
        });
    }

    pub(crate) fn verdict(&self, id: GossipId, verdict: Verdict, counters: &Counters) {
        self.change(counters, |waiting| {
            let fits = waiting.verdicts.len() < WAITING_MAX;
            if fits {
                waiting.verdicts.push_back((id, verdict));
            }
            fits
        });
    }

    fn change(&self, counters: &Counters, change: impl FnOnce(&mut Waiting) -> bool) {
        if change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.changed.notify_one();
        } else {
            counters.requests_refused.one();
            tracing::warn!("too many requests wait for the network; one was refused");
        }
    }
}

fn insert<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V) -> bool {
    if map.len() >= WAITING_MAX && !map.contains_key(&key) {
        return false;
    }
    map.insert(key, value);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wish_about_a_subject_wins() {
        let (requests, counters) = (Requests::default(), Counters::default());
        requests.topic("a".into(), true, &counters);
        requests.topic("a".into(), false, &counters);
        requests.record(RecordKey([1; 32]), vec![1], 5, &counters);
        requests.record(RecordKey([1; 32]), vec![2], 6, &counters);
        let waiting = requests.take();
        assert_eq!(waiting.topics, BTreeMap::from([("a".into(), false)]));
        assert_eq!(waiting.records, BTreeMap::from([(RecordKey([1; 32]), (vec![2], 6))]));
        assert!(requests.take().topics.is_empty());
    }

    #[test]
    fn gossip_beyond_the_bound_is_refused_and_counted() {
        let (requests, counters) = (Requests::default(), Counters::default());
        for _ in 0..5 {
            requests.gossip("a".into(), vec![0; 1024 * 1024], &counters);
        }
        assert_eq!(requests.take().gossip.len(), 4);
        assert_eq!(counters.read().requests_refused, 1);
    }
}
