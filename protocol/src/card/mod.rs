//! What a persona shows of itself, signed by its key.
//!
//! Everything here is carried as `{ body, signature }` where `body` is the canonical encoding. The
//! signature is checked over the bytes as received, and the same bytes are forwarded; nobody
//! signs or checks what it has encoded anew. See [`Signed::verify`] for the order of the checks.

mod introduction;
mod invite;
mod persona_card;
mod pointer;
mod record;
mod signed;

pub use introduction::{
    Introduction, Purpose, RECEIVED_MAX, SignedIntroduction, TITLE_BYTES_MAX, is_title,
};
pub use invite::{Invite, InviteError, InviteToken, SignedInvite};
pub use persona_card::{
    CARD_LIFETIME_MS, Capability, HomeNode, PersonaCard, SealingKey, SignedCard,
};
pub use pointer::{HandlePointer, SignedPointer};
pub use record::{RECORD_BYTES_MAX, Record, RecordKey};
pub use signed::{CardError, Claims, Signed};
