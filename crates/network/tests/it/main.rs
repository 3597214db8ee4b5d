//! The network over real sockets on loopback, a file a behaviour.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod files;
mod frames;
mod gossip;
mod hostile;
mod limits;
mod reconnect;
mod records;
mod relay;
mod support;
