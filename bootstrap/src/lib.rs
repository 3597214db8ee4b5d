//! A rendezvous for nodes.
//!
//! New nodes have to know somebody. A rendezvous is a node without personas that stays at one
//! address, serves the DHT and holds the signed records others put there. It sees who connects
//! and which records are looked up; it sees no message, and the network lives on without it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`cli`] | the command line |
//! | [`config`] | what the command line, the environment and the file add up to |
//! | [`defaults`] | the values used where nothing is said |
//! | [`key_file`] | the node key, kept so that the address stays the same |
//! | [`driver`] | the loop: announce addresses, count, leave in order |

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod cli;
pub mod config;
pub mod defaults;
pub mod driver;
pub mod key_file;

pub use cli::Cli;
pub use config::{Config, ConfigError};
pub use driver::{RunError, run};
