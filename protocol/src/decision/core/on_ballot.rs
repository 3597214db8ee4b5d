//! Someone voted.

use super::{Decision, ballots::BallotBox};
use crate::{
    decision::{Ballot, Entry, Slot, Statement, messages::BALLOTS_PER_VOTER_MAX},
    identity::Signature,
};

/// The first receipt waits this long, so that a burst of ballots costs one, in milliseconds.
const RECEIPT_DELAY_MS: u64 = 50;
/// A receipt waits no longer than this, in milliseconds.
const RECEIPT_DELAY_MS_MAX: u64 = 60_000;

/// How far ahead of ours a voter's clock may be, in milliseconds. A ballot from further ahead is
/// kept, and held when its time comes.
const AHEAD_MS_MAX: u64 = 2 * 60 * 1000;

impl Decision {
    pub(super) fn on_ballot(&mut self, ballot: Ballot, signature: Signature) {
        let entry = Entry { voter: ballot.voter, ballot: ballot.hash(self.charter.id()) };
        if self.ballots.get(&entry).is_some() {
            return;
        }
        let statement = Statement::Ballot(ballot.clone());
        let others: Vec<_> = self.ballots.of(entry.voter).map(|(_, other)| other.clone()).collect();
        if let Some(other) = others.first() {
            let earlier = Statement::Ballot(other.ballot.clone());
            self.compare(&earlier, other.signature, &statement, signature);
        }
        // One who signs many ballots fills no memory with them, unless a sealer holds them.
        if others.len() >= BALLOTS_PER_VOTER_MAX && !self.lists.names(&entry) {
            return;
        }
        self.keep(&statement, signature, &entry.ballot);
        self.ballots.insert(entry, ballot, signature);
    }

    /// Rule 1: a sealer holds every ballot cast in time, until it closes.
    pub(super) fn hold(&mut self) {
        if self.sealer_seat().is_none() || self.is_closed() || !self.decided.is_empty() {
            return;
        }
        let latest = self.now_ms.saturating_add(AHEAD_MS_MAX);
        let ready = |ballots: &BallotBox| {
            let in_time = |(entry, cast_at_ms)| (cast_at_ms <= latest).then_some(entry);
            ballots.not_held().find_map(in_time)
        };
        // One at a time, because each may fill its voter's room.
        while let Some(entry) = ready(&self.ballots) {
            self.ballots.hold(entry);
            let due_ms = self.now_ms.saturating_add(receipt_delay_ms(self.receipts_given()));
            self.receipt_due_ms.get_or_insert(due_ms);
        }
    }

    /// How many receipts we have signed.
    pub(super) fn receipts_given(&self) -> u32 {
        match self.guard.used(Slot::HeldOpen) {
            Some(Statement::Held(held)) => held.seq,
            _ => 0,
        }
    }

    /// When the next ballot from a clock ahead of ours can be held.
    pub(super) fn next_hold_ms(&self) -> Option<u64> {
        if self.sealer_seat().is_none() || self.is_closed() || !self.decided.is_empty() {
            return None;
        }
        self.ballots.not_held().map(|(_, cast_at)| cast_at.saturating_sub(AHEAD_MS_MAX)).min()
    }
}

/// How long the next receipt gathers ballots. Each goes to everyone, so a sealer that has given
/// many takes its time: fifty ballots one after another cost some ten receipts, and not fifty.
fn receipt_delay_ms(given: u32) -> u64 {
    let given = u64::from(given).saturating_add(1);
    RECEIPT_DELAY_MS.saturating_mul(given.saturating_mul(given)).min(RECEIPT_DELAY_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_grow_rarer_and_none_waits_longer_than_a_minute() {
        assert_eq!([0, 1, 2, 9].map(receipt_delay_ms), [50, 200, 450, 5_000]);
        assert_eq!([40, u32::MAX].map(receipt_delay_ms), [RECEIPT_DELAY_MS_MAX; 2]);
    }
}
