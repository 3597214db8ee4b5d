//! The node's clock, which no jump of the machine's clock upsets.
//!
//! Times in messages and on disk are of the machine's clock, which somebody can set to anything.
//! If the node followed at once, a jump ahead would expire all mail, and a jump back would put
//! every retry into the far future. So it counts for itself, by a clock that nobody can set and
//! that goes on while the machine sleeps:
//!
//! - Small differences are taken over: ahead at once, back by going at half the speed.
//! - A leap is not believed until it has lasted [`BELIEVED_AFTER_MS`]: then one ahead is followed,
//!   because the clock was wrong before. The node's time never goes back; after a leap back that
//!   lasts, the log asks for a restart.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A difference larger than this is a leap. Two nodes that differ by less still understand each
/// other.
const LEAP_MS: u64 = 5 * 60 * 1000;

/// How long a leap has to last: longer than anybody takes to notice a mistyped date.
const BELIEVED_AFTER_MS: u64 = 60 * 60 * 1000;

/// What both clocks of the machine say at one moment, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Since the Unix epoch, by the clock that can be set.
    wall_ms: u64,
    /// Since some moment before the node started, by the one that cannot.
    steady_ms: u64,
}

impl Reading {
    fn take() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall_ms: millis(since), steady_ms: millis(steady()) }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Time since the machine started, sleep included where the system tells.
fn steady() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}

/// The time as the node counts it. Clones are the same clock.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<Mutex<Count>>);

impl Clock {
    /// Starts at what the machine's clock says.
    pub(crate) fn start() -> Self {
        Self(Arc::new(Mutex::new(Count::at(Reading::take()))))
    }

    /// Milliseconds since the Unix epoch; never less than before.
    pub(crate) fn now_ms(&self) -> u64 {
        // Counting cannot panic, so the count is sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).advance(Reading::take())
    }
}

#[derive(Debug)]
struct Count {
    /// The last time told, since the Unix epoch.
    now_ms: u64,
    /// When that was.
    steady_ms: u64,
    /// Since when the machine's clock is far off, and whether ahead.
    leap: Option<(u64, bool)>,
    /// Whether the log has said that the node's time is wrong for good.
    complained: bool,
}

impl Count {
    fn at(reading: Reading) -> Self {
        let Reading { wall_ms, steady_ms } = reading;
        Self { now_ms: wall_ms, steady_ms, leap: None, complained: false }
    }

    fn advance(&mut self, reading: Reading) -> u64 {
        let passed = reading.steady_ms.saturating_sub(self.steady_ms);
        let counted = self.now_ms.saturating_add(passed);
        let ahead = reading.wall_ms > counted;
        if reading.wall_ms.abs_diff(counted) > LEAP_MS {
            self.steady_ms = reading.steady_ms;
            self.now_ms = counted;
            self.on_leap(reading, ahead);
            return self.now_ms;
        }
        self.leap = None;
        if ahead {
            self.now_ms = reading.wall_ms;
            self.steady_ms = reading.steady_ms;
        } else {
            // At half speed until the machine's clock has caught up. What is not a whole
            // millisecond yet is counted the next time.
            let half = passed / 2;
            let behind = counted - reading.wall_ms;
            let held = half.min(behind);
            if passed > 1 || behind == 0 {
                self.now_ms = counted - held;
                self.steady_ms = reading.steady_ms;
            }
        }
        self.now_ms
    }

    fn on_leap(&mut self, reading: Reading, ahead: bool) {
        let (since, direction) = *self.leap.get_or_insert_with(|| {
            let by_s = reading.wall_ms.abs_diff(self.now_ms) / 1000;
            tracing::warn!(by_s, ahead, "the machine's clock leapt; the node goes on as before");
            (reading.steady_ms, ahead)
        });
        if direction != ahead {
            self.leap = Some((reading.steady_ms, ahead));
            return;
        }
        if reading.steady_ms.saturating_sub(since) < BELIEVED_AFTER_MS {
            return;
        }
        if ahead {
            tracing::warn!("the machine's clock stays ahead; the node follows it");
            self.now_ms = reading.wall_ms;
            self.leap = None;
        } else if !self.complained {
            self.complained = true;
            tracing::error!("the machine's clock was set back for good: restart the node");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;
    const HOUR: u64 = 3_600_000;
    const YEAR: u64 = 365 * 24 * HOUR;

    /// A machine whose clock can be set.
    struct Machine {
        count: Count,
        wall_ms: u64,
        steady_ms: u64,
    }

    impl Machine {
        fn start() -> Self {
            let (wall_ms, steady_ms) = (START, 77);
            let count = Count::at(Reading { wall_ms, steady_ms });
            Self { count, wall_ms, steady_ms }
        }

        /// Lets time pass, and looks at the node's clock.
        fn pass(&mut self, ms: u64) -> u64 {
            self.wall_ms += ms;
            self.steady_ms += ms;
            self.count.advance(Reading { wall_ms: self.wall_ms, steady_ms: self.steady_ms })
        }
    }

    #[test]
    fn without_jumps_it_tells_what_the_machine_tells() {
        let mut machine = Machine::start();
        for ms in [0, 1, 0, 1, 7, 1000, 3 * HOUR, YEAR] {
            assert_eq!(machine.pass(ms), machine.wall_ms);
        }
    }

    #[test]
    fn a_leap_ahead_that_is_taken_back_within_the_hour_never_happened() {
        let mut machine = Machine::start();
        machine.wall_ms += YEAR;
        assert_eq!(machine.pass(1000), START + 1000);
        assert_eq!(machine.pass(HOUR - 2000), START + HOUR - 1000);
        machine.wall_ms -= YEAR;
        assert_eq!(machine.pass(HOUR), START + 2 * HOUR - 1000);
        assert_eq!(machine.count.leap, None);
    }

    #[test]
    fn a_leap_ahead_that_lasts_is_followed() {
        let mut machine = Machine::start();
        machine.wall_ms += YEAR;
        machine.pass(1000);
        assert_eq!(machine.pass(HOUR), machine.wall_ms);
        assert_eq!(machine.pass(5), machine.wall_ms);
    }

    #[test]
    fn a_leap_back_neither_stops_the_time_nor_turns_it_back() {
        let mut machine = Machine::start();
        machine.wall_ms -= YEAR;
        for hour in 1..=5 {
            assert_eq!(machine.pass(HOUR), START + hour * HOUR);
        }
        assert!(machine.count.complained);
        // Set right again, it is as if nothing had been.
        machine.wall_ms += YEAR;
        assert_eq!(machine.pass(HOUR), machine.wall_ms);
    }

    #[test]
    fn a_small_step_back_slows_the_time_down_until_both_agree() {
        let mut machine = Machine::start();
        machine.wall_ms -= 10_000;
        let mut last = START;
        for _ in 0..20_000 {
            let now = machine.pass(1);
            assert!(now >= last);
            last = now;
        }
        assert_eq!(last, machine.wall_ms);
        assert_eq!(machine.pass(1), machine.wall_ms);
    }

    #[test]
    fn a_machine_that_sleeps_is_not_one_whose_clock_leaps() {
        let mut machine = Machine::start();
        // The steady clock goes on in the meantime.
        assert_eq!(machine.pass(9 * HOUR), START + 9 * HOUR);
        assert_eq!(machine.count.leap, None);
    }

    #[test]
    fn the_real_clocks_agree_with_each_other() {
        let clock = Clock::start();
        let first = clock.now_ms();
        let wall = Reading::take().wall_ms;
        assert!(first <= wall + 1000 && wall - first.min(wall) < LEAP_MS);
        assert!(clock.now_ms() >= first);
    }
}
