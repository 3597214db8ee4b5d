//! Conclave end to end: real binaries, real folders, real sockets, a file a behaviour.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod about;
mod arrows;
mod backup;
mod browser;
mod caldav;
mod demo;
mod doors;
mod files;
mod inquiries;
mod interop;
mod kills;
mod low_space;
mod mailboxes;
mod mcp;
mod methods;
#[cfg(target_os = "linux")]
mod nat;
mod no_time;
mod orphans;
mod outbox;
mod passed_on;
mod processes;
mod rejoin;
mod restart;
mod search;
mod secrets;
mod ten_voters;
mod tokens;
mod two_ballots;
mod verify;
