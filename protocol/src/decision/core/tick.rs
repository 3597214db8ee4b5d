//! What time alone brings about.

use super::Decision;
use crate::decision::{Nullify, Slot, Statement};

impl Decision {
    /// When to say [`super::Input::Timeout`], milliseconds since the Unix epoch; a time that has
    /// passed means now.
    pub fn poll_timeout(&self) -> Option<u64> {
        if self.resume {
            return Some(0);
        }
        let is_working = self.decided.is_empty();
        let is_sealing = is_working && self.sealer_seat().is_some();
        // The deadline moves the view of every member, so it is a moment of its own.
        let deadline = self.ends_at_ms().saturating_add(1);
        let deadline = (is_working && self.now_ms < deadline).then_some(deadline);
        let closing = (is_sealing && !self.is_closed()).then(|| self.closes_at_ms());
        let view = self.clock.timer_at_ms().filter(|_| is_sealing);
        let receipt = self.receipt_due_ms.filter(|_| is_sealing);
        let answer = self.answers.values().flatten().min().copied();
        [deadline, closing, view, receipt, answer, self.next_hold_ms()].into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self) {
        if self.decided.is_empty() {
            if self.receipt_due_ms.is_some_and(|due| due <= self.now_ms) {
                self.sign_held(false);
            }
            if self.clock.fires(self.now_ms) {
                self.on_view_timer();
            }
        }
        self.answer();
    }

    /// Rule 6: patience with the leader has run out.
    fn on_view_timer(&mut self) {
        let Some(sealer) = self.sealer_seat() else { return };
        let view = self.clock.view;
        let notarized = self.notarized_in(view);
        if !notarized {
            self.claim(Slot::Nullify(view), Statement::Nullify(Nullify { sealer, view }));
        }
        if self.clock.is_repeating() {
            let own: Vec<_> = self.own_statements().cloned().collect();
            for statement in own {
                if let Some(signature) = self.own_signature(&statement) {
                    self.broadcast(&statement, signature);
                }
            }
        }
        if let Some(proof) = self.proof() {
            self.outbox.push(super::Effect::Broadcast(proof.to_bytes()));
        }
        self.share_ballots(true);
    }
}
