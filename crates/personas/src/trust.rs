//! How far a peer is trusted.

use serde::{Deserialize, Serialize};

/// What a persona's owner has said about a peer. Higher tiers may ask for more.
///
/// The order is meaningful: `tier >= Tier::Known` reads "at least known".
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The owner wants nothing from this peer, contact requests included.
    Blocked,
    /// Never met. May send one contact request and nothing else.
    #[default]
    Unknown,
    /// An accepted contact.
    Known,
    /// A contact the owner has verified or relies on.
    Trusted,
    /// The owner.
    Operator,
}

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Self; 5] =
        [Self::Blocked, Self::Unknown, Self::Known, Self::Trusted, Self::Operator];

    /// Whether the owner has accepted this peer as a contact, or is the owner.
    pub fn is_contact(self) -> bool {
        self >= Self::Known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_tiers_is_the_order_of_trust() {
        assert!(Tier::ALL.is_sorted());
        assert!(!Tier::default().is_contact());
        assert!(Tier::Known.is_contact());
    }
}
