//! What one member followed: the end of the log, with who was there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::quorum::final_quorum;
use crate::identity::PersonaId;

/// The hash of a log entry; see [`crate::session::SignedEntry::hash`].
pub type EntryHash = [u8; 32];

/// The most steps a chain keeps and a vote tells. A sequencer stops this far ahead of what is
/// final, so what is not final is always told whole.
pub const SPINE_STEPS_MAX: usize = 32;

/// By what right an entry was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// By who held the term already.
    Held,
    /// First of its term, by a deputy after a long silence, without a majority of votes.
    Provisional,
    /// First of its term, by votes of a majority.
    Certified,
}

/// One entry, as much of it as succession needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// Names the entry.
    pub hash: EntryHash,
    /// The epoch it ends.
    pub epoch: u64,
    /// The term of its signer.
    pub term: u64,
    /// By what right.
    pub standing: Standing,
    /// Who signed it.
    pub signer: PersonaId,
    /// Who joins with it. Sorted.
    pub added: Vec<PersonaId>,
    /// Who leaves with it. Sorted.
    pub removed: Vec<PersonaId>,
}

/// Where a chain begins: everything before is final, or was before this member came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Start {
    /// The entry before the first step.
    pub hash: EntryHash,
    /// The epoch it led to.
    pub epoch: u64,
    /// The term then.
    pub term: u64,
    /// Who held it.
    pub holder: PersonaId,
    /// Whether that was by votes of a majority, or from the beginning.
    pub certified: bool,
    /// Who was there.
    pub roster: BTreeSet<PersonaId>,
}

/// What a vote tells of the voter's chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spine {
    /// The entry before the first step.
    pub start: EntryHash,
    /// How many of the steps the voter knows to be final.
    pub settled: u32,
    /// What it followed. At most [`SPINE_STEPS_MAX`].
    pub steps: Vec<Step>,
}

/// The end of the log as one member followed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Chain {
    /// Where it begins.
    pub start: Start,
    /// What was followed since.
    pub steps: Vec<Step>,
    /// How many of the steps are known to be final.
    pub settled: usize,
}

impl Chain {
    /// A chain without steps.
    pub fn new(start: Start) -> Self {
        Self { start, steps: Vec::new(), settled: 0 }
    }

    /// The last entry.
    pub fn head(&self) -> EntryHash {
        self.hash_at(self.steps.len())
    }

    /// The epoch the last entry led to.
    pub fn epoch(&self) -> u64 {
        self.steps.last().map_or(self.start.epoch, |step| step.epoch + 1)
    }

    /// The term of the last entry.
    pub fn term(&self) -> u64 {
        self.steps.last().map_or(self.start.term, |step| step.term)
    }

    /// Who signs entries now.
    pub fn holder(&self) -> PersonaId {
        self.holder_at(self.steps.len())
    }

    /// Who is there now.
    pub fn roster(&self) -> BTreeSet<PersonaId> {
        self.roster_at(self.steps.len())
    }

    /// Whether the current term was given by a majority.
    pub fn is_certified(&self) -> bool {
        let first = self.steps.iter().rev().find(|step| step.standing != Standing::Held);
        first.map_or(self.start.certified, |step| step.standing == Standing::Certified)
    }

    /// How many steps are not known to be final.
    pub fn unsettled(&self) -> usize {
        self.steps.len() - self.settled
    }

    /// The entry before the step at a place.
    pub fn hash_at(&self, place: usize) -> EntryHash {
        match place.checked_sub(1) {
            Some(before) => self.steps[before].hash,
            None => self.start.hash,
        }
    }

    /// Who held the term before the step at a place.
    pub fn holder_at(&self, place: usize) -> PersonaId {
        match place.checked_sub(1) {
            Some(before) => self.steps[before].signer,
            None => self.start.holder,
        }
    }

    /// Who was there before the step at a place.
    pub fn roster_at(&self, place: usize) -> BTreeSet<PersonaId> {
        let mut roster = self.start.roster.clone();
        for step in &self.steps[..place] {
            roster.extend(&step.added);
            step.removed.iter().for_each(|gone| {
                roster.remove(gone);
            });
        }
        roster
    }

    /// The place after an entry, if it is one of this chain.
    pub fn place_after(&self, hash: &EntryHash) -> Option<usize> {
        (0..=self.steps.len()).rev().find(|place| self.hash_at(*place) == *hash)
    }

    /// What a vote tells of it.
    pub fn spine(&self) -> Spine {
        Spine {
            start: self.start.hash,
            settled: u32::try_from(self.settled).unwrap_or(u32::MAX),
            steps: self.steps.clone(),
        }
    }

    /// The steps of another member's spine, counted from where this chain begins, and how many of
    /// them that member knows to be final. `None` when the two do not meet.
    pub fn joined(&self, spine: &Spine) -> Option<(Vec<Step>, usize)> {
        let settled = usize::try_from(spine.settled).ok()?.min(spine.steps.len());
        if let Some(place) = self.place_after(&spine.start) {
            let before = self.steps[..place].iter().cloned();
            return Some((before.chain(spine.steps.iter().cloned()).collect(), place + settled));
        }
        let place = spine.steps.iter().position(|step| step.hash == self.start.hash)? + 1;
        Some((spine.steps[place..].to_vec(), settled.saturating_sub(place)))
    }

    /// Of these votes, those that meet this chain. A voter that has not followed the entry this
    /// chain begins with has a spine that ends before it; where another vote tells that this lies on
    /// the way to where we begin, it counts as one that followed nothing since.
    pub fn meeting(&self, votes: BTreeMap<PersonaId, Spine>) -> BTreeMap<PersonaId, Spine> {
        let before: BTreeSet<EntryHash> = votes
            .values()
            .filter_map(|spine| {
                let place = spine.steps.iter().position(|step| step.hash == self.start.hash)?;
                let passed = spine.steps[..place].iter().map(|step| step.hash);
                Some(passed.chain([spine.start]))
            })
            .flatten()
            .collect();
        let meet = |(voter, spine): (PersonaId, Spine)| {
            if self.joined(&spine).is_some() {
                return Some((voter, spine));
            }
            let head = spine.steps.last().map_or(spine.start, |step| step.hash);
            let here = Spine { start: self.start.hash, settled: 0, steps: Vec::new() };
            before.contains(&head).then_some((voter, here))
        };
        votes.into_iter().filter_map(meet).collect()
    }

    /// Counts on: which steps are final, when these are the entries others say they followed last.
    pub(super) fn settle<'a>(
        &mut self,
        followed: impl Iterator<Item = (&'a PersonaId, &'a EntryHash)>,
    ) {
        let places: Vec<_> = followed
            .filter_map(|(persona, hash)| Some((*persona, self.place_after(hash)?)))
            .collect();
        while let Some(step) = self.steps.get(self.settled) {
            let mut others = self.roster_at(self.settled);
            others.remove(&step.signer);
            let reached = |(persona, place): &&(PersonaId, usize)| {
                *place > self.settled && others.contains(persona)
            };
            let count = places.iter().filter(reached).count();
            if count < final_quorum(others.len(), !step.removed.is_empty()) {
                break;
            }
            self.settled += 1;
        }
    }

    /// Forgets final steps beyond what is told.
    pub(super) fn trim(&mut self) {
        let surplus = self.steps.len().saturating_sub(SPINE_STEPS_MAX).min(self.settled);
        if surplus == 0 {
            return;
        }
        let certified =
            Self { start: self.start.clone(), steps: self.steps[..surplus].to_vec(), settled: 0 }
                .is_certified();
        let last = &self.steps[surplus - 1];
        self.start = Start {
            hash: last.hash,
            epoch: last.epoch + 1,
            term: last.term,
            holder: last.signer,
            certified,
            roster: self.roster_at(surplus),
        };
        self.steps.drain(..surplus);
        self.settled -= surplus;
    }
}
