//! Virtual time: what will happen, in the order in which it will.

use std::collections::BTreeMap;

/// Where virtual time begins: Monday, 23 November 2026, 8:00 UTC, in milliseconds.
pub(crate) const START_MS: u64 = 1_795_420_800_000;

/// Things that will happen. Of two at the same moment, the one entered first happens first.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    now_ms: u64,
    entered: u64,
    waiting: BTreeMap<(u64, u64), E>,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { now_ms: START_MS, entered: 0, waiting: BTreeMap::new() }
    }

    /// The virtual time, milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Enters something for a moment; one that has passed means now.
    pub(crate) fn at(&mut self, at_ms: u64, event: E) {
        self.waiting.insert((at_ms.max(self.now_ms), self.entered), event);
        self.entered += 1;
    }

    /// Enters something for a while from now.
    pub(crate) fn after(&mut self, delay_ms: u64, event: E) {
        self.at(self.now_ms + delay_ms, event);
    }

    /// Moves on to the next thing that happens.
    pub(crate) fn next(&mut self) -> Option<E> {
        let ((at_ms, _), event) = self.waiting.pop_first()?;
        self.now_ms = at_ms;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_first_happens_first_at_the_same_moment() {
        let mut agenda = Agenda::new();
        agenda.after(5, "b");
        agenda.after(5, "c");
        agenda.after(1, "a");
        let order: Vec<_> = std::iter::from_fn(|| agenda.next()).collect();
        assert_eq!(order, ["a", "b", "c"]);
        assert_eq!(agenda.now_ms(), START_MS + 5);
    }
}
