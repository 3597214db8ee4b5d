//! Rules broken on purpose, one at a time.

use std::collections::BTreeMap;

use protocol::{
    identity::PersonaId,
    session::succession::{ElectError, Spine, Succession, elect},
};

use super::{Config, state::persona};

/// One broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// A vote is sent before it is kept; a crash forgets it.
    ForgetsItsVote,
    /// A second candidate of the same term gets a vote too.
    VotesTwice,
    /// What was followed is told before it is kept; a crash forgets it.
    ForgetsWhatItFollowed,
    /// Whoever voted to end a term goes on following its entries.
    FollowsTheDeposed,
    /// One vote less than a majority elects.
    OneVoteLess,
    /// A new sequencer continues its own log instead of the branch the votes lead to.
    StartsFromItsOwnHead,
    /// A longer branch wins, without votes.
    LongestBranchWins,
    /// Where two entries may both be final, the candidate's own is taken.
    GuessesWhenUndecided,
    /// Removals that were taken back are forgotten instead of repeated.
    ForgetsRemovals,
    /// Members behind are not sent what they lack.
    NeverCatchesUp,
    /// Nobody stands again after an election without a result.
    GivesUpAfterATie,
}

impl Config {
    /// The votes as the rules, or the mutant, see them.
    pub(super) fn counted(
        &self,
        judge: &Succession,
        candidate: PersonaId,
        mut votes: BTreeMap<PersonaId, Spine>,
    ) -> BTreeMap<PersonaId, Spine> {
        let Some(own) = votes.get(&candidate).cloned() else { return votes };
        let everyone = (0..=usize::from(self.members)).map(persona);
        match self.mutant {
            Some(Mutant::OneVoteLess) => {
                if let Some(absent) = everyone.into_iter().find(|who| !votes.contains_key(who)) {
                    votes.insert(absent, own);
                }
            }
            Some(Mutant::StartsFromItsOwnHead) => {
                votes.values_mut().for_each(|spine| *spine = own.clone());
            }
            Some(Mutant::GuessesWhenUndecided) => {
                let verdict = elect(judge.chain(), &votes);
                if matches!(verdict, Err(ElectError::Undecided(_))) {
                    votes.values_mut().for_each(|spine| *spine = own.clone());
                }
            }
            _ => {}
        }
        votes
    }
}
