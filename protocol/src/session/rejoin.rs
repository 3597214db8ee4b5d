//! Coming back into a group whose keys are lost: what the member asks, signed by its persona.
//!
//! Bob's disk died. He has his persona's key again, from a backup, and nothing of the group: what
//! a backup held of it could be used twice.
//!
//! ```text
//!  Bob, restored                               Alice (sequencer)             Carol
//!  RejoinRequest ──── sealed box, to all ────► readmit: one commit
//!    a key package made for it                   removes Bob's old leaf
//!                                                adds the new one
//!  join ◄──────────── sealed box ───────────── welcome
//!                                                └─ entry, commit, request ─► open: checks all
//! ```
//!
//! The request travels on with the commit, so every member sees that Bob himself asked, for this
//! group and with this very leaf. A request is used once: a leaf takes the place only of an older
//! one, by the time in the credentials of both, and once it has it is not older than itself.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    card::{CardError, Claims, Signed},
    identity::{ConversationId, Domain, PersonaId},
};

/// How long a request holds, in milliseconds: 14 days. Who still waits then asks anew.
pub const REJOIN_LIFETIME_MS: u64 = 14 * 24 * 60 * 60 * 1000;

/// The largest key package in a request, in bytes; as a card allows.
const KEY_PACKAGE_BYTES_MAX: usize = 1024;

/// A request as it travels.
pub type SignedRejoin = Signed<RejoinRequest>;

/// "I am a member and have lost my keys: take this leaf for my old one."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejoinRequest {
    /// Who asks.
    pub persona: PersonaId,
    /// To come back into which group.
    pub group: ConversationId,
    /// Milliseconds since the Unix epoch.
    pub issued_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// A key package made for this request alone, as an MLS message. At most 1,024 bytes. Its
    /// keys are random, so no two requests are alike.
    #[serde(with = "serde_bytes")]
    pub key_package: Vec<u8>,
}

impl Claims for RejoinRequest {
    const DOMAIN: Domain = Domain::Rejoin;
    const BYTES_MAX: usize = KEY_PACKAGE_BYTES_MAX + 128;
    const LIFETIME_MS_MAX: u64 = REJOIN_LIFETIME_MS;

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
        let len = self.key_package.len();
        if len == 0 || len > KEY_PACKAGE_BYTES_MAX { Err("key_package") } else { Ok(()) }
    }
}

/// Why nobody comes back with this request or this commit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RejoinError {
    /// The request itself does not hold.
    #[error("request: {0}")]
    Request(#[from] CardError),
    /// For another group.
    #[error("request for another group")]
    Group,
    /// By somebody who is not a member: it has to be added.
    #[error("request of {0}, who is not a member")]
    Stranger(PersonaId),
    /// The key package is of another persona than the request.
    #[error("key package of another persona")]
    Persona,
    /// The leaf in the group is as new as the one asked for, or newer: the request was used
    /// before, or overtaken.
    #[error("the leaf in the group is not older")]
    Replayed,
    /// The commit removes a leaf of somebody else.
    #[error("removes a leaf of somebody else")]
    Removes,
    /// The commit leaves an old leaf of the persona in place.
    #[error("leaves the old leaf in place")]
    Keeps,
    /// The commit does not add exactly the key package of the request.
    #[error("adds another leaf than was asked for")]
    Adds,
    /// The commit carries anything else.
    #[error("does more than exchange a leaf")]
    More,
    /// The request is missing, or stands beside a commit of another kind.
    #[error("request and kind of commit do not go together")]
    Kind,
    /// A welcome to come back, for a key package that asked for another group or for none.
    #[error("we have not asked to come back")]
    Unasked,
}
