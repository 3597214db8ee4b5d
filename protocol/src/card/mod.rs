//! What a persona shows of itself, signed by its key.
//!
//! Everything here is carried as `{ body, signature }` where `body` is the canonical encoding: it
//! is verified over the bytes received, before they are decoded, and forwarded unchanged.

mod introduction;
mod invite;
mod persona_card;
mod pointer;
mod record;
mod signed;

pub use introduction::{Introduction, Purpose, SignedIntroduction, TITLE_BYTES_MAX};
pub use invite::{Invite, InviteError, InviteToken, SignedInvite};
pub use persona_card::{
    CARD_LIFETIME_MS, Capability, HomeNode, PersonaCard, SealingKey, SignedCard,
};
pub use pointer::{HandlePointer, SignedPointer};
pub use record::{RECORD_BYTES_MAX, Record, RecordKey};
pub use signed::{CardError, Claims, Signed};
