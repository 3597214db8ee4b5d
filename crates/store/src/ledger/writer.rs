//! The one thread that commits.
//!
//! Callers queue their batch and wait. The thread takes what has queued up while the disk was
//! busy with the previous group, at most [`GROUP_MAX`] batches, checks and applies one after the
//! other, and flushes once for all. It never waits for a group to fill, so a lone caller pays
//! for one flush and nothing else.
//!
//! After an error nobody knows what reached the disk, so from then on the thread only says no:
//! a flush that is tried again may report success for data the system has already dropped.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use crate::{
    batch::{Expectation, ValueHash},
    error::{CommitError, EngineError, ReadError, hex},
    ledger::{
        engine::{Change, Engine, Transaction},
        rows::unreadable,
    },
    seal::Sealer,
    store::Seq,
};

/// The most batches that share one flush.
const GROUP_MAX: usize = 64;
/// A group is closed once it holds this many bytes, so that flushing it stays quick.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many batches wait in the queue before callers wait to get into it.
const QUEUE_MAX: usize = 256;

/// A batch, encrypted, on its way to the disk.
pub(super) struct Request {
    pub(super) expectations: Vec<Expectation>,
    pub(super) changes: Vec<Change>,
}

struct Queued {
    request: Request,
    reply: SyncSender<Result<Seq, CommitError>>,
}

/// Why no commit is taken any more; empty while all is well.
#[derive(Clone, Default)]
pub(super) struct Poison(Arc<OnceLock<String>>);

impl Poison {
    pub(super) fn set(&self, reason: String) {
        tracing::error!(%reason, "the ledger stops taking commits");
        // The first reason is the one that matters.
        let _ = self.0.set(reason);
    }

    pub(super) fn check(&self) -> Result<(), CommitError> {
        match self.0.get() {
            None => Ok(()),
            Some(reason) => Err(CommitError::Poisoned(reason.clone())),
        }
    }
}

/// The way to the committing thread. Dropping it ends the thread, after what is queued.
pub(super) struct Writer {
    queue: Option<SyncSender<Queued>>,
    thread: Option<JoinHandle<()>>,
    poison: Poison,
}

impl Writer {
    pub(super) fn start(
        engine: Arc<dyn Engine>,
        sealer: Arc<Sealer>,
        poison: Poison,
    ) -> io::Result<Self> {
        let (queue, requests) = sync_channel(QUEUE_MAX);
        let for_thread = poison.clone();
        let thread = std::thread::Builder::new()
            .name("ledger writer".into())
            .spawn(move || run(engine.as_ref(), &sealer, &for_thread, &requests))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), poison })
    }

    pub(super) fn commit(&self, request: Request) -> Result<Seq, CommitError> {
        self.poison.check()?;
        let (reply, answer) = sync_channel(1);
        let queue = self.queue.as_ref().expect("the queue is there until drop");
        let ended = |_| CommitError::Poisoned("the committing thread has ended".into());
        queue.send(Queued { request, reply }).map_err(|error| ended(error.to_string()))?;
        answer.recv().map_err(|error| ended(error.to_string()))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // The thread catches panics of the engine; one of its own is already printed.
            let _ = thread.join();
        }
    }
}

fn run(engine: &dyn Engine, sealer: &Sealer, poison: &Poison, requests: &Receiver<Queued>) {
    let mut acknowledged = 0;
    while let Ok(first) = requests.recv() {
        let mut bytes = first.request.bytes();
        let mut group = vec![first];
        while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
            let Ok(next) = requests.try_recv() else { break };
            bytes += next.request.bytes();
            group.push(next);
        }
        let verdicts = match poison.check() {
            Ok(()) => commit_group(engine, sealer, poison, &group),
            Err(poisoned) => Err(poisoned),
        };
        answer(group, verdicts, &mut acknowledged);
    }
}

type Verdict = Result<(), CommitError>;

fn commit_group(
    engine: &dyn Engine,
    sealer: &Sealer,
    poison: &Poison,
    group: &[Queued],
) -> Result<Vec<Verdict>, CommitError> {
    let mut verdicts = Vec::with_capacity(group.len());
    // sled asserts in places where the disk surprises it.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        engine.transact(&mut |transaction| {
            verdicts.clear();
            for queued in group {
                let verdict = verify(transaction, sealer, &queued.request.expectations)?;
                if verdict.is_ok() && !queued.request.changes.is_empty() {
                    transaction.apply(&queued.request.changes)?;
                }
                verdicts.push(verdict);
            }
            Ok(())
        })
    }));
    let reason = match outcome {
        Ok(Ok(())) => return Ok(verdicts),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the engine panicked while committing".to_owned(),
    };
    poison.set(reason.clone());
    Err(CommitError::Failed(reason))
}

/// Checks expectations in the view of the transaction, which has the group's earlier batches.
fn verify(
    transaction: &mut dyn Transaction,
    sealer: &Sealer,
    expectations: &[Expectation],
) -> Result<Verdict, EngineError> {
    for Expectation { table, key, value } in expectations {
        let stored = transaction.get(table.number(), key)?;
        let found = match stored.map(|stored| sealer.unseal(table.number(), key, &stored)) {
            None => None,
            Some(Ok(found)) => Some(ValueHash::of(&found)),
            Some(Err(error)) => {
                let error: ReadError = unreadable(*table, key, error);
                return Ok(Err(CommitError::Unreadable(error)));
            }
        };
        if found != *value {
            return Ok(Err(CommitError::Conflict { table: *table, key: hex(key) }));
        }
    }
    Ok(Ok(()))
}

fn answer(group: Vec<Queued>, verdicts: Result<Vec<Verdict>, CommitError>, acknowledged: &mut u64) {
    match verdicts {
        Ok(verdicts) => {
            for (queued, verdict) in group.into_iter().zip(verdicts) {
                let result = verdict.map(|()| {
                    *acknowledged += 1;
                    Seq(*acknowledged)
                });
                // A caller that has gone away does not need its answer.
                let _ = queued.reply.send(result);
            }
        }
        Err(error) => {
            let all = |error: &CommitError| match error {
                CommitError::Failed(reason) => CommitError::Failed(reason.clone()),
                other => CommitError::Poisoned(match other {
                    CommitError::Poisoned(reason) => reason.clone(),
                    other => other.to_string(),
                }),
            };
            for queued in group {
                let _ = queued.reply.send(Err(all(&error)));
            }
        }
    }
}

impl Request {
    fn bytes(&self) -> usize {
        let size = |c: &Change| c.key.len() + c.stored.as_ref().map_or(0, Vec::len);
        self.changes.iter().map(size).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Barrier, Mutex},
        time::Duration,
    };

    use bytes::Bytes;

    use super::*;
    use crate::{
        error::MaintainError,
        ledger::engine::{VisitAll, VisitRow, Work},
        range::{Bounds, Dir},
        store::SpaceReport,
        tables::Table,
    };

    type Rows = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

    /// An engine in memory that counts its flushes and fails, or panics, in the one it is told.
    #[derive(Default)]
    struct Flaky {
        rows: Mutex<Rows>,
        flushes: Mutex<u32>,
        fails_at: Option<u32>,
        panics_at: Option<u32>,
        /// Passed twice at the first flush: on its way in, and before it returns.
        first_flush: Option<Barrier>,
    }

    struct View<'a>(&'a Flaky);

    impl Transaction for View<'_> {
        fn get(&mut self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
            self.0.get(table, key)
        }

        fn apply(&mut self, changes: &[Change]) -> Result<(), EngineError> {
            let mut rows = self.0.rows.lock().expect("no panic inside");
            for change in changes {
                let at = (change.table, change.key.to_vec());
                match &change.stored {
                    Some(stored) => rows.insert(at, stored.clone()),
                    None => rows.remove(&at),
                };
            }
            Ok(())
        }
    }

    impl Engine for Flaky {
        fn get(&self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
            Ok(self.rows.lock().expect("no panic inside").get(&(table, key.to_vec())).cloned())
        }

        fn scan(&self, _: u8, _: &Bounds, _: Dir, _: &mut VisitRow<'_>) -> Result<(), EngineError> {
            Ok(())
        }

        fn transact(&self, work: &mut Work<'_>) -> Result<(), EngineError> {
            work(&mut View(self))?;
            let flush = {
                let mut flushes = self.flushes.lock().expect("no panic inside");
                *flushes += 1;
                *flushes
            };
            if let (1, Some(barrier)) = (flush, &self.first_flush) {
                barrier.wait();
                barrier.wait();
            }
            assert_ne!(Some(flush), self.panics_at, "told to panic");
            if Some(flush) == self.fails_at {
                return Err(EngineError::doing("syncing")("input/output error"));
            }
            Ok(())
        }

        fn snapshot(&self, _: &mut VisitAll<'_>) -> Result<(), EngineError> {
            Ok(())
        }

        fn maintain(&self, _: Duration) -> Result<SpaceReport, MaintainError> {
            Ok(SpaceReport::default())
        }

        fn faults(&self, _: bool) -> Result<Vec<String>, EngineError> {
            Ok(Vec::new())
        }
    }

    fn start(engine: Flaky) -> (Arc<Flaky>, Writer) {
        let engine = Arc::new(engine);
        let sealer = Arc::new(Sealer::new(&[1; 32]));
        let writer = Writer::start(Arc::<Flaky>::clone(&engine), sealer, Poison::default());
        (engine, writer.expect("a thread starts"))
    }

    fn put(key: u8) -> Request {
        let key = Bytes::copy_from_slice(&[key]);
        let change = Change { table: 1, key, stored: Some(vec![0]) };
        Request { expectations: Vec::new(), changes: vec![change] }
    }

    #[test]
    fn after_a_failed_flush_no_commit_is_ever_acknowledged_again() {
        let (engine, writer) = start(Flaky { fails_at: Some(2), ..Flaky::default() });
        assert_eq!(writer.commit(put(1)).expect("the first works"), Seq(1));
        let error = writer.commit(put(2)).expect_err("the second fails");
        assert!(matches!(&error, CommitError::Failed(why) if why.contains("input/output error")));
        for key in 3..6 {
            let error = writer.commit(put(key)).expect_err("poisoned");
            assert!(matches!(&error, CommitError::Poisoned(why) if why.contains("syncing")));
        }
        assert_eq!(*engine.flushes.lock().expect("unlocked"), 2, "nothing was tried again");
    }

    #[test]
    fn a_panic_of_the_engine_poisons_like_an_error() {
        let (_, writer) = start(Flaky { panics_at: Some(1), ..Flaky::default() });
        assert!(matches!(writer.commit(put(1)), Err(CommitError::Failed(_))));
        assert!(matches!(writer.commit(put(2)), Err(CommitError::Poisoned(_))));
    }

    #[test]
    fn batches_that_wait_for_the_disk_share_its_next_flush() {
        const WAITING: u8 = 10;
        let (engine, writer) =
            start(Flaky { first_flush: Some(Barrier::new(2)), ..Flaky::default() });
        let barrier = engine.first_flush.as_ref().expect("was given");
        let queue = writer.queue.clone().expect("is open");
        std::thread::scope(|scope| {
            scope.spawn(|| writer.commit(put(0)).expect("commits"));
            barrier.wait();
            // The writer is in its first flush: all of these queue up behind it.
            let answers: Vec<_> = (1..=WAITING)
                .map(|key| {
                    let (reply, answer) = sync_channel(1);
                    queue.send(Queued { request: put(key), reply }).expect("queues");
                    answer
                })
                .collect();
            barrier.wait();
            for (answer, expected) in answers.into_iter().zip(2..) {
                let seq = answer.recv().expect("an answer").expect("commits");
                assert_eq!(seq, Seq(expected));
            }
        });
        drop(queue);
        assert_eq!(*engine.flushes.lock().expect("unlocked"), 2);
    }

    #[test]
    fn a_failed_expectation_fails_its_own_batch_and_no_other_of_the_group() {
        let (engine, writer) = start(Flaky::default());
        let mut request = put(1);
        let key = Bytes::from_static(b"absent");
        let value = Some(ValueHash::of(b"something"));
        request.expectations.push(Expectation { table: Table::Meta, key, value });
        assert!(matches!(writer.commit(request), Err(CommitError::Conflict { .. })));
        assert!(engine.rows.lock().expect("unlocked").is_empty());
        assert_eq!(writer.commit(put(2)).expect("commits"), Seq(1));
    }
}
