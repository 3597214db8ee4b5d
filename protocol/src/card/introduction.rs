//! What one persona says to another before they share a conversation.
//!
//! ```text
//! Bob   -- Request { token from Alice's invite } --> Alice
//! Alice -- Accept -------------------------------> Bob
//! Alice -- Welcome { MLS Welcome, cards } --------> Bob
//! ```
//!
//! An introduction is signed by its author, names its recipient, and travels sealed to the
//! recipient's card key, so nobody on the way learns who meets whom and nobody else can use it.

use serde::{Deserialize, Serialize};

use super::{Claims, InviteToken, Signed, SignedCard};
use crate::{
    identity::{Domain, EnvelopeId, PersonaId},
    session::SignedRejoin,
};

/// An introduction as it travels, inside a sealed box.
pub type SignedIntroduction = Signed<Introduction>;

/// Who speaks to whom, with the author's card, so that an answer finds its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// The author.
    pub persona: PersonaId,
    /// The only persona this is for.
    pub to: PersonaId,
    /// Milliseconds since the Unix epoch.
    pub issued_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// The author's own card when this was written. It may have expired on the way.
    pub card: SignedCard,
    /// What is wanted.
    pub purpose: Purpose,
}

/// What an introduction wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To become a contact. With the token of an invite, the recipient's owner has already agreed.
    Request {
        /// From the recipient's invite, if there was one.
        token: Option<InviteToken>,
    },
    /// The answer yes to a request.
    Accept,
    /// To join a conversation.
    Welcome {
        /// Whether exactly two personas will ever be in it.
        direct: bool,
        /// For people; at most 128 bytes.
        title: String,
        /// A [`crate::session::Invitation`]: the log entry and the MLS Welcome it belongs to.
        #[serde(with = "serde_bytes")]
        welcome: Vec<u8>,
        /// Cards of the members, at most 1,000, so that the joiner can reach everyone.
        cards: Vec<SignedCard>,
    },
    /// Says that introductions of the recipient, at most [`RECEIVED_MAX`], were committed: the
    /// receipt for a first contact that came by a mailbox.
    Received(Vec<EnvelopeId>),
    /// Somebody wants to come back into a conversation whose keys it lost: the author itself, or
    /// a member who passes it on to the one who can let it in.
    Rejoin {
        /// What it asks.
        request: SignedRejoin,
        /// Its card, so that the answer finds it.
        card: SignedCard,
    },
    /// The answer to that: the way back in.
    Readmit {
        /// A [`crate::session::Invitation`]: the log entry and the MLS Welcome it belongs to.
        #[serde(with = "serde_bytes")]
        welcome: Vec<u8>,
        /// Cards of the members, at most 1,000.
        cards: Vec<SignedCard>,
    },
}

/// Envelopes in one [`Purpose::Received`].
pub const RECEIVED_MAX: usize = 64;

/// The longest title of a conversation, in bytes.
pub const TITLE_BYTES_MAX: usize = 128;

impl Claims for Introduction {
    const DOMAIN: Domain = Domain::Introduction;
    const BYTES_MAX: usize = 448 * 1024;
    /// Long, because the recipient may sleep for weeks.
    const LIFETIME_MS_MAX: u64 = 60 * 24 * 60 * 60 * 1000;

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
        // An answer goes to the home in this card, so it has to be nobody else's.
        let card = self.card.verify_at_issue().map_err(|_| "card")?;
        if card.persona != self.persona {
            return Err("card");
        }
        match &self.purpose {
            Purpose::Welcome { title, .. } if !is_title(title) => Err("title"),
            Purpose::Welcome { cards, .. } if cards.len() > 1000 => Err("cards"),
            Purpose::Readmit { cards, .. } if cards.len() > 1000 => Err("cards"),
            Purpose::Received(envelopes) if envelopes.len() > RECEIVED_MAX => Err("envelopes"),
            _ => Ok(()),
        }
    }
}

/// Whether a conversation may have this title: at most [`TITLE_BYTES_MAX`] bytes, no control
/// characters.
pub fn is_title(title: &str) -> bool {
    title.len() <= TITLE_BYTES_MAX && !title.chars().any(char::is_control)
}
