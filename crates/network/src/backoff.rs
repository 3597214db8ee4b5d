//! Pauses between attempts.

use std::time::Duration;

use rand::Rng;

/// Full jitter: anything between nothing and an exponentially growing bound, so that nodes that
/// lost the same peer at the same moment do not all come back at the same moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The bound of the first pause.
    pub(crate) first: Duration,
    /// The bound that is never exceeded.
    pub(crate) most: Duration,
}

impl Backoff {
    /// The pause after `failures` failures in a row, at least one.
    pub(crate) fn pause(self, failures: u32, rng: &mut impl Rng) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let bound = self.first.saturating_mul(1 << doublings).min(self.most);
        bound.mul_f64(rng.gen_range(0.0..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_are_spread() {
        let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(5) };
        let mut rng = StdRng::seed_from_u64(7);
        let mut longest = |failures| {
            (0..200).map(|_| backoff.pause(failures, &mut rng)).max().expect("200 pauses")
        };
        assert!(longest(1) <= Duration::from_millis(100));
        assert!(longest(4) > Duration::from_millis(400));
        assert!(longest(u32::MAX) <= Duration::from_secs(5));
        assert!(longest(u32::MAX) > Duration::from_secs(4));
    }
}
