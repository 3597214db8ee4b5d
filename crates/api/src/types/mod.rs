//! The JSON of the API: a file a resource, apart from the engine's types and the wire's.
//!
//! Ids are strings: personas `did:key:...`, everything else hexadecimal. Every time stands there
//! twice, as ISO-8601 text and, with `_ms` behind its name, as milliseconds since the Unix epoch.

pub(crate) mod approval;
pub(crate) mod contact;
pub(crate) mod conversation;
pub(crate) mod event;
pub(crate) mod file;
pub(crate) mod id;
pub(crate) mod inquiry;
pub(crate) mod mandate;
pub(crate) mod message;
pub(crate) mod network;
pub(crate) mod persona;
mod problem;
pub(crate) mod proposal;
pub(crate) mod queue;
mod rule;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod task;
mod time;
pub(crate) mod token;

pub(crate) use event::EventFrame;
pub(crate) use problem::{Problem, Refusals};
pub(crate) use rule::Rule;
