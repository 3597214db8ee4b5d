//! Keeping the file within bounds of its contents.
//!
//! sled has no compaction: what deletes and overwrites leave behind stays until a segment happens
//! to empty. So when the file is many times its contents, they are copied into a fresh generation
//! while commits go on, with a note of every key changed meanwhile. In the end commits wait for
//! as long as it takes to copy those keys, the new generation becomes the current one by a
//! rename, and the old one is removed.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    error::{EngineError, MaintainError},
    folder,
    ledger::sled::{
        generation::{Current, Generation, path_of},
        ledger::Sled,
    },
    store::SpaceReport,
};

/// When to copy.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpaceGuard {
    /// Below this size nobody cares: a few segments of 8 MiB are normal.
    disk_bytes_min: u64,
    /// How many times its contents the file may be.
    ratio_max: u64,
}

impl Default for SpaceGuard {
    fn default() -> Self {
        Self { disk_bytes_min: 64 * 1024 * 1024, ratio_max: 8 }
    }
}

/// Copied at once, so that the budget is looked at often enough.
const COPY_STEP_BYTES: usize = 1024 * 1024;
/// More keys changed than this between two rounds of a copy: it is given up.
pub(super) const TOUCHED_MAX: usize = 1_000_000;
/// So few changed keys are copied while commits wait.
const LAST_ROUND_KEYS: usize = 500;

/// Why a copy did not become the current generation.
enum Stop {
    OutOfBudget,
    Failed(EngineError),
    Fatal(EngineError),
}

fn failed(error: sled::Error) -> Stop {
    Stop::Failed(EngineError::doing("copying to a new generation")(error))
}

impl Sled {
    /// Copies to a fresh generation when the current one has grown out of proportion.
    pub(super) fn keep_small(&self, budget: Duration) -> Result<SpaceReport, MaintainError> {
        let deadline = Instant::now() + budget;
        let generation = self.generation();
        let disk_bytes_before = generation.disk_bytes().map_err(MaintainError::GivenUp)?;
        let blob_files = generation.blob_files().map_err(MaintainError::GivenUp)?;
        folder::protect_files(&generation.path)
            .map_err(EngineError::doing("protecting sled's files"))
            .map_err(MaintainError::GivenUp)?;
        let report = |disk_bytes, live_bytes, complete| SpaceReport {
            disk_bytes_before,
            disk_bytes,
            live_bytes,
            blob_files,
            complete,
        };
        let live_bytes = match live_bytes(&generation, deadline) {
            Ok(live_bytes) => live_bytes,
            Err(Stop::OutOfBudget) => return Ok(report(disk_bytes_before, None, false)),
            Err(Stop::Failed(error) | Stop::Fatal(error)) => {
                return Err(MaintainError::GivenUp(error));
            }
        };
        let small = disk_bytes_before < self.guard.disk_bytes_min
            || disk_bytes_before <= live_bytes.saturating_mul(self.guard.ratio_max);
        if small {
            return Ok(report(disk_bytes_before, Some(live_bytes), true));
        }
        match self.copy(&generation, deadline) {
            Ok(disk_bytes) => {
                // sled writes to its folder until it is dropped. A reader that still has it open
                // goes on reading its unlinked file.
                let path = generation.path.clone();
                drop(generation);
                remove(&path);
                Ok(report(disk_bytes, Some(live_bytes), true))
            }
            Err(Stop::OutOfBudget) => Ok(report(disk_bytes_before, Some(live_bytes), false)),
            Err(Stop::Failed(error)) => Err(MaintainError::GivenUp(error)),
            Err(Stop::Fatal(error)) => Err(MaintainError::Fatal(error)),
        }
    }

    fn copy(&self, old: &Arc<Generation>, deadline: Instant) -> Result<u64, Stop> {
        {
            let mut gate = self.gate();
            if gate.touched.is_some() {
                // Another thread is at it.
                return Err(Stop::OutOfBudget);
            }
            gate.touched = Some(BTreeSet::new());
        }
        let path = path_of(&self.dir, old.number + 1);
        let result = self.copy_and_switch(old, deadline);
        self.gate().touched = None;
        // After a failed switch it is not known which of the two counts; the next open finds out.
        if matches!(result, Err(Stop::OutOfBudget | Stop::Failed(_))) {
            remove(&path);
        }
        result
    }

    fn copy_and_switch(&self, old: &Generation, deadline: Instant) -> Result<u64, Stop> {
        let number = old.number + 1;
        remove(&path_of(&self.dir, number));
        let new = Generation::open(&self.dir, number).map_err(Stop::Failed)?;
        copy_rows(old, &new, deadline)?;
        let differing = compare(old, &new, deadline)?;
        new.sync_everything().map_err(Stop::Failed)?;

        // Rounds of what changed during the round before, until commits can wait for the last.
        let mut copied = BTreeSet::new();
        let _gate = loop {
            in_budget(deadline)?;
            let mut gate = self.gate();
            let touched = gate.touched.replace(BTreeSet::new()).unwrap_or_default();
            if touched.len() > TOUCHED_MAX {
                return Err(Stop::OutOfBudget);
            }
            let gate = (touched.len() <= LAST_ROUND_KEYS).then_some(gate);
            copy_keys(old, &new, &touched)?;
            copied.extend(touched);
            if let Some(gate) = gate {
                break gate;
            }
        };
        if let Some(key) = differing.iter().find(|key| !copied.contains(*key)) {
            let reason = format!("{} was not copied", crate::error::hex(key));
            return Err(Stop::Failed(EngineError::doing("verifying the copy")(reason)));
        }
        new.sync_everything().map_err(Stop::Failed)?;
        let disk_bytes = new.disk_bytes().map_err(Stop::Failed)?;
        Current { number, new: false }
            .write(&self.dir)
            .map_err(EngineError::doing("switching to the new generation"))
            .map_err(Stop::Fatal)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(disk_bytes)
    }
}

/// What could not be removed is removed by the next open.
fn remove(path: &std::path::Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "an old generation stays for now");
    }
}

fn in_budget(deadline: Instant) -> Result<(), Stop> {
    if Instant::now() < deadline { Ok(()) } else { Err(Stop::OutOfBudget) }
}

/// What the rows need, keys included, in bytes.
fn live_bytes(generation: &Generation, deadline: Instant) -> Result<u64, Stop> {
    let (mut total, mut step) = (0, 0);
    for row in generation.db.iter() {
        let (key, value) = row.map_err(failed)?;
        let bytes = key.len() + value.len();
        total += bytes as u64;
        step += bytes;
        if step >= COPY_STEP_BYTES {
            in_budget(deadline)?;
            step = 0;
        }
    }
    Ok(total)
}

fn copy_rows(old: &Generation, new: &Generation, deadline: Instant) -> Result<(), Stop> {
    let (mut batch, mut step) = (sled::Batch::default(), 0);
    for row in old.db.iter() {
        let (key, value) = row.map_err(failed)?;
        step += key.len() + value.len();
        batch.insert(key, value);
        if step >= COPY_STEP_BYTES {
            new.db.apply_batch(std::mem::take(&mut batch)).map_err(failed)?;
            in_budget(deadline)?;
            step = 0;
        }
    }
    new.db.apply_batch(batch).map_err(failed)
}

/// Brings some keys of the copy up to date.
fn copy_keys(old: &Generation, new: &Generation, keys: &BTreeSet<Vec<u8>>) -> Result<(), Stop> {
    for key in keys {
        match old.db.get(key).map_err(failed)? {
            Some(value) => new.db.insert(key, value).map_err(failed)?,
            None => new.db.remove(key).map_err(failed)?,
        };
    }
    Ok(())
}

/// The keys that are not the same in both: those changed meanwhile, or a defect of the copy.
fn compare(
    old: &Generation,
    new: &Generation,
    deadline: Instant,
) -> Result<BTreeSet<Vec<u8>>, Stop> {
    let mut differing = BTreeSet::new();
    let mut step = 0;
    for (from, to) in [(old, new), (new, old)] {
        for row in from.db.iter() {
            let (key, value) = row.map_err(failed)?;
            step += key.len() + value.len();
            if to.db.get(&key).map_err(failed)?.as_ref() != Some(&value) {
                differing.insert(key.to_vec());
            }
            if step >= COPY_STEP_BYTES {
                in_budget(deadline)?;
                step = 0;
            }
        }
    }
    Ok(differing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::engine::{Change, Engine};
    use bytes::Bytes;

    const EAGER: SpaceGuard = SpaceGuard { disk_bytes_min: 0, ratio_max: 2 };
    const LONG: Duration = Duration::from_secs(600);

    fn put(ledger: &Sled, key: u16, fill: u8) {
        let change = Change {
            table: 3,
            key: Bytes::copy_from_slice(&key.to_be_bytes()),
            stored: Some(vec![fill; 100_000]),
        };
        ledger.transact(&mut |t| t.apply(std::slice::from_ref(&change))).expect("writes");
    }

    fn get(ledger: &Sled, key: u16) -> Vec<u8> {
        ledger.get(3, &key.to_be_bytes()).expect("reads").expect("is there")
    }

    #[test]
    fn rewritten_state_is_copied_to_a_small_generation_and_nothing_is_lost() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let ledger = Sled::open_with(dir.path(), EAGER).expect("opens");
        for round in 0..60 {
            for key in 0..5 {
                put(&ledger, key, round);
            }
        }
        let report = ledger.keep_small(LONG).expect("copies");
        assert!(report.complete);
        assert!(report.disk_bytes < report.disk_bytes_before / 2, "{report:?}");
        assert_eq!(report.blob_files, 0);
        assert_eq!(ledger.generation().number, 2);
        for key in 0..5 {
            assert_eq!(get(&ledger, key), vec![59; 100_000]);
        }
        drop(ledger);
        let ledger = Sled::open_with(dir.path(), EAGER).expect("opens again");
        assert_eq!(ledger.generation().number, 2);
        assert!(!path_of(dir.path(), 1).exists());
        assert_eq!(get(&ledger, 4), vec![59; 100_000]);
    }

    #[test]
    fn commits_made_while_copying_are_in_the_copy() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let ledger = Sled::open_with(dir.path(), EAGER).expect("opens");
        for round in 0..30 {
            for key in 0..5 {
                put(&ledger, key, round);
            }
        }
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                let mut fill = 100;
                while ledger.generation().number < 2 {
                    fill = if fill == 200 { 100 } else { fill + 1 };
                    put(&ledger, 2, fill);
                    put(&ledger, 500 + u16::from(fill), fill);
                }
                fill
            });
            while ledger.generation().number < 2 {
                ledger.keep_small(LONG).expect("copies");
            }
            let last = writing.join().expect("joins");
            assert_eq!(get(&ledger, 2), vec![last; 100_000]);
            assert_eq!(get(&ledger, 500 + u16::from(last)), vec![last; 100_000]);
            assert_eq!(get(&ledger, 0), vec![29; 100_000]);
        });
    }

    #[test]
    fn a_copy_over_budget_changes_nothing() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let ledger = Sled::open_with(dir.path(), EAGER).expect("opens");
        for round in 0..30 {
            put(&ledger, round, 1);
        }
        let report = ledger.keep_small(Duration::ZERO).expect("gives up in peace");
        assert!(!report.complete);
        assert_eq!(ledger.generation().number, 1);
        assert!(!path_of(dir.path(), 2).exists());
        put(&ledger, 3, 9);
        assert_eq!(get(&ledger, 3), vec![9; 100_000]);
    }

    #[test]
    fn a_copy_that_was_interrupted_is_removed_by_the_next_open() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let ledger = Sled::open_with(dir.path(), EAGER).expect("opens");
        put(&ledger, 1, 7);
        drop(ledger);
        drop(Generation::open(dir.path(), 2).expect("a copy begun"));
        let ledger = Sled::open_with(dir.path(), EAGER).expect("opens");
        assert!(!path_of(dir.path(), 2).exists());
        assert_eq!(get(&ledger, 1), vec![7; 100_000]);
    }

    #[test]
    fn a_first_open_that_was_interrupted_starts_over() {
        let dir = tempfile::tempdir().expect("temporary folder");
        Current { number: 1, new: true }.write(dir.path()).expect("announces");
        fs::create_dir(path_of(dir.path(), 1)).expect("creates");
        fs::write(path_of(dir.path(), 1).join("db"), [0xaa; 5000]).expect("writes");
        let ledger = Sled::open_with(dir.path(), EAGER).expect("opens");
        put(&ledger, 1, 7);
        assert_eq!(get(&ledger, 1), vec![7; 100_000]);
    }

    #[test]
    fn a_lost_pointer_is_reported_and_nothing_removed() {
        let dir = tempfile::tempdir().expect("temporary folder");
        drop(Sled::open_with(dir.path(), EAGER).expect("opens"));
        fs::remove_file(dir.path().join("current")).expect("removes");
        assert!(Sled::open_with(dir.path(), EAGER).is_err());
        assert!(path_of(dir.path(), 1).exists());
    }
}
