//! Votes that stay hidden until voting ends.
//!
//! A hidden vote is two decisions, one after the other. In the first everyone casts a
//! *commitment*, a salted hash of the choice, and the members agree which commitments count. Its
//! certificate is what the second begins with: those who committed *reveal* choice and salt, and
//! the members agree which revealed in time. Nobody reveals before the certificate says that no
//! commitment can join any more, so nobody votes knowing how others did.
//!
//! The second proposal is signed by nobody. It follows from the first certificate, so every
//! member arrives at the same one, the proposer needed no more.

use serde::{Deserialize, Serialize};

use super::{
    Certificate, Choice, Digest, Outcome, Proposal, Rule,
    mutant::{Mutant, is_on},
};
use crate::{
    identity::{Domain, ProposalId},
    wire,
};

/// Random bytes behind a commitment; without them it would be guessed.
pub type Salt = [u8; 32];

/// How long members at least may reveal, in milliseconds.
const REVEAL_MS_MIN: u64 = 1_000;
/// How long members at most may reveal, in milliseconds: 7 days.
const REVEAL_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;

/// One voter's commitment that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// Index of the voter.
    pub voter: u16,
    /// [`commit`].
    pub hash: Digest,
}

/// The rule of a hidden vote's second half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// The rule that decides.
    #[serde(with = "inner")]
    pub rule: Box<Rule>,
    /// How long voters may reveal, in milliseconds.
    pub reveal_ms: u64,
    /// The hidden proposal.
    pub hidden: ProposalId,
    /// Who committed to what, by rising voter. Nobody else may vote.
    pub commitments: Vec<Commitment>,
}

/// The commitment of a voter to a choice on a hidden proposal.
pub fn commit(proposal: ProposalId, voter: u16, salt: &Salt, choice: &Choice) -> Digest {
    let said = wire::encode(&(proposal, voter, salt));
    Domain::Commitment.hash(&[said, wire::encode(choice)].concat())
}

impl Choice {
    /// What was chosen: of a revealed choice the one behind the commitment.
    pub fn revealed(&self) -> &Self {
        match self {
            Self::Reveal { choice, .. } => choice,
            other => other,
        }
    }

    fn is_plain(&self) -> bool {
        !matches!(self, Self::Commit(_) | Self::Reveal { .. })
    }
}

impl Rule {
    /// The rule that decides in the end: of a hidden vote the one behind it.
    pub fn plain(&self) -> &Self {
        match self {
            Self::Hidden { rule, .. } => rule,
            Self::Reveal(reveal) => &reveal.rule,
            other => other,
        }
    }

    /// Whether votes stay hidden until voting ends.
    pub fn is_hidden(&self) -> bool {
        matches!(self, Self::Hidden { .. } | Self::Reveal { .. })
    }

    pub(super) fn check_hidden(&self, options: usize) -> Result<(), &'static str> {
        match self {
            Self::Hidden { rule, reveal_ms } => {
                if rule.is_hidden() {
                    return Err("rule");
                }
                if !(REVEAL_MS_MIN..=REVEAL_MS_MAX).contains(reveal_ms) {
                    return Err("rule.reveal_ms");
                }
                rule.check(options)
            }
            // Nobody proposes this: it follows from a certificate.
            Self::Reveal { .. } => Err("rule"),
            _ => Ok(()),
        }
    }

    /// Whether a voter may say this when it stands for its own vote.
    pub(super) fn allows_of(&self, voter: u16, choice: &Choice, options: usize) -> bool {
        let Self::Reveal(reveal) = self else { return self.allows(choice, options) };
        let Reveal { rule, hidden, commitments, .. } = &**reveal;
        let Choice::Reveal { salt, choice } = choice else { return false };
        let hash = commit(*hidden, voter, salt, choice);
        let committed = commitments.iter().find(|commitment| commitment.voter == voter);
        let holds = match committed {
            Some(committed) => committed.hash == hash || is_on(Mutant::RevealUnchecked),
            None => is_on(Mutant::RevealUncommitted),
        };
        holds && choice.is_plain() && rule.allows(choice, options)
    }
}

impl Proposal {
    /// The second proposal of a hidden vote, which follows from the certificate of the first; none
    /// when there is nothing to reveal.
    pub fn reveal(hidden: &Certificate) -> Option<Self> {
        let first = hidden.proposal();
        let Rule::Hidden { rule, reveal_ms } = &first.rule else { return None };
        let result = hidden.result();
        if result.outcome != Outcome::Committed {
            return None;
        }
        let counts = |voter: u16| !result.void.contains(&voter);
        let ballots = hidden.content().ballots.iter().map(|record| &record.ballot);
        let commitments = ballots.filter(|ballot| counts(ballot.voter)).filter_map(|ballot| {
            match ballot.choice {
                Choice::Commit(hash) => Some(Commitment { voter: ballot.voter, hash }),
                _ => None,
            }
        });
        let reveal = Reveal {
            rule: rule.clone(),
            reveal_ms: *reveal_ms,
            hidden: hidden.proposal_id(),
            commitments: commitments.collect(),
        };
        let rule = Rule::Reveal(Box::new(reveal));
        // Each sealer closes when the time to reveal has passed since it knew the certificate; how
        // late that was cannot be known here. Closing early would leave out the slow, not the
        // unwilling. Every ballot says the same time, so there is only one that a voter can sign:
        // it has one commitment, and that has one opening.
        let (deadline_ms, grace_ms, early_close) = (first.opens_at_ms, 0, false);
        let nonce = hidden.digest();
        Some(Self { rule, deadline_ms, grace_ms, early_close, nonce, ..first.clone() })
    }
}

/// Something plain inside of something hidden: written as its own bytes, so that nothing nests
/// deeper than these bytes are long.
pub(super) mod inner {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

    use crate::wire;

    /// More than any plain choice or rule has.
    const BYTES_MAX: usize = 320;

    pub(in crate::decision) fn serialize<T: Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&wire::encode(value))
    }

    pub(in crate::decision) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: DeserializeOwned + Serialize,
        D: Deserializer<'de>,
    {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        wire::decode(&bytes, BYTES_MAX).map_err(serde::de::Error::custom)
    }
}
