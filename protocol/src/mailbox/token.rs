//! The secret behind a tag, shown to mailboxes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::session::Tag;

/// What members of a group can show for one tag and nobody else can. It links nothing: every
/// epoch and every day has another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Token(pub [u8; 32]);

impl Token {
    /// The tag it stands behind: the first 16 bytes of its SHA-256.
    pub fn tag(&self) -> Tag {
        Tag::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token of {:?}", self.tag())
    }
}
