//! The values used where nothing is said.

/// Where to listen: every IPv4 interface, one fixed port over both transports, because others
/// write this address into their configuration.
pub const LISTEN: [&str; 2] = ["/ip4/0.0.0.0/udp/4401/quic-v1", "/ip4/0.0.0.0/tcp/4401"];

/// Where the node key is kept, relative to the working directory.
pub const DATA_DIR: &str = "conclave-bootstrap-data";

/// What is logged: what an operator should know, and nothing about single peers.
pub const LOG: &str = "info";
