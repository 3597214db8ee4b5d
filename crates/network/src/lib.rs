//! libp2p behind a cheap handle and typed events.
//!
//! [`start`] builds a swarm and gives it to one task, the driver. The rest of the node holds two
//! ends: a [`Handle`] to ask for things and [`Events`] to hear what happened. Nothing of libp2p
//! shows through: nodes are [`protocol::identity::NodeId`]s, multiaddresses are strings.
//!
//! ```text
//!   Handle --requests--> driver --swarm--> sockets
//!     |                    |
//!     |                    +--what happened--> Events
//!     +--frames--> link task (one a peer) --stream--> peer
//!                  reader task (one a stream) --frames--> Events
//! ```
//!
//! What a caller can rely on:
//!
//! - **Frames to one peer arrive in the order they were sent**, as long as its link lives. When a
//!   link breaks, [`Event::SendFailed`] says so, and whatever was not acknowledged must be sent
//!   again: a frame written to a socket is not a frame that arrived.
//! - **A slow consumer slows its peers.** Reader tasks wait for room in [`Events`]; then streams
//!   fill up and the peer's queue does. The driver itself never waits for a consumer: gossip that
//!   finds no room is dropped and counted, everything else is kept merged per peer.
//! - **Everything is bounded**: connections, streams, queues by number and by bytes, records,
//!   topics, remembered addresses. [`Limits`] has the numbers.
//! - **Records are checked on the way in and on the way out**, by
//!   [`protocol::card::Record::verify`]. Provider records are refused.
//!
//! # The direct protocol
//!
//! `/conclave/direct/1` carries frames one way, from the node that opened the stream. The node
//! that accepts it first writes one empty frame (four zero bytes), which says that somebody
//! reads; only then does the opener write. Each frame is a 4-byte big-endian length, from 1 to
//! [`protocol::wire::FRAME_BYTES_MAX`], and that many bytes. Anything else ends the stream.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod address;
mod backoff;
mod config;
mod counters;
mod dht;
mod driver;
mod event;
mod explain;
mod gossip;
mod handle;
mod link;
mod observed;
mod requests;
mod start;
mod status;
mod swarm;

pub use address::node_at;
pub use config::{Config, Limits, RelayLimits};
pub use event::{Event, Events, GossipId, SendFailure, Verdict};
pub use explain::{Finding, Level, explain};
pub use handle::{Handle, LookupError};
pub use link::{FileStream, SendError};
pub use start::{AddressError, StartError, start};
pub use status::{
    BootstrapStatus, Counts, Path, PeerStatus, Reachability, RelayStatus, RouterMapping, Status,
    TestedAddress, Transport,
};
