//! A leader proposes what counts.

use super::Decision;
use crate::{
    decision::{
        CERTIFICATE_BYTES_MAX, Certificate, Cut, CutContent, Digest, MessageError, Rule, Statement,
    },
    identity::Signature,
};

/// Cuts of one view kept without asking further. An honest leader signs one.
const CUTS_PER_VIEW_MAX: usize = 2;

impl Decision {
    pub(super) fn on_cut(
        &mut self,
        cut: Box<Cut>,
        signature: Signature,
    ) -> Result<(), MessageError> {
        let digest = cut.content.digest(self.charter.id());
        let known = self.cuts.get(&cut.view).map_or(&[][..], Vec::as_slice);
        if known.contains(&digest) {
            return Ok(());
        }
        let vouched = || self.rounds.is_vouched(digest, self.charter.quorum().f);
        // What lies on the disk was found worth keeping when it came.
        let is_new = !self.outbox.muted;
        if is_new && known.len() >= CUTS_PER_VIEW_MAX && !vouched() {
            return Err(MessageError::Field("content"));
        }
        if !self.fits(&cut.content) {
            return Err(MessageError::Field("content"));
        }
        cut.verify(&self.charter)?;
        self.cuts.entry(cut.view).or_default().push(digest);
        let statement = Statement::Cut(cut);
        self.keep(&statement, signature, &digest);
        if let Statement::Cut(cut) = statement {
            self.learn(digest, cut.content);
        }
        Ok(())
    }

    /// Whether everyone could read a certificate of this. Honest voters are far from the limit;
    /// whoever signs many ballots is not. The first half of a hidden vote leaves room for the
    /// second.
    pub(super) fn fits(&self, content: &CutContent) -> bool {
        let share = if matches!(self.proposal().rule, Rule::Hidden { .. }) { 2 } else { 1 };
        let bytes = Certificate::bytes_of(&self.charter, &self.origin, content);
        bytes <= CERTIFICATE_BYTES_MAX / share
    }

    /// Takes what a checked cut contains: it may hold ballots and lists that never reached us.
    pub(super) fn learn(&mut self, digest: Digest, content: CutContent) {
        for (statement, signature) in content.statements(self.charter.id()) {
            match statement {
                Statement::Held(held) => self.on_held(held, signature),
                Statement::Ballot(ballot) => self.on_ballot(ballot, signature),
                _ => {}
            }
        }
        self.values.entry(digest).or_insert(content);
    }
}
