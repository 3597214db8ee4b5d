//! The binary as scripts see it.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod process;
mod serves;
mod usage;
