//! What members say about a group outside of it: what they followed and whom they vote for.
//!
//! Members that came apart share no epoch and could not read each other inside the group, so this
//! travels as first contacts do: signed by the persona, sealed to the recipient's card.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    SignedEntry,
    succession::{SPINE_STEPS_MAX, Spine},
};
use crate::{
    card::{Claims, Signed},
    identity::{ConversationId, Domain, PersonaId, PersonaKey},
};

/// How long a signal holds, in milliseconds: a day. What is still true is said again.
pub const SIGNAL_LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// The most votes in one certificate.
const VOTES_MAX: usize = 1000;

/// A signal as it travels, inside a sealed box.
pub type SignedSignal = Signed<Signal>;

/// What one member says about one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Who says it.
    pub persona: PersonaId,
    /// About which group.
    pub group: ConversationId,
    /// Milliseconds since the Unix epoch.
    pub issued_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// What.
    pub word: Word,
}

/// What can be said about a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// "This is the last entry I followed."
    Followed {
        /// The epoch it led to.
        epoch: u64,
        /// Its hash.
        head: [u8; 32],
        /// The highest term followed or voted in.
        term: u64,
    },
    /// "Vote for me."
    Solicit {
        /// In which term.
        term: u64,
    },
    /// "I vote, and this is what I followed." Kept before it is said, and binding.
    Vote {
        /// In which term.
        term: u64,
        /// For whom.
        candidate: PersonaId,
        /// What the voter followed.
        spine: Spine,
    },
    /// "This entry begins a term, by these votes": for members that are on another branch and
    /// cannot open its commit.
    Elected {
        /// Who signed the entry; anybody may pass this on.
        signer: PersonaId,
        /// The first entry of the term.
        entry: SignedEntry,
        /// The votes. At most 1,000.
        votes: Vec<SignedSignal>,
    },
}

impl Signal {
    /// Signs something to say now.
    pub fn sign(key: &PersonaKey, group: ConversationId, word: Word, now_ms: u64) -> SignedSignal {
        let expires_at_ms = now_ms.saturating_add(SIGNAL_LIFETIME_MS);
        let signal = Self { persona: key.id(), group, issued_at_ms: now_ms, expires_at_ms, word };
        Signed::sign(&signal, key)
    }
}

impl Claims for Signal {
    const DOMAIN: Domain = Domain::Signal;
    const BYTES_MAX: usize = 384 * 1024;
    const LIFETIME_MS_MAX: u64 = SIGNAL_LIFETIME_MS;

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
        match &self.word {
            Word::Vote { spine, .. } if spine.steps.len() > SPINE_STEPS_MAX => Err("spine"),
            Word::Elected { votes, .. } if votes.len() > VOTES_MAX => Err("votes"),
            _ => Ok(()),
        }
    }
}

/// The votes for one candidate in one term, of those whose signature and fields hold. They are
/// judged as of when they were given: a certificate does not expire with its votes.
pub(super) fn count_votes(
    group: ConversationId,
    in_term: u64,
    for_whom: PersonaId,
    votes: &[SignedSignal],
) -> BTreeMap<PersonaId, Spine> {
    let mut counted = BTreeMap::new();
    for vote in votes {
        let Ok(signal) = vote.verify_at_issue() else { continue };
        if let Word::Vote { term, candidate, spine } = signal.word
            && (signal.group, term, candidate) == (group, in_term, for_whom)
        {
            counted.insert(signal.persona, spine);
        }
    }
    counted
}
