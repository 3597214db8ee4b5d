//! One node: its event loop, its command line, its configuration.
//!
//! | question | file |
//! | --- | --- |
//! | what can wake the node, and what does it do then? | `driver.rs` |
//! | how is each effect of the engine carried out? | `perform.rs` |
//! | how does a node start and stop? | `running.rs`, `shutdown.rs` |
//! | where does a setting come from? | `config.rs` |
//! | what does `conclave demo` do? | `demo/` |

pub mod bench;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
mod driver;
mod ledger;
mod logging;
mod perform;
mod ports;
pub mod running;
mod shutdown;
