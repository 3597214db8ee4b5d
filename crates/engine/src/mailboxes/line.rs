//! The connection with one mailbox.
//!
//! A line is opened when there is something to say and closed by whoever tires first. It is lost
//! when the network says so, or when a question has had no answer for a while; then everything that
//! was under way waits again, and the next attempt comes after a growing pause.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    identity::EnvelopeId,
    mailbox::{Claim, Reply},
    session::Tag,
};

/// Deposits under way on one line, and their bytes.
const UNDER_WAY_MAX: usize = 64;
const UNDER_WAY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A mailbox that owes an answer for so long is taken for lost, in milliseconds.
const ANSWER_MS: u64 = 15_000;
/// The first pause before a lost line is opened again, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// The longest.
const RETRY_MS_MAX: u64 = 60_000;

/// What is between us and one mailbox.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Multiaddresses.
    pub(super) addresses: Vec<String>,
    /// Whether it holds mail for personas of ours, so that we want to stay connected.
    pub(super) ours: bool,
    /// Whether it has been dialled and not been lost since.
    pub(super) open: bool,
    /// Envelopes to leave there, by their order in the outbox.
    pub(super) waiting: BTreeSet<u64>,
    /// Claims not sent yet.
    pub(super) claims: VecDeque<Claim>,
    /// What has been claimed on this connection.
    pub(super) claimed: BTreeSet<Tag>,
    under_way: BTreeMap<EnvelopeId, (u64, usize)>,
    under_way_bytes: usize,
    /// No deposits before this time: the mailbox is full, or holds no mail.
    pause_until_ms: u64,
    retry_at_ms: Option<u64>,
    attempt: u32,
    answer_by_ms: Option<u64>,
}

impl Line {
    /// Whether there is something to say.
    pub(super) fn has_work(&self, now_ms: u64) -> bool {
        (self.ours && !self.open) || !self.claims.is_empty() || self.may_leave(now_ms)
    }

    /// Whether something may be said now.
    pub(super) fn is_usable(&self, now_ms: u64) -> bool {
        self.open || self.retry_at_ms.is_none_or(|at| at <= now_ms)
    }

    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        self.is_usable(now_ms) && self.has_work(now_ms)
    }

    /// Whether another deposit may be sent.
    pub(super) fn may_leave(&self, now_ms: u64) -> bool {
        !self.waiting.is_empty()
            && self.pause_until_ms <= now_ms
            && self.under_way.len() < UNDER_WAY_MAX
            && self.under_way_bytes < UNDER_WAY_BYTES_MAX
    }

    /// Whether the mailbox is about to take this envelope.
    pub(super) fn is_under_way(&self, envelope: &EnvelopeId) -> bool {
        self.under_way.contains_key(envelope)
    }

    /// A deposit leaves.
    pub(super) fn left(&mut self, envelope: EnvelopeId, order: u64, bytes: usize, now_ms: u64) {
        if let Some((_, before)) = self.under_way.insert(envelope, (order, bytes)) {
            self.under_way_bytes -= before;
        }
        self.under_way_bytes += bytes;
        self.expect_answer(now_ms);
    }

    /// A deposit has been answered: its order.
    pub(super) fn answered(&mut self, envelope: &EnvelopeId) -> Option<u64> {
        let (order, bytes) = self.under_way.remove(envelope)?;
        self.under_way_bytes -= bytes;
        if self.under_way.is_empty() {
            self.answer_by_ms = None;
        }
        Some(order)
    }

    /// A question leaves that the mailbox has to answer.
    pub(super) fn expect_answer(&mut self, now_ms: u64) {
        self.answer_by_ms.get_or_insert(now_ms + ANSWER_MS);
    }

    /// The mailbox has said something, so it is there.
    pub(super) fn heard(&mut self, reply: &Reply, now_ms: u64) {
        self.attempt = 0;
        self.retry_at_ms = None;
        let done = self.under_way.is_empty() && matches!(reply, Reply::Watching { .. });
        self.answer_by_ms = self.answer_by_ms.filter(|_| !done).map(|_| now_ms + ANSWER_MS);
    }

    /// No deposits for a while.
    pub(super) fn pause(&mut self, until_ms: u64) {
        self.pause_until_ms = until_ms;
    }

    /// The owner wants it tried now.
    pub(super) fn forget_pauses(&mut self) {
        self.pause_until_ms = 0;
        self.retry_at_ms = None;
        self.attempt = 0;
    }

    pub(super) fn is_silent(&self, now_ms: u64) -> bool {
        self.answer_by_ms.is_some_and(|at| at <= now_ms)
    }

    /// Everything under way waits again, until after a pause. `jitter` is a random number.
    pub(super) fn lost(&mut self, now_ms: u64, jitter: u64) {
        let under_way = std::mem::take(&mut self.under_way);
        self.waiting.extend(under_way.into_values().map(|(order, _)| order));
        self.under_way_bytes = 0;
        self.claims.clear();
        self.claimed.clear();
        self.open = false;
        self.answer_by_ms = None;
        let most = (RETRY_MS << self.attempt.min(10)).min(RETRY_MS_MAX);
        self.attempt = self.attempt.saturating_add(1);
        self.retry_at_ms = Some(now_ms + RETRY_MS / 2 + jitter % most);
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        let pause = (!self.waiting.is_empty()).then_some(self.pause_until_ms);
        let leave = pause.filter(|at| *at > 0);
        let retry = self.retry_at_ms.filter(|_| {
            !self.open && (self.ours || !self.claims.is_empty() || !self.waiting.is_empty())
        });
        // A pause that is over and a full line both wait for an answer, not for a time.
        let leave = leave.filter(|_| self.under_way.is_empty() && self.is_resting());
        [leave, retry, self.answer_by_ms].into_iter().flatten().min()
    }

    fn is_resting(&self) -> bool {
        self.open || self.retry_at_ms.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCHING: Reply = Reply::Watching { watched: 1, refused: 0 };

    #[test]
    fn what_was_under_way_waits_again_when_the_line_is_lost() {
        let mut line = Line { open: true, ..Line::default() };
        for n in 0..3u8 {
            line.left(EnvelopeId([n; 32]), n.into(), 512, 0);
        }
        assert_eq!(line.answered(&EnvelopeId([1; 32])), Some(1));
        line.lost(10, 0);
        assert_eq!(line.waiting, BTreeSet::from([0, 2]));
        assert!(!line.is_usable(10) && line.is_usable(10 + RETRY_MS / 2));
        assert_eq!(line.poll_timeout(), Some(10 + RETRY_MS / 2));
    }

    #[test]
    fn pauses_grow_up_to_a_minute_and_end_with_the_first_word() {
        let mut line = Line { ours: true, ..Line::default() };
        let mut longest = 0;
        for _ in 0..20 {
            line.lost(0, u64::MAX - 1);
            longest = longest.max(line.poll_timeout().unwrap());
        }
        assert!(longest <= RETRY_MS_MAX + RETRY_MS / 2, "{longest}");
        assert!(longest > 10 * RETRY_MS, "{longest}");
        line.heard(&WATCHING, 0);
        line.lost(0, 0);
        assert_eq!(line.poll_timeout(), Some(RETRY_MS / 2));
    }

    #[test]
    fn a_mailbox_that_does_not_answer_is_silent_after_a_while() {
        let mut line = Line { open: true, ..Line::default() };
        line.left(EnvelopeId([1; 32]), 1, 512, 0);
        assert!(!line.is_silent(ANSWER_MS - 1) && line.is_silent(ANSWER_MS));
        line.heard(&WATCHING, 5);
        assert!(!line.is_silent(ANSWER_MS), "it is there, and may take its time");
        line.answered(&EnvelopeId([1; 32]));
        assert!(!line.is_silent(u64::MAX), "it owes nothing");
    }

    #[test]
    fn only_so_much_is_under_way_at_a_time() {
        let mut line = Line { waiting: (0..10).collect(), ..Line::default() };
        line.left(EnvelopeId([1; 32]), 1, UNDER_WAY_BYTES_MAX, 0);
        assert!(!line.may_leave(0));
        line.answered(&EnvelopeId([1; 32]));
        assert!(line.may_leave(0));
        line.pause(100);
        assert!(!line.may_leave(99) && line.may_leave(100));
    }
}
