//! What has to hold in every state.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::PersonaId,
    session::succession::{Chain, EntryHash, final_quorum},
};

use super::state::{Config, GENESIS, Group, persona};

/// Which property is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two certified holders of one term.
    TwoHolders,
    /// Two final entries for one epoch.
    TwoFinal,
    /// A member left an entry that is final.
    FinalLeft,
    /// Connected honest members do not come to one head.
    DoesNotHeal,
    /// Somebody who knows of a removal may say what the removed can read.
    RemovedReads,
}

impl Group {
    /// Looks at the state for anything that may not be.
    pub(super) fn judge(&mut self, config: &Config, before: &Self) {
        self.violation = self.find(config, before);
    }

    fn find(&self, config: &Config, before: &Self) -> Option<Violation> {
        let terms: BTreeSet<_> = self.holders.iter().map(|(term, _)| term).collect();
        if terms.len() < self.holders.len() {
            return Some(Violation::TwoHolders);
        }
        let final_now = self.final_entries(config);
        let epochs: BTreeSet<_> = final_now.values().collect();
        if epochs.len() < final_now.len() {
            return Some(Violation::TwoFinal);
        }
        let honest = usize::from(config.lies)..self.members.len();
        for index in honest.clone() {
            let (old, new) =
                (before.members[index].rules.chain(), self.members[index].rules.chain());
            let left =
                |hash: &EntryHash| final_now.contains_key(hash) && new.place_after(hash).is_none();
            if old.steps.iter().any(|step| left(&step.hash)) {
                return Some(Violation::FinalLeft);
            }
        }
        if honest.into_iter().any(|index| self.lets_the_removed_read(index)) {
            return Some(Violation::RemovedReads);
        }
        // What a member collects while it stands is not kept, and healing does not use it.
        let rules = |group: &Self| -> Vec<_> {
            group.members.iter().map(|member| member.rules.clone()).collect()
        };
        if !config.heals {
            return None;
        }
        if self.entries.len() == before.entries.len() && rules(self) == rules(before) {
            return None;
        }
        self.fails_to_heal(config).then_some(Violation::DoesNotHeal)
    }

    /// Every entry that is final, whoever knows so, with its epoch.
    pub(super) fn final_entries(&self, config: &Config) -> BTreeMap<EntryHash, u64> {
        let mut found = BTreeMap::new();
        let mut ends = vec![Chain::new(config.start())];
        while let Some(chain) = ends.pop() {
            for (step, previous) in self.entries.values() {
                if *previous != chain.head() {
                    continue;
                }
                let mut others = chain.roster();
                others.remove(&step.signer);
                let nobody = BTreeSet::new();
                let followers = self.followers.get(&step.hash).unwrap_or(&nobody);
                let count = others.intersection(followers).count();
                if count >= final_quorum(others.len(), !step.removed.is_empty()) {
                    found.insert(step.hash, step.epoch);
                    let mut longer = chain.clone();
                    longer.steps.push(step.clone());
                    ends.push(longer);
                }
            }
        }
        found
    }

    fn lets_the_removed_read(&self, index: usize) -> bool {
        let member = &self.members[index];
        let me: PersonaId = persona(index);
        let chain = member.rules.chain();
        let silent = member.evicted || !member.rules.owed().is_empty();
        let reads = |removed: &PersonaId| {
            *removed != me
                && (0..self.members.len()).any(|other| {
                    persona(other) == *removed
                        && chain.head() != GENESIS
                        && self.members[other].keys.contains(&chain.head())
                })
        };
        let at_start = chain.head() == GENESIS && !member.knows_removed.is_empty();
        !silent && (at_start || member.knows_removed.iter().any(reads))
    }
}
