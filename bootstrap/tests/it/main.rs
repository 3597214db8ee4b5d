//! The binary as scripts see it.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod mail;
mod metrics;
mod process;
mod serves;
mod usage;
