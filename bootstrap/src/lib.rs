//! A rendezvous for nodes, and a mailbox for those who sleep.
//!
//! New nodes have to know somebody. A rendezvous is a node without personas that stays at one
//! address, serves the DHT and holds the signed records others put there. Unless told not to, it
//! is a mailbox too: it holds envelopes under tags that say nothing to it. It sees who connects,
//! which records are looked up, and how much is left under which tag when; it can open no message,
//! and the network lives on without it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`cli`] | the command line |
//! | [`config`] | what the command line, the environment and the file add up to |
//! | [`defaults`] | the values used where nothing is said |
//! | [`key_file`] | the node key, kept so that the address stays the same |
//! | [`metrics`] | `/health` and `/metrics`, for the operator's own programs |
//! | [`driver`] | the loop: announce addresses, serve the mailbox, count, leave in order |

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod cli;
pub mod config;
pub mod defaults;
pub mod driver;
pub mod key_file;
pub mod metrics;

pub use cli::Cli;
pub use config::{Config, ConfigError};
pub use driver::{RunError, run};
