//! A harness for tests over the real binaries, real folders and real sockets.
//!
//! A [`World`] is a temporary folder in which nodes and a rendezvous run as processes of their
//! own. Tests speak to them as owners' programs do, through the local API with its token, and
//! judge what they see by means the nodes do not share: [`calendar`] reads calendars with another
//! parser and another expansion of recurrences, [`planted`] looks for words where none may be,
//! [`capture`] listens on the wire.
//!
//! Nothing waits for a time to pass. Whatever takes a while is looked at again until it has
//! happened, and a deadline far beyond any sensible time says that it never will.

pub mod binaries;
pub mod calendar;
pub mod capture;
pub mod mcp;
#[cfg(target_os = "linux")]
pub mod nat;
pub mod people;
pub mod planted;
pub mod radicale;
pub mod rest;
pub mod skip;
pub mod until;
pub mod venv;

mod node;
mod rendezvous;
mod world;

pub use node::{Node, Setup};
pub use rendezvous::Rendezvous;
pub use world::World;
