//! Someone contradicts itself, or is said to.

use super::{Decision, Effect, rows};
use crate::{
    decision::{
        Evidence, MessageError, Report, SignedMessage, Slot, Statement, evidence::conflict,
    },
    identity::Signature,
    wire,
};

impl Decision {
    /// Finds out whether two statements under signatures that hold contradict each other.
    pub(super) fn compare(
        &mut self,
        earlier: &Statement,
        earlier_signature: Signature,
        later: &Statement,
        later_signature: Signature,
    ) {
        let id = self.charter.id();
        let Some(offence) = conflict(earlier, later, |ballot| ballot.hash(id)) else { return };
        let Some(culprit) = self.charter.member(later.signer()).copied() else { return };
        let first = SignedMessage::assemble(id, earlier, earlier_signature);
        let second = SignedMessage::assemble(id, later, later_signature);
        let report = Report {
            reporter: self.seat.unwrap_or_default(),
            first: first.to_bytes(),
            second: second.to_bytes(),
        };
        let evidence = Evidence { culprit, offence, first, second };
        if self.accuse(later.signer(), evidence) && self.seat.is_some() {
            self.claim(Slot::Evidence(later.signer(), offence), Statement::Evidence(report));
        }
    }

    /// Keeps evidence, one pair for each member and offence. True when it is new.
    pub(super) fn accuse(&mut self, culprit: u16, evidence: Evidence) -> bool {
        let offence = evidence.offence;
        if self.evidence.contains_key(&(culprit, offence)) {
            return false;
        }
        self.persist(rows::evidence(culprit, offence), wire::encode(&evidence));
        self.outbox.push(Effect::Evidence(Box::new(evidence.clone())));
        self.evidence.insert((culprit, offence), evidence);
        true
    }

    pub(super) fn on_evidence(&mut self, report: &Report) -> Result<(), MessageError> {
        let first = SignedMessage::from_bytes(&report.first)?;
        let second = SignedMessage::from_bytes(&report.second)?;
        let evidence = Evidence::of(&self.charter, first.clone(), second.clone())?;
        if let Some(culprit) = self.charter.seat(&evidence.culprit) {
            self.accuse(culprit, evidence);
        }
        // Both are also messages in their own right, which may not have reached us.
        self.on_signed(&first)?;
        self.on_signed(&second)
    }
}
