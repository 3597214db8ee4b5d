//! A sealer says which ballots it holds.

use super::Decision;
use crate::{
    decision::{
        Digest, Entry, Held, Slot, Statement,
        mutant::{Mutant, is_on},
    },
    identity::Signature,
};

const NO_DIGEST: Digest = [0; 32];

impl Decision {
    pub(super) fn on_held(&mut self, held: Held, signature: Signature) {
        let earlier: Vec<_> = self.lists.of(held.sealer).cloned().collect();
        let is_news = self.lists.insert(&held, signature);
        let statement = Statement::Held(held);
        for (held, earlier_signature) in earlier {
            self.compare(&Statement::Held(held), earlier_signature, &statement, signature);
        }
        if is_news {
            self.keep(&statement, signature, &NO_DIGEST);
        }
    }

    /// Signs the list as it stands: a receipt while open, our last word when closed.
    pub(super) fn sign_held(&mut self, closed: bool) -> bool {
        let Some(sealer) = self.sealer_seat() else { return false };
        self.receipt_due_ms = None;
        let last = self.receipts_given();
        let left_out = usize::from(closed && is_on(Mutant::ListShrinks));
        let entries = self.ballots.held().skip(left_out).copied().collect();
        let held = Held { sealer, seq: last + 1, closed, entries };
        let slot = if closed { Slot::HeldClosed } else { Slot::HeldOpen };
        self.claim(slot, Statement::Held(held))
    }

    /// Passes on ballots from our closed list that another sealer's closed list lacks: the
    /// leader must know every ballot of the lists it joins. Each once, or all again on `repeat`.
    pub(super) fn share_ballots(&mut self, repeat: bool) {
        let Some(seat) = self.sealer_seat() else { return };
        let closed = self.lists.closed();
        let Some((ours, _)) = closed.get(&seat) else { return };
        let lacking = |entry: &&Entry| closed.values().any(|(held, _)| !held.contains(entry));
        let missing: Vec<Entry> = ours.entries.iter().filter(lacking).copied().collect();
        for entry in missing {
            if !self.shared.insert(entry) && !repeat {
                continue;
            }
            if let Some(record) = self.ballots.get(&entry).cloned() {
                self.broadcast(&Statement::Ballot(record.ballot), record.signature);
            }
        }
    }
}
