//! From ballots to a result.

use std::collections::BTreeMap;

use super::{
    Base, Choice, DecisionResult, Outcome, Rule,
    rule::{Fraction, SUITS},
    schulze,
};

impl Rule {
    /// The result of these ballots, each with its voter's index. A voter who stands there twice
    /// is void.
    pub fn decide<'a>(
        &self,
        options: usize,
        electorate: u32,
        ballots: impl IntoIterator<Item = (u16, &'a Choice)>,
    ) -> DecisionResult {
        if let Self::Reveal(reveal) = self {
            let revealed = ballots.into_iter().map(|(voter, choice)| (voter, choice.revealed()));
            return reveal.rule.decide(options, electorate, revealed.collect::<Vec<_>>());
        }
        let mut choices: BTreeMap<u16, Option<&Choice>> = BTreeMap::new();
        for (voter, choice) in ballots {
            choices.entry(voter).and_modify(|seen| *seen = None).or_insert(Some(choice));
        }
        let void = choices.iter().filter(|(_, c)| c.is_none()).map(|(voter, _)| *voter).collect();
        let mut cast = 0;
        let mut tally = vec![0; self.tally_len(options)];
        for (voter, choice) in choices.into_iter().filter_map(|(v, choice)| Some((v, choice?))) {
            cast += 1;
            self.count(voter, choice, options, &mut tally);
        }
        let outcome = self.outcome(&tally, cast, electorate);
        DecisionResult { outcome, tally, cast, electorate, void }
    }

    fn tally_len(&self, options: usize) -> usize {
        match self {
            Self::Threshold { .. } | Self::Consent { .. } => 3,
            Self::Veto { .. } => 4,
            Self::Approval { .. } | Self::Score { .. } => options,
            Self::Suitability { .. } => 2 * options,
            Self::Ranked { .. } => options * options,
            Self::Hidden { .. } => 1,
            Self::Reveal(reveal) => reveal.rule.tally_len(options),
        }
    }

    /// Adds one ballot to a tally.
    fn count(&self, voter: u16, choice: &Choice, options: usize, tally: &mut [u32]) {
        let mut add = |index: usize, votes: u8| {
            if let Some(number) = tally.get_mut(index) {
                *number += u32::from(votes);
            }
        };
        match (self, choice) {
            (Self::Threshold { .. } | Self::Veto { .. } | Self::Consent { .. }, Choice::Yes) => {
                add(0, 1);
            }
            (Self::Veto { holders, .. }, Choice::No) => {
                add(1, 1);
                add(3, u8::from(holders.contains(&voter)));
            }
            (Self::Threshold { .. }, Choice::No) | (Self::Consent { .. }, Choice::Object(_)) => {
                add(1, 1);
            }
            (
                Self::Threshold { .. } | Self::Veto { .. } | Self::Consent { .. },
                Choice::Abstain,
            ) => {
                add(2, 1);
            }
            (Self::Approval { .. }, Choice::Approve(list)) => {
                list.iter().for_each(|index| add(usize::from(*index), 1));
            }
            (Self::Score { .. }, Choice::Points(given)) => {
                given.iter().enumerate().for_each(|(option, points)| add(option, *points));
            }
            (Self::Suitability { .. }, Choice::Points(given)) => {
                for (option, points) in given.iter().enumerate().filter(|(_, points)| **points > 0)
                {
                    add(if *points == SUITS { option } else { options + option }, 1);
                }
            }
            (Self::Hidden { .. }, Choice::Commit(_)) => add(0, 1),
            (Self::Ranked { .. }, Choice::Rank(list)) => {
                schulze::pairs(list, options).for_each(|cell| add(cell, 1));
            }
            _ => {}
        }
    }

    /// The outcome that belongs to a tally.
    pub(super) fn outcome(&self, tally: &[u32], cast: u32, electorate: u32) -> Outcome {
        // Nobody at all is never a quorum, whatever the rule says.
        if cast < u32::from(self.quorum()).max(1) {
            return Outcome::NoQuorum;
        }
        let votes = |index: usize| tally.get(index).copied().unwrap_or(0);
        let verdict = |holds| if holds { Outcome::Accepted } else { Outcome::Rejected };
        match self {
            Self::Threshold { num, den, base, .. } | Self::Veto { num, den, base, .. } => {
                let base = if *base == Base::Electorate { electorate } else { cast };
                verdict(votes(3) == 0 && reaches(votes(0), base, *num, *den))
            }
            Self::Consent { .. } => verdict(votes(1) == 0),
            Self::Approval { winners, minimum, .. } => {
                let worth = |votes: &u32| (*votes, *votes);
                elect(tally.iter().map(worth), cast, usize::from(*winners), *minimum)
            }
            Self::Score { winners, .. } => {
                let worth = |points: &u32| (*points, *points);
                let none = Fraction { num: 0, den: 1 };
                elect(tally.iter().map(worth), cast, usize::from(*winners), none)
            }
            Self::Suitability { winners, minimum, .. } => {
                let (yes, if_need_be) = tally.split_at(tally.len() / 2);
                let worth = |(yes, if_need_be): (&u32, &u32)| (yes + if_need_be, *yes);
                let worths = yes.iter().zip(if_need_be).map(worth);
                elect(worths, cast, usize::from(*winners), *minimum)
            }
            Self::Ranked { .. } => schulze::outcome(tally),
            Self::Hidden { .. } => Outcome::Committed,
            Self::Reveal(reveal) => reveal.rule.outcome(tally, cast, electorate),
        }
    }
}

/// Whether `part / whole >= num / den`, without dividing.
pub(super) fn reaches(part: u32, whole: u32, num: u16, den: u16) -> bool {
    u64::from(part) * u64::from(den) >= u64::from(num) * u64::from(whole)
}

/// Elects the options worth most; the first number also has to reach the minimum. An option worth
/// nothing never wins.
fn elect(
    worths: impl Iterator<Item = (u32, u32)>,
    cast: u32,
    winners: usize,
    minimum: Fraction,
) -> Outcome {
    let mut eligible: Vec<((u32, u32), u16)> = worths
        .zip(0u16..)
        .filter(|((votes, _), _)| *votes > 0 && reaches(*votes, cast, minimum.num, minimum.den))
        .collect();
    // Worth most first; among equals the one listed first.
    eligible.sort_by(|(a, i), (b, j)| b.cmp(a).then(i.cmp(j)));
    let tie =
        match (winners.checked_sub(1).and_then(|last| eligible.get(last)), eligible.get(winners)) {
            (Some((last_in, _)), Some((first_out, _))) => last_in == first_out,
            _ => false,
        };
    let mut options: Vec<u16> = eligible.into_iter().take(winners).map(|(_, o)| o).collect();
    if options.is_empty() {
        return Outcome::NoWinner;
    }
    options.sort_unstable();
    Outcome::Winners { options, tie }
}
