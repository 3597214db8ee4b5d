//! Tags: addresses that only those who share a key can compute, for a day at a time.

use std::fmt;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    identity::{EnvelopeId, PersonaId},
    mailbox::{ReleaseKey, Token},
};

/// How long one tag is used, in milliseconds: a day, counted from the Unix epoch.
pub const WINDOW_MS: u64 = 24 * 60 * 60 * 1000;

/// Whom an envelope is for, to those who know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag(pub [u8; 16]);

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({}…)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl Tag {
    /// The first 16 bytes of SHA-256 over these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut tag = [0; 16];
        tag.copy_from_slice(&Sha256::digest(bytes)[..16]);
        Self(tag)
    }
}

/// The window a moment lies in.
pub(super) fn window(now_ms: u64) -> u64 {
    now_ms / WINDOW_MS
}

/// The windows a receiver listens in: yesterday's, today's and tomorrow's, because clocks differ
/// and envelopes take time.
pub(super) fn windows(now_ms: u64) -> [u64; 3] {
    let today = window(now_ms);
    [today.saturating_sub(1), today, today.saturating_add(1)]
}

/// The key from which the tags of one epoch of one group come.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct TagKey([u8; 32]);

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(..)")
    }
}

impl TagKey {
    /// The key with these secret bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token of a window. Showing it proves membership of the group to whoever holds
    /// envelopes for its tag, and links nothing across windows.
    pub fn token(&self, window: u64) -> Token {
        Token(self.derive(&[&window.to_be_bytes()]))
    }

    /// The tag of a window: a hash of its token.
    pub fn tag(&self, window: u64) -> Tag {
        self.token(window).tag()
    }

    /// With what a member gives an envelope of this epoch free at a mailbox.
    pub fn release_key(&self, envelope: &EnvelopeId, member: &PersonaId) -> ReleaseKey {
        ReleaseKey(self.derive(&[b"release", envelope.as_bytes(), member.as_bytes()]))
    }

    /// HMAC-SHA-256. What it is made over tells by its length which purpose it is for: 8 bytes or
    /// 71.
    fn derive(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// The tag of the window a moment lies in, `now_ms` since the Unix epoch.
    pub fn tag_at(&self, now_ms: u64) -> Tag {
        self.tag(window(now_ms))
    }

    /// The token behind a tag of this key around a moment.
    pub fn token_of(&self, tag: Tag, around_ms: u64) -> Option<Token> {
        self.tokens_at(around_ms).into_iter().find(|token| token.tag() == tag)
    }

    /// The tokens of the tags a receiver listens to at a moment.
    pub fn tokens_at(&self, now_ms: u64) -> [Token; 3] {
        windows(now_ms).map(|window| self.token(window))
    }

    /// The tags a receiver listens to at a moment.
    pub fn tags_at(&self, now_ms: u64) -> [Tag; 3] {
        windows(now_ms).map(|window| self.tag(window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_lasts_one_window_and_is_heard_one_window_early_and_late() {
        let key = TagKey::from_bytes([7; 32]);
        let noon = 20_000 * WINDOW_MS + WINDOW_MS / 2;
        assert_eq!(key.tag_at(noon), key.tag_at(noon + WINDOW_MS / 2 - 1));
        assert_ne!(key.tag_at(noon), key.tag_at(noon + WINDOW_MS / 2));
        for sent in [noon - WINDOW_MS, noon, noon + WINDOW_MS] {
            assert!(key.tags_at(noon).contains(&key.tag_at(sent)));
        }
        assert!(!key.tags_at(noon).contains(&key.tag_at(noon + 2 * WINDOW_MS)));
    }

    #[test]
    fn tags_print_short_and_keys_not_at_all() {
        assert_eq!(format!("{:?}", Tag([0xab; 16])), "Tag(abababab…)");
        assert_eq!(format!("{:?}", TagKey::from_bytes([1; 32])), "TagKey(..)");
    }
}
