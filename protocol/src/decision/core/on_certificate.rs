//! A certificate: made here, or handed to us by someone who was faster.

use super::{Decision, Effect, rounds::Room, rows};
use crate::decision::{Certificate, MessageError, Statement, TrustAnchors, verify};

/// How long after a late message we tell its sender the result, in milliseconds, so that
/// confirmations still on their way can make it unnecessary.
const ANSWER_MS: u64 = 2_000;
/// How much longer each further member waits, in milliseconds, so that one answer is enough.
const ANSWER_STEP_MS: u64 = 3_000;

impl Decision {
    pub(super) fn on_certificate(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        let certificate =
            Certificate::from_bytes(bytes).map_err(|_| MessageError::Field("certificate"))?;
        let digest = certificate.digest();
        if self.decided.iter().any(|known| known.digest() == digest) {
            // Someone else has answered.
            self.answers.values_mut().for_each(|due| *due = None);
            return Ok(());
        }
        let ours = certificate.proposal_id() == self.charter.id();
        let anchors = TrustAnchors::new(self.electorate().iter().copied());
        if !ours || !verify(&certificate, &anchors).is_valid() {
            return Err(MessageError::Field("certificate"));
        }
        for (confirm, signature) in certificate.confirm_statements() {
            self.on_round_vote(&confirm, signature, Room::WithQuorum);
        }
        self.adopt(certificate);
        Ok(())
    }

    /// Rule 8: with a quorum of confirmations it is decided.
    pub(super) fn adopt(&mut self, certificate: Certificate) {
        let known = self.decided.iter().any(|known| known.digest() == certificate.digest());
        if known || self.decided.len() >= 2 {
            return;
        }
        self.persist(rows::certificate(self.decided.len()), certificate.to_bytes());
        self.decided.push(certificate);
        match &self.decided[..] {
            [certificate] => self.outbox.push(Effect::Decided(Box::new(certificate.clone()))),
            both => {
                // Forked: everyone must see both. Who confirmed both is named as evidence.
                let files: Vec<_> = both.iter().map(Certificate::to_bytes).collect();
                files.into_iter().for_each(|bytes| self.outbox.push(Effect::Broadcast(bytes)));
            }
        }
    }

    /// Notices members who still work on what is decided.
    pub(super) fn note_asker(&mut self, statement: &Statement) {
        let Some(seat) = self.seat.filter(|_| self.decided.len() == 1) else { return };
        let asker = statement.signer();
        let knows = match statement {
            Statement::Confirm(_) => true,
            Statement::Ballot(_) | Statement::Evidence(_) => return,
            Statement::Held(held) if !held.closed => return,
            _ => false,
        };
        if asker == seat || self.outbox.muted {
            return;
        }
        if knows {
            self.answers.insert(asker, None);
            return;
        }
        let voters = u64::from(self.charter.voters());
        let distance = (u64::from(seat) + voters - u64::from(asker)) % voters;
        let due = self.now_ms.saturating_add(ANSWER_MS + distance * ANSWER_STEP_MS);
        self.answers.entry(asker).or_insert(Some(due));
    }

    /// Tells the result to whoever has waited long enough.
    pub(super) fn answer(&mut self) {
        let due = |at: &Option<u64>| at.is_some_and(|at| at <= self.now_ms);
        if !self.answers.values().any(due) {
            return;
        }
        self.answers.values_mut().for_each(|due| *due = None);
        if let Some(certificate) = self.certificate() {
            let bytes = certificate.to_bytes();
            self.outbox.push(Effect::Broadcast(bytes));
        }
    }
}
