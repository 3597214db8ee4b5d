//! A decision put together again from what it wrote.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Decision, ballots::BallotBox, rows};
use crate::{
    decision::{
        Certificate, Charter, CutContent, DECISION_BYTES_MAX, ELECTORATE_MAX, Evidence, Kind,
        ProposalError, Report, SignedMessage, SignedProposal, Slot, Statement, certificate::Origin,
    },
    identity::PersonaId,
    wire,
};

/// Why rows are not those of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// A row that is always there is missing.
    #[error("row {0} is missing")]
    Missing(&'static str),
    /// A row does not read as what was written.
    #[error("row {0} is damaged")]
    Damaged(String),
    /// The stored proposal does not hold.
    #[error("stored proposal: {0}")]
    Proposal(#[from] ProposalError),
}

/// Lists come before ballots, because what they name is kept.
const MESSAGES: [Kind; 7] = [
    Kind::Held,
    Kind::Ballot,
    Kind::Cut,
    Kind::Notarize,
    Kind::Nullify,
    Kind::Finalize,
    Kind::Confirm,
];

/// The salt and the choice: not more than a ballot.
const SECRET_BYTES_MAX: usize = 512;

type Rows = BTreeMap<String, Vec<u8>>;

impl Decision {
    /// Continues a decision from every row it ever asked to persist, in any order.
    ///
    /// What was signed before is remembered and never signed otherwise; what may not have been
    /// sent is sent again with the first input, so [`Decision::poll_timeout`] says "now".
    ///
    /// # Errors
    /// [`RestoreError`] when rows are missing or damaged. A decision must then not be begun
    /// again: this member may have signed things it no longer knows.
    pub fn restore(
        rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        me: PersonaId,
    ) -> Result<Self, RestoreError> {
        let rows: Rows = rows
            .into_iter()
            .map(|(key, value)| match String::from_utf8(key) {
                Ok(key) => Ok((key, value)),
                Err(key) => Err(RestoreError::Damaged(format!("{:?}", key.as_bytes()))),
            })
            .collect::<Result<_, _>>()?;
        let get = |key: &'static str| rows.get(key).ok_or(RestoreError::Missing(key));
        let damaged = |key: &str| RestoreError::Damaged(key.into());
        let mut decision = match rows.get(rows::HIDDEN) {
            Some(row) => {
                let hidden = Certificate::from_bytes(row).map_err(|_| damaged(rows::HIDDEN))?;
                let charter = Charter::revealing(&hidden).ok_or_else(|| damaged(rows::HIDDEN))?;
                Self::empty(charter, Origin::Revealed(Box::new(hidden)), me)
            }
            None => {
                let proposal = SignedProposal::from_bytes(get(rows::PROPOSAL)?)
                    .map_err(|_| damaged(rows::PROPOSAL))?;
                let electorate = wire::decode(get(rows::ELECTORATE)?, 8 + 32 * ELECTORATE_MAX)
                    .map_err(|_| damaged(rows::ELECTORATE))?;
                let charter = Charter::new(&proposal, electorate)?;
                Self::empty(charter, Origin::Signed(proposal), me)
            }
        };
        decision.outbox.muted = true;
        if let Some(row) = rows.get(rows::SECRET) {
            let secret = wire::decode(row, SECRET_BYTES_MAX).map_err(|_| damaged(rows::SECRET))?;
            decision.secret = Some(secret);
        }
        if let Some(row) = rows.get(rows::BEGAN) {
            decision.began_ms = Some(wire::decode(row, 8).map_err(|_| damaged(rows::BEGAN))?);
        }
        for (key, row) in under(&rows, rows::SLOT) {
            decision.restore_slot(row).ok_or_else(|| damaged(key))?;
        }
        for prefix in MESSAGES.map(rows::messages) {
            for (key, row) in under(&rows, &prefix) {
                let message = SignedMessage::from_bytes(row).map_err(|_| damaged(key))?;
                decision.on_signed(&message).map_err(|_| damaged(key))?;
            }
        }
        for (key, row) in under(&rows, rows::VALUE) {
            decision.restore_value(row).ok_or_else(|| damaged(key))?;
        }
        for (key, row) in under(&rows, rows::EVIDENCE) {
            decision.restore_evidence(row).ok_or_else(|| damaged(key))?;
        }
        for (key, row) in under(&rows, rows::CERTIFICATE) {
            decision.decided.push(Certificate::from_bytes(row).map_err(|_| damaged(key))?);
        }
        decision.restore_held();
        decision.outbox.muted = false;
        decision.resume = true;
        Ok(decision)
    }

    fn restore_slot(&mut self, row: &[u8]) -> Option<()> {
        let (kind, body) = row.split_first()?;
        let statement = Statement::decode(Kind::from_number(*kind)?, body).ok()?;
        let slot = match &statement {
            Statement::Evidence(report) => self.slot_of_report(report)?,
            other => rows::slot_of(other)?,
        };
        self.guard.restore(slot, statement);
        Some(())
    }

    fn slot_of_report(&self, report: &Report) -> Option<Slot> {
        let first = SignedMessage::from_bytes(&report.first).ok()?;
        let second = SignedMessage::from_bytes(&report.second).ok()?;
        let evidence = Evidence::of(&self.charter, first, second).ok()?;
        Some(Slot::Evidence(self.charter.seat(&evidence.culprit)?, evidence.offence))
    }

    fn restore_value(&mut self, row: &[u8]) -> Option<()> {
        let content: CutContent = wire::decode(row, DECISION_BYTES_MAX).ok()?;
        let digest = content.check(&self.charter).ok()?;
        self.learn(digest, content);
        Some(())
    }

    fn restore_evidence(&mut self, row: &[u8]) -> Option<()> {
        let evidence: Evidence = wire::decode(row, DECISION_BYTES_MAX).ok()?;
        let culprit = self.charter.seat(&evidence.culprit)?;
        self.accuse(culprit, evidence);
        Some(())
    }

    /// We hold at least what our newest claimed list names.
    fn restore_held(&mut self) {
        let newest = self.guard.used(Slot::HeldClosed).or(self.guard.used(Slot::HeldOpen));
        if let Some(Statement::Held(held)) = newest {
            let entries = held.entries.clone();
            entries.into_iter().for_each(|entry| BallotBox::hold(&mut self.ballots, entry));
        }
    }
}

/// The rows whose keys begin so.
fn under<'a>(rows: &'a Rows, prefix: &str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let prefix = prefix.to_owned();
    rows.range(prefix.clone()..)
        .take_while(move |(key, _)| key.starts_with(&prefix))
        .map(|(key, row)| (key.as_str(), row.as_slice()))
}

#[cfg(test)]
impl Decision {
    /// The ballots we hold, for comparing before and after.
    pub(in crate::decision) fn held(&self) -> Vec<crate::decision::Entry> {
        self.ballots.held().copied().collect()
    }

    /// All that future behaviour depends on, times and single votes aside: the view, whether
    /// patience has run out, the cuts of each view, the values known, the quorums seen, the
    /// closed lists, the used slots and the results.
    pub(in crate::decision) fn fingerprint(&self) -> Vec<u8> {
        let needed = self.charter.quorum().needed();
        let rounds = &self.rounds;
        let tables = [&rounds.notarize, &rounds.nullify, &rounds.finalize, &rounds.confirm];
        let lists = self.lists.closed().iter().map(|(sealer, (held, _))| (*sealer, held));
        let slots: Vec<_> =
            self.guard.slots().map(|(slot, said)| (rows::slot(*slot), said.body())).collect();
        wire::encode(&(
            (self.clock.view, self.clock.expired, &self.cuts),
            self.values.keys().collect::<Vec<_>>(),
            tables.map(|table| table.quorums(needed)),
            lists.collect::<Vec<_>>(),
            slots,
            self.decided.iter().map(Certificate::digest).collect::<Vec<_>>(),
        ))
    }

    /// The view we are in, and when patience with it runs out.
    pub(in crate::decision) fn patience(&self) -> (u32, Option<u64>) {
        (self.clock.view, self.clock.timer_at_ms().filter(|_| !self.clock.expired))
    }

    /// What was signed, for judging it.
    pub(in crate::decision) fn guard(&self) -> &crate::decision::Guard {
        &self.guard
    }
}
