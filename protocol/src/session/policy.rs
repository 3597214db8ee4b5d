//! Who may change a group, agreed by all its members.
//!
//! The policy stands in the MLS GroupContext as an extension, so every member of an epoch holds
//! the same one and a Welcome cannot show a joiner another.

use serde::{Deserialize, Serialize};

use crate::{
    identity::PersonaId,
    wire::{self, DecodeError},
};

/// The MLS extension type of the policy, from the range for private use.
pub const POLICY_EXTENSION: u16 = 0xf0c1;

/// The largest encoded policy, in bytes.
const POLICY_BYTES_MAX: usize = 4096;
const SEQUENCERS_MAX: usize = 5;
const ADMINS_MAX: usize = 32;

/// How long a sequencer may be silent before its deputy may act, in milliseconds: 72 hours.
const SILENCE_MS: u64 = 72 * 60 * 60 * 1000;

/// How many epochs a fork may be rewound.
const REWIND_EPOCHS: u8 = 5;

/// A change that can be made to depend on a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GuardedOperation {
    /// Adding a persona.
    Add,
    /// Removing a persona.
    Remove,
    /// Changing the policy.
    ChangePolicy,
}

/// Who may change a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPolicy {
    /// Who made the group.
    pub creator: PersonaId,
    /// Who may commit: first the sequencer of the term, then its deputies by rank. 1 to 5, no
    /// repetition. In term 0 the first is the creator.
    pub sequencers: Vec<PersonaId>,
    /// Counts successions.
    pub term: u64,
    /// Whose wishes for changes the sequencer follows. Ordered, at most 32.
    pub admins: Vec<PersonaId>,
    /// What needs a vote. Ordered. Empty in this version, which cannot check votes.
    pub guarded: Vec<GuardedOperation>,
    /// How long the sequencer may be silent before a deputy may act, in milliseconds.
    pub silence_ms: u64,
    /// How many epochs a fork may be rewound.
    pub rewind_epochs: u8,
}

impl GroupPolicy {
    /// The plain policy: the creator commits, and alone decides.
    pub fn by(creator: PersonaId) -> Self {
        Self {
            creator,
            sequencers: vec![creator],
            term: 0,
            admins: vec![creator],
            guarded: Vec::new(),
            silence_ms: SILENCE_MS,
            rewind_epochs: REWIND_EPOCHS,
        }
    }

    /// Who may commit now.
    pub fn sequencer(&self) -> PersonaId {
        self.sequencers.first().copied().unwrap_or(self.creator)
    }

    /// The policy after a succession: a later term, and somebody else at the first rank.
    pub fn after(&self, term: u64, sequencer: PersonaId) -> Self {
        let others = self.sequencers.iter().filter(|other| **other != sequencer);
        let sequencers = [sequencer].iter().chain(others).take(SEQUENCERS_MAX).copied().collect();
        Self { sequencers, term, ..self.clone() }
    }

    /// Checks the rules of the fields.
    ///
    /// # Errors
    /// The name of the field that breaks its rule.
    pub fn check(&self) -> Result<(), &'static str> {
        let distinct = |list: &[PersonaId]| {
            let mut sorted = list.to_vec();
            sorted.sort_unstable();
            sorted.windows(2).all(|pair| pair[0] != pair[1])
        };
        if self.sequencers.len() > SEQUENCERS_MAX
            || self.sequencers.is_empty()
            || (self.term == 0 && self.sequencers.first() != Some(&self.creator))
            || !distinct(&self.sequencers)
        {
            return Err("sequencers");
        }
        if self.admins.len() > ADMINS_MAX || !self.admins.is_sorted_by(|a, b| a < b) {
            return Err("admins");
        }
        if !self.guarded.is_empty() {
            return Err("guarded");
        }
        Ok(())
    }

    /// The content of the extension.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads the content of the extension; checks no rule.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no policy.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode(bytes, POLICY_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_policy_holds_and_comes_back() {
        let policy = GroupPolicy::by(PersonaId([1; 32]));
        assert_eq!(policy.check(), Ok(()));
        assert_eq!(policy.sequencer(), policy.creator);
        assert_eq!(GroupPolicy::from_bytes(&policy.to_bytes()), Ok(policy));
    }

    #[test]
    fn a_succession_puts_another_first_and_keeps_the_rest() {
        let (one, two) = (PersonaId([1; 32]), PersonaId([2; 32]));
        let later = GroupPolicy::by(one).after(3, two);
        assert_eq!((later.sequencer(), later.creator, later.term), (two, one, 3));
        assert_eq!(later.sequencers, vec![two, one]);
        assert_eq!(later.check(), Ok(()));
        assert_eq!(later.after(4, one).sequencers, vec![one, two]);
    }

    #[test]
    fn each_field_that_breaks_its_rule_is_named() {
        let plain = GroupPolicy::by(PersonaId([1; 32]));
        let (one, two) = (PersonaId([1; 32]), PersonaId([2; 32]));
        let cases = [
            ("sequencers", GroupPolicy { sequencers: vec![], ..plain.clone() }),
            ("sequencers", GroupPolicy { sequencers: vec![two, one], ..plain.clone() }),
            ("sequencers", GroupPolicy { sequencers: vec![one, two, two], ..plain.clone() }),
            ("admins", GroupPolicy { admins: vec![two, one], ..plain.clone() }),
            ("guarded", GroupPolicy { guarded: vec![GuardedOperation::Add], ..plain }),
        ];
        for (field, policy) in cases {
            assert_eq!(policy.check(), Err(field), "{policy:?}");
        }
    }
}
