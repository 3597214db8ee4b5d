//! The swarm: which protocols a node speaks, with which values.

use std::{error::Error, time::Duration};

use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, autonat,
    connection_limits::{self, ConnectionLimits},
    dcutr, identify,
    identity::Keypair,
    kad, mdns, memory_connection_limits, noise, ping, relay,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, upnp, yamux,
};

use crate::{
    config::{Config, RelayLimits},
    dht::records::{PACKET_BYTES_MAX, Records},
    gossip::{self, Gossip},
    link::{DIRECT, FILES, streams},
    observed,
    start::StartError,
};

/// The protocol of the DHT. Different from other networks', so that their nodes never end up in
/// our routing tables.
pub(crate) const KAD: StreamProtocol = StreamProtocol::new("/conclave/kad/1");

/// What identify says about this software's protocol family.
const FAMILY: &str = "conclave/1";

/// Connections without any open stream close after this long. Ten seconds, the default, makes
/// the DHT dial the same nodes over and over.
const IDLE: Duration = Duration::from_secs(60);

/// Streams per TCP connection. Yamux lets each grow to a window that adds up to a gibibyte.
const YAMUX_STREAMS_MAX: usize = 128;

/// Unacknowledged bytes a QUIC peer may make us hold, per stream and per connection.
const QUIC_STREAM_BYTES_MAX: u32 = 1_000_000;
const QUIC_CONNECTION_BYTES_MAX: u32 = 2_000_000;

/// How long a silent QUIC peer counts as alive, and how often each end breaks the silence. Behind
/// a relay that died nothing else tells; a reliable transport repeats lost packets well within
/// this.
const QUIC_SILENCE_MS_MAX: u32 = 6_000;
const QUIC_KEEP_ALIVE: Duration = Duration::from_millis(2_500);

/// How long a DHT query may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest a record lives here; what its signer wrote may be shorter, never longer.
const RECORD_TTL: Duration = Duration::from_secs(48 * 60 * 60);

/// Every protocol, the ones that may refuse a connection first.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) limits: connection_limits::Behaviour,
    pub(crate) memory: memory_connection_limits::Behaviour,
    pub(crate) identify: identify::Behaviour,
    pub(crate) ping: ping::Behaviour,
    pub(crate) kad: kad::Behaviour<Records>,
    pub(crate) gossip: Gossip,
    pub(crate) mdns: Toggle<mdns::tokio::Behaviour>,
    pub(crate) upnp: Toggle<upnp::tokio::Behaviour>,
    pub(crate) observed: observed::Behaviour,
    pub(crate) reach: autonat::v2::client::Behaviour,
    pub(crate) reach_server: Toggle<autonat::v2::server::Behaviour>,
    pub(crate) relayed: relay::client::Behaviour,
    pub(crate) relay: Toggle<relay::Behaviour>,
    pub(crate) punch: dcutr::Behaviour,
    pub(crate) direct: streams::Behaviour,
    pub(crate) files: streams::Behaviour,
}

/// Builds a swarm that does not listen yet.
pub(crate) fn build(keypair: Keypair, config: &Config) -> Result<Swarm<Behaviour>, StartError> {
    let setup = |error: &dyn std::fmt::Display| StartError::Setup(error.to_string());
    let multiplexer = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(YAMUX_STREAMS_MAX);
        config
    };
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, multiplexer)
        .map_err(|error| setup(&error))?
        .with_quic_config(|mut quic| {
            quic.max_stream_data = QUIC_STREAM_BYTES_MAX;
            quic.max_connection_data = QUIC_CONNECTION_BYTES_MAX;
            quic.max_idle_timeout = QUIC_SILENCE_MS_MAX;
            quic.keep_alive_interval = QUIC_KEEP_ALIVE;
            quic
        })
        .with_dns()
        .map_err(|error| setup(&error))?
        .with_relay_client(noise::Config::new, multiplexer)
        .map_err(|error| setup(&error))?
        .with_behaviour(|keypair, relayed| {
            behaviour(keypair, relayed, config).map_err(Box::<dyn Error + Send + Sync>::from)
        })
        .map_err(|error| setup(&error))?
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(IDLE).with_smart_dial())
        .build();
    Ok(swarm)
}

fn behaviour(
    keypair: &Keypair,
    relayed: relay::client::Behaviour,
    config: &Config,
) -> Result<Behaviour, StartError> {
    let (limits, peer) = (config.limits, keypair.public().to_peer_id());
    let connections = ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits.pending_max))
        .with_max_pending_outgoing(Some(limits.pending_max))
        .with_max_established_incoming(Some(limits.incoming_max))
        .with_max_established_per_peer(Some(limits.per_peer_max));
    // Plain, unsigned identify: the signed records of this version are not understood by others.
    let identify = identify::Config::new(FAMILY.to_owned(), keypair.public())
        .with_agent_version(concat!("conclave/", env!("CARGO_PKG_VERSION")).to_owned())
        .with_push_listen_addr_updates(true)
        .with_cache_size(2048);
    let mdns = config.mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), peer));
    let mdns = mdns.transpose().unwrap_or_else(|error| {
        // A host without multicast is no reason not to run.
        tracing::warn!(%error, "no discovery on the local network");
        None
    });
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(connections),
        memory: memory_connection_limits::Behaviour::with_max_bytes(limits.memory_bytes_max),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new()),
        kad: kademlia(peer, config),
        gossip: gossip::behaviour().map_err(StartError::Setup)?,
        mdns: mdns.into(),
        upnp: config.upnp.then(upnp::tokio::Behaviour::default).into(),
        observed: observed::Behaviour::default(),
        reach: autonat::v2::client::Behaviour::default(),
        reach_server: config.relay.then(autonat::v2::server::Behaviour::default).into(),
        relayed,
        relay: config.relay.then(|| relay_server(peer, config)).into(),
        punch: dcutr::Behaviour::new(peer),
        direct: streams::Behaviour::new(DIRECT),
        files: streams::Behaviour::new(FILES),
    })
}

/// Whether a node can be dialled is for the driver to say: an address through somebody else's
/// relay does not make a node a relay.
fn relay_server(peer: PeerId, config: &Config) -> relay::Behaviour {
    let RelayLimits {
        reservations_max,
        circuits_max,
        circuits_per_peer_max,
        circuit_bytes_max,
        circuit_seconds_max,
    } = config.limits.relay;
    let relay = relay::Config {
        max_reservations: reservations_max,
        max_circuits: circuits_max,
        max_circuits_per_peer: circuits_per_peer_max,
        max_circuit_bytes: circuit_bytes_max,
        max_circuit_duration: Duration::from_secs(u64::from(circuit_seconds_max)),
        ..relay::Config::default()
    };
    let mut relay = relay::Behaviour::new(peer, relay);
    let can_be_dialled = config.rendezvous || !config.external.is_empty();
    let status = if can_be_dialled { relay::Status::Enable } else { relay::Status::Disable };
    relay.set_status(Some(status));
    relay
}

fn kademlia(peer: PeerId, config: &Config) -> kad::Behaviour<Records> {
    let mut kad = kad::Config::new(KAD);
    kad.set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_query_timeout(QUERY_TIMEOUT)
        .set_max_packet_size(PACKET_BYTES_MAX)
        .set_record_ttl(Some(RECORD_TTL))
        // Whoever publishes a record also republishes it.
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_caching(kad::Caching::Disabled);
    let mut kad = kad::Behaviour::with_config(peer, Records::new(peer, config.limits), kad);
    // Others become servers once somebody has been able to dial them; see the driver. Whoever
    // configures an external address says that this is so.
    let is_reachable = config.rendezvous || !config.external.is_empty();
    let mode = if is_reachable { kad::Mode::Server } else { kad::Mode::Client };
    kad.set_mode(Some(mode));
    kad
}
