//! The rules by which ballots become an outcome: whole numbers only, nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Digest,
    proposal::is_text,
    secrecy::{Reveal, Salt},
};

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
    /// Everyone gives every option points; the most points win.
    Score {
        /// The most points for one option; 1 to [`POINTS_MAX`].
        points: u8,
        /// How many options win; 1 to the number of options.
        winners: u16,
        /// How many ballots must count for there to be a result at all.
        quorum: u16,
    },
    /// Everyone says of every option yes, if need be, or no. The options that suit most win, and
    /// among those that suit as many, the ones with more yes.
    Suitability {
        /// How many options win; 1 to the number of options.
        winners: u16,
        /// The share of the ballots that count which a winner must suit, if need be.
        minimum: Fraction,
        /// How many ballots must count for there to be a result at all.
        quorum: u16,
    },
    /// Everyone ranks the options; the winner is found by Schulze's method.
    Ranked {
        /// How many ballots must count for there to be a result at all.
        quorum: u16,
    },
    /// Accepted unless someone objects, with a reason.
    Consent {
        /// How many ballots must count for there to be a result at all.
        quorum: u16,
    },
    /// A threshold that some members can refuse alone, by saying no.
    Veto {
        /// Above the line; 1 to `den`.
        num: u16,
        /// Below the line.
        den: u16,
        /// What the share is of.
        base: Base,
        /// How many ballots must count for there to be a result at all.
        quorum: u16,
        /// Who can refuse, by index in the electorate, strictly rising; at least one.
        holders: Vec<u16>,
    },
    /// Another rule, and nobody sees a choice before voting is over: ballots are commitments.
    Hidden {
        /// The rule that decides in the end; a plain one.
        #[serde(with = "super::secrecy::inner")]
        rule: Box<Rule>,
        /// How long voters may reveal afterwards, in milliseconds; a second to a week.
        reveal_ms: u64,
    },
    /// The second half of a hidden vote. Never proposed: see [`super::Proposal::reveal`].
    Reveal(Box<Reveal>),
}

/// The most points a score rule can let a voter give to one option.
pub const POINTS_MAX: u8 = 100;
/// Points that say "yes" under [`Rule::Suitability`]; 1 says "if need be" and 0 "no".
pub const SUITS: u8 = 2;
/// The longest reason of an objection, in bytes of UTF-8.
pub const REASON_BYTES_MAX: usize = 256;

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
    /// Points for every option, in the order of the options.
    Points(Vec<u8>),
    /// Options by index, the most wanted first, none twice; those left out come last, all equal.
    Rank(Vec<u16>),
    /// Against the proposal under a rule of consent, and why: 1 to [`REASON_BYTES_MAX`] bytes.
    Object(String),
    /// Something, in a hidden vote: [`super::commit`] of it.
    Commit(Digest),
    /// What was committed to.
    Reveal {
        /// The random bytes in the commitment.
        salt: Salt,
        /// The choice; a plain one.
        #[serde(with = "super::secrecy::inner")]
        choice: Box<Choice>,
    },
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
        /// Whether an option that is equal by the rule lost because it is listed later.
        tie: bool,
    },
    /// No option reached the minimum.
    NoWinner,
    /// Enough committed to a hidden choice; what is decided follows when they reveal it.
    Committed,
}

/// The outcome with the numbers behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DecisionResult {
    /// What was decided.
    pub outcome: Outcome,
    /// For a threshold: yes, no, abstain; with vetoes, also how many of them. For consent:
    /// consents, objections, abstentions. For approval and score: the approvals or points of each
    /// option. For suitability: each option's yes, then each option's "if need be". For ranks: row
    /// by row, how many voters prefer the option of the row to the option of the column. For hidden
    /// votes: the commitments.
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
        let field = |holds: bool, name| if holds { Ok(()) } else { Err(name) };
        let elects = |winners: u16| {
            field(options > 0, "options")?;
            field((1..=options).contains(&usize::from(winners)), "rule.winners")
        };
        let is_share = |share: &Fraction| share.den > 0 && share.num <= share.den;
        match self {
            Self::Threshold { num, den, .. } => field((1..=*den).contains(num), "rule.num"),
            Self::Approval { winners, minimum, .. }
            | Self::Suitability { winners, minimum, .. } => {
                elects(*winners)?;
                field(is_share(minimum), "rule.minimum")
            }
            Self::Score { points, winners, .. } => {
                elects(*winners)?;
                field((1..=POINTS_MAX).contains(points), "rule.points")
            }
            Self::Ranked { .. } => field(options > 1, "options"),
            Self::Consent { .. } => Ok(()),
            Self::Veto { num, den, holders, .. } => {
                field((1..=*den).contains(num), "rule.num")?;
                let rises = holders.is_sorted_by(|a, b| a < b);
                field(rises && !holders.is_empty(), "rule.holders")
            }
            Self::Hidden { .. } | Self::Reveal { .. } => self.check_hidden(options),
        }
    }

    /// The first field that names more members than there are.
    pub(super) fn check_electorate(&self, electorate: usize) -> Result<(), &'static str> {
        if usize::from(self.quorum()) > electorate {
            return Err("rule.quorum");
        }
        match self.plain() {
            Self::Veto { holders, .. }
                if holders.iter().any(|holder| usize::from(*holder) >= electorate) =>
            {
                Err("rule.holders")
            }
            _ => Ok(()),
        }
    }

    /// How many ballots must count for there to be a result.
    pub fn quorum(&self) -> u16 {
        match self {
            Self::Threshold { quorum, .. }
            | Self::Approval { quorum, .. }
            | Self::Score { quorum, .. }
            | Self::Suitability { quorum, .. }
            | Self::Ranked { quorum }
            | Self::Consent { quorum }
            | Self::Veto { quorum, .. } => *quorum,
            Self::Hidden { .. } | Self::Reveal(_) => self.plain().quorum(),
        }
    }

    /// Whether a voter may say this under this rule. What is revealed is judged by whose it is,
    /// elsewhere.
    pub fn allows(&self, choice: &Choice, options: usize) -> bool {
        let is_option = |index: &u16| usize::from(*index) < options;
        let points = |given: &[u8], most: u8| {
            given.len() == options && given.iter().all(|points| *points <= most)
        };
        match (self, choice) {
            (Self::Hidden { .. }, Choice::Commit(_)) => true,
            // Whose it is decides, see `allows_of`.
            (Self::Hidden { .. } | Self::Reveal { .. }, _) => false,
            (_, Choice::Abstain)
            | (Self::Threshold { .. } | Self::Veto { .. }, Choice::Yes | Choice::No)
            | (Self::Consent { .. }, Choice::Yes) => true,
            (Self::Approval { .. }, Choice::Approve(list)) => {
                list.is_sorted_by(|a, b| a < b) && list.iter().all(is_option)
            }
            (Self::Score { points: most, .. }, Choice::Points(given)) => points(given, *most),
            (Self::Suitability { .. }, Choice::Points(given)) => points(given, SUITS),
            (Self::Ranked { .. }, Choice::Rank(list)) => {
                let distinct: BTreeSet<_> = list.iter().collect();
                distinct.len() == list.len() && list.iter().all(is_option)
            }
            (Self::Consent { .. }, Choice::Object(reason)) => is_text(reason, REASON_BYTES_MAX),
            _ => false,
        }
    }
}
