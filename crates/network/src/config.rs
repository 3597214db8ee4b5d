//! What a node's network can be told, and the limits it keeps.

/// How a node takes part in the network.
#[derive(Debug, Clone)]
pub struct Config {
    /// Multiaddresses to listen on. Default: every IPv4 interface over QUIC and over TCP, on free
    /// ports. Port 0 picks a free one. Empty means that nobody can dial this node.
    pub listen: Vec<String>,
    /// Addresses under which others can reach this node although it does not listen on them, such
    /// as a forwarded port. Announced as given, never tested. A node with such an address serves
    /// the DHT from the first moment. Default: none.
    pub external: Vec<String>,
    /// Where to enter the network: multiaddresses that end in `/p2p/<peer>`. They are dialled at
    /// start and again, with growing pauses, whenever they are lost. Default: none.
    pub bootstrap: Vec<String>,
    /// Whether to find nodes on the local network by multicast. It tells everyone on that network
    /// that a node runs here, so the default is off.
    pub mdns: bool,
    /// Whether this node is a rendezvous: it serves the DHT from the first moment, where others
    /// serve it only once somebody has been able to dial them. Default: no.
    pub rendezvous: bool,
    /// How much of everything is allowed.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec!["/ip4/0.0.0.0/udp/0/quic-v1".into(), "/ip4/0.0.0.0/tcp/0".into()],
            external: Vec::new(),
            bootstrap: Vec::new(),
            mdns: false,
            rendezvous: false,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// A rendezvous that listens on the default addresses.
    pub fn rendezvous() -> Self {
        Self { rendezvous: true, limits: Limits::rendezvous(), ..Self::default() }
    }
}

/// Upper bounds. Whatever goes beyond is refused, never queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Established connections that others opened. Default 500: gossip streams keep connections
    /// alive, so nothing but this limit prunes them.
    pub incoming_max: u32,
    /// Connections in the middle of a handshake, each way. Default 64.
    pub pending_max: u32,
    /// Connections with one and the same peer. Default 4: two nodes that dial each other at the
    /// same time over both transports.
    pub per_peer_max: u32,
    /// Bytes of memory this process may use before new connections are refused. Default 1 GiB.
    pub memory_bytes_max: usize,
    /// Records held for others. Default 4096, about 8 MiB. When full, the record farthest from
    /// this node's own place in the DHT makes room.
    pub records_max: usize,
    /// Records held for any one peer that put them. Default 512.
    pub records_per_peer_max: usize,
    /// Outgoing links, each a task and a queue. Default 4096.
    pub links_max: usize,
    /// Frames waiting on one link. Default 1024.
    pub link_frames_max: usize,
    /// Bytes waiting on one link. Default 8 MiB.
    pub link_bytes_max: usize,
    /// Received frames and gossip waiting for the consumer of events. Default 1024.
    pub inbox_events_max: usize,
    /// Bytes of those. Default 32 MiB.
    pub inbox_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            incoming_max: 500,
            pending_max: 64,
            per_peer_max: 4,
            memory_bytes_max: 1024 * 1024 * 1024,
            records_max: 4096,
            records_per_peer_max: 512,
            links_max: 4096,
            link_frames_max: 1024,
            link_bytes_max: 8 * 1024 * 1024,
            inbox_events_max: 1024,
            inbox_bytes_max: 32 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Limits of a rendezvous, which many nodes dial and which holds many records.
    pub fn rendezvous() -> Self {
        Self {
            incoming_max: 5000,
            pending_max: 512,
            memory_bytes_max: 4 * 1024 * 1024 * 1024,
            records_max: 65_536,
            records_per_peer_max: 2048,
            ..Self::default()
        }
    }
}
