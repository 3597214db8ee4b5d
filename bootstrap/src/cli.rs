//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;

/// A rendezvous through which Conclave nodes find each other, and a mailbox for those who sleep.
///
/// Serves the network's DHT at a fixed address, and holds envelopes for nodes that are not there,
/// which it can neither open nor tell whom they are for.
/// Prints the full multiaddresses it can be reached at, one per line, on standard output; give
/// one of them to nodes as their --bootstrap. Logs go to standard error. Stops in order on
/// Ctrl-C or SIGTERM.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "conclave-bootstrap", version, after_help = EXAMPLES)]
pub struct Cli {
    /// TOML file with the same settings; what is said here goes before it
    ///
    /// Its keys are listen, external, bootstrap, data_dir, log, connections_max, records_max,
    /// relay_reservations_max, relay_circuits_max, relay_circuit_bytes_max, metrics and
    /// mailbox_bytes, which is false for none.
    #[arg(long, value_name = "FILE", env = "CONCLAVE_BOOTSTRAP_CONFIG")]
    pub config: Option<PathBuf>,

    /// Address to listen on; may be repeated [default: port 4401 over QUIC and TCP]
    ///
    /// A multiaddress such as /ip4/0.0.0.0/udp/4401/quic-v1 or /ip4/0.0.0.0/tcp/4401. Port 0
    /// picks a free one.
    #[arg(
        long,
        value_name = "MULTIADDR",
        env = "CONCLAVE_BOOTSTRAP_LISTEN",
        value_delimiter = ','
    )]
    pub listen: Vec<String>,

    /// Address others reach this machine at, if it does not listen on it; may be repeated
    ///
    /// For a forwarded port or a name, such as /dns4/hub.example.org/tcp/4401. Announced as it
    /// stands, never tested.
    #[arg(
        long,
        value_name = "MULTIADDR",
        env = "CONCLAVE_BOOTSTRAP_EXTERNAL",
        value_delimiter = ','
    )]
    pub external: Vec<String>,

    /// Another rendezvous to stay connected with; may be repeated
    ///
    /// A multiaddress that ends in /p2p/ and the peer. Several rendezvous nodes that know each
    /// other serve one DHT.
    #[arg(
        long,
        value_name = "MULTIADDR",
        env = "CONCLAVE_BOOTSTRAP_BOOTSTRAP",
        value_delimiter = ','
    )]
    pub bootstrap: Vec<String>,

    /// Folder for the node key and the mailbox, made if missing [default: conclave-bootstrap-data]
    ///
    /// Keep it: with another key this node has another address, and what waits here waits in vain.
    #[arg(long, value_name = "DIR", env = "CONCLAVE_BOOTSTRAP_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// What to log: error, warn, info, debug, trace or a filter such as network=debug
    /// [default: info]
    #[arg(long, value_name = "LEVEL", env = "CONCLAVE_BOOTSTRAP_LOG")]
    pub log: Option<String>,

    /// Connections accepted at the same time [default: 5000]
    #[arg(long, value_name = "N", env = "CONCLAVE_BOOTSTRAP_CONNECTIONS_MAX")]
    pub connections_max: Option<u32>,

    /// Records held at the same time, at most 2 KiB each [default: 65536]
    #[arg(long, value_name = "N", env = "CONCLAVE_BOOTSTRAP_RECORDS_MAX")]
    pub records_max: Option<usize>,

    /// Nodes that may wait here for others to reach them [default: 4096]
    #[arg(long, value_name = "N", env = "CONCLAVE_BOOTSTRAP_RELAY_RESERVATIONS_MAX")]
    pub relay_reservations_max: Option<usize>,

    /// Pairs of nodes connected through here at the same time [default: 512]
    #[arg(long, value_name = "N", env = "CONCLAVE_BOOTSTRAP_RELAY_CIRCUITS_MAX")]
    pub relay_circuits_max: Option<usize>,

    /// Bytes one such pair may exchange, each way, before it is cut [default: 67108864]
    #[arg(long, value_name = "BYTES", env = "CONCLAVE_BOOTSTRAP_RELAY_CIRCUIT_BYTES_MAX")]
    pub relay_circuit_bytes_max: Option<u64>,

    /// Serve /health and /metrics at this address of this machine, such as 127.0.0.1:9401
    #[arg(long, value_name = "ADDR", env = "CONCLAVE_BOOTSTRAP_METRICS")]
    pub metrics: Option<SocketAddr>,

    /// Room of the mailbox in bytes, at least 16777216 [default: 1073741824]
    #[arg(long, value_name = "BYTES", env = "CONCLAVE_BOOTSTRAP_MAILBOX_BYTES")]
    pub mailbox_bytes: Option<u64>,

    /// Hold no envelopes for others
    #[arg(long, env = "CONCLAVE_BOOTSTRAP_NO_MAILBOX", conflicts_with = "mailbox_bytes")]
    pub no_mailbox: bool,
}

const EXAMPLES: &str = "\
Examples:
  conclave-bootstrap
  conclave-bootstrap --listen /ip4/0.0.0.0/tcp/4401 --external /dns4/hub.example.org/tcp/4401
  conclave-bootstrap --config /etc/conclave-bootstrap.toml --log warn

Exit codes: 0 stopped as asked, 1 could not start, 2 wrong usage.";
