//! One node: its event loop, its command line, its configuration.
//!
//! | question | file |
//! | --- | --- |
//! | what can wake the node, and what does it do then? | `driver.rs` |
//! | how is each effect of the engine carried out? | `perform.rs` |
//! | how does a node start and stop? | `running.rs`, `shutdown.rs` |
//! | where does a setting come from? | `config.rs` |
//! | how does a node speak with mailboxes, and when is it one? | `post.rs`, `serve.rs` |
//! | what if the clock leaps, or the disk fills up? | `clock.rs`, `space.rs` |
//! | where are the bytes of files, and how do they travel? | `files/`, `file_limits.rs` |
//! | what is in a backup, and how is it sealed? | `backup/` |
//! | what does `conclave demo` do? | `demo/` |

mod backup;
pub mod bench;
pub mod cli;
pub mod client;
mod clock;
pub mod config;
pub mod demo;
mod driver;
pub mod file_limits;
mod files;
mod ledger;
mod logging;
mod perform;
mod ports;
mod post;
pub mod running;
pub mod serve;
mod shutdown;
mod space;
