//! Peers that are reached through a relay, and where they say they can be dialled.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId};
use rand::Rng;

use crate::backoff::Backoff;

/// Addresses dialled of one peer in order to leave a relay.
pub(super) const DIALLED_MAX: usize = 8;

/// A direct connection may come to nothing, or end while the relayed one stands: a router may have
/// been busy, a hole may have closed. Nobody else would try again.
const PAUSES: Backoff = Backoff { first: Duration::from_secs(4), most: Duration::from_secs(600) };

#[derive(Debug)]
struct Claims {
    addresses: Vec<Multiaddr>,
    attempts: u32,
    next: Instant,
}

/// When to try them again.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    peers: HashMap<PeerId, Claims>,
}

impl Leaving {
    /// A connected peer says where it can be dialled. `first` is when to try for the first time.
    pub(crate) fn claims(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, first: Instant) {
        if addresses.is_empty() {
            self.peers.remove(&peer);
        } else {
            self.peers.insert(peer, Claims { addresses, attempts: 0, next: first });
        }
    }

    /// The last connection with a peer has ended.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }

    /// Whom to dial now, of those that are `relayed`.
    pub(crate) fn due(
        &mut self,
        relayed: impl Fn(&PeerId) -> bool,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let due =
            self.peers.iter_mut().filter(|(peer, claims)| claims.next <= now && relayed(peer));
        due.map(|(peer, claims)| {
            claims.attempts = claims.attempts.saturating_add(1);
            // Not at once, however the dice fall: a dial takes a while.
            claims.next = now + PAUSES.first + PAUSES.pause(claims.attempts, rng);
            (*peer, claims.addresses.clone())
        })
        .collect()
    }

    /// When somebody `relayed` is due.
    pub(crate) fn wake(&self, relayed: impl Fn(&PeerId) -> bool) -> Option<Instant> {
        let waiting = self.peers.iter().filter(|(peer, _)| relayed(peer));
        waiting.map(|(_, claims)| claims.next).min()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_relayed_peer_is_dialled_again_and_again_with_growing_pauses() {
        let (mut leaving, peer) = (Leaving::default(), PeerId::random());
        let mut rng = StdRng::seed_from_u64(1);
        let address: Multiaddr = "/ip4/192.0.2.1/udp/1/quic-v1".parse().unwrap();
        let start = Instant::now();
        leaving.claims(peer, vec![address.clone()], start);
        assert_eq!(leaving.wake(|_| false), None, "a direct connection stands");
        assert!(leaving.due(|_| false, start, &mut rng).is_empty());
        let mut now = start;
        for _ in 0..20 {
            now = leaving.wake(|_| true).expect("is due some time");
            let due = leaving.due(|_| true, now, &mut rng);
            assert_eq!(due, [(peer, vec![address.clone()])]);
            assert!(leaving.due(|_| true, now, &mut rng).is_empty(), "not twice at once");
        }
        assert!(now - start > PAUSES.first * 19, "{:?}", now - start);
        assert!(leaving.wake(|_| true).unwrap() <= now + PAUSES.first + PAUSES.most);
        leaving.forget(&peer);
        assert_eq!(leaving.wake(|_| true), None);
    }

    #[test]
    fn who_says_nothing_useful_any_more_is_not_dialled() {
        let (mut leaving, peer, now) = (Leaving::default(), PeerId::random(), Instant::now());
        leaving.claims(peer, vec!["/ip4/192.0.2.1/tcp/1".parse().unwrap()], now);
        leaving.claims(peer, Vec::new(), now);
        assert_eq!(leaving.wake(|_| true), None);
    }
}
