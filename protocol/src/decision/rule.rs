//! The rules by which ballots become an outcome: whole numbers only, nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A share of the ballots cast, as two whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fraction {
    /// Above the line; at most [`Fraction::den`].
    pub num: u16,
    /// Below the line; at least 1.
    pub den: u16,
}

/// What a threshold is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Base {
    /// Everyone who may vote; whoever is silent counts against.
    Electorate,
    /// The ballots that count, abstentions among them.
    Cast,
}

/// How a result follows from the ballots. Later versions append kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// Yes or no: accepted when `yes * den >= num * base`.
    Threshold {
        /// Above the line; 1 to `den`.
        num: u16,
        /// Below the line.
        den: u16,
        /// What the share is of.
        base: Base,
        /// How many ballots must count for there to be a result at all.
        quorum: u16,
    },
    /// Everyone approves of as many options as they like; the most approved win.
    Approval {
        /// How many options win; 1 to the number of options.
        winners: u16,
        /// The share of the ballots that count which a winner needs.
        minimum: Fraction,
        /// How many ballots must count for there to be a result at all.
        quorum: u16,
    },
}

/// What a voter says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Choice {
    /// For the proposal.
    Yes,
    /// Against the proposal.
    No,
    /// Present, and neither for nor against.
    Abstain,
    /// These options are fine, by index, strictly rising; an empty list approves of none.
    Approve(Vec<u16>),
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Enough said yes.
    Accepted,
    /// Not enough said yes.
    Rejected,
    /// Too few ballots count.
    NoQuorum,
    /// These options win.
    Winners {
        /// Indexes of the options, strictly rising.
        options: Vec<u16>,
        /// Whether an option with as many approvals lost because it is listed later.
        tie: bool,
    },
    /// No option reached the minimum.
    NoWinner,
}

/// The outcome with the numbers behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DecisionResult {
    /// What was decided.
    pub outcome: Outcome,
    /// For a threshold: yes, no, abstain. For approval: approvals of each option.
    pub tally: Vec<u32>,
    /// How many ballots count.
    pub cast: u32,
    /// How many could have voted.
    pub electorate: u32,
    /// Who signed two different ballots, by index, strictly rising; none of theirs counts.
    pub void: Vec<u16>,
}

impl Rule {
    /// The first field that breaks its rule, for this many options.
    ///
    /// # Errors
    /// The name of that field.
    pub fn check(&self, options: usize) -> Result<(), &'static str> {
        match self {
            Self::Threshold { num, den, .. } if *num == 0 || num > den => Err("rule.num"),
            Self::Threshold { .. } => Ok(()),
            Self::Approval { .. } if options == 0 => Err("options"),
            Self::Approval { winners, .. } if !(1..=options).contains(&usize::from(*winners)) => {
                Err("rule.winners")
            }
            Self::Approval { minimum, .. } if minimum.den == 0 || minimum.num > minimum.den => {
                Err("rule.minimum")
            }
            Self::Approval { .. } => Ok(()),
        }
    }

    /// How many ballots must count for there to be a result.
    pub fn quorum(&self) -> u16 {
        match self {
            Self::Threshold { quorum, .. } | Self::Approval { quorum, .. } => *quorum,
        }
    }

    /// Whether a voter may say this under this rule.
    pub fn allows(&self, choice: &Choice, options: usize) -> bool {
        match (self, choice) {
            (_, Choice::Abstain) | (Self::Threshold { .. }, Choice::Yes | Choice::No) => true,
            (Self::Approval { .. }, Choice::Approve(list)) => {
                list.is_sorted_by(|a, b| a < b) && list.iter().all(|i| usize::from(*i) < options)
            }
            _ => false,
        }
    }

    /// The result of these ballots, each with its voter's index. A voter who stands there twice
    /// is void.
    pub fn decide<'a>(
        &self,
        options: usize,
        electorate: u32,
        ballots: impl IntoIterator<Item = (u16, &'a Choice)>,
    ) -> DecisionResult {
        let mut choices: BTreeMap<u16, Option<&Choice>> = BTreeMap::new();
        for (voter, choice) in ballots {
            choices.entry(voter).and_modify(|seen| *seen = None).or_insert(Some(choice));
        }
        let void = choices.iter().filter(|(_, c)| c.is_none()).map(|(voter, _)| *voter).collect();
        let mut cast = 0;
        let mut tally = match self {
            Self::Threshold { .. } => vec![0; 3],
            Self::Approval { .. } => vec![0; options],
        };
        for choice in choices.into_values().flatten() {
            cast += 1;
            self.count(choice, &mut tally);
        }
        let outcome = self.outcome(&tally, cast, electorate);
        DecisionResult { outcome, tally, cast, electorate, void }
    }

    /// Adds one ballot to a tally.
    fn count(&self, choice: &Choice, tally: &mut [u32]) {
        let mut add = |index: usize| {
            if let Some(number) = tally.get_mut(index) {
                *number += 1;
            }
        };
        match (self, choice) {
            (Self::Threshold { .. }, Choice::Yes) => add(0),
            (Self::Threshold { .. }, Choice::No) => add(1),
            (Self::Threshold { .. }, Choice::Abstain) => add(2),
            (Self::Approval { .. }, Choice::Approve(list)) => {
                list.iter().for_each(|index| add(usize::from(*index)));
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
        match self {
            Self::Threshold { num, den, base, .. } => {
                let base = if *base == Base::Electorate { electorate } else { cast };
                let yes = tally.first().copied().unwrap_or(0);
                if reaches(yes, base, *num, *den) { Outcome::Accepted } else { Outcome::Rejected }
            }
            Self::Approval { winners, minimum, .. } => {
                elect(tally, cast, usize::from(*winners), *minimum)
            }
        }
    }
}

/// Whether `part / whole >= num / den`, without dividing.
pub(super) fn reaches(part: u32, whole: u32, num: u16, den: u16) -> bool {
    u64::from(part) * u64::from(den) >= u64::from(num) * u64::from(whole)
}

fn elect(tally: &[u32], cast: u32, winners: usize, minimum: Fraction) -> Outcome {
    let mut eligible: Vec<(u32, u16)> = (0u16..)
        .zip(tally)
        .filter(|(_, votes)| **votes > 0 && reaches(**votes, cast, minimum.num, minimum.den))
        .map(|(option, votes)| (*votes, option))
        .collect();
    // Most approvals first; among equals the one listed first.
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
