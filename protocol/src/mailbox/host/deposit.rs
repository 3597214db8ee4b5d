//! Whether a deposit is one.

use super::entries::{Place, Right};
use crate::{
    identity::EnvelopeId,
    mailbox::{Access, Deposit, KEEP_MS_MAX, LOCKS_MAX, Refusal, is_done},
    session::Envelope,
};

/// What a sound deposit is.
pub(super) struct Sound {
    pub(super) place: Place,
    pub(super) envelope: Vec<u8>,
    pub(super) bytes: u32,
}

/// Checks everything that can be checked without looking at what else is held.
pub(super) fn check(id: EnvelopeId, deposit: Deposit) -> Result<Sound, Refusal> {
    let Deposit { envelope, access, locks, keep_ms } = deposit;
    let envelope = Envelope::from_bytes(envelope).map_err(|_| Refusal::Envelope)?;
    let tag = envelope.tag();
    let right = match access {
        Access::Token(token) if token.tag() == tag => Right::Token,
        Access::Work(nonce) if is_done(&id, nonce) => Right::Work,
        _ => return Err(Refusal::Access),
    };
    if locks.len() > LOCKS_MAX || !locks.is_sorted_by(|one, next| one < next) {
        return Err(Refusal::Locks);
    }
    if keep_ms == 0 || keep_ms > KEEP_MS_MAX {
        return Err(Refusal::Keep);
    }
    let envelope = envelope.into_bytes();
    let bytes = u32::try_from(envelope.len()).map_err(|_| Refusal::Envelope)?;
    Ok(Sound { place: Place { right, tag }, envelope, bytes })
}
