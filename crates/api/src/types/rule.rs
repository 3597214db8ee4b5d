//! Rules of a vote and what voters say, as JSON.

use std::{fmt, str::FromStr};

use protocol::decision::{self, Fraction};
use serde::{Deserialize, Serialize};
use utoipa::{PartialSchema, ToSchema};

/// How a result follows from the ballots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Rule {
    /// Yes or no: accepted when this share said yes.
    Threshold {
        /// The share of `base` that has to say yes.
        #[serde(default = "Share::seven_tenths")]
        #[schema(value_type = String, example = "7/10")]
        share: Share,
        /// What it is a share of.
        #[serde(default)]
        base: Base,
        /// How many ballots must count for there to be a result at all.
        #[serde(default = "one")]
        quorum: u16,
    },
    /// Everyone approves of as many options as they like; the most approved win.
    Approval {
        /// How many options win.
        #[serde(default = "one")]
        winners: u16,
        /// The share of the ballots that count which a winner needs.
        #[serde(default = "Share::half")]
        #[schema(value_type = String, example = "1/2")]
        minimum: Share,
        /// How many ballots must count for there to be a result at all.
        #[serde(default = "one")]
        quorum: u16,
    },
    /// Everyone gives every option points; the most points win.
    Score {
        /// The most points a voter can give to one option, 1 to 100.
        #[serde(default = "five")]
        points: u8,
        /// How many options win.
        #[serde(default = "one")]
        winners: u16,
        /// How many ballots must count for there to be a result at all.
        #[serde(default = "one")]
        quorum: u16,
    },
    /// Everyone says of every option yes (2 points), if need be (1) or no (0). The options that
    /// suit most win; among those that suit as many, the ones with more yes.
    Suitability {
        /// How many options win.
        #[serde(default = "one")]
        winners: u16,
        /// The share of the ballots that count which a winner must suit, if need be.
        #[serde(default = "Share::half")]
        #[schema(value_type = String, example = "1/2")]
        minimum: Share,
        /// How many ballots must count for there to be a result at all.
        #[serde(default = "one")]
        quorum: u16,
    },
    /// Everyone ranks the options; Schulze's method finds the winner.
    Ranked {
        /// How many ballots must count for there to be a result at all.
        #[serde(default = "one")]
        quorum: u16,
    },
    /// Accepted unless someone objects, with a reason.
    Consent {
        /// How many ballots must count for there to be a result at all.
        #[serde(default = "one")]
        quorum: u16,
    },
    /// A threshold that some members can refuse alone, by saying no.
    Veto {
        /// The share of `base` that has to say yes.
        #[serde(default = "Share::seven_tenths")]
        #[schema(value_type = String, example = "7/10")]
        share: Share,
        /// What it is a share of.
        #[serde(default)]
        base: Base,
        /// How many ballots must count for there to be a result at all.
        #[serde(default = "one")]
        quorum: u16,
        /// Who can refuse: places among the voters, from 0, in the order a proposal lists them,
        /// which is the alphabetical order of their `did:key`. Rising, none twice.
        holders: Vec<u16>,
    },
}

/// What a threshold is a share of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Base {
    /// Everyone who may vote; whoever is silent counts against.
    #[default]
    Electorate,
    /// The ballots that count, abstentions among them.
    Cast,
}

const fn one() -> u16 {
    1
}

const fn five() -> u8 {
    5
}

impl Rule {
    /// The rule of a proposal that names none: 7 of 10 electors for yes or no, and the most
    /// approved option, if half of the voters approve of it, where there are options.
    pub(crate) fn usual(options: usize) -> Self {
        if options == 0 {
            Self::Threshold { share: Share::seven_tenths(), base: Base::default(), quorum: 1 }
        } else {
            Self::Approval { winners: 1, minimum: Share::half(), quorum: 1 }
        }
    }
}

/// A share as two whole numbers, spelled `7/10`, so that nothing is ever rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Share {
    num: u16,
    den: u16,
}

impl Share {
    const fn seven_tenths() -> Self {
        Self { num: 7, den: 10 }
    }

    const fn half() -> Self {
        Self { num: 1, den: 2 }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "a share is two whole numbers, such as \"7/10\", and at most 1";
        let digits = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| plain).ok_or(expected)
        };
        let (num, den) = text.split_once('/').ok_or(expected)?;
        let share = Self { num: digits(num)?, den: digits(den)? };
        if share.den == 0 || share.num > share.den { Err(expected) } else { Ok(share) }
    }
}

impl TryFrom<String> for Share {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.to_string()
    }
}

impl From<Base> for decision::Base {
    fn from(base: Base) -> Self {
        match base {
            Base::Electorate => Self::Electorate,
            Base::Cast => Self::Cast,
        }
    }
}

impl From<decision::Base> for Base {
    fn from(base: decision::Base) -> Self {
        match base {
            decision::Base::Electorate => Self::Electorate,
            decision::Base::Cast => Self::Cast,
        }
    }
}

impl From<Share> for Fraction {
    fn from(Share { num, den }: Share) -> Self {
        Self { num, den }
    }
}

impl From<Fraction> for Share {
    fn from(Fraction { num, den }: Fraction) -> Self {
        Self { num, den }
    }
}

impl From<Rule> for decision::Rule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Threshold { share: Share { num, den }, base, quorum } => {
                Self::Threshold { num, den, base: base.into(), quorum }
            }
            Rule::Approval { winners, minimum, quorum } => {
                Self::Approval { winners, minimum: minimum.into(), quorum }
            }
            Rule::Score { points, winners, quorum } => Self::Score { points, winners, quorum },
            Rule::Suitability { winners, minimum, quorum } => {
                Self::Suitability { winners, minimum: minimum.into(), quorum }
            }
            Rule::Ranked { quorum } => Self::Ranked { quorum },
            Rule::Consent { quorum } => Self::Consent { quorum },
            Rule::Veto { share: Share { num, den }, base, quorum, holders } => {
                Self::Veto { num, den, base: base.into(), quorum, holders }
            }
        }
    }
}

impl From<decision::Rule> for Rule {
    fn from(rule: decision::Rule) -> Self {
        match rule {
            decision::Rule::Threshold { num, den, base, quorum } => {
                Self::Threshold { share: Share { num, den }, base: base.into(), quorum }
            }
            decision::Rule::Approval { winners, minimum, quorum } => {
                Self::Approval { winners, minimum: minimum.into(), quorum }
            }
            decision::Rule::Score { points, winners, quorum } => {
                Self::Score { points, winners, quorum }
            }
            decision::Rule::Suitability { winners, minimum, quorum } => {
                Self::Suitability { winners, minimum: minimum.into(), quorum }
            }
            decision::Rule::Ranked { quorum } => Self::Ranked { quorum },
            decision::Rule::Consent { quorum } => Self::Consent { quorum },
            // When others see a vote is told beside the rule.
            decision::Rule::Hidden { rule, .. } => Self::from(*rule),
            decision::Rule::Reveal(reveal) => Self::from(*reveal.rule),
            decision::Rule::Veto { num, den, base, quorum, holders } => {
                Self::Veto { share: Share { num, den }, base: base.into(), quorum, holders }
            }
        }
    }
}

/// What a voter says: `"yes"`, `"no"`, `"abstain"`, the indexes of the options it approves of,
/// `{"points": [..]}`, `{"rank": [..]}` or `{"object": "why"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a choice is \"yes\", \"no\", \"abstain\", a list of the indexes of options, \
                 {\"points\": [..]}, {\"rank\": [..]} or {\"object\": \"why\"}"
)]
pub(crate) enum Choice {
    /// One of the three words.
    Word(ChoiceWord),
    /// Indexes of options, in any order.
    Options(Vec<u16>),
    /// What takes more than that.
    More(ChoiceMore),
}

/// What a voter says of every option, or against the proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChoiceMore {
    /// Points for every option, in the order of the options.
    Points(Vec<u8>),
    /// Indexes of options, the most wanted first; those left out come last.
    Rank(Vec<u16>),
    /// An objection under a rule of consent, and why.
    Object(String),
}

/// The words a voter may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChoiceWord {
    /// For the proposal.
    Yes,
    /// Against the proposal.
    No,
    /// Present, and neither for nor against.
    Abstain,
}

impl PartialSchema for Choice {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::OneOfBuilder::new()
            .description(Some(
                "What a voter says: a word, the indexes of the options it approves of, or points, \
                 a ranking or an objection.",
            ))
            .item(ChoiceWord::schema())
            .item(Vec::<u16>::schema())
            .item(ChoiceMore::schema())
            .into()
    }
}

impl ToSchema for Choice {}

impl From<Choice> for decision::Choice {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Word(ChoiceWord::Yes) => Self::Yes,
            Choice::Word(ChoiceWord::No) => Self::No,
            Choice::Word(ChoiceWord::Abstain) => Self::Abstain,
            Choice::Options(mut indexes) => {
                indexes.sort_unstable();
                indexes.dedup();
                Self::Approve(indexes)
            }
            Choice::More(ChoiceMore::Points(points)) => Self::Points(points),
            Choice::More(ChoiceMore::Rank(indexes)) => Self::Rank(indexes),
            Choice::More(ChoiceMore::Object(reason)) => Self::Object(reason),
        }
    }
}

/// What a voter said; none while it is only committed to.
pub(crate) fn plain(choice: decision::Choice) -> Option<Choice> {
    Some(match choice {
        decision::Choice::Yes => Choice::Word(ChoiceWord::Yes),
        decision::Choice::No => Choice::Word(ChoiceWord::No),
        decision::Choice::Abstain => Choice::Word(ChoiceWord::Abstain),
        decision::Choice::Approve(indexes) => Choice::Options(indexes),
        decision::Choice::Points(points) => Choice::More(ChoiceMore::Points(points)),
        decision::Choice::Rank(indexes) => Choice::More(ChoiceMore::Rank(indexes)),
        decision::Choice::Object(reason) => Choice::More(ChoiceMore::Object(reason)),
        decision::Choice::Commit(_) => return None,
        decision::Choice::Reveal { choice, .. } => return plain(*choice),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_written_as_they_are_read() {
        for rule in [
            json!({"method": "threshold", "share": "7/10", "base": "electorate", "quorum": 1}),
            json!({"method": "threshold", "share": "1/2", "base": "cast", "quorum": 3}),
            json!({"method": "approval", "winners": 2, "minimum": "0/1", "quorum": 1}),
            json!({"method": "score", "points": 5, "winners": 1, "quorum": 1}),
            json!({"method": "suitability", "winners": 1, "minimum": "1/1", "quorum": 2}),
            json!({"method": "ranked", "quorum": 1}),
            json!({"method": "consent", "quorum": 4}),
            json!({"method": "veto", "share": "1/2", "base": "cast", "quorum": 1, "holders": [0, 2]}),
        ] {
            let read: Rule = serde_json::from_value(rule.clone()).unwrap();
            let there = decision::Rule::from(read);
            assert_eq!(json!(Rule::from(there)), rule);
        }
    }

    #[test]
    fn what_a_rule_leaves_out_is_usual() {
        let read = |rule| serde_json::from_value::<Rule>(rule).unwrap();
        assert_eq!(read(json!({"method": "threshold"})), Rule::usual(0));
        assert_eq!(read(json!({"method": "approval"})), Rule::usual(3));
    }

    #[test]
    fn shares_are_two_whole_numbers_and_at_most_one() {
        assert_eq!("7/10".parse(), Ok(Share { num: 7, den: 10 }));
        for text in ["", "7", "7/", "/10", "0.7", "7/0", "11/10", "+7/10", "7/70000", "1/2/3"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn choices_are_words_or_indexes_in_any_order() {
        let read = |json| serde_json::from_value::<Choice>(json).ok().map(decision::Choice::from);
        assert_eq!(read(json!("yes")), Some(decision::Choice::Yes));
        assert_eq!(read(json!([2, 0, 2])), Some(decision::Choice::Approve(vec![0, 2])));
        assert_eq!(read(json!([])), Some(decision::Choice::Approve(vec![])));
        for (text, choice) in [
            (json!({"points": [2, 0]}), decision::Choice::Points(vec![2, 0])),
            (json!({"rank": [1, 0]}), decision::Choice::Rank(vec![1, 0])),
            (json!({"object": "No."}), decision::Choice::Object("No.".into())),
        ] {
            assert_eq!(read(text.clone()), Some(choice.clone()));
            assert_eq!(json!(plain(choice)), text);
        }
        for bad in [
            json!({"points": [256]}),
            json!({"rank": "no"}),
            json!("maybe"),
            json!(1),
            json!([-1]),
            json!(["yes"]),
            json!(null),
        ] {
            assert_eq!(read(bad.clone()), None, "{bad}");
        }
    }
}
