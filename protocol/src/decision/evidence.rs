//! Evidence: two signed messages that no honest member signs both.
//!
//! A member whose signing state survives can never be named here, because the
//! [signing guard](super::Guard) refuses the second of every such pair.

use serde::{Deserialize, Serialize};

use super::{Charter, Digest, MessageError, SignedMessage, Statement};
use crate::identity::PersonaId;

/// What a member did that an honest one never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Offence {
    /// Two different ballots.
    TwoBallots,
    /// Two closed lists, a list that shrank, or two lists under one number.
    Lists,
    /// Notarized two values in one view.
    TwoNotarizations,
    /// Finalized two values in one view.
    TwoFinalizations,
    /// Notarized one value and finalized another in one view.
    NotarizedAndFinalized,
    /// Gave up a view and finalized in it.
    NullifiedAndFinalized,
    /// Confirmed two results.
    TwoConfirmations,
}

/// A pair of messages that names a culprit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who signed both.
    pub culprit: PersonaId,
    /// What that amounts to.
    pub offence: Offence,
    /// One message, as it was signed.
    pub first: SignedMessage,
    /// The other.
    pub second: SignedMessage,
}

impl Evidence {
    /// Opens two messages and finds what they prove.
    ///
    /// # Errors
    /// [`MessageError`] when either does not hold, or both together prove nothing.
    pub fn of(
        charter: &Charter,
        first: SignedMessage,
        second: SignedMessage,
    ) -> Result<Self, MessageError> {
        let (one, other) = (first.open(charter)?, second.open(charter)?);
        let offence = conflict(&one, &other, |ballot| ballot.hash(charter.id()))
            .ok_or(MessageError::Field("second"))?;
        let culprit = *charter.member(one.signer()).ok_or(MessageError::Field("signer"))?;
        Ok(Self { culprit, offence, first, second })
    }
}

/// What two statements under valid signatures prove about their signer, if anything.
pub(super) fn conflict(
    one: &Statement,
    other: &Statement,
    hash: impl Fn(&super::Ballot) -> Digest,
) -> Option<Offence> {
    use Statement::{Ballot, Confirm, Finalize, Held, Notarize, Nullify};
    if one.signer() != other.signer() {
        return None;
    }
    let (guilty, offence) = match (one, other) {
        (Ballot(a), Ballot(b)) => (hash(a) != hash(b), Offence::TwoBallots),
        (Held(a), Held(b)) => {
            let (earlier, later) = if a.seq <= b.seq { (a, b) } else { (b, a) };
            let grew = earlier.seq < later.seq && !earlier.closed && later.includes(earlier);
            (a != b && !grew, Offence::Lists)
        }
        (Notarize(a), Notarize(b)) => {
            (a.view == b.view && a.value != b.value, Offence::TwoNotarizations)
        }
        (Finalize(a), Finalize(b)) => {
            (a.view == b.view && a.value != b.value, Offence::TwoFinalizations)
        }
        (Notarize(a), Finalize(b)) | (Finalize(b), Notarize(a)) => {
            (a.view == b.view && a.value != b.value, Offence::NotarizedAndFinalized)
        }
        (Nullify(a), Finalize(b)) | (Finalize(b), Nullify(a)) => {
            (a.view == b.view, Offence::NullifiedAndFinalized)
        }
        (Confirm(a), Confirm(b)) => (a.value != b.value, Offence::TwoConfirmations),
        _ => return None,
    };
    guilty.then_some(offence)
}
