//! The persona's door for programs that speak the Model Context Protocol.
//!
//! An assistant that somebody already runs gets tools with which it uses a persona: read, send,
//! propose, vote, give tasks. Each tool is one or two calls of the API, made through a [`Door`] as
//! any program makes them: the same token, scopes, rate and audit log stand in between, and there
//! is nothing a tool can do that its token could not do without it. No tool gives the owner's word
//! on what waits for it, whatever the token.
//!
//! Two ways lead here. `/mcp` of the API itself has a door that opens inwards. With
//! [`serve`] a program speaks over its standard streams, and its door is the API of a running
//! node. Sessions are not kept: each request stands for itself, so that a revoked token is refused
//! at the next one and no program can fill the memory.
//!
//! What other people wrote is marked wherever it is shown, because whoever reads it may be a model
//! that takes orders.

mod desk;
mod door;
mod inside;
mod schema;
mod server;
mod told;
mod tools;

pub use door::{Answer, Ask, Door, Refusal};
pub use server::serve;

pub(crate) use inside::service;

/// Where it is on the API.
pub(crate) const PATH: &str = "/mcp";
