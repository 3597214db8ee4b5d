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
    /// Whether this node lets others reach each other through it, once it knows that it can be
    /// dialled itself. Costs the bandwidth of what it carries, up to [`Limits::relay`]. A
    /// rendezvous does from the first moment. Default: no.
    pub relay: bool,
    /// Whether to ask the router for a forwarded port by UPnP. Default: no, because it asks by
    /// multicast.
    pub upnp: bool,
    /// Whether this node only dials, speaks with whom it dialled, and takes no part in anything
    /// else: no DHT, no place at relays. For a key that is not to be found. Default: no.
    pub secluded: bool,
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
            relay: false,
            upnp: false,
            secluded: false,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// A node nobody finds, with little room: to speak with a few others under a key of its own.
    pub fn secluded() -> Self {
        let limits = Limits {
            incoming_max: 0,
            records_max: 1,
            links_max: 64,
            inbox_events_max: 256,
            inbox_bytes_max: 8 * 1024 * 1024,
            ..Limits::default()
        };
        Self { listen: Vec::new(), secluded: true, limits, ..Self::default() }
    }

    /// A rendezvous that listens on the default addresses.
    pub fn rendezvous() -> Self {
        Self { rendezvous: true, relay: true, limits: Limits::rendezvous(), ..Self::default() }
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
    /// Connections with one and the same peer. Default 8: two nodes that dial each other at the
    /// same time over both transports, or that leave a relay in every way there is. One too many
    /// is worse than refused: its dialler takes it for established before it hears of that.
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
    /// What is carried for others.
    pub relay: RelayLimits,
}

/// What a relay carries for others. The defaults of libp2p end a circuit after 128 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayLimits {
    /// Nodes that may wait here for others at the same time. Default 256.
    pub reservations_max: usize,
    /// Pairs of nodes connected through here at the same time. Default 64.
    pub circuits_max: usize,
    /// Circuits one node may have open as the caller. Default 8.
    pub circuits_per_peer_max: usize,
    /// Bytes one circuit may carry, each way, before it is cut. Default 64 MiB.
    pub circuit_bytes_max: u64,
    /// How long a circuit may last, in seconds. Default one hour.
    pub circuit_seconds_max: u32,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            reservations_max: 256,
            circuits_max: 64,
            circuits_per_peer_max: 8,
            circuit_bytes_max: 64 * 1024 * 1024,
            circuit_seconds_max: 3600,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            incoming_max: 500,
            pending_max: 64,
            per_peer_max: 8,
            memory_bytes_max: 1024 * 1024 * 1024,
            records_max: 4096,
            records_per_peer_max: 512,
            links_max: 4096,
            link_frames_max: 1024,
            link_bytes_max: 8 * 1024 * 1024,
            inbox_events_max: 1024,
            inbox_bytes_max: 32 * 1024 * 1024,
            relay: RelayLimits::default(),
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
            relay: RelayLimits {
                reservations_max: 4096,
                circuits_max: 512,
                ..RelayLimits::default()
            },
            ..Self::default()
        }
    }
}
