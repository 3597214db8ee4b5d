//! The verifier: a pure function of a certificate and the keys one trusts. No clock, no network,
//! no secret, and nothing shared with the protocol that makes certificates but the formats.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{
    Certificate, Charter, CutError, DecisionResult, Digest, ProposalError, SignedMessage,
    certificate::Origin, votes::is_quorum,
};
use crate::identity::{PersonaId, ProposalId};

/// The persona keys a verifier trusts: pinned contacts, or its own copy of the epoch's members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustAnchors(BTreeSet<PersonaId>);

impl TrustAnchors {
    /// Trusts these.
    pub fn new(personas: impl IntoIterator<Item = PersonaId>) -> Self {
        Self(personas.into_iter().collect())
    }

    /// Whether this key is trusted.
    pub fn contains(&self, persona: &PersonaId) -> bool {
        self.0.contains(persona)
    }
}

impl FromIterator<PersonaId> for TrustAnchors {
    fn from_iter<I: IntoIterator<Item = PersonaId>>(personas: I) -> Self {
        Self::new(personas)
    }
}

/// What a certificate proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The proposal decided.
    pub proposal: ProposalId,
    /// The digest the sealers confirmed.
    pub digest: Digest,
    /// What was decided, with the tally.
    pub result: DecisionResult,
    /// Who signed two different ballots.
    pub void: Vec<PersonaId>,
    /// Who committed to a hidden choice and never revealed it; it does not count.
    pub unrevealed: Vec<PersonaId>,
    /// Members whose keys the verifier does not trust; empty when the verdict is valid.
    pub unknown: Vec<PersonaId>,
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// The proposal or its electorate does not hold.
    #[error("proposal: {0}")]
    Proposal(#[from] ProposalError),
    /// The ballots, lists or the result do not hold.
    #[error("ballots: {0}")]
    Cut(#[from] CutError),
    /// Not exactly a quorum of different sealers confirmed.
    #[error("not a quorum of confirmations")]
    Quorum,
    /// The certificate of the commitments leads to nothing that could be revealed.
    #[error("hidden: nothing was committed to")]
    Hidden,
    /// A confirmation is not signed by its sealer, or is for another result.
    #[error("the confirmation of sealer {0} does not hold")]
    Confirm(u16),
}

/// The verifier's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything holds, and every member's key is trusted.
    Valid(Verified),
    /// Everything holds, but some member's key is not one the verifier trusts: these may be
    /// invented people.
    Unanchored(Verified),
    /// It proves nothing.
    Invalid(Reason),
}

impl Verdict {
    /// Whether everything holds and every key is trusted.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid(_))
    }
}

/// Checks a certificate completely.
pub fn verify(certificate: &Certificate, trust: &TrustAnchors) -> Verdict {
    let (charter, digest) = match check(certificate) {
        Ok(checked) => checked,
        Err(reason) => return Verdict::Invalid(reason),
    };
    let result = certificate.result().clone();
    let named = |voters: Vec<u16>| -> Vec<PersonaId> {
        voters.iter().filter_map(|voter| charter.member(*voter).copied()).collect()
    };
    let (void, unrevealed) = (named(certificate.void()), named(certificate.unrevealed()));
    let unknown: Vec<_> =
        charter.electorate().iter().filter(|member| !trust.contains(member)).copied().collect();
    let anchored = unknown.is_empty();
    let verified = Verified { proposal: charter.id(), digest, result, void, unrevealed, unknown };
    if anchored { Verdict::Valid(verified) } else { Verdict::Unanchored(verified) }
}

pub(super) fn check(certificate: &Certificate) -> Result<(Charter, Digest), Reason> {
    let charter = match certificate.origin() {
        Origin::Signed(proposal) => Charter::new(proposal, certificate.roster().to_vec())?,
        Origin::Revealed(hidden) => {
            // Never deeper: what is hidden is always the certificate of a signed proposal.
            check(hidden)?;
            Charter::revealing(hidden).ok_or(Reason::Hidden)?
        }
    };
    if charter.id() != certificate.proposal_id() {
        return Err(ProposalError::Id.into());
    }
    if !is_quorum(certificate.confirms(), &charter) {
        return Err(Reason::Quorum);
    }
    let digest = certificate.content().check(&charter)?;
    for (confirm, signature) in certificate.confirm_statements() {
        let message = SignedMessage::assemble(charter.id(), &confirm, signature);
        message.open(&charter).map_err(|_| Reason::Confirm(confirm.signer()))?;
    }
    Ok((charter, digest))
}
