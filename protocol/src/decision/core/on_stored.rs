//! The disk has what was claimed: now it is signed.

use super::{Decision, Effect};
use crate::{
    decision::{SignedMessage, Statement},
    identity::PersonaKey,
};

impl Decision {
    pub(super) fn on_stored(&mut self, key: &PersonaKey) {
        for statement in self.guard.release(self.outbox.writes_polled()) {
            self.sign(statement, key);
        }
    }

    /// After a restart: every claim found on disk may have been signed but not sent, or not even
    /// signed. Signing the same bytes again gives the same signature.
    pub(super) fn on_resume(&mut self, key: &PersonaKey) {
        let statements: Vec<_> = self.own_statements().cloned().collect();
        for statement in statements {
            self.sign(statement, key);
        }
    }

    fn sign(&mut self, statement: Statement, key: &PersonaKey) {
        let message = SignedMessage::sign(self.charter.id(), &statement, key);
        // Our own word counts like anyone's. It cannot be refused: we made it by the same rules.
        if self.record(statement, message.signature()).is_err() {
            self.refused += 1;
        }
        self.outbox.push(Effect::Broadcast(message.to_bytes()));
    }
    /// What we ourselves said that others still need.
    pub(super) fn own_statements(&self) -> impl Iterator<Item = &Statement> {
        let closed = self.is_closed();
        let newest_cut = self.guard.slots().filter_map(|(_, statement)| match statement {
            Statement::Cut(cut) => Some(cut.view),
            _ => None,
        });
        let newest_cut = newest_cut.max();
        let decided = !self.decided.is_empty();
        self.guard.slots().map(|(_, statement)| statement).filter(
            move |statement| match statement {
                Statement::Confirm(_) => true,
                _ if decided => false,
                Statement::Held(held) => held.closed || !closed,
                Statement::Cut(cut) => Some(cut.view) == newest_cut,
                _ => true,
            },
        )
    }
}
