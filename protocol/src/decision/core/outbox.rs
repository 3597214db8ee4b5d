//! Effects waiting to be polled, and how many writes have left.

use std::collections::VecDeque;

use super::Effect;

#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Outbox {
    effects: VecDeque<Effect>,
    writes: u64,
    writes_polled: u64,
    /// While a decision is put together from its rows, nothing it does is news.
    pub(super) muted: bool,
}

impl Outbox {
    pub(super) fn push(&mut self, effect: Effect) {
        if self.muted {
            return;
        }
        if matches!(effect, Effect::Persist { .. }) {
            self.writes += 1;
        }
        self.effects.push_back(effect);
    }

    /// The number the next write will have, from 1.
    pub(super) fn next_write(&self) -> u64 {
        self.writes + 1
    }

    /// How many writes have been handed out.
    pub(super) fn writes_polled(&self) -> u64 {
        self.writes_polled
    }

    pub(super) fn poll(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front()?;
        if matches!(effect, Effect::Persist { .. }) {
            self.writes_polled += 1;
        }
        Some(effect)
    }
}
