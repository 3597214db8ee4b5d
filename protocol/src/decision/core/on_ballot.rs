//! Someone voted.

use super::{Decision, ballots::BallotBox};
use crate::{
    decision::{Ballot, Entry, Statement, messages::BALLOTS_PER_VOTER_MAX},
    identity::Signature,
};

/// Receipts are gathered for this long, so that a burst of ballots costs one, in milliseconds.
const RECEIPT_DELAY_MS: u64 = 50;

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
            self.receipt_due_ms.get_or_insert(self.now_ms.saturating_add(RECEIPT_DELAY_MS));
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
