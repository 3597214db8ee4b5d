//! The cut: which ballots count, and the proof that a quorum of sealers held them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Ballot, Charter, Choice, Cut, DecisionResult, Digest, Entry, Held, RoundVotes, SignedMessage,
    Statement,
    mutant::{Mutant, is_on},
};
use crate::{
    identity::{Domain, ProposalId, Signature},
    wire,
};

/// A ballot without what the proposal already says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BallotRecord {
    /// The ballot.
    pub ballot: Ballot,
    /// The voter's signature.
    pub signature: Signature,
}

/// A closed list of held ballots, as a bitmap over the ballots of the cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// Index of the sealer.
    pub sealer: u16,
    /// The list's number.
    pub seq: u32,
    /// Bit `i` (the lowest of byte `i / 8` first) says whether ballot `i` is in the list.
    #[serde(with = "serde_bytes")]
    pub bitmap: Vec<u8>,
    /// The sealer's signature over the whole list.
    pub signature: Signature,
}

/// Ballots, the closed lists of a quorum whose union they are, and the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutContent {
    /// By voter, then by hash; no two the same.
    pub ballots: Vec<BallotRecord>,
    /// Exactly a quorum, by rising sealer.
    pub held: Vec<HeldRecord>,
    /// What the rule makes of the ballots.
    pub result: DecisionResult,
}

/// Why a cut is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CutError {
    /// Ballots are out of order or repeated.
    #[error("the ballots are not in order")]
    Order,
    /// A ballot breaks a rule or is not signed by its voter.
    #[error("ballot {0} does not hold")]
    Ballot(usize),
    /// Not exactly a quorum of closed lists of different sealers.
    #[error("not a quorum of closed lists")]
    Quorum,
    /// A closed list is not signed by its sealer, or its bitmap has the wrong size.
    #[error("the closed list of sealer {0} does not hold")]
    Held(u16),
    /// A ballot stands in no list.
    #[error("ballot {0} is in no closed list")]
    Union(usize),
    /// The result is not what the rule makes of the ballots.
    #[error("the result does not follow from the ballots")]
    Result,
}

impl CutContent {
    /// Builds the content from ballots and the closed lists of a quorum.
    pub(super) fn build(
        charter: &Charter,
        lists: &[(&Held, Signature)],
        mut ballot: impl FnMut(&Entry) -> Option<BallotRecord>,
    ) -> Option<Self> {
        let union: BTreeSet<Entry> =
            lists.iter().flat_map(|(held, _)| held.entries.iter().copied()).collect();
        let ballots: Option<Vec<_>> = union.iter().map(&mut ballot).collect();
        let mut held: Vec<_> = lists
            .iter()
            .map(|(held, signature)| HeldRecord {
                sealer: held.sealer,
                seq: held.seq,
                bitmap: bitmap_of(union.iter().map(|entry| held.contains(entry))),
                signature: *signature,
            })
            .collect();
        held.sort_unstable_by_key(|record| record.sealer);
        let ballots = ballots?;
        let result = result_of(charter, &ballots);
        Some(Self { ballots, held, result })
    }

    /// The name of this decision: the digest sealers notarize, finalize and confirm. It covers
    /// which ballots count and the result, not which sealers held them.
    pub fn digest(&self, proposal: ProposalId) -> Digest {
        self.digest_of(proposal, &self.entries(proposal))
    }

    fn digest_of(&self, proposal: ProposalId, entries: &[Entry]) -> Digest {
        use sha2::{Digest as _, Sha256};
        let entries_root: [u8; 32] = Sha256::digest(wire::encode(&entries)).into();
        let result = wire::encode(&self.result);
        Domain::Cut.hash(&[proposal.as_bytes(), &entries_root, &result].concat())
    }

    fn entries(&self, proposal: ProposalId) -> Vec<Entry> {
        let entry = |record: &BallotRecord| Entry {
            voter: record.ballot.voter,
            ballot: record.ballot.hash(proposal),
        };
        self.ballots.iter().map(entry).collect()
    }

    /// Checks everything a cut says, and hands out its digest.
    ///
    /// # Errors
    /// [`CutError`] names the first part that does not hold.
    pub fn check(&self, charter: &Charter) -> Result<Digest, CutError> {
        let entries = self.entries(charter.id());
        self.check_entries(charter, &entries)?;
        Ok(self.digest_of(charter.id(), &entries))
    }

    fn check_entries(&self, charter: &Charter, entries: &[Entry]) -> Result<(), CutError> {
        if !entries.is_sorted_by(|a, b| a < b) {
            return Err(CutError::Order);
        }
        if self.held.len() != charter.quorum().needed()
            || !self.held.is_sorted_by(|a, b| a.sealer < b.sealer)
        {
            return Err(CutError::Quorum);
        }
        // What costs no signature comes first.
        for record in &self.held {
            if !is_bitmap(&record.bitmap, entries.len()) {
                return Err(CutError::Held(record.sealer));
            }
        }
        let named = |i: &usize| self.held.iter().any(|record| bit(&record.bitmap, *i));
        if let Some(orphan) = (0..entries.len()).find(|i| !named(i)) {
            return Err(CutError::Union(orphan));
        }
        if self.result != result_of(charter, &self.ballots) {
            return Err(CutError::Result);
        }
        let holds = |(statement, signature): (Statement, Signature)| {
            SignedMessage::assemble(charter.id(), &statement, signature).open(charter).is_ok()
        };
        for (record, list) in self.held.iter().zip(self.lists(entries)) {
            if !holds(list) {
                return Err(CutError::Held(record.sealer));
            }
        }
        for (i, ballot) in self.ballots().enumerate() {
            if !holds(ballot) {
                return Err(CutError::Ballot(i));
            }
        }
        Ok(())
    }

    /// The closed lists and the ballots as the statements they once were, lists first.
    pub(super) fn statements(&self, proposal: ProposalId) -> Vec<(Statement, Signature)> {
        let entries = self.entries(proposal);
        self.lists(&entries).chain(self.ballots()).collect()
    }

    fn lists(&self, entries: &[Entry]) -> impl Iterator<Item = (Statement, Signature)> {
        self.held.iter().map(move |record| {
            let named = |(i, entry): (usize, &Entry)| bit(&record.bitmap, i).then_some(*entry);
            let entries = entries.iter().enumerate().filter_map(named).collect();
            let held = Held { sealer: record.sealer, seq: record.seq, closed: true, entries };
            (Statement::Held(held), record.signature)
        })
    }

    fn ballots(&self) -> impl Iterator<Item = (Statement, Signature)> {
        self.ballots
            .iter()
            .map(|record| (Statement::Ballot(record.ballot.clone()), record.signature))
    }
}

impl Cut {
    /// Checks the content and why it may be proposed in this view; hands out its digest.
    pub(super) fn verify(&self, charter: &Charter) -> Result<Digest, super::MessageError> {
        use super::MessageError::Field;
        let from = self.notarization.as_ref().map_or(0, |votes| votes.view);
        if from >= self.view {
            return Err(Field("notarization"));
        }
        let between = from + 1..self.view;
        let gap = |(votes, view): (&RoundVotes, u32)| votes.view != view || votes.value.is_some();
        let gaps = self.nullifications.len() != between.len()
            || self.nullifications.iter().zip(between).any(gap);
        if gaps && !is_on(Mutant::NoNullificationCheck) {
            return Err(Field("nullifications"));
        }
        let entries = self.content.entries(charter.id());
        let digest = self.content.digest_of(charter.id(), &entries);
        if let Some(votes) = &self.notarization {
            if votes.value != Some(digest) {
                return Err(Field("notarization"));
            }
            votes.check(charter)?;
        }
        self.nullifications.iter().try_for_each(|votes| votes.check(charter))?;
        self.content.check_entries(charter, &entries).map_err(|_| Field("content"))?;
        Ok(digest)
    }
}

fn result_of(charter: &Charter, ballots: &[BallotRecord]) -> DecisionResult {
    let choices = ballots.iter().map(|record| (record.ballot.voter, &record.ballot.choice));
    let choices: Vec<(u16, &Choice)> = choices.collect();
    let proposal = charter.proposal();
    proposal.rule.decide(proposal.options.len(), charter.voters(), choices)
}

fn bitmap_of(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bitmap = Vec::new();
    for (i, bit) in bits.enumerate() {
        if i % 8 == 0 {
            bitmap.push(0);
        }
        if let (true, Some(last)) = (bit, bitmap.last_mut()) {
            *last |= 1 << (i % 8);
        }
    }
    bitmap
}

fn bit(bitmap: &[u8], i: usize) -> bool {
    bitmap.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 == 1)
}

/// Whether a bitmap has just the bytes needed, and nothing set behind the last bit.
fn is_bitmap(bitmap: &[u8], bits: usize) -> bool {
    bitmap.len() == bits.div_ceil(8) && (bits..bitmap.len() * 8).all(|i| !bit(bitmap, i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_comes_back_and_has_one_spelling() {
        for len in 0..20 {
            let bits: Vec<bool> = (0..len).map(|i| i % 3 == 0).collect();
            let bitmap = bitmap_of(bits.iter().copied());
            assert!(is_bitmap(&bitmap, len));
            assert!((0..len).all(|i| bit(&bitmap, i) == bits[i]));
            assert!(!is_bitmap(&[bitmap, vec![0]].concat(), len));
        }
        assert!(!is_bitmap(&[0b1000_0000], 7));
    }
}
