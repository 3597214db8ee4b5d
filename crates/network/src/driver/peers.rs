//! The peers there are connections with.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use protocol::identity::NodeId;

use crate::{address, status::PeerStatus};

/// Pings in a row that may fail before a connection counts as dead.
const PING_FAILURES_MAX: u32 = 2;

/// A peer dials only while it is not connected. Two nodes that dial each other at the same moment
/// end up with two connections all the same, but of almost the same age. So when a peer dials
/// while an older connection than this stands, it has lost that one: it was restarted, perhaps.
const DIAL_OVERLAP: Duration = Duration::from_secs(2);

/// Records a peer may put at once, and per second after that. A node that publishes a thousand
/// personas at its start stays below; checking more signatures than this would be felt.
const PUTS_BURST: u32 = 4096;
const PUTS_PER_SECOND: u32 = 64;

#[derive(Debug)]
struct Connection {
    address: Multiaddr,
    since: Instant,
    /// The peer has lost it; it is being closed.
    lost: bool,
    rtt: Option<Duration>,
    ping_failures: u32,
}

#[derive(Debug)]
struct Peer {
    node: NodeId,
    connections: BTreeMap<ConnectionId, Connection>,
    puts: Allowance,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: HashMap<PeerId, Peer>,
}

impl Peers {
    /// Adds a connection. `true` when it is the first with this node.
    pub(crate) fn add(
        &mut self,
        peer: PeerId,
        node: NodeId,
        connection: ConnectionId,
        address: Multiaddr,
        now: Instant,
    ) -> bool {
        let entry = self.peers.entry(peer).or_insert_with(|| Peer {
            node,
            connections: BTreeMap::new(),
            puts: Allowance::new(now),
        });
        let first = entry.connections.is_empty();
        let new = Connection { address, since: now, lost: false, rtt: None, ping_failures: 0 };
        entry.connections.insert(connection, new);
        first
    }

    /// A peer has dialled us: names the older connections it must have lost.
    pub(crate) fn lost_before(&mut self, peer: &PeerId, now: Instant) -> Vec<ConnectionId> {
        let Some(peer) = self.peers.get_mut(peer) else { return Vec::new() };
        let old = peer.connections.iter_mut();
        old.filter(|(_, old)| !old.lost && now.duration_since(old.since) > DIAL_OVERLAP)
            .map(|(id, old)| {
                old.lost = true;
                *id
            })
            .collect()
    }

    /// A connection has ended while another one with the same peer stands: what was sent on it
    /// may not have arrived. Names the node, and where it is reached now.
    pub(crate) fn stands_otherwise(
        &self,
        peer: &PeerId,
        ended: ConnectionId,
    ) -> Option<(NodeId, String)> {
        let peer = self.peers.get(peer)?;
        let other = |(id, other): &(&ConnectionId, &Connection)| **id != ended && !other.lost;
        let (_, newest) = peer.connections.iter().rfind(other)?;
        Some((peer.node, newest.address.to_string()))
    }

    /// Removes a connection. Names the node when it was the last one.
    pub(crate) fn remove(&mut self, peer: &PeerId, connection: ConnectionId) -> Option<NodeId> {
        let entry = self.peers.get_mut(peer)?;
        entry.connections.remove(&connection);
        if !entry.connections.is_empty() {
            return None;
        }
        self.peers.remove(peer).map(|peer| peer.node)
    }

    pub(crate) fn contains(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// The other end of a connection.
    pub(crate) fn address(&self, peer: &PeerId, connection: ConnectionId) -> Option<&Multiaddr> {
        Some(&self.peers.get(peer)?.connections.get(&connection)?.address)
    }

    /// Notes the outcome of a ping. `true` when the connection is to be given up.
    pub(crate) fn ping(
        &mut self,
        peer: &PeerId,
        connection: ConnectionId,
        rtt: Option<Duration>,
    ) -> bool {
        let connection =
            self.peers.get_mut(peer).and_then(|peer| peer.connections.get_mut(&connection));
        let Some(connection) = connection else { return false };
        match rtt {
            Some(rtt) => (connection.rtt, connection.ping_failures) = (Some(rtt), 0),
            None => connection.ping_failures += 1,
        }
        connection.ping_failures >= PING_FAILURES_MAX
    }

    /// Whether a peer may put another record now.
    pub(crate) fn may_put(&mut self, peer: &PeerId, now: Instant) -> bool {
        self.peers.get_mut(peer).is_some_and(|peer| peer.puts.take(now))
    }

    /// What to tell about all of them.
    pub(crate) fn status(&self) -> Vec<PeerStatus> {
        let mut peers: Vec<PeerStatus> = self.peers.values().filter_map(Peer::status).collect();
        peers.sort_by_key(|peer| peer.node);
        peers
    }
}

impl Peer {
    fn status(&self) -> Option<PeerStatus> {
        let newest = self.connections.values().next_back()?;
        let rtt = self.connections.values().filter_map(|connection| connection.rtt).min();
        let millis = |rtt: Duration| u64::try_from(rtt.as_micros().div_ceil(1000)).ok();
        Some(PeerStatus {
            node: self.node,
            address: newest.address.to_string(),
            transport: address::transport(&newest.address),
            connections: self.connections.len(),
            rtt_ms: rtt.and_then(millis),
        })
    }
}

/// How much a peer may still ask for: a bucket that fills with time.
#[derive(Debug)]
struct Allowance {
    left: u32,
    filled_at: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { left: PUTS_BURST, filled_at: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let seconds = now.duration_since(self.filled_at).as_secs();
        if seconds > 0 {
            self.filled_at += Duration::from_secs(seconds);
            let more = PUTS_PER_SECOND.saturating_mul(u32::try_from(seconds).unwrap_or(u32::MAX));
            self.left = self.left.saturating_add(more).min(PUTS_BURST);
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_dials_again_has_lost_what_is_older_than_a_dial() {
        let (mut peers, peer, node) = (Peers::default(), PeerId::random(), NodeId([1; 32]));
        let [old, twin, new] = [1, 2, 3].map(ConnectionId::new_unchecked);
        let (address, now) = ("/ip4/192.0.2.1/tcp/1".parse::<Multiaddr>().unwrap(), Instant::now());
        peers.add(peer, node, old, address.clone(), now);
        peers.add(peer, node, twin, address.clone(), now + DIAL_OVERLAP / 2);
        assert_eq!(peers.lost_before(&peer, now + DIAL_OVERLAP / 2), [], "both dialled at once");
        let later = now + DIAL_OVERLAP * 2;
        peers.add(peer, node, new, address.clone(), later);
        assert_eq!(peers.lost_before(&peer, later), [old, twin]);
        assert_eq!(peers.lost_before(&peer, later), [], "once is enough");
        assert_eq!(peers.stands_otherwise(&peer, old), Some((node, address.to_string())));
        assert_eq!(peers.stands_otherwise(&peer, new), None, "the others are lost");
    }

    #[test]
    fn a_node_is_there_from_its_first_to_its_last_connection() {
        let (mut peers, peer, node) = (Peers::default(), PeerId::random(), NodeId([1; 32]));
        let [one, two] = [1, 2].map(ConnectionId::new_unchecked);
        let (address, now) = ("/ip4/192.0.2.1/tcp/1".parse::<Multiaddr>().unwrap(), Instant::now());
        assert!(peers.add(peer, node, one, address.clone(), now));
        assert!(!peers.add(peer, node, two, address, now));
        assert_eq!(peers.status()[0].connections, 2);
        assert_eq!(peers.remove(&peer, one), None);
        assert_eq!(peers.remove(&peer, two), Some(node));
        assert!(!peers.contains(&peer));
    }

    #[test]
    fn a_connection_whose_pings_fail_is_given_up() {
        let (mut peers, peer, one) = (Peers::default(), PeerId::random(), 1);
        let one = ConnectionId::new_unchecked(one);
        let address = "/ip4/192.0.2.1/udp/1/quic-v1".parse().unwrap();
        peers.add(peer, NodeId([1; 32]), one, address, Instant::now());
        assert!(!peers.ping(&peer, one, None));
        assert!(!peers.ping(&peer, one, Some(Duration::from_micros(1200))));
        assert_eq!(peers.status()[0].rtt_ms, Some(2));
        assert!(!peers.ping(&peer, one, None));
        assert!(peers.ping(&peer, one, None));
    }

    #[test]
    fn a_peer_that_puts_too_fast_has_to_wait() {
        let now = Instant::now();
        let mut puts = Allowance::new(now);
        assert!((0..PUTS_BURST).all(|_| puts.take(now)));
        assert!(!puts.take(now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| puts.take(later)).count(), 64);
    }
}
