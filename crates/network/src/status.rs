//! What the network looks like from here, for people and for tests.

use protocol::identity::NodeId;

/// A snapshot of a node's network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Addresses this node listens on, each ending in `/p2p/<peer>`.
    pub listen: Vec<String>,
    /// Addresses others are told to try, best first, without their `/p2p` part.
    pub told: Vec<String>,
    /// Whether others can dial this node.
    pub reachability: Reachability,
    /// Whether a router translates addresses between this node and others.
    pub translated: bool,
    /// Whether that router uses another port towards every peer, which no hole punching can
    /// foresee.
    pub symmetric: bool,
    /// Under which addresses others see this node, ordered.
    pub observed: Vec<String>,
    /// Addresses that others tried to dial for us, ordered.
    pub tested: Vec<TestedAddress>,
    /// What became of asking the router for a port.
    pub router_mapping: RouterMapping,
    /// Relays that hold a place for this node.
    pub relays: Vec<RelayStatus>,
    /// Bootstrap nodes it was told of, and whether each is connected.
    pub bootstrap: Vec<BootstrapStatus>,
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
    /// The other end of the connection in use, as a multiaddress.
    pub address: String,
    /// What that connection runs over.
    pub transport: Transport,
    /// Whether it leads through a relay.
    pub path: Path,
    /// Connections with this node.
    pub connections: usize,
    /// How many of them lead through relays.
    pub connections_relayed: usize,
    /// Round-trip time in milliseconds, rounded up, where a ping has been answered.
    pub rtt_ms: Option<u64>,
}

/// How a node is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// From socket to socket.
    Direct,
    /// Through a relay, which sees nothing but encrypted bytes.
    Relayed,
}

impl Path {
    /// `direct` or `relayed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
        }
    }
}

/// Whether others can dial a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reachability {
    /// Nobody has told yet.
    #[default]
    Unknown,
    /// Yes: tested by others, or said by the owner.
    Direct,
    /// Only through relays that hold a place for it.
    Relayed,
    /// No: a router or a firewall keeps others out, and no relay holds a place.
    Hidden,
}

impl Reachability {
    /// `unknown`, `direct`, `relayed` or `hidden`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Direct => "direct",
            Self::Relayed => "relayed",
            Self::Hidden => "hidden",
        }
    }
}

/// What became of asking the router for a port by UPnP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouterMapping {
    /// Not asked for.
    #[default]
    Off,
    /// No answer yet.
    Asking,
    /// The router forwards a port.
    Mapped,
    /// No router answers.
    NoRouter,
    /// The router is itself behind another one.
    RouterHidden,
}

impl RouterMapping {
    /// `off`, `asking`, `mapped`, `no_router` or `router_hidden`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Asking => "asking",
            Self::Mapped => "mapped",
            Self::NoRouter => "no_router",
            Self::RouterHidden => "router_hidden",
        }
    }
}

/// An address of this node that somebody else tried to dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestedAddress {
    /// Which.
    pub address: String,
    /// Why it could not be dialled; none where it could.
    pub failure: Option<String>,
}

/// A relay that holds a place for this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayStatus {
    /// Which node; none for relays whose key is of another kind.
    pub node: Option<NodeId>,
    /// Where it was dialled.
    pub address: String,
}

/// A bootstrap node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapStatus {
    /// Where it is, as configured.
    pub addresses: Vec<String>,
    /// Whether there is a connection with it.
    pub connected: bool,
}

/// What a connection runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Bytes of those frames, without what the transport adds.
    pub bytes_sent: u64,
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
    /// Direct connections made where there was only a relayed one.
    pub holes_punched: u64,
    /// Attempts to make one that were given up.
    pub holes_failed: u64,
    /// Places given to other nodes, as a relay.
    pub relay_reservations: u64,
    /// Circuits opened for other nodes, as a relay.
    pub relay_circuits: u64,
    /// Requests of other nodes refused, as a relay.
    pub relay_refused: u64,
}
