//! What the network looks like from here, for people and for tests.

use protocol::identity::NodeId;

/// A snapshot of a node's network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Addresses this node listens on, each ending in `/p2p/<peer>`.
    pub listen: Vec<String>,
    /// Nodes there is a connection with, ordered by node.
    pub peers: Vec<PeerStatus>,
    /// Nodes in the DHT's routing table.
    pub dht_nodes: usize,
    /// Whether this node answers others' DHT requests.
    pub dht_server: bool,
    /// Records held, own and others'.
    pub records: usize,
    /// Topics subscribed to, ordered.
    pub topics: Vec<String>,
    /// What was carried and refused since the start.
    pub counts: Counts,
}

/// One connected node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// Which node.
    pub node: NodeId,
    /// The other end of its newest connection, as a multiaddress.
    pub address: String,
    /// What that connection runs over.
    pub transport: Transport,
    /// Connections with this node.
    pub connections: usize,
    /// Round-trip time in milliseconds, rounded up, where a ping has been answered.
    pub rtt_ms: Option<u64>,
}

/// What a connection runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// QUIC over UDP.
    Quic,
    /// TCP with Noise and yamux.
    Tcp,
}

impl Transport {
    /// `quic` or `tcp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
}

/// Numbers that only grow while a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames written to links.
    pub frames_sent: u64,
    /// Well-formed frames received.
    pub frames_received: u64,
    /// Incoming streams closed because of an oversize, malformed or stalled frame.
    pub streams_malformed: u64,
    /// Outgoing links that broke.
    pub links_broken: u64,
    /// Gossip dropped because the consumer of events was too slow, or a publish that found no
    /// room to wait in.
    pub gossip_dropped: u64,
    /// Others' records accepted.
    pub records_stored: u64,
    /// Others' records refused.
    pub records_refused: u64,
    /// Requests by this node itself that went beyond a limit.
    pub requests_refused: u64,
}
