//! Where peers can be reached, and who waits for a connection with them.

use std::collections::HashMap;

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use tokio::sync::oneshot;

use crate::event::SendFailure;

/// Peers whose addresses are remembered.
const PEERS_MAX: usize = 4096;
/// Addresses remembered of one peer. A card names at most eight.
const ADDRESSES_MAX: usize = 16;

type Waiter = oneshot::Sender<Result<(), SendFailure>>;

#[derive(Debug, Default)]
struct Known {
    /// Newest first.
    addresses: Vec<Multiaddr>,
    last_used: u64,
}

/// The address book and the dials under way.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    book: HashMap<PeerId, Known>,
    uses: u64,
    under_way: HashMap<PeerId, ConnectionId>,
    waiting: HashMap<PeerId, Vec<Waiter>>,
}

impl Dials {
    /// Remembers addresses of a peer, in place of the longest unused peer's if need be.
    pub(crate) fn remember(
        &mut self,
        peer: PeerId,
        addresses: impl IntoIterator<Item = Multiaddr>,
    ) {
        self.uses += 1;
        if self.book.len() >= PEERS_MAX && !self.book.contains_key(&peer) {
            let oldest = self.book.iter().min_by_key(|(_, known)| known.last_used);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                self.book.remove(&oldest);
            }
        }
        let known = self.book.entry(peer).or_default();
        known.last_used = self.uses;
        for address in addresses {
            known.addresses.retain(|old| *old != address);
            known.addresses.insert(0, address);
        }
        known.addresses.truncate(ADDRESSES_MAX);
    }

    /// What is remembered of a peer.
    pub(crate) fn addresses(&mut self, peer: &PeerId) -> Vec<Multiaddr> {
        self.uses += 1;
        let Some(known) = self.book.get_mut(peer) else { return Vec::new() };
        known.last_used = self.uses;
        known.addresses.clone()
    }

    /// Whether one of our own dials of this peer is under way. Those of the DHT do not count:
    /// they may fail while an address only we know would do.
    pub(crate) fn is_under_way(&self, peer: &PeerId) -> bool {
        self.under_way.contains_key(peer)
    }

    pub(crate) fn started(&mut self, peer: PeerId, connection: ConnectionId) {
        self.under_way.insert(peer, connection);
    }

    /// Answers once a connection with this peer stands or the dial under way has failed.
    pub(crate) fn wait(&mut self, peer: PeerId, waiter: Waiter) {
        let waiting = self.waiting.entry(peer).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(waiter);
    }

    /// A connection stands. The dial, if another one was faster, goes on by itself.
    pub(crate) fn connected(&mut self, peer: &PeerId, connection: ConnectionId) {
        if self.under_way.get(peer) == Some(&connection) {
            self.under_way.remove(peer);
        }
        self.answer(peer, Ok(()));
    }

    /// A dial failed. `true` when it was ours.
    pub(crate) fn failed(
        &mut self,
        peer: &PeerId,
        connection: ConnectionId,
        reason: SendFailure,
    ) -> bool {
        let ours = self.under_way.get(peer) == Some(&connection);
        if ours {
            self.under_way.remove(peer);
            self.answer(peer, Err(reason));
        }
        ours
    }

    fn answer(&mut self, peer: &PeerId, outcome: Result<(), SendFailure>) {
        for waiter in self.waiting.remove(peer).into_iter().flatten() {
            // A link that has given up meanwhile does not mind.
            let _ = waiter.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: usize) -> Multiaddr {
        format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn the_newest_addresses_of_a_peer_are_kept_once_each() {
        let (mut dials, peer) = (Dials::default(), PeerId::random());
        dials.remember(peer, (0..40).map(address));
        dials.remember(peer, [address(39), address(30)]);
        let known = dials.addresses(&peer);
        assert_eq!(known.len(), ADDRESSES_MAX);
        assert_eq!(known[..2], [address(30), address(39)]);
    }

    #[test]
    fn the_longest_unused_peer_is_forgotten_first() {
        let mut dials = Dials::default();
        let peers: Vec<PeerId> = (0..=PEERS_MAX).map(|_| PeerId::random()).collect();
        for peer in &peers[..PEERS_MAX] {
            dials.remember(*peer, [address(1)]);
        }
        dials.addresses(&peers[0]);
        dials.remember(peers[PEERS_MAX], [address(1)]);
        assert!(!dials.addresses(&peers[0]).is_empty());
        assert!(dials.addresses(&peers[1]).is_empty());
    }

    #[test]
    fn waiters_hear_of_our_dial_failing_but_not_of_another_one() {
        let (mut dials, peer) = (Dials::default(), PeerId::random());
        let [ours, other] = [1, 2].map(ConnectionId::new_unchecked);
        dials.started(peer, ours);
        let (reply, mut answer) = oneshot::channel();
        dials.wait(peer, reply);
        assert!(!dials.failed(&peer, other, SendFailure::Unreachable));
        assert!(answer.try_recv().is_err());
        assert!(dials.failed(&peer, ours, SendFailure::Unreachable));
        assert_eq!(answer.try_recv(), Ok(Err(SendFailure::Unreachable)));
    }
}
