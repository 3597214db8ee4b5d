//! What is said about an earlier message: answers, reactions, edits, deletions.
//!
//! ```text
//!  Alice:  Dinner at ate?                      seq 4
//!  Alice:  Edit { of: 4, "Dinner at eight?" }    seq 5   only Alice has a message 4 of Alice's
//!  Bob:    Reaction { to: id of 4, ["👍"] }       seq 9   everything Bob thinks of it, anew
//!  Alice:  Deletion { of: 4 }                    seq 6   nothing may follow it
//! ```
//!
//! An edit and a deletion name the message by its author's own count, so nobody can express one
//! of another's message. Of several reactions of one author to one message, and of several edits
//! of one message, the one with the highest `seq` holds, whatever order they arrive in.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    identity::MessageId,
    wire::{DecodeError, decode, encode},
};

/// The longest text of a message, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The most emoji of one author on one message.
pub const REACTIONS_MAX: usize = 8;
/// The longest emoji, in bytes: a family of four with skin tones has 41.
pub const EMOJI_BYTES_MAX: usize = 48;

/// Room for what stands beside a text.
const FRAME_BYTES: usize = 64;

/// A text that answers an earlier message of the same conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Which message; nothing is wrong when the reader does not have it.
    pub to: MessageId,
    /// UTF-8, shown to people; never an instruction to a persona.
    pub text: String,
}

/// Everything its author thinks of a message, replacing what it thought before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// Of which message in the same conversation.
    pub to: MessageId,
    /// Rising, each an emoji by [`is_emoji`]; none takes the reaction back.
    pub emoji: Vec<String>,
}

/// Another text for a message of the same author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The message's `seq`.
    pub of: u64,
    /// The new text.
    pub text: String,
}

/// Takes a message of the same author back, for everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The message's `seq`.
    pub of: u64,
}

impl Reply {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From a body.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        read(bytes, |reply: &Self| is_text(&reply.text))
    }
}

impl Reaction {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From a body.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        read(bytes, |Self { emoji, .. }: &Self| {
            emoji.len() <= REACTIONS_MAX
                && emoji.iter().all(|emoji| is_emoji(emoji))
                && emoji.windows(2).all(|pair| pair[0] < pair[1])
        })
    }
}

impl Edit {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From the body of its author's message `seq`.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8], seq: u64) -> Result<Self, DecodeError> {
        read(bytes, |edit: &Self| edit.of < seq && is_text(&edit.text))
    }
}

impl Deletion {
    /// Its body.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// From the body of its author's message `seq`.
    ///
    /// # Errors
    /// [`DecodeError`]: it does not fit the kind.
    pub fn from_bytes(bytes: &[u8], seq: u64) -> Result<Self, DecodeError> {
        read(bytes, |deletion: &Self| deletion.of < seq)
    }
}

fn read<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    holds: impl Fn(&T) -> bool,
) -> Result<T, DecodeError> {
    let value = decode(bytes, TEXT_BYTES_MAX + FRAME_BYTES)?;
    match holds(&value) {
        true => Ok(value),
        false => Err(DecodeError::Malformed("a field breaks its rule".into())),
    }
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
}

/// Whether this can stand as a reaction: pictographs and what joins and colours them, or a keycap;
/// no letters, no white space, nothing that changes the direction of the text around it.
pub fn is_emoji(text: &str) -> bool {
    let keycap = text.ends_with('\u{20e3}');
    let fits = |c: char| match c {
        '0'..='9' | '#' | '*' => keycap,
        '\u{20e3}' | '\u{200d}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}' => true,
        other => is_pictograph(other),
    };
    let shows = |c: char| c == '\u{20e3}' || is_pictograph(c);
    (1..=EMOJI_BYTES_MAX).contains(&text.len()) && text.chars().all(fits) && text.chars().any(shows)
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23ff}' | '\u{24c2}'
        | '\u{25aa}'..='\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b55}'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}
