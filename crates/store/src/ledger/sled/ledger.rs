//! The engine: rows over a generation, one writer, and readers that never wait for it.

use std::{
    collections::BTreeSet,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use crate::{
    error::{EngineError, MaintainError},
    folder,
    ledger::{
        engine::{Change, Engine, Transaction, VisitAll, VisitRow, Work},
        sled::{
            generation::{Current, Generation, numbers_in, path_of},
            layout::{self, Head, Pieces},
            space::{SpaceGuard, TOUCHED_MAX},
        },
    },
    range::{Bounds, Dir},
    store::SpaceReport,
};

/// sled with one ledger open.
pub(in crate::ledger) struct Sled {
    pub(super) dir: PathBuf,
    /// The generation in use. Readers keep the one they started with.
    pub(super) current: RwLock<Arc<Generation>>,
    /// Held while a group is applied and synced.
    pub(super) gate: Mutex<Gate>,
    pub(super) guard: SpaceGuard,
}

/// What only the holder of the gate may touch.
#[derive(Default)]
pub(super) struct Gate {
    /// The tree's keys changed since a copy was begun, while one is under way.
    pub(super) touched: Option<BTreeSet<Vec<u8>>>,
}

impl Sled {
    pub(in crate::ledger) fn open(dir: &Path) -> Result<Self, EngineError> {
        Self::open_with(dir, SpaceGuard::default())
    }

    pub(super) fn open_with(dir: &Path, guard: SpaceGuard) -> Result<Self, EngineError> {
        let current = settle(dir).map_err(EngineError::doing("finding the current generation"))?;
        let generation = Generation::open(dir, current.number)?;
        if current.new {
            Current { new: false, ..current }
                .write(dir)
                .map_err(EngineError::doing("announcing the first generation"))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            current: RwLock::new(Arc::new(generation)),
            gate: Mutex::default(),
            guard,
        })
    }

    pub(super) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        // A panic while applying has poisoned the ledger above.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clears away what an interrupted creation or copy has left, and says what counts.
fn settle(dir: &Path) -> io::Result<Current> {
    folder::create_private(dir)?;
    let current = match Current::read(dir)? {
        Some(current) => current,
        None if numbers_in(dir)?.is_empty() => {
            let first = Current { number: 1, new: true };
            first.write(dir)?;
            first
        }
        None => {
            let reason = "there are generations, but the file that says which counts is missing";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
    };
    let there = numbers_in(dir)?;
    if !current.new && !there.contains(&current.number) {
        let reason = format!("generation {} is missing", current.number);
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    for number in there {
        if number != current.number || current.new {
            fs::remove_dir_all(path_of(dir, number))?;
        }
    }
    folder::sync_dir(dir)?;
    Ok(current)
}

fn reading<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> EngineError {
    EngineError::doing("reading sled")(error)
}

impl Generation {
    /// The stored bytes of a row. Asks again when the row was replaced in the middle.
    fn row(&self, head: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let mut missed = None;
        while let Some(raw) = self.db.get(head).map_err(reading)? {
            match Head::parse(&raw).ok_or_else(|| reading("a head makes no sense"))? {
                Head::Inline(stored) => return Ok(Some(stored.to_vec())),
                Head::Cut(pieces) => {
                    if let Some(stored) = self.assemble(pieces)? {
                        return Ok(Some(stored));
                    }
                    if missed.replace(pieces) == Some(pieces) {
                        return Err(reading("a piece of a value is missing"));
                    }
                }
            }
        }
        Ok(None)
    }

    fn assemble(&self, pieces: Pieces) -> Result<Option<Vec<u8>>, EngineError> {
        let mut stored = Vec::with_capacity(pieces.len());
        for key in pieces.keys() {
            match self.db.get(key).map_err(reading)? {
                Some(piece) => stored.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
        if stored.len() != pieces.len() {
            return Err(reading("the pieces of a value have another length than it"));
        }
        Ok(Some(stored))
    }

    /// The pieces of the value a row has now.
    fn pieces_of(&self, head: &[u8]) -> Result<Option<Pieces>, EngineError> {
        Ok(match self.db.get(head).map_err(reading)? {
            None => None,
            Some(raw) => match Head::parse(&raw) {
                Some(Head::Cut(pieces)) => Some(pieces),
                // What makes no sense has no pieces that could be found, and may be replaced.
                Some(Head::Inline(_)) | None => None,
            },
        })
    }
}

/// The writer's view while it holds the gate.
struct Applying<'a> {
    generation: &'a Generation,
    gate: &'a mut Gate,
    applied: bool,
}

impl Transaction for Applying<'_> {
    fn get(&mut self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.generation.row(&layout::head_key(table, key))
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), EngineError> {
        let mut writes = Vec::with_capacity(changes.len());
        for Change { table, key, stored } in changes {
            let head = layout::head_key(*table, key);
            if let Some(old) = self.generation.pieces_of(&head)? {
                writes.extend(old.keys().map(|key| (key, None)));
            }
            match stored {
                Some(stored) => layout::write(&mut writes, head, stored),
                None => writes.push((head, None)),
            }
        }
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            // One more than a copy accepts is enough to stop it.
            if let Some(touched) = &mut self.gate.touched
                && touched.len() <= TOUCHED_MAX
            {
                touched.insert(key.clone());
            }
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.applied = true;
        self.generation.db.apply_batch(batch).map_err(EngineError::doing("writing to sled"))
    }
}

impl Engine for Sled {
    fn get(&self, table: u8, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.generation().row(&layout::head_key(table, key))
    }

    fn scan(
        &self,
        table: u8,
        bounds: &Bounds,
        dir: Dir,
        visit: &mut VisitRow<'_>,
    ) -> Result<(), EngineError> {
        let generation = self.generation();
        let (from, to) = layout::head_range(table, &bounds.from, bounds.to.as_deref());
        let mut heads = generation.db.range(from..to);
        while let Some(head) = match dir {
            Dir::Forward => heads.next(),
            Dir::Backward => heads.next_back(),
        } {
            let (raw_key, raw) = head.map_err(reading)?;
            let Some((_, key)) = layout::parse_head_key(&raw_key) else { continue };
            let flow = match Head::parse(&raw) {
                Some(Head::Inline(stored)) => visit(key, stored),
                // Deleted since we saw its head, if there is nothing.
                _ => match generation.row(&raw_key)? {
                    Some(stored) => visit(key, &stored),
                    None => ControlFlow::Continue(()),
                },
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), EngineError> {
        let mut gate = self.gate();
        // Taken inside the gate: a finished copy changes the generation only there.
        let generation = self.generation();
        let mut applying = Applying { generation: &generation, gate: &mut gate, applied: false };
        work(&mut applying)?;
        if applying.applied { generation.sync() } else { Ok(()) }
    }

    fn snapshot(&self, visit: &mut VisitAll<'_>) -> Result<(), EngineError> {
        // sled has no snapshots to read from, so writers wait until we are through.
        let _gate = self.gate();
        let generation = self.generation();
        for head in generation.db.range(layout::all_heads()) {
            let (raw_key, _) = head.map_err(reading)?;
            let Some((table, key)) = layout::parse_head_key(&raw_key) else { continue };
            let Some(stored) = generation.row(&raw_key)? else { continue };
            if visit(table, key, &stored).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn maintain(&self, budget: Duration) -> Result<SpaceReport, MaintainError> {
        self.keep_small(budget)
    }

    fn faults(&self, _deep: bool) -> Result<Vec<String>, EngineError> {
        let blobs = self.generation().blob_files()?;
        let fault = format!("{blobs} blob files, which are not synced to the disk");
        Ok(if blobs == 0 { Vec::new() } else { vec![fault] })
    }
}
