//! Gossip published before anybody listened.
//!
//! Gossipsub refuses a message that has no subscriber yet. A node that announces itself right
//! after its start would never be heard, so such messages wait here for a while and go out when
//! the first subscriber of their topic appears.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How long a message waits.
const KEPT: Duration = Duration::from_secs(120);
/// Messages that wait.
const MESSAGES_MAX: usize = 256;
/// Bytes that wait.
const BYTES_MAX: usize = 2 * 1024 * 1024;

#[derive(Debug)]
struct Kept {
    topic: String,
    data: Vec<u8>,
    since: Instant,
}

/// The messages that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    kept: VecDeque<Kept>,
    bytes: usize,
}

impl Cache {
    /// Keeps a message, in place of the oldest ones if need be. Returns how many these were.
    pub(crate) fn keep(&mut self, topic: String, data: Vec<u8>, now: Instant) -> u64 {
        self.forget_old(now);
        self.bytes += data.len();
        self.kept.push_back(Kept { topic, data, since: now });
        let mut displaced = 0;
        while self.kept.len() > MESSAGES_MAX || self.bytes > BYTES_MAX {
            self.pop();
            displaced += 1;
        }
        displaced
    }

    /// Takes a topic's messages, in the order they were published.
    pub(crate) fn take(&mut self, topic: &str, now: Instant) -> Vec<Vec<u8>> {
        self.forget_old(now);
        let (taken, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.kept).into_iter().partition(|kept| kept.topic == topic);
        self.kept = kept;
        let taken: Vec<Vec<u8>> = taken.into_iter().map(|kept| kept.data).collect();
        self.bytes -= taken.iter().map(Vec::len).sum::<usize>();
        taken
    }

    fn forget_old(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|kept| now.duration_since(kept.since) > KEPT) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.bytes -= kept.data.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_for_their_topic_in_order() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        for (topic, data) in [("a", 1), ("b", 2), ("a", 3)] {
            assert_eq!(cache.keep(topic.into(), vec![data], now), 0);
        }
        assert_eq!(cache.take("a", now), [[1], [3]]);
        assert!(cache.take("a", now).is_empty());
        assert_eq!(cache.bytes, 1);
    }

    #[test]
    fn old_and_surplus_messages_are_dropped_oldest_first() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.keep("a".into(), vec![0], now);
        assert!(cache.take("a", now + KEPT + Duration::from_secs(1)).is_empty());
        for n in 0..5u8 {
            let displaced = cache.keep("a".into(), vec![n; BYTES_MAX / 4], now);
            assert_eq!(displaced, u64::from(n == 4));
        }
        assert_eq!(cache.take("a", now)[0][0], 1);
    }
}
