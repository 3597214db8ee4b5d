//! The newest list of held ballots of every sealer.

use std::collections::BTreeMap;

use crate::{
    decision::{Entry, Held},
    identity::Signature,
};

#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Lists {
    open: BTreeMap<u16, (Held, Signature)>,
    closed: BTreeMap<u16, (Held, Signature)>,
}

impl Lists {
    /// The lists of one sealer, for comparing with a new one.
    pub(super) fn of(&self, sealer: u16) -> impl Iterator<Item = &(Held, Signature)> {
        self.open.get(&sealer).into_iter().chain(self.closed.get(&sealer))
    }

    /// Takes a list; false when it tells nothing new. An open list must contain the one before,
    /// so one sealer can replace its list no oftener than there are ballots.
    pub(super) fn insert(&mut self, held: &Held, signature: Signature) -> bool {
        if self.closed.contains_key(&held.sealer) {
            return false;
        }
        let lists = if held.closed { &mut self.closed } else { &mut self.open };
        let news = lists.get(&held.sealer).is_none_or(|(old, _)| {
            held.seq > old.seq && held.entries.len() > old.entries.len() && held.includes(old)
        });
        if news {
            lists.insert(held.sealer, (held.clone(), signature));
        }
        news
    }

    pub(super) fn closed(&self) -> &BTreeMap<u16, (Held, Signature)> {
        &self.closed
    }

    /// Whether any sealer says it holds this ballot.
    pub(super) fn names(&self, entry: &Entry) -> bool {
        self.open.values().chain(self.closed.values()).any(|(held, _)| held.contains(entry))
    }

    /// How many sealers say they hold this ballot.
    pub(super) fn holders(&self, entry: &Entry) -> usize {
        let holds = |lists: &BTreeMap<u16, (Held, Signature)>, sealer: &u16| {
            lists.get(sealer).is_some_and(|(held, _)| held.contains(entry))
        };
        let sealers: std::collections::BTreeSet<_> =
            self.open.keys().chain(self.closed.keys()).collect();
        sealers.into_iter().filter(|s| holds(&self.open, s) || holds(&self.closed, s)).count()
    }
}
