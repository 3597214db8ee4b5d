//! Votes of the sealers, counted.

use std::collections::BTreeMap;

use crate::{
    decision::{Digest, SealerSignature, Statement},
    identity::Signature,
};

/// What a vote is for: a digest, or nothing for a nullify.
type Value = Option<Digest>;

/// Votes of one kind by view and sealer. A sealer who votes for two values in one view is kept
/// with both, which is proof against it; a third is dropped, unless it comes with a quorum.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Table {
    cells: BTreeMap<(u32, u16), Vec<(Value, Signature)>>,
    /// How many sealers voted for each value in each view.
    counts: BTreeMap<(u32, Value), usize>,
}

/// How many values of one sealer in one view are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Two: a vote that comes alone.
    Alone,
    /// Four: a vote that comes as part of a quorum. A sealer that filled its place with nonsense
    /// must not keep us from seeing what a quorum said; within the tolerance that is one value.
    WithQuorum,
    /// Any number: a vote that lies on the disk, where it came by the rules above.
    Restored,
}

impl Room {
    const fn values_max(self) -> usize {
        match self {
            Self::Alone => 2,
            Self::WithQuorum => 4,
            Self::Restored => usize::MAX,
        }
    }
}

impl Table {
    /// Takes a vote; false when it tells nothing new.
    pub(super) fn insert(
        &mut self,
        view: u32,
        sealer: u16,
        vote: (Value, Signature),
        room: Room,
    ) -> bool {
        let (value, signature) = vote;
        let cell = self.cells.entry((view, sealer)).or_default();
        if cell.len() >= room.values_max() || cell.iter().any(|(known, _)| *known == value) {
            return false;
        }
        cell.push((value, signature));
        *self.counts.entry((view, value)).or_default() += 1;
        true
    }

    /// What a sealer said in a view.
    pub(super) fn cell(&self, view: u32, sealer: u16) -> &[(Value, Signature)] {
        self.cells.get(&(view, sealer)).map_or(&[], Vec::as_slice)
    }

    /// The signatures for a value in a view, by sealer.
    pub(super) fn votes(&self, view: u32, value: Value) -> Vec<SealerSignature> {
        self.cells
            .range((view, 0)..=(view, u16::MAX))
            .flat_map(|((_, sealer), cell)| cell.iter().map(move |vote| (*sealer, vote)))
            .filter(|(_, (voted, _))| *voted == value)
            .map(|(sealer, (_, signature))| SealerSignature { sealer, signature: *signature })
            .collect()
    }

    /// Views and values with at least this many votes, in order of views.
    pub(super) fn quorums(&self, needed: usize) -> Vec<(u32, Value)> {
        self.counts.iter().filter(|(_, count)| **count >= needed).map(|(key, _)| *key).collect()
    }

    /// The votes of the value that has most.
    pub(super) fn most(&self) -> usize {
        self.counts.values().max().copied().unwrap_or(0)
    }

    /// Whether more sealers than so many voted for a value, in any view.
    fn has_more_than(&self, sealers: usize, value: Digest) -> bool {
        self.counts.iter().any(|((_, voted), count)| *voted == Some(value) && *count > sealers)
    }
}

/// The four kinds of votes. Confirmations know no view; they lie in view 0.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Rounds {
    pub(super) notarize: Table,
    pub(super) nullify: Table,
    pub(super) finalize: Table,
    pub(super) confirm: Table,
}

/// Where confirmations lie.
pub(super) const NO_VIEW: u32 = 0;

impl Rounds {
    /// Takes a vote; false when it is none, or tells nothing new.
    pub(super) fn insert(
        &mut self,
        statement: &Statement,
        signature: Signature,
        room: Room,
    ) -> bool {
        match statement {
            Statement::Notarize(v) => {
                self.notarize.insert(v.view, v.sealer, (Some(v.value), signature), room)
            }
            Statement::Finalize(v) => {
                self.finalize.insert(v.view, v.sealer, (Some(v.value), signature), room)
            }
            Statement::Nullify(v) => self.nullify.insert(v.view, v.sealer, (None, signature), room),
            Statement::Confirm(v) => {
                self.confirm.insert(NO_VIEW, v.sealer, (Some(v.value), signature), room)
            }
            _ => false,
        }
    }

    /// Whether more sealers than may lie vouch for a value, so that an honest one does.
    pub(super) fn is_vouched(&self, value: Digest, liars: u16) -> bool {
        let tables = [&self.notarize, &self.finalize, &self.confirm];
        tables.into_iter().any(|table| table.has_more_than(usize::from(liars), value))
    }
}
