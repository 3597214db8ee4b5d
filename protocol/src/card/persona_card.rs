//! The persona card: where a persona lives and how to write to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Claims, Signed};
use crate::identity::{Domain, Handle, NodeId, PersonaId};

/// How long a fresh card is valid: a day, so that stale addresses die soon.
pub const CARD_LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// A card as it travels.
pub type SignedCard = Signed<PersonaCard>;

/// An X25519 public key to which first-contact envelopes are sealed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKey(pub [u8; 32]);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({}…)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// Where a persona lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeNode {
    /// The node's key.
    pub node: NodeId,
    /// Multiaddresses, without the `/p2p` part. At most 8, each 1 to 128 printable ASCII
    /// characters of which the first is `/`. May be empty: then the node is found by its key.
    pub addresses: Vec<String>,
}

impl HomeNode {
    /// Whether the addresses keep their rules. What they mean is not looked at.
    pub(super) fn is_valid(&self) -> bool {
        let address = |text: &String| {
            (1..=128).contains(&text.len())
                && text.starts_with('/')
                && text.bytes().all(|b| b.is_ascii_graphic())
        };
        self.addresses.len() <= 8 && self.addresses.iter().all(address)
    }
}

/// What a persona says it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Capability {
    /// Finds times with other personas.
    Schedule,
    /// Reads its owner's calendar (within the owner's policy).
    Calendar,
    /// Votes by its owner's mandate.
    Vote,
}

/// What a persona shows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonaCard {
    /// Whose card this is.
    pub persona: PersonaId,
    /// A higher number replaces a lower one.
    pub sequence: u64,
    /// Milliseconds since the Unix epoch.
    pub issued_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// For people; see [`PersonaCard::is_display_name`].
    pub display_name: String,
    /// The handle its owner chose.
    pub handle: Handle,
    /// Ordered, no repetition.
    pub capabilities: Vec<Capability>,
    /// Where to deliver.
    pub home: HomeNode,
    /// Nodes that hold messages while home sleeps. At most 3.
    pub mailboxes: Vec<HomeNode>,
    /// For first contact.
    pub sealing_key: SealingKey,
    /// The last-resort MLS KeyPackage, 1 to 1024 bytes. Not parsed here.
    #[serde(with = "serde_bytes")]
    pub key_package: Vec<u8>,
}

impl Claims for PersonaCard {
    const DOMAIN: Domain = Domain::Card;
    const BYTES_MAX: usize = 1920;
    const LIFETIME_MS_MAX: u64 = 2 * CARD_LIFETIME_MS;

    fn persona(&self) -> &PersonaId {
        &self.persona
    }

    fn issued_at_ms(&self) -> u64 {
        self.issued_at_ms
    }

    fn expires_at_ms(&self) -> u64 {
        self.expires_at_ms
    }

    fn check(&self) -> Result<(), &'static str> {
        if !Self::is_display_name(&self.display_name) {
            return Err("display_name");
        }
        if !self.handle.belongs_to(&self.persona) {
            return Err("handle");
        }
        if !self.capabilities.is_sorted_by(|a, b| a < b) {
            return Err("capabilities");
        }
        if !self.home.is_valid() {
            return Err("home");
        }
        if self.mailboxes.len() > 3 || !self.mailboxes.iter().all(HomeNode::is_valid) {
            return Err("mailboxes");
        }
        if self.key_package.is_empty() || self.key_package.len() > 1024 {
            return Err("key_package");
        }
        Ok(())
    }
}

impl PersonaCard {
    /// Whether a display name may stand in a card: 1 to 64 bytes of UTF-8, not only white space,
    /// and nothing that moves a cursor, breaks a line or turns the direction of reading.
    pub fn is_display_name(name: &str) -> bool {
        (1..=64).contains(&name.len())
            && !name.trim().is_empty()
            && !name.chars().any(|c| c.is_control() || breaks_line(c) || turns_direction(c))
    }
}

/// The line and paragraph separators, which are not control characters.
fn breaks_line(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// The characters with Unicode's property `Bidi_Control`.
fn turns_direction(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
