//! Which relays hold a place for this node.
//!
//! Two at a time, so that one may die. The owner's bootstrap nodes come first, then whoever else
//! offers. One that refuses, or is lost, rests for a while before it is asked again.

use std::{collections::BTreeMap, time::Duration, time::Instant};

use libp2p::{Multiaddr, PeerId, core::transport::ListenerId};
use rand::Rng;

use crate::backoff::Backoff;

/// Places held at the same time.
const WANTED: usize = 2;
/// Offers remembered.
const KNOWN_MAX: usize = 64;

const REST: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(60) };

#[derive(Debug)]
struct Relay {
    address: Multiaddr,
    preferred: bool,
    failures: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Resting { until: Instant },
    Asked { listener: ListenerId },
    Holding { listener: ListenerId },
}

impl State {
    fn listener(self) -> Option<ListenerId> {
        match self {
            Self::Resting { .. } => None,
            Self::Asked { listener } | Self::Holding { listener } => Some(listener),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    known: BTreeMap<PeerId, Relay>,
}

impl Relays {
    /// A peer, dialled under this address, offers to relay.
    pub(crate) fn offers(
        &mut self,
        peer: PeerId,
        address: Multiaddr,
        preferred: bool,
        now: Instant,
    ) {
        if let Some(relay) = self.known.get_mut(&peer) {
            if let State::Resting { until } = &mut relay.state {
                relay.address = address;
                // It is there, so there is no reason to wait for it; a refusal still counts.
                if relay.failures <= 1 {
                    *until = now;
                }
            }
            return;
        }
        if self.known.len() >= KNOWN_MAX {
            let idle = self.known.iter().find(|(_, relay)| {
                !relay.preferred && matches!(relay.state, State::Resting { .. })
            });
            let Some(idle) = idle.map(|(peer, _)| *peer) else { return };
            self.known.remove(&idle);
        }
        let state = State::Resting { until: now };
        self.known.insert(peer, Relay { address, preferred, failures: 0, state });
    }

    /// A peer no longer offers to relay.
    pub(crate) fn withdraws(&mut self, peer: &PeerId) {
        if self.known.get(peer).is_some_and(|relay| relay.state.listener().is_none()) {
            self.known.remove(peer);
        }
    }

    /// The relays to ask now, in the order of preference.
    pub(crate) fn due(&self, now: Instant) -> Vec<(PeerId, Multiaddr)> {
        let busy = self.known.values().filter(|relay| relay.state.listener().is_some()).count();
        let rested =
            |relay: &Relay| matches!(relay.state, State::Resting { until } if until <= now);
        let mut rested: Vec<(&PeerId, &Relay)> =
            self.known.iter().filter(|(_, relay)| rested(relay)).collect();
        rested.sort_by_key(|(_, relay)| (!relay.preferred, relay.failures));
        let most = WANTED.saturating_sub(busy);
        rested.into_iter().take(most).map(|(peer, r)| (*peer, r.address.clone())).collect()
    }

    /// One has been asked.
    pub(crate) fn asked(&mut self, peer: &PeerId, listener: ListenerId) {
        if let Some(relay) = self.known.get_mut(peer) {
            relay.state = State::Asked { listener };
        }
    }

    /// One holds a place.
    pub(crate) fn accepted(&mut self, listener: ListenerId) {
        for relay in self.known.values_mut() {
            if relay.state == (State::Asked { listener }) {
                (relay.state, relay.failures) = (State::Holding { listener }, 0);
            }
        }
    }

    /// One refused, or was lost. `true` when it was one of ours.
    pub(crate) fn closed(
        &mut self,
        listener: ListenerId,
        now: Instant,
        rng: &mut impl Rng,
    ) -> bool {
        let found = self.known.values_mut().find(|r| r.state.listener() == Some(listener));
        let Some(relay) = found else { return false };
        relay.failures = relay.failures.saturating_add(1);
        // Never at once: a relay that accepts and drops would be asked in a loop.
        let pause = REST.first / 2 + REST.pause(relay.failures, rng);
        relay.state = State::Resting { until: now + pause };
        true
    }

    /// The relays that hold a place, with the address each was dialled at.
    pub(crate) fn holding(&self) -> impl Iterator<Item = (&PeerId, &Multiaddr)> {
        let holds = |relay: &Relay| matches!(relay.state, State::Holding { .. });
        self.known.iter().filter(move |(_, r)| holds(r)).map(|(peer, r)| (peer, &r.address))
    }

    /// When to look again.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let busy = self.known.values().filter(|relay| relay.state.listener().is_some()).count();
        let until = |relay: &Relay| match relay.state {
            State::Resting { until } => Some(until),
            _ => None,
        };
        (busy < WANTED).then(|| self.known.values().filter_map(until).min()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn address() -> Multiaddr {
        "/ip4/5.5.5.5/tcp/4401".parse().unwrap()
    }

    #[test]
    fn two_places_are_held_and_bootstrap_nodes_come_first() {
        let (mut relays, now) = (Relays::default(), Instant::now());
        let [stranger, one, two, three] = [0; 4].map(|_| PeerId::random());
        relays.offers(stranger, address(), false, now);
        for peer in [one, two, three] {
            relays.offers(peer, address(), true, now);
        }
        let asked = relays.due(now);
        assert_eq!(asked.len(), WANTED);
        assert!(asked.iter().all(|(peer, _)| *peer != stranger));
        for (peer, _) in &asked {
            let listener = ListenerId::next();
            relays.asked(peer, listener);
            relays.accepted(listener);
        }
        assert!(relays.due(now).is_empty());
        assert_eq!((relays.holding().count(), relays.wake()), (2, None));
    }

    #[test]
    fn a_lost_relay_is_replaced_at_once_by_one_that_has_not_failed() {
        let mut rng = StdRng::seed_from_u64(1);
        let (mut relays, now) = (Relays::default(), Instant::now());
        let peers = [0; 3].map(|_| PeerId::random());
        for peer in peers {
            relays.offers(peer, address(), true, now);
        }
        let asked = relays.due(now);
        let listeners = asked.iter().map(|(peer, _)| (*peer, ListenerId::next()));
        let listeners: Vec<_> = listeners.collect();
        for (peer, listener) in &listeners {
            relays.asked(peer, *listener);
            relays.accepted(*listener);
        }
        assert!(relays.closed(listeners[0].1, now, &mut rng));
        let next = relays.due(now);
        assert_eq!(next.len(), 1);
        assert!(next[0].0 != listeners[0].0 && next[0].0 != listeners[1].0);
    }

    #[test]
    fn the_only_relay_is_asked_again_after_ever_longer_rests() {
        let mut rng = StdRng::seed_from_u64(1);
        let (mut relays, mut now) = (Relays::default(), Instant::now());
        let peer = PeerId::random();
        relays.offers(peer, address(), true, now);
        for _ in 0..20 {
            assert_eq!(relays.due(now).len(), 1);
            let listener = ListenerId::next();
            relays.asked(&peer, listener);
            assert!(relays.closed(listener, now, &mut rng));
            assert!(relays.due(now).is_empty(), "it rests");
            let next = relays.wake().unwrap();
            assert!(next > now && next <= now + Duration::from_secs(61));
            now = next;
        }
        assert!(!relays.closed(ListenerId::next(), now, &mut rng));
    }

    #[test]
    fn strangers_that_offer_do_not_take_all_the_room() {
        let (mut relays, now) = (Relays::default(), Instant::now());
        for _ in 0..KNOWN_MAX * 2 {
            relays.offers(PeerId::random(), address(), false, now);
        }
        assert_eq!(relays.known.len(), KNOWN_MAX);
        let peer = PeerId::random();
        relays.offers(peer, address(), true, now);
        assert_eq!(relays.due(now)[0].0, peer);
    }
}
