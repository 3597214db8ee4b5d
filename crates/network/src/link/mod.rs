//! Direct delivery: frames from node to node over persistent streams.
//!
//! A [`Links`] table holds one outgoing [`outgoing::Link`] per peer: a bounded queue and a task
//! that connects, opens a stream, waits for the peer's greeting and writes. Incoming streams have
//! a reader task each, see [`incoming`]. The table is what handles touch: sending takes a short
//! lock and never waits.
//!
//! The streams come from `libp2p-stream`, which has sharp edges that the link keeps away from its
//! callers: it drops incoming streams that are not picked up at once, so the opener waits for a
//! greeting; it loses dial requests and then waits for ever, so the link asks the driver to dial
//! first and gives opening a stream a time limit.

mod codec;
mod incoming;
mod outgoing;
mod table;

use libp2p::StreamProtocol;

pub(crate) use incoming::Readers;
pub use table::SendError;
pub(crate) use table::{Connect, Links};

/// The protocol of direct delivery.
pub(crate) const DIRECT: StreamProtocol = StreamProtocol::new("/conclave/direct/1");
