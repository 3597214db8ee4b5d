//! Bytes on the wire: the one codec, the frames between home nodes, and what a message says.

mod about;
mod codec;
mod content;
mod frame;
mod inquiry;

pub use about::{
    Deletion, EMOJI_BYTES_MAX, Edit, REACTIONS_MAX, Reaction, Reply, TEXT_BYTES_MAX, is_emoji,
};
pub use codec::{DecodeError, MESSAGE_BYTES_MAX, decode, encode};
pub use content::{Content, ContentKind, Message};
pub use frame::{Ack, FRAME_BYTES_MAX, Frame, Receipt};
pub use inquiry::{
    ASKED_MAX, Answer, INQUIRY_TEXT_BYTES_MAX, Inquiry, OPEN_MS_MAX, OPEN_MS_MIN, Way,
};
