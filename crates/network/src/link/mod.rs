//! Direct delivery: frames from node to node over persistent streams.
//!
//! A [`Links`] table holds one outgoing [`outgoing::Link`] per peer: a bounded queue and a task
//! that connects, opens a stream, waits for the peer's greeting and writes. Incoming streams have
//! a reader task each, see [`incoming`]. The table is what handles touch: sending takes a short
//! lock and never waits.
//!
//! A link asks the driver for a connection and then for a stream on the best one, see
//! [`streams`]. One that had to start over a relay moves as soon as there is a direct connection:
//! it ends its stream, waits until the peer has read to the end, and goes on with a new one, so
//! that not even a move changes the order of frames.

mod bulk;
mod codec;
mod incoming;
mod outgoing;
pub(crate) mod streams;
mod table;

use libp2p::StreamProtocol;

pub(crate) use bulk::Askers;
pub use bulk::FileStream;
pub(crate) use incoming::Readers;
pub use table::SendError;
pub(crate) use table::{Ask, Links};

/// The protocol on which files are fetched.
pub(crate) const FILES: StreamProtocol = StreamProtocol::new("/conclave/files/1");

/// The protocol of direct delivery.
pub(crate) const DIRECT: StreamProtocol = StreamProtocol::new("/conclave/direct/1");
