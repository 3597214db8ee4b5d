//! Conclave end to end: real binaries, real folders, real sockets, a file a behaviour.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod arrows;
mod browser;
mod demo;
mod doors;
mod kills;
mod no_time;
mod processes;
mod restart;
mod secrets;
mod verify;
