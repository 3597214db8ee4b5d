//! The certificate: a decision anyone can check, with nothing but this and the members' keys.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    BallotRecord, Caster, Charter, Confirm, CutContent, DecisionResult, Digest, ELECTORATE_MAX,
    Kind, Proposal, ProposalError, Rule, SEALERS_MAX, SealerSignature, SignedProposal, Statement,
    messages::BALLOTS_PER_VOTER_MAX, signed::VERSION,
};
use crate::{
    identity::{PersonaId, ProposalId, Signature},
    wire::{self, DecodeError},
};

/// The largest certificate, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = super::DECISION_BYTES_MAX;

/// Why bytes are not a certificate. Whether a certificate *holds* is [`super::verify`]'s answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Not this layout.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The proposal inside breaks its rules.
    #[error("proposal: {0}")]
    Proposal(#[from] ProposalError),
    /// A field breaks its rule.
    #[error("field {0} is not valid")]
    Field(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Layout<P, R, C, S> {
    version: u8,
    kind: u8,
    proposal_id: ProposalId,
    proposal: P,
    roster: R,
    content: C,
    confirms: S,
}

type Owned = Layout<SignedProposal, Vec<PersonaId>, CutContent, Vec<SealerSignature>>;

/// Of a hidden vote: proposal and roster follow from the certificate of its first half.
#[derive(Serialize, Deserialize)]
struct RevealedLayout<C, S> {
    version: u8,
    kind: u8,
    proposal_id: ProposalId,
    #[serde(with = "serde_bytes")]
    hidden: Vec<u8>,
    content: C,
    confirms: S,
}

/// Where a proposal comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Its proposer signed it.
    Signed(SignedProposal),
    /// It follows from the certificate of a hidden vote's first half.
    Revealed(Box<Certificate>),
}

/// How many of the ballots that count were decided by whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CastBy {
    /// By owners who were asked.
    pub owner: u32,
    /// By personas under a mandate.
    pub persona: u32,
}

/// A proposal, the ballots that count, the closed lists of a quorum of sealers, the result, and
/// the confirmations of a quorum of sealers.
///
/// Two members may hold different certificates of one decision, because different quorums may
/// have signed; their [`Certificate::digest`] is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    proposal_id: ProposalId,
    origin: Origin,
    proposal: Proposal,
    roster: Vec<PersonaId>,
    content: CutContent,
    confirms: Vec<SealerSignature>,
    /// Of the content; asked for at every step, so it is computed once.
    digest: Digest,
}

impl Certificate {
    pub(super) fn build(
        charter: &Charter,
        origin: impl Into<Origin>,
        content: CutContent,
        confirms: Vec<SealerSignature>,
    ) -> Self {
        Self {
            proposal_id: charter.id(),
            origin: origin.into(),
            proposal: charter.proposal().clone(),
            roster: charter.electorate().to_vec(),
            digest: content.digest(charter.id()),
            content,
            confirms,
        }
    }

    /// How long a certificate of this content is.
    pub(super) fn bytes_of(charter: &Charter, origin: &Origin, content: &CutContent) -> usize {
        let bare = Self::build(charter, origin, content.clone(), Vec::new());
        // Index and signature of each who confirms.
        bare.to_bytes().len() + charter.quorum().needed() * (2 + 64)
    }

    /// SHA-256 of its bytes. Names this file, not the decision: see [`Certificate::digest`].
    pub fn id(&self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        Sha256::digest(self.to_bytes()).into()
    }

    /// The digest its confirmations are over: the same in every certificate of this decision.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The proposal's id.
    pub fn proposal_id(&self) -> ProposalId {
        self.proposal_id
    }

    /// What was proposed; of a hidden vote the second proposal, which nobody signed.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// The proposal as its proposer signed it; of a hidden vote the first one.
    pub fn signed_proposal(&self) -> &SignedProposal {
        match &self.origin {
            Origin::Signed(proposal) => proposal,
            Origin::Revealed(hidden) => hidden.signed_proposal(),
        }
    }

    /// What was asked, of whom, until when: the proposal that was signed.
    pub fn asked(&self) -> (ProposalId, &Proposal) {
        let first = self.hidden().unwrap_or(self);
        (first.proposal_id, &first.proposal)
    }

    /// Of a hidden vote, the certificate of the commitments.
    pub fn hidden(&self) -> Option<&Self> {
        match &self.origin {
            Origin::Signed(_) => None,
            Origin::Revealed(hidden) => Some(hidden),
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who committed to a choice and never revealed it, by index; empty unless the vote was
    /// hidden.
    pub fn unrevealed(&self) -> Vec<u16> {
        let Rule::Reveal(reveal) = &self.proposal.rule else { return Vec::new() };
        let revealed =
            |voter: &u16| self.content.ballots.iter().any(|record| record.ballot.voter == *voter);
        let voters = reveal.commitments.iter().map(|commitment| commitment.voter);
        voters.filter(|voter| !revealed(voter)).collect()
    }

    /// Who signed two different ballots, or of a hidden vote two different commitments, by index.
    pub fn void(&self) -> Vec<u16> {
        let first = self.hidden().map_or(&[][..], |hidden| &hidden.result().void);
        let mut void = [first, &self.result().void].concat();
        void.sort_unstable();
        void
    }

    /// Who could vote, sorted by key.
    pub fn roster(&self) -> &[PersonaId] {
        &self.roster
    }

    /// The ballots and the lists they come from.
    pub fn content(&self) -> &CutContent {
        &self.content
    }

    /// What was decided.
    pub fn result(&self) -> &DecisionResult {
        &self.content.result
    }

    /// Who decided what a voter's ballot says; none of a voter who did not vote, or is void.
    pub fn caster(&self, voter: u16) -> Option<&Caster> {
        let mut ballots = self.content().ballots.iter();
        let record = ballots.find(|record| record.ballot.voter == voter)?;
        (!self.void().contains(&voter)).then(|| self.mark(record))
    }

    /// The mark of a ballot: of a revealed one that of its commitment.
    pub(super) fn mark<'a>(&'a self, record: &'a BallotRecord) -> &'a Caster {
        let Some(hidden) = self.hidden() else { return &record.ballot.by };
        let voter = record.ballot.voter;
        let committed = hidden.content.ballots.iter().find(|record| record.ballot.voter == voter);
        committed.map_or(&record.ballot.by, |record| &record.ballot.by)
    }

    /// How many of the ballots that count owners decided, and how many their personas.
    pub fn cast_by(&self) -> CastBy {
        let seats = (0u16..).zip(self.roster()).filter_map(|(voter, _)| self.caster(voter));
        seats.fold(CastBy::default(), |mut count, by| {
            match by {
                Caster::Owner => count.owner += 1,
                Caster::Persona(_) => count.persona += 1,
                // What is revealed has the mark of its commitment.
                Caster::Committed => {}
            }
            count
        })
    }

    /// Who confirmed.
    pub fn confirms(&self) -> &[SealerSignature] {
        &self.confirms
    }

    /// The confirmations as the statements they once were.
    pub(super) fn confirm_statements(&self) -> Vec<(Statement, Signature)> {
        let value = self.digest();
        let statement = |confirm: &SealerSignature| {
            let sealer = confirm.sealer;
            (Statement::Confirm(Confirm { sealer, value }), confirm.signature)
        };
        self.confirms.iter().map(statement).collect()
    }

    /// Its bytes, at most [`CERTIFICATE_BYTES_MAX`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let (version, proposal_id) = (VERSION, self.proposal_id);
        let (content, confirms) = (&self.content, &self.confirms);
        match &self.origin {
            Origin::Signed(proposal) => {
                let (kind, roster) = (Kind::Certificate as u8, &self.roster);
                let layout =
                    Layout { version, kind, proposal_id, proposal, roster, content, confirms };
                wire::encode(&layout)
            }
            Origin::Revealed(hidden) => {
                let (kind, hidden) = (Kind::Revealed as u8, hidden.to_bytes());
                let layout =
                    RevealedLayout { version, kind, proposal_id, hidden, content, confirms };
                wire::encode(&layout)
            }
        }
    }

    /// Reads a certificate and checks its shape, no signature.
    ///
    /// # Errors
    /// [`CertificateError`] names what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        let certificate = match super::peek(bytes)?.kind {
            Kind::Certificate => Self::read_signed(bytes)?,
            Kind::Revealed => Self::read_revealed(bytes)?,
            _ => return Err(CertificateError::Field("kind")),
        };
        let field = |holds: bool, name| {
            if holds { Ok(()) } else { Err(CertificateError::Field(name)) }
        };
        field((1..=ELECTORATE_MAX).contains(&certificate.roster.len()), "roster")?;
        // Every sealer may hold two other ballots of a voter who signs many.
        let ballots_max = certificate.roster.len() * SEALERS_MAX * BALLOTS_PER_VOTER_MAX;
        field(certificate.content.ballots.len() <= ballots_max, "ballots")?;
        field(certificate.content.held.len() <= SEALERS_MAX, "held")?;
        field(certificate.confirms.len() <= SEALERS_MAX, "confirms")?;
        Ok(certificate)
    }

    fn read_signed(bytes: &[u8]) -> Result<Self, CertificateError> {
        let Owned { proposal_id, proposal: signed, roster, content, confirms, .. } =
            wire::decode(bytes, CERTIFICATE_BYTES_MAX)?;
        let (id, proposal) = signed.parse()?;
        if id != proposal_id {
            return Err(CertificateError::Field("proposal_id"));
        }
        let origin = Origin::Signed(signed);
        let digest = content.digest(proposal_id);
        Ok(Self { proposal_id, origin, proposal, roster, content, confirms, digest })
    }

    fn read_revealed(bytes: &[u8]) -> Result<Self, CertificateError> {
        let layout: RevealedLayout<CutContent, Vec<SealerSignature>> =
            wire::decode(bytes, CERTIFICATE_BYTES_MAX)?;
        if super::peek(&layout.hidden)?.kind != Kind::Certificate {
            return Err(CertificateError::Field("hidden"));
        }
        let hidden = Self::from_bytes(&layout.hidden)?;
        let proposal = Proposal::reveal(&hidden).ok_or(CertificateError::Field("hidden"))?;
        if proposal.id() != layout.proposal_id {
            return Err(CertificateError::Field("proposal_id"));
        }
        Ok(Self {
            proposal_id: layout.proposal_id,
            proposal,
            roster: hidden.roster.clone(),
            origin: Origin::Revealed(Box::new(hidden)),
            digest: layout.content.digest(layout.proposal_id),
            content: layout.content,
            confirms: layout.confirms,
        })
    }
}

impl From<&SignedProposal> for Origin {
    fn from(proposal: &SignedProposal) -> Self {
        Self::Signed(proposal.clone())
    }
}

impl From<&Self> for Origin {
    fn from(origin: &Self) -> Self {
        origin.clone()
    }
}
