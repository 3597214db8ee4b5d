//! What happened lately, for everyone who listens.
//!
//! The log keeps the last events under rising cursors. A listener holds nothing but the cursor
//! it has reached and reads on from there, so a slow one costs no memory: when the log has moved
//! past it, it is told to fetch everything anew (*resync*) and goes on from the end. The same
//! happens to one that comes back with a cursor from too long ago, or from before a restart:
//! cursors start at the boot time, so they rise over restarts and old ones are recognised.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::Event;
use tokio::sync::watch;

use crate::types::EventFrame;

/// Events kept for those who come back.
const EVENTS_MAX: usize = 4096;

/// Bytes of events kept, because a message may have 64 KiB.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// An event as listeners get it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) cursor: u64,
    /// The whole frame, encoded once for all listeners.
    pub(crate) json: String,
}

/// The log of events. Clones are the same log.
#[derive(Debug, Clone)]
pub struct EventLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// The newest cursor, and whether the log is closed.
    head: watch::Sender<Head>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    cursor: u64,
    closed: bool,
}

/// The newest events; the last one has the cursor `head`.
#[derive(Debug)]
struct Ring {
    head: u64,
    bytes: usize,
    told: VecDeque<Arc<Told>>,
}

impl EventLog {
    /// An empty log of a node that started at this time, in milliseconds since the Unix epoch.
    /// No node tells a thousand events a millisecond, so its cursors exceed those of any earlier
    /// start.
    pub fn new(boot_ms: u64) -> Self {
        let cursor = boot_ms.saturating_mul(1000);
        let ring = Ring { head: cursor, bytes: 0, told: VecDeque::new() };
        let head = watch::Sender::new(Head { cursor, closed: false });
        Self(Arc::new(Shared { ring: Mutex::new(ring), head }))
    }

    /// Adds an event, tells all listeners, and returns its cursor. Never waits for any of them.
    pub fn push(&self, event: Event) -> u64 {
        let mut ring = self.ring();
        let cursor = ring.head + 1;
        let json = EventFrame::new(cursor, event).to_json();
        ring.head = cursor;
        ring.bytes += json.len();
        ring.told.push_back(Arc::new(Told { cursor, json }));
        while ring.told.len() > EVENTS_MAX || ring.bytes > BYTES_MAX {
            let Some(oldest) = ring.told.pop_front() else { break };
            ring.bytes -= oldest.json.len();
        }
        drop(ring);
        self.0.head.send_modify(|head| head.cursor = head.cursor.max(cursor));
        cursor
    }

    /// Ends every stream of events, so that a server shutting down need not wait for listeners.
    pub fn close(&self) {
        self.0.head.send_modify(|head| head.closed = true);
    }

    /// The cursor of the newest event.
    pub fn head(&self) -> u64 {
        self.ring().head
    }

    /// Listens from after this cursor on, or from now on.
    pub(crate) fn listen(&self, after: Option<u64>) -> Listener {
        let news = self.0.head.subscribe();
        let reached = after.unwrap_or_else(|| self.head());
        Listener { log: self.clone(), news, reached }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // The ring is only changed by whole steps that cannot panic, so it is sound.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a listener learns next.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    /// The next event.
    Event(Arc<Told>),
    /// Events in between are gone. Whatever the listener knows has to be fetched anew; events
    /// after this cursor follow.
    Resync(u64),
    /// The node shuts down.
    Closed,
}

/// One who listens.
#[derive(Debug)]
pub(crate) struct Listener {
    log: EventLog,
    news: watch::Receiver<Head>,
    reached: u64,
}

impl Listener {
    /// The next event, as soon as there is one. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Next {
        loop {
            if self.news.borrow_and_update().closed {
                return Next::Closed;
            }
            if let Some(next) = self.log.ring().after(self.reached) {
                self.reached = match &next {
                    Next::Event(told) => told.cursor,
                    Next::Resync(cursor) => *cursor,
                    Next::Closed => self.reached,
                };
                return next;
            }
            if self.news.changed().await.is_err() {
                return Next::Closed;
            }
        }
    }

    /// The cursor reached so far.
    pub(crate) fn reached(&self) -> u64 {
        self.reached
    }
}

impl Ring {
    /// What follows a cursor, if anything does.
    fn after(&self, cursor: u64) -> Option<Next> {
        if cursor == self.head {
            return None;
        }
        let behind = self.head.checked_sub(cursor).and_then(|count| usize::try_from(count).ok());
        let index = behind.and_then(|behind| self.told.len().checked_sub(behind));
        let told = index.and_then(|index| self.told.get(index));
        Some(told.map_or(Next::Resync(self.head), |told| Next::Event(Arc::clone(told))))
    }
}

#[cfg(test)]
mod tests {
    use engine::EventBody;
    use futures::FutureExt;

    use super::*;

    fn event() -> Event {
        Event { at_ms: 1_700_000_000_000, persona: None, body: EventBody::ApprovalsChanged }
    }

    fn cursor(next: Option<Next>) -> Option<u64> {
        match next {
            Some(Next::Event(told)) => Some(told.cursor),
            _ => None,
        }
    }

    #[test]
    fn cursors_rise_by_one_from_the_boot_time() {
        let log = EventLog::new(5);
        assert_eq!([log.push(event()), log.push(event())], [5001, 5002]);
        assert_eq!(log.head(), 5002);
    }

    #[test]
    fn a_listener_gets_every_event_after_its_cursor_and_then_waits() {
        let log = EventLog::new(5);
        for _ in 0..4 {
            log.push(event());
        }
        let mut listener = log.listen(Some(5002));
        assert_eq!(cursor(listener.next().now_or_never()), Some(5003));
        assert_eq!(cursor(listener.next().now_or_never()), Some(5004));
        assert!(listener.next().now_or_never().is_none());
        log.push(event());
        assert_eq!(cursor(listener.next().now_or_never()), Some(5005));
    }

    #[test]
    fn unknown_cursors_lead_to_a_resync_and_on_from_the_end() {
        let log = EventLog::new(5);
        for _ in 0..EVENTS_MAX + 10 {
            log.push(event());
        }
        for after in [0, 5009, log.head() + 1, u64::MAX] {
            let mut listener = log.listen(Some(after));
            let next = listener.next().now_or_never();
            assert!(
                matches!(next, Some(Next::Resync(at)) if at == log.head()),
                "{after}: {next:?}"
            );
            assert!(listener.next().now_or_never().is_none());
        }
        assert_eq!(cursor(log.listen(Some(5010)).next().now_or_never()), Some(5011));
    }

    #[tokio::test]
    async fn a_waiting_listener_is_woken_by_an_event_and_by_the_end() {
        let log = EventLog::new(5);
        let mut listener = log.listen(None);
        let waiting = tokio::spawn(async move { (listener.next().await, listener.next().await) });
        tokio::task::yield_now().await;
        log.push(event());
        tokio::task::yield_now().await;
        log.close();
        let (first, second) = waiting.await.unwrap();
        assert_eq!(cursor(Some(first)), Some(5001));
        assert!(matches!(second, Next::Closed));
    }
}
