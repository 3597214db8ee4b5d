//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// A rendezvous through which Conclave nodes find each other.
///
/// Serves the network's DHT at a fixed address. It carries no messages and knows no personas.
/// Prints the full multiaddresses it can be reached at, one per line, on standard output; give
/// one of them to nodes as their --bootstrap. Logs go to standard error. Stops in order on
/// Ctrl-C or SIGTERM.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "conclave-bootstrap", version, after_help = EXAMPLES)]
pub struct Cli {
    /// TOML file with the same settings; what is said here goes before it
    ///
    /// Its keys are listen, external, bootstrap, data_dir, log, connections_max and records_max.
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

    /// Folder for the node key, made if missing [default: conclave-bootstrap-data]
    ///
    /// Keep it: with another key this node has another address.
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
}

const EXAMPLES: &str = "\
Examples:
  conclave-bootstrap
  conclave-bootstrap --listen /ip4/0.0.0.0/tcp/4401 --external /dns4/hub.example.org/tcp/4401
  conclave-bootstrap --config /etc/conclave-bootstrap.toml --log warn

Exit codes: 0 stopped as asked, 1 could not start, 2 wrong usage.";
