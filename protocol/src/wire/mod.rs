//! Bytes on the wire: the one codec, the frames between home nodes, and what a message says.

mod codec;
mod content;
mod frame;

pub use codec::{DecodeError, MESSAGE_BYTES_MAX, decode, encode};
pub use content::{Content, ContentKind, Message};
pub use frame::{Ack, FRAME_BYTES_MAX, Frame, Receipt};
