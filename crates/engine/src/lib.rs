//! The heart of a node: one state, [`Input`] in, [`Effect`] out.

pub mod event;
pub mod request;
pub mod view;

pub use event::{Event, EventBody};
pub use request::{Reply, Request, RequestError};
