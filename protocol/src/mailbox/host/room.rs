//! Who takes how much room.

use std::collections::BTreeMap;

use super::{Limits, Origin, entries::Right};
use crate::mailbox::Refusal;

/// Sums over all envelopes held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) total: u64,
    work: u64,
    origins: BTreeMap<Origin, u64>,
}

impl Room {
    /// Whether so much more from this depositor fits.
    pub(super) fn check(
        &self,
        limits: &Limits,
        right: Right,
        origin: Origin,
        cost: u64,
    ) -> Result<(), Refusal> {
        let origin = self.origins.get(&origin).copied().unwrap_or(0);
        if origin.saturating_add(cost) > limits.depositor_bytes() {
            return Err(Refusal::DepositorFull);
        }
        let work_full = right == Right::Work && self.work.saturating_add(cost) > limits.eighth();
        if work_full || self.total.saturating_add(cost) > limits.room_bytes {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    pub(super) fn take(&mut self, right: Right, origin: Option<Origin>, cost: u64) {
        self.total += cost;
        if right == Right::Work {
            self.work += cost;
        }
        if let Some(origin) = origin {
            *self.origins.entry(origin).or_default() += cost;
        }
    }

    pub(super) fn give_back(&mut self, right: Right, origin: Option<Origin>, cost: u64) {
        self.total -= cost;
        if right == Right::Work {
            self.work -= cost;
        }
        let Some(origin) = origin else { return };
        if let Some(sum) = self.origins.get_mut(&origin) {
            *sum -= cost;
            if *sum == 0 {
                self.origins.remove(&origin);
            }
        }
    }
}
