//! The nodes through which this one enters the network, and when they are dialled again.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use rand::Rng;

use crate::{backoff::Backoff, status::BootstrapStatus};

/// How long to wait for listeners before dialling without them. Dialling from the port one
/// listens on helps others to reach back.
const LISTEN_WAIT: Duration = Duration::from_secs(2);

const REDIAL: Backoff =
    Backoff { first: Duration::from_millis(500), most: Duration::from_secs(60) };

#[derive(Debug)]
struct Entry {
    addresses: Vec<Multiaddr>,
    state: State,
    /// Whether it has ever told us who it is.
    met: bool,
    /// Whether it has yet to do so on the present connection.
    new: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { at: Instant, failures: u32 },
    Dialling { failures: u32 },
    Connected,
}

/// All of them. Small: what an owner typed.
#[derive(Debug)]
pub(crate) struct Bootstraps {
    entries: BTreeMap<PeerId, Entry>,
}

impl Bootstraps {
    pub(crate) fn new(
        addresses: impl IntoIterator<Item = (PeerId, Multiaddr)>,
        now: Instant,
    ) -> Self {
        let mut entries = BTreeMap::new();
        for (peer, address) in addresses {
            let state = State::Waiting { at: now + LISTEN_WAIT, failures: 0 };
            let entry = Entry { addresses: Vec::new(), state, met: false, new: false };
            entries.entry(peer).or_insert(entry).addresses.push(address);
        }
        Self { entries }
    }

    /// The addresses of one, none for other peers.
    pub(crate) fn addresses(&self, peer: &PeerId) -> &[Multiaddr] {
        self.entries.get(peer).map_or(&[], |entry| &entry.addresses)
    }

    /// Whether a peer is one of them.
    pub(crate) fn contains(&self, peer: &PeerId) -> bool {
        self.entries.contains_key(peer)
    }

    /// What to tell about all of them.
    pub(crate) fn status(&self) -> Vec<BootstrapStatus> {
        let status = |(peer, entry): (&PeerId, &Entry)| BootstrapStatus {
            addresses: entry
                .addresses
                .iter()
                .map(|address| address.clone().with(Protocol::P2p(*peer)).to_string())
                .collect(),
            connected: entry.state == State::Connected,
        };
        self.entries.iter().map(status).collect()
    }

    /// All listeners are up: waits no longer.
    pub(crate) fn dial_now(&mut self, now: Instant) {
        for entry in self.entries.values_mut() {
            if let State::Waiting { at, .. } = &mut entry.state {
                *at = now;
            }
        }
    }

    /// Takes those that are to be dialled now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<PeerId> {
        let mut due = Vec::new();
        for (peer, entry) in &mut self.entries {
            if let State::Waiting { at, failures } = entry.state
                && at <= now
            {
                entry.state = State::Dialling { failures };
                due.push(*peer);
            }
        }
        due
    }

    /// A connection with a peer stands, whoever dialled.
    pub(crate) fn connected(&mut self, peer: &PeerId) {
        if let Some(entry) = self.entries.get_mut(peer) {
            entry.new = entry.state != State::Connected;
            entry.state = State::Connected;
        }
    }

    /// A peer has told who it is and serves the DHT. `true` when it is one of ours that had been
    /// away.
    pub(crate) fn came_back(&mut self, peer: &PeerId) -> bool {
        let Some(entry) = self.entries.get_mut(peer) else { return false };
        let back = entry.met && entry.new;
        (entry.met, entry.new) = (true, false);
        back
    }

    /// A dial failed, or the last connection is gone.
    pub(crate) fn lost(&mut self, peer: &PeerId, now: Instant, rng: &mut impl Rng) {
        let Some(entry) = self.entries.get_mut(peer) else { return };
        let failures = match entry.state {
            State::Dialling { failures } => failures.saturating_add(1),
            State::Connected => 1,
            State::Waiting { .. } => return,
        };
        entry.state = State::Waiting { at: now + REDIAL.pause(failures, rng), failures };
    }

    /// When to look again.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let waiting = |entry: &Entry| match entry.state {
            State::Waiting { at, .. } => Some(at),
            _ => None,
        };
        self.entries.values().filter_map(waiting).min()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn one(now: Instant) -> (Bootstraps, PeerId) {
        let peer = PeerId::random();
        let address = "/ip4/192.0.2.1/tcp/1".parse().unwrap();
        (Bootstraps::new([(peer, address)], now), peer)
    }

    #[test]
    fn a_lost_node_is_dialled_again_and_again() {
        let mut now = Instant::now();
        let mut rng = StdRng::seed_from_u64(3);
        let (mut bootstraps, peer) = one(now);
        assert!(bootstraps.due(now).is_empty(), "listeners come first");
        bootstraps.dial_now(now);
        for _ in 0..20 {
            assert_eq!(bootstraps.due(now), [peer]);
            assert!(bootstraps.due(now).is_empty());
            bootstraps.lost(&peer, now, &mut rng);
            let next = bootstraps.wake().unwrap();
            assert!(next <= now + Duration::from_secs(60));
            now = next;
        }
        bootstraps.connected(&peer);
        assert_eq!(bootstraps.wake(), None);
        bootstraps.lost(&peer, now, &mut rng);
        assert!(bootstraps.wake().unwrap() <= now + Duration::from_millis(500));
    }

    #[test]
    fn coming_back_is_told_from_coming_for_the_first_time() {
        let now = Instant::now();
        let (mut bootstraps, peer) = one(now);
        bootstraps.connected(&peer);
        assert!(!bootstraps.came_back(&peer));
        bootstraps.lost(&peer, now, &mut StdRng::seed_from_u64(3));
        bootstraps.connected(&peer);
        assert!(bootstraps.came_back(&peer));
        assert!(!bootstraps.came_back(&peer), "once per connection");
        assert!(!bootstraps.came_back(&PeerId::random()));
    }
}
