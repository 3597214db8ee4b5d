//! The ballots a member knows, and those among them it holds as a sealer.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decision::{Ballot, BallotRecord, Entry, messages::BALLOTS_PER_VOTER_MAX},
    identity::Signature,
};

#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct BallotBox {
    known: BTreeMap<Entry, BallotRecord>,
    held: BTreeSet<Entry>,
}

impl BallotBox {
    pub(super) fn get(&self, entry: &Entry) -> Option<&BallotRecord> {
        self.known.get(entry)
    }

    pub(super) fn insert(&mut self, entry: Entry, ballot: Ballot, signature: Signature) {
        self.known.insert(entry, BallotRecord { ballot, signature });
    }

    pub(super) fn known(&self) -> impl Iterator<Item = (&Entry, &BallotRecord)> {
        self.known.iter()
    }

    /// The known ballots of one voter.
    pub(super) fn of(&self, voter: u16) -> impl Iterator<Item = (&Entry, &BallotRecord)> {
        let bound = |byte| Entry { voter, ballot: [byte; 32] };
        self.known.range(bound(0)..=bound(u8::MAX))
    }

    pub(super) fn hold(&mut self, entry: Entry) {
        self.held.insert(entry);
    }

    pub(super) fn held(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.held.iter()
    }

    /// How many voters have a ballot held.
    pub(super) fn voters_held(&self) -> usize {
        self.held.iter().map(|entry| entry.voter).collect::<BTreeSet<_>>().len()
    }

    /// Known ballots that could be held but are not, with the time each voter gives.
    pub(super) fn not_held(&self) -> impl Iterator<Item = (Entry, u64)> {
        let room = |entry: &Entry| {
            let bound = |byte| Entry { voter: entry.voter, ballot: [byte; 32] };
            let count = self.held.range(bound(0)..=bound(u8::MAX)).count();
            count < BALLOTS_PER_VOTER_MAX
        };
        self.known
            .iter()
            .filter(move |(entry, _)| !self.held.contains(entry) && room(entry))
            .map(|(entry, record)| (*entry, record.ballot.cast_at_ms))
    }
}
