//! The signing guard: what an honest member never signs twice.
//!
//! Every signature belongs to a *slot*. A statement first claims its slot; the claim goes to disk;
//! only when the disk has it is the statement handed out to be signed. A node that crashes in
//! between finds the claim again and can sign that statement and no other, so a crash never makes
//! a liar of it. The rules between slots stand here too, apart from the protocol that is
//! supposed to keep them.

use std::collections::{BTreeMap, VecDeque};

use thiserror::Error;

use super::{
    Digest, Statement,
    evidence::Offence,
    mutant::{Mutant, is_on},
};

/// A place for one signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The one ballot.
    Ballot,
    /// The newest open list; each replaces a smaller one.
    HeldOpen,
    /// The one closed list.
    HeldClosed,
    /// The cut of a view.
    Cut(u32),
    /// The notarization of a view.
    Notarize(u32),
    /// The nullification of a view.
    Nullify(u32),
    /// The finalization of a view.
    Finalize(u32),
    /// The one confirmation.
    Confirm,
    /// The report of one member's offence.
    Evidence(u16, Offence),
}

/// The slot is used, or another slot forbids it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this was already signed otherwise")]
pub struct Taken;

/// Every slot this member ever used in one decision.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub struct Guard {
    slots: BTreeMap<Slot, Statement>,
    waiting: VecDeque<(u64, Statement)>,
}

impl Guard {
    /// Claims a slot. The claim is to be stored as the `write`th write, and takes effect now.
    ///
    /// # Errors
    /// [`Taken`] when an honest member may not sign this any more.
    pub fn claim(&mut self, slot: Slot, statement: Statement, write: u64) -> Result<(), Taken> {
        if !self.permits(slot, &statement) {
            return Err(Taken);
        }
        self.waiting.push_back((write, statement.clone()));
        self.slots.insert(slot, statement);
        Ok(())
    }

    /// Whether an honest member may still sign this.
    pub fn permits(&self, slot: Slot, statement: &Statement) -> bool {
        let free = |slot: Slot| !self.slots.contains_key(&slot);
        // The value in a slot of the same view, if any, must be the one claimed now.
        let agrees = |slot: Slot| match (self.slots.get(&slot), statement) {
            (None, _) => true,
            (
                Some(Statement::Notarize(used) | Statement::Finalize(used)),
                Statement::Notarize(vote) | Statement::Finalize(vote),
            ) => used.value == vote.value,
            _ => false,
        };
        let grows = || match (self.slots.get(&Slot::HeldOpen), statement) {
            (None, Statement::Held(_)) => true,
            (Some(Statement::Held(old)), Statement::Held(new)) => {
                new.seq > old.seq && (new.includes(old) || is_on(Mutant::ListShrinks))
            }
            _ => false,
        };
        // A fault's second word; of rising values only, so that it ends.
        let grows_beyond = |mutant| {
            is_on(mutant) && self.slots.get(&slot).and_then(value_of) < value_of(statement)
        };
        match slot {
            Slot::Ballot => free(slot) && free(Slot::HeldClosed),
            Slot::HeldOpen | Slot::HeldClosed => free(Slot::HeldClosed) && grows(),
            Slot::Cut(_) | Slot::Evidence(..) => free(slot),
            Slot::Confirm => free(slot) || grows_beyond(Mutant::ConfirmTwice),
            Slot::Notarize(view) => {
                (free(slot) || grows_beyond(Mutant::NotarizeTwice))
                    && free(Slot::Nullify(view))
                    && (agrees(Slot::Finalize(view)) || is_on(Mutant::NotarizeAfterFinalize))
            }
            Slot::Nullify(view) => free(slot) && free(Slot::Finalize(view)),
            Slot::Finalize(view) => {
                free(slot)
                    && (free(Slot::Nullify(view)) || is_on(Mutant::FinalizeAfterNullify))
                    && agrees(Slot::Notarize(view))
            }
        }
    }

    /// The statements that may be signed once the first `writes` writes are on disk.
    pub fn release(&mut self, writes: u64) -> Vec<Statement> {
        let ready = self.waiting.iter().take_while(|(write, _)| *write <= writes).count();
        self.waiting.drain(..ready).map(|(_, statement)| statement).collect()
    }

    /// What a slot was used for.
    pub fn used(&self, slot: Slot) -> Option<&Statement> {
        self.slots.get(&slot)
    }

    /// Every used slot.
    pub fn slots(&self) -> impl Iterator<Item = (&Slot, &Statement)> {
        self.slots.iter()
    }

    /// Puts back a claim that was found on disk.
    pub(super) fn restore(&mut self, slot: Slot, statement: Statement) {
        self.slots.insert(slot, statement);
    }
}

fn value_of(statement: &Statement) -> Option<Digest> {
    match statement {
        Statement::Notarize(vote) => Some(vote.value),
        Statement::Confirm(confirm) => Some(confirm.value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Confirm, Entry, Held, Nullify, RoundVote};

    fn vote(value: u8) -> RoundVote {
        RoundVote { sealer: 0, view: 1, value: [value; 32] }
    }

    fn held(seq: u32, closed: bool, voters: &[u16]) -> Statement {
        let entry = |voter: &u16| Entry { voter: *voter, ballot: [0; 32] };
        Statement::Held(Held {
            sealer: 0,
            seq,
            closed,
            entries: voters.iter().map(entry).collect(),
        })
    }

    #[test]
    fn nothing_is_released_before_its_write_is_on_disk() {
        let mut guard = Guard::default();
        let confirm = Statement::Confirm(Confirm { sealer: 0, value: [1; 32] });
        guard.claim(Slot::Confirm, confirm.clone(), 3).unwrap();
        assert!(guard.release(2).is_empty());
        assert_eq!(guard.release(3), [confirm]);
        assert!(guard.release(9).is_empty());
    }

    #[test]
    fn a_slot_is_claimed_once() {
        let mut guard = Guard::default();
        for (value, expected) in [(1, Ok(())), (2, Err(Taken)), (1, Err(Taken))] {
            let confirm = Statement::Confirm(Confirm { sealer: 0, value: [value; 32] });
            assert_eq!(guard.claim(Slot::Confirm, confirm, 1), expected);
        }
    }

    #[test]
    fn a_view_is_finalized_for_what_was_notarized_or_not_at_all() {
        let mut guard = Guard::default();
        guard.claim(Slot::Notarize(1), Statement::Notarize(vote(1)), 1).unwrap();
        assert!(!guard.permits(Slot::Finalize(1), &Statement::Finalize(vote(2))));
        guard.claim(Slot::Finalize(1), Statement::Finalize(vote(1)), 2).unwrap();
        let nullify = Statement::Nullify(Nullify { sealer: 0, view: 1 });
        assert!(!guard.permits(Slot::Nullify(1), &nullify));
        assert!(guard.permits(Slot::Nullify(2), &nullify));
    }

    #[test]
    fn a_view_given_up_is_neither_notarized_nor_finalized() {
        let mut guard = Guard::default();
        let nullify = Statement::Nullify(Nullify { sealer: 0, view: 1 });
        guard.claim(Slot::Nullify(1), nullify, 1).unwrap();
        assert!(!guard.permits(Slot::Notarize(1), &Statement::Notarize(vote(1))));
        assert!(!guard.permits(Slot::Finalize(1), &Statement::Finalize(vote(1))));
    }

    #[test]
    fn what_was_finalized_unseen_forbids_notarizing_another_value() {
        let mut guard = Guard::default();
        guard.claim(Slot::Finalize(1), Statement::Finalize(vote(1)), 1).unwrap();
        assert!(!guard.permits(Slot::Notarize(1), &Statement::Notarize(vote(2))));
        assert!(guard.permits(Slot::Notarize(1), &Statement::Notarize(vote(1))));
    }

    #[test]
    fn lists_only_grow_and_end_with_the_closed_one() {
        let mut guard = Guard::default();
        guard.claim(Slot::HeldOpen, held(1, false, &[1, 2]), 1).unwrap();
        assert!(!guard.permits(Slot::HeldOpen, &held(1, false, &[1, 2, 3])));
        assert!(!guard.permits(Slot::HeldOpen, &held(2, false, &[1, 3])));
        assert!(!guard.permits(Slot::HeldClosed, &held(2, true, &[1])));
        guard.claim(Slot::HeldOpen, held(2, false, &[1, 2, 3]), 2).unwrap();
        guard.claim(Slot::HeldClosed, held(3, true, &[1, 2, 3]), 3).unwrap();
        assert!(!guard.permits(Slot::HeldOpen, &held(4, false, &[1, 2, 3, 4])));
        assert!(!guard.permits(Slot::HeldClosed, &held(4, true, &[1, 2, 3])));
    }
}
