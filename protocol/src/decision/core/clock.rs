//! The view a sealer is in, and how patient it is.

/// Patience in the first view, in milliseconds. Doubles with every view.
const VIEW_MS: u64 = 10_000;
/// The most patience, in milliseconds.
const VIEW_MS_MAX: u64 = 10 * 60 * 1000;
/// How often a sealer says the same again in a view that does not end. Messages are delivered
/// by a layer that keeps them until they arrive, so this is only for what that layer lost.
const REPEATS_MAX: u32 = 6;

/// Which view, since when, and whether patience has run out. Safety never depends on it.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct ViewClock {
    /// 0 before the own list is closed.
    pub(super) view: u32,
    /// Whether patience with this view's leader has run out.
    pub(super) expired: bool,
    timer_at_ms: Option<u64>,
    repeats: u32,
}

impl ViewClock {
    /// Enters a view; its timer starts with [`ViewClock::start`].
    pub(super) fn enter(&mut self, view: u32) {
        *self = Self { view, ..Self::default() };
    }

    /// Starts the timer, unless it runs or ran. Called once the leader could act.
    pub(super) fn start(&mut self, now_ms: u64) {
        if self.view > 0 && !self.expired && self.timer_at_ms.is_none() {
            self.timer_at_ms = Some(now_ms.saturating_add(patience_ms(self.view)));
        }
    }

    /// Whether the timer has fired; it then waits longer, and at last stops.
    pub(super) fn fires(&mut self, now_ms: u64) -> bool {
        if self.timer_at_ms.is_none_or(|at| now_ms < at) {
            return false;
        }
        self.expired = true;
        self.repeats += 1;
        let again = now_ms.saturating_add(patience_ms(self.view + self.repeats));
        self.timer_at_ms = (self.repeats <= REPEATS_MAX).then_some(again);
        true
    }

    pub(super) fn is_repeating(&self) -> bool {
        self.repeats > 1
    }

    pub(super) fn timer_at_ms(&self) -> Option<u64> {
        self.timer_at_ms
    }
}

fn patience_ms(view: u32) -> u64 {
    let doublings = view.saturating_sub(1).min(10);
    (VIEW_MS << doublings).min(VIEW_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_doubles_up_to_ten_minutes() {
        assert_eq!([1, 2, 3, 7, 64].map(patience_ms), [10_000, 20_000, 40_000, 600_000, 600_000]);
    }

    #[test]
    fn the_timer_fires_a_bounded_number_of_times() {
        let mut clock = ViewClock::default();
        clock.start(0);
        assert_eq!(clock.timer_at_ms(), None);
        clock.enter(1);
        clock.start(0);
        let mut fired = 0;
        while let Some(at) = clock.timer_at_ms() {
            assert!(!clock.fires(at - 1));
            assert!(clock.fires(at));
            fired += 1;
            clock.start(at);
        }
        assert_eq!(fired, REPEATS_MAX + 1);
    }
}
