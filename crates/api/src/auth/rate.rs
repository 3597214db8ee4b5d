//! A token bucket: so many requests a second, with room for a burst.

use std::time::{Duration, Instant};

/// How fast one key may ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// Requests a second in the long run.
    pub(super) per_second: u32,
    /// Requests at once after a pause.
    pub(super) burst: u32,
}

/// The state of one key.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    rate: Rate,
    /// When the bucket would be full again. Full means: not after now.
    full_at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// Takes one request out, if one is left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let one = Duration::from_secs(1) / self.rate.per_second;
        let full_at = self.full_at.max(now) + one;
        if full_at - now > one * self.rate.burst {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 20 };

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let now = Instant::now();
        let mut bucket = Bucket::new(RATE, now);
        assert_eq!((0..100).filter(|_| bucket.take(now)).count(), 20);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 10);
    }

    #[test]
    fn a_long_pause_earns_no_more_than_one_burst() {
        let now = Instant::now();
        let mut bucket = Bucket::new(RATE, now);
        let later = now + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 20);
    }
}
