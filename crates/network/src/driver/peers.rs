//! The peers there are connections with.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use protocol::identity::NodeId;

use crate::{
    address,
    status::{Path, PeerStatus},
};

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

/// How long both ends may take to move what they send from a relayed to a direct connection.
const MOVE: Duration = Duration::from_secs(12);

/// Who opened a connection and which way it leads.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The other end.
    pub(crate) address: Multiaddr,
    /// Whether it leads through a relay.
    pub(crate) relayed: bool,
    /// Whether we dialled.
    pub(crate) dialled: bool,
}

#[derive(Debug)]
struct Connection {
    route: Route,
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
    /// Tests the reach of others, which it does by dialling them while they are connected.
    tests_reach: bool,
}

/// What another connection with a node means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is the first.
    First,
    /// It is the first direct one, where there were relayed ones.
    Upgrade,
    /// Nothing new.
    Another,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: HashMap<PeerId, Peer>,
}

impl Peers {
    /// Adds a connection.
    pub(crate) fn add(
        &mut self,
        peer: PeerId,
        node: NodeId,
        connection: ConnectionId,
        route: Route,
        now: Instant,
    ) -> Added {
        let entry = self.peers.entry(peer).or_insert_with(|| Peer {
            node,
            connections: BTreeMap::new(),
            puts: Allowance::new(now),
            tests_reach: false,
        });
        let added = if entry.connections.is_empty() {
            Added::First
        } else if !route.relayed && entry.is_relayed() {
            Added::Upgrade
        } else {
            Added::Another
        };
        let new = Connection { route, since: now, lost: false, rtt: None, ping_failures: 0 };
        entry.connections.insert(connection, new);
        added
    }

    /// Whether there are connections with a peer, all of them through relays.
    pub(crate) fn is_relayed(&self, peer: &PeerId) -> bool {
        self.peers.get(peer).is_some_and(Peer::is_relayed)
    }

    /// A peer tests the reach of others.
    pub(crate) fn tests_reach(&mut self, peer: &PeerId) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.tests_reach = true;
        }
    }

    /// A peer has dialled us: names the older connections it must have lost. Two kinds of peers
    /// dial while all is well: those that test our reach, and those that leave a relay, who may
    /// make several direct connections on the way.
    pub(crate) fn lost_before(
        &mut self,
        peer: &PeerId,
        relayed: bool,
        now: Instant,
    ) -> Vec<ConnectionId> {
        let well = |peer: &Peer| peer.tests_reach || (!relayed && peer.relayed().next().is_some());
        let Some(peer) = self.peers.get_mut(peer).filter(|peer| !well(peer)) else {
            return Vec::new();
        };
        let old = peer.connections.iter_mut();
        old.filter(|(_, old)| !old.lost && now.duration_since(old.since) > DIAL_OVERLAP)
            .map(|(id, old)| {
                old.lost = true;
                *id
            })
            .collect()
    }

    /// The connection frames were sent on has ended while another one with the same peer stands:
    /// what was sent may not have arrived. Names the node, and how it is reached now.
    pub(crate) fn stands_otherwise(
        &self,
        peer: &PeerId,
        ended: ConnectionId,
    ) -> Option<(NodeId, &Route)> {
        let peer = self.peers.get(peer)?;
        if peer.best(|_, _| true)?.0 != ended {
            return None;
        }
        let (_, best) = peer.best(|id, other| id != ended && !other.lost)?;
        Some((peer.node, &best.route))
    }

    /// Relayed connections that have had time to be left for a direct one.
    pub(crate) fn surplus(&self, now: Instant) -> Vec<ConnectionId> {
        let peers = self.peers.values().filter(|peer| peer.moved_at().is_some_and(|at| at <= now));
        peers.flat_map(Peer::relayed).map(|(id, _)| *id).collect()
    }

    /// When to look for them.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.peers.values().filter_map(Peer::moved_at).min()
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

    /// Which way a connection leads.
    pub(crate) fn route(&self, peer: &PeerId, connection: ConnectionId) -> Option<&Route> {
        Some(&self.peers.get(peer)?.connections.get(&connection)?.route)
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
    fn is_relayed(&self) -> bool {
        !self.connections.is_empty() && self.connections.values().all(|c| c.route.relayed)
    }

    fn relayed(&self) -> impl Iterator<Item = (&ConnectionId, &Connection)> {
        self.connections.iter().filter(|(_, connection)| connection.route.relayed)
    }

    /// The connection frames are sent on: the oldest direct one, or the newest relayed one.
    fn best(
        &self,
        wanted: impl Fn(ConnectionId, &Connection) -> bool,
    ) -> Option<(ConnectionId, &Connection)> {
        let wanted = |(id, connection): &(&ConnectionId, &Connection)| wanted(**id, connection);
        let mut direct = self.connections.iter().filter(|(_, c)| !c.route.relayed).filter(wanted);
        let best = direct.next().or_else(|| self.relayed().filter(wanted).last());
        best.map(|(id, connection)| (*id, connection))
    }

    /// When everything is on a direct connection that stands beside relayed ones.
    fn moved_at(&self) -> Option<Instant> {
        let relayed = self.relayed().map(|(_, connection)| connection.since).max()?;
        let direct = self.connections.values().filter(|c| !c.route.relayed && !c.lost);
        Some(direct.map(|connection| connection.since).min()?.max(relayed) + MOVE)
    }

    fn status(&self) -> Option<PeerStatus> {
        let (_, best) = self.best(|_, _| true)?;
        let rtt = self.connections.values().filter_map(|connection| connection.rtt).min();
        let millis = |rtt: Duration| u64::try_from(rtt.as_micros().div_ceil(1000)).ok();
        Some(PeerStatus {
            node: self.node,
            address: best.route.address.to_string(),
            transport: address::transport(&best.route.address),
            path: best.route.path(),
            connections: self.connections.len(),
            connections_relayed: self.relayed().count(),
            rtt_ms: rtt.and_then(millis),
        })
    }
}

impl Route {
    /// As others name it.
    pub(crate) fn path(&self) -> Path {
        if self.relayed { Path::Relayed } else { Path::Direct }
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

    fn direct() -> Route {
        let address = "/ip4/192.0.2.1/udp/1/quic-v1".parse().unwrap();
        Route { address, relayed: false, dialled: true }
    }

    #[test]
    fn a_peer_that_dials_again_has_lost_what_is_older_than_a_dial() {
        let (mut peers, peer, node) = (Peers::default(), PeerId::random(), NodeId([1; 32]));
        let [old, twin, new] = [1, 2, 3].map(ConnectionId::new_unchecked);
        let now = Instant::now();
        peers.add(peer, node, old, direct(), now);
        peers.add(peer, node, twin, direct(), now + DIAL_OVERLAP / 2);
        let overlap = now + DIAL_OVERLAP / 2;
        assert_eq!(peers.lost_before(&peer, false, overlap), [], "both dialled at once");
        let later = now + DIAL_OVERLAP * 2;
        peers.add(peer, node, new, direct(), later);
        assert_eq!(peers.lost_before(&peer, false, later), [old, twin]);
        assert_eq!(peers.lost_before(&peer, false, later), [], "once is enough");
        assert!(peers.stands_otherwise(&peer, old).is_some_and(|(other, _)| other == node));
        assert!(peers.stands_otherwise(&peer, new).is_none(), "nothing was sent on it");
    }

    #[test]
    fn who_tests_our_reach_dials_us_without_having_lost_anything() {
        let (mut peers, peer) = (Peers::default(), PeerId::random());
        let [old, test] = [1, 2].map(ConnectionId::new_unchecked);
        let (now, node) = (Instant::now(), NodeId([1; 32]));
        peers.add(peer, node, old, direct(), now);
        peers.tests_reach(&peer);
        let later = now + DIAL_OVERLAP * 2;
        assert_eq!(peers.add(peer, node, test, direct(), later), Added::Another);
        assert_eq!(peers.lost_before(&peer, false, later), []);
        assert!(peers.stands_otherwise(&peer, test).is_none(), "its end is no news either");
    }

    #[test]
    fn a_relayed_connection_is_left_for_a_direct_one_after_a_while() {
        let (mut peers, peer) = (Peers::default(), PeerId::random());
        let [first, second] = [1, 2].map(ConnectionId::new_unchecked);
        let (now, node) = (Instant::now(), NodeId([1; 32]));
        let relayed = Route { relayed: true, ..direct() };
        assert_eq!(peers.add(peer, node, first, relayed, now), Added::First);
        assert_eq!((peers.status()[0].path, peers.wake()), (Path::Relayed, None));
        let later = now + DIAL_OVERLAP * 2;
        assert_eq!(peers.add(peer, node, second, direct(), later), Added::Upgrade);
        let even_later = later + DIAL_OVERLAP * 2;
        let another = ConnectionId::new_unchecked(3);
        assert_eq!(peers.lost_before(&peer, false, later), [], "it was made in its place");
        assert_eq!(peers.add(peer, node, another, direct(), even_later), Added::Another);
        assert_eq!(peers.lost_before(&peer, false, even_later), [], "so was this");
        assert_eq!(peers.remove(&peer, another), None);
        assert_eq!(peers.status()[0].path, Path::Direct);
        assert_eq!(peers.surplus(later), []);
        assert_eq!(peers.surplus(peers.wake().unwrap()), [first]);
        assert!(peers.stands_otherwise(&peer, first).is_none());
        assert!(peers.stands_otherwise(&peer, second).is_some(), "back to the relay");
    }

    #[test]
    fn a_node_is_there_from_its_first_to_its_last_connection() {
        let (mut peers, peer, node) = (Peers::default(), PeerId::random(), NodeId([1; 32]));
        let [one, two] = [1, 2].map(ConnectionId::new_unchecked);
        let now = Instant::now();
        assert_eq!(peers.add(peer, node, one, direct(), now), Added::First);
        assert_eq!(peers.add(peer, node, two, direct(), now), Added::Another);
        assert_eq!(peers.status()[0].connections, 2);
        assert_eq!(peers.remove(&peer, one), None);
        assert_eq!(peers.remove(&peer, two), Some(node));
        assert!(!peers.contains(&peer));
    }

    #[test]
    fn a_connection_whose_pings_fail_is_given_up() {
        let (mut peers, peer, one) = (Peers::default(), PeerId::random(), 1);
        let one = ConnectionId::new_unchecked(one);
        peers.add(peer, NodeId([1; 32]), one, direct(), Instant::now());
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
