//! When this node's own records are put into the DHT.
//!
//! A record is put as soon as there is somebody to put it to, again with growing pauses until one
//! node has acknowledged it, and from then on every few hours until it expires, because nodes
//! that hold it come and go. Kademlia's own republication is off: it would know neither sequence
//! numbers nor signed expiry.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use protocol::card::RecordKey;
use rand::Rng;

use crate::backoff::Backoff;

/// Own records kept published. A node holds at most about a thousand personas, two records each.
const RECORDS_MAX: usize = 4096;
/// Puts at the same time. More would only wait for the same peers.
const IN_FLIGHT_MAX: usize = 16;
/// The pause after a success.
const AGAIN: Duration = Duration::from_secs(3 * 60 * 60);
/// The pause after a failure.
const RETRY: Backoff =
    Backoff { first: Duration::from_millis(500), most: Duration::from_secs(5 * 60) };
/// Over how long puts are spread when a bootstrap node came back that may have lost everything.
const SPREAD: Duration = Duration::from_secs(5);

/// One record to keep published.
#[derive(Debug)]
struct Own {
    value: Vec<u8>,
    expires_at_ms: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Due {
        at: Instant,
        failures: u32,
    },
    /// `again`: replaced meanwhile, so the outcome says nothing about the newest value.
    InFlight {
        failures: u32,
        again: bool,
    },
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    own: BTreeMap<RecordKey, Own>,
    in_flight: usize,
}

/// A record to put now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) key: RecordKey,
    pub(crate) value: Vec<u8>,
}

impl Publisher {
    /// Keeps a record published from now on, in place of an older one. `false` when there are too
    /// many.
    pub(crate) fn keep(
        &mut self,
        key: RecordKey,
        value: Vec<u8>,
        expires_at_ms: u64,
        now: Instant,
    ) -> bool {
        let state = match self.own.get(&key).map(|own| own.state) {
            Some(State::InFlight { .. }) => State::InFlight { failures: 0, again: true },
            None if self.own.len() >= RECORDS_MAX => return false,
            _ => State::Due { at: now, failures: 0 },
        };
        self.own.insert(key, Own { value, expires_at_ms, state });
        true
    }

    /// Takes what is to be put now. Expired records are forgotten.
    pub(crate) fn due(&mut self, now: Instant, now_ms: u64) -> Vec<Put> {
        self.own.retain(|_, own| {
            own.expires_at_ms > now_ms || matches!(own.state, State::InFlight { .. })
        });
        let mut puts = Vec::new();
        for (key, own) in &mut self.own {
            if self.in_flight >= IN_FLIGHT_MAX {
                break;
            }
            if let State::Due { at, failures } = own.state
                && at <= now
            {
                own.state = State::InFlight { failures, again: false };
                self.in_flight += 1;
                puts.push(Put { key: *key, value: own.value.clone() });
            }
        }
        puts
    }

    /// Notes how a put ended.
    pub(crate) fn ended(&mut self, key: &RecordKey, ok: bool, now: Instant, rng: &mut impl Rng) {
        let Some(own) = self.own.get_mut(key) else { return };
        let State::InFlight { failures, again } = own.state else { return };
        self.in_flight -= 1;
        own.state = match (again, ok) {
            (true, _) => State::Due { at: now, failures: 0 },
            (false, true) => {
                let pause = AGAIN.mul_f64(rng.gen_range(0.9..=1.1));
                State::Due { at: now + pause, failures: 0 }
            }
            (false, false) => {
                let failures = failures.saturating_add(1);
                State::Due { at: now + RETRY.pause(failures, rng), failures }
            }
        };
    }

    /// A new node to put to has appeared: what has failed so far is tried at once.
    pub(crate) fn try_failed_now(&mut self, now: Instant) {
        for own in self.own.values_mut() {
            if let State::Due { at, failures } = &mut own.state
                && *failures > 0
            {
                *at = now;
            }
        }
    }

    /// A bootstrap node came back, perhaps with empty hands: everything is put again soon.
    pub(crate) fn put_all_soon(&mut self, now: Instant, rng: &mut impl Rng) {
        for own in self.own.values_mut() {
            if let State::Due { at, .. } = &mut own.state {
                *at = (*at).min(now + SPREAD.mul_f64(rng.gen_range(0.0..=1.0)));
            }
        }
    }

    /// When to look again.
    pub(crate) fn wake(&self) -> Option<Instant> {
        if self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let due = |own: &Own| match own.state {
            State::Due { at, .. } => Some(at),
            State::InFlight { .. } => None,
        };
        self.own.values().filter_map(due).min()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const KEY: RecordKey = RecordKey([1; 32]);

    fn with_one(now: Instant) -> (Publisher, StdRng) {
        let mut publisher = Publisher::default();
        assert!(publisher.keep(KEY, vec![1], 100, now));
        (publisher, StdRng::seed_from_u64(1))
    }

    #[test]
    fn a_record_is_put_until_acknowledged_and_then_again_after_hours() {
        let start = Instant::now();
        let (mut publisher, mut rng) = with_one(start);
        let mut now = start;
        for _ in 0..3 {
            assert_eq!(publisher.due(now, 0).len(), 1);
            assert!(publisher.due(now, 0).is_empty(), "only one attempt at a time");
            publisher.ended(&KEY, false, now, &mut rng);
            now = publisher.wake().unwrap();
            assert!(now < start + Duration::from_secs(10));
        }
        assert_eq!(publisher.due(now, 0).len(), 1);
        publisher.ended(&KEY, true, now, &mut rng);
        assert!(publisher.wake().unwrap() > now + Duration::from_secs(2 * 60 * 60));
    }

    #[test]
    fn a_record_replaced_while_being_put_is_put_again() {
        let now = Instant::now();
        let (mut publisher, mut rng) = with_one(now);
        publisher.due(now, 0);
        publisher.keep(KEY, vec![2], 100, now);
        publisher.ended(&KEY, true, now, &mut rng);
        let expected = Put { key: KEY, value: vec![2] };
        assert_eq!(publisher.due(now, 0), [expected]);
    }

    #[test]
    fn an_expired_record_is_forgotten() {
        let now = Instant::now();
        let (mut publisher, _) = with_one(now);
        assert!(publisher.due(now, 100).is_empty());
        assert_eq!(publisher.wake(), None);
    }

    #[test]
    fn a_returning_bootstrap_node_gets_everything_again_soon() {
        let now = Instant::now();
        let (mut publisher, mut rng) = with_one(now);
        publisher.due(now, 0);
        publisher.ended(&KEY, true, now, &mut rng);
        publisher.put_all_soon(now, &mut rng);
        assert!(publisher.wake().unwrap() <= now + SPREAD);
    }

    #[test]
    fn only_so_many_puts_run_at_the_same_time() {
        let now = Instant::now();
        let mut publisher = Publisher::default();
        for n in 0..40 {
            publisher.keep(RecordKey([n; 32]), vec![], 100, now);
        }
        assert_eq!(publisher.due(now, 0).len(), IN_FLIGHT_MAX);
        assert!(publisher.due(now, 0).is_empty());
        assert_eq!(publisher.wake(), None);
        publisher.ended(&RecordKey([0; 32]), true, now, &mut StdRng::seed_from_u64(1));
        assert_eq!(publisher.due(now, 0).len(), 1);
    }
}
