//! The router as its callers see it, in front of an engine that answers from a table.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod about;
mod bodies;
mod calls;
mod doors;
mod events;
mod files;
mod harness;
mod limits;
mod login;
mod mcp;
mod mcp_doors;
mod openapi;
mod page;
mod search;
#[cfg(target_os = "linux")]
mod slow;
mod table;
mod tokens;
