//! Rules against known answers and against a tally that shares no line with them.

use proptest::prelude::*;

use crate::decision::{Base, Choice, DecisionResult, Fraction, Outcome, Rule};

fn threshold(num: u16, den: u16, base: Base, quorum: u16) -> Rule {
    Rule::Threshold { num, den, base, quorum }
}

fn approval(winners: u16, num: u16, den: u16, quorum: u16) -> Rule {
    Rule::Approval { winners, minimum: Fraction { num, den }, quorum }
}

fn decide(rule: &Rule, options: usize, electorate: u32, choices: &[Choice]) -> DecisionResult {
    rule.decide(options, electorate, (0u16..).zip(choices))
}

fn votes(yes: usize, no: usize, abstain: usize) -> Vec<Choice> {
    let of = |choice: Choice, count| std::iter::repeat_n(choice, count);
    of(Choice::Yes, yes).chain(of(Choice::No, no)).chain(of(Choice::Abstain, abstain)).collect()
}

#[test]
fn thresholds_have_known_answers() {
    use Base::{Cast, Electorate};
    use Outcome::{Accepted, NoQuorum, Rejected};
    for (rule, electorate, (yes, no, abstain), outcome) in [
        (threshold(7, 10, Electorate, 1), 10, (7, 0, 0), Accepted),
        (threshold(7, 10, Electorate, 1), 10, (6, 0, 4), Rejected),
        (threshold(7, 10, Cast, 1), 10, (7, 3, 0), Accepted),
        (threshold(7, 10, Cast, 1), 10, (7, 3, 1), Rejected),
        (threshold(7, 10, Cast, 5), 10, (4, 0, 0), NoQuorum),
        (threshold(7, 10, Cast, 5), 10, (4, 0, 1), Accepted),
        (threshold(1, 2, Cast, 1), 10, (2, 2, 0), Accepted),
        (threshold(1, 1, Electorate, 1), 3, (3, 0, 0), Accepted),
        (threshold(1, 1, Electorate, 1), 3, (2, 0, 0), Rejected),
        (threshold(2, 3, Electorate, 1), 100, (66, 0, 0), Rejected),
        (threshold(2, 3, Electorate, 1), 100, (67, 0, 0), Accepted),
        (threshold(1, 2, Cast, 0), 3, (0, 0, 0), NoQuorum),
    ] {
        let result = decide(&rule, 0, electorate, &votes(yes, no, abstain));
        assert_eq!(result.outcome, outcome, "{rule:?} {yes} {no} {abstain}");
    }
}

#[test]
fn approvals_have_known_answers() {
    let a = |list: &[u16]| Choice::Approve(list.to_vec());
    let won = |options: &[u16], tie| Outcome::Winners { options: options.to_vec(), tie };
    for (rule, ballots, outcome) in [
        (approval(1, 1, 2, 1), vec![a(&[0, 1]), a(&[1]), a(&[1, 2])], won(&[1], false)),
        (approval(1, 0, 1, 1), vec![a(&[2]), a(&[1])], won(&[1], true)),
        (approval(2, 0, 1, 1), vec![a(&[2]), a(&[1])], won(&[1, 2], false)),
        (approval(1, 1, 2, 1), vec![a(&[0]), a(&[1]), a(&[2])], Outcome::NoWinner),
        (approval(1, 0, 1, 1), vec![a(&[]), a(&[])], Outcome::NoWinner),
        (approval(1, 0, 1, 3), vec![a(&[0]), a(&[0])], Outcome::NoQuorum),
        (approval(1, 1, 2, 1), vec![a(&[0]), Choice::Abstain], won(&[0], false)),
        (approval(1, 2, 3, 1), vec![a(&[0]), Choice::Abstain], Outcome::NoWinner),
    ] {
        assert_eq!(decide(&rule, 3, 5, &ballots).outcome, outcome, "{rule:?} {ballots:?}");
    }
}

/// What the files say, and what came of it.
#[derive(serde::Deserialize)]
struct Golden {
    description: String,
    rule: Rule,
    options: usize,
    electorate: u32,
    /// How many voters say this, from index 0 on.
    ballots: Vec<(u16, Choice)>,
    result: DecisionResult,
}

#[test]
fn published_rules_have_their_results() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/spec/vectors/rules.json");
    let all: Vec<Golden> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(all.len() >= 20);
    for golden in all {
        let Golden { description, rule, options, electorate, ballots, result } = golden;
        assert_eq!(rule.check(options), Ok(()), "{description}");
        let choices: Vec<Choice> = ballots
            .into_iter()
            .flat_map(|(count, choice)| std::iter::repeat_n(choice, usize::from(count)))
            .collect();
        assert!(choices.iter().all(|choice| rule.allows(choice, options)), "{description}");
        assert_eq!(decide(&rule, options, electorate, &choices), result, "{description}");
    }
}

#[test]
fn whoever_stands_there_twice_does_not_count() {
    let (yes, no) = (Choice::Yes, Choice::No);
    let rule = threshold(1, 2, Base::Cast, 1);
    let result = rule.decide(0, 3, [(0, &yes), (1, &no), (1, &yes), (1, &no)]);
    assert_eq!((result.cast, &result.tally[..], &result.void[..]), (1, &[1, 0, 0][..], &[1][..]));
    assert_eq!(result.outcome, Outcome::Accepted);
}

#[test]
fn rules_and_choices_that_make_no_sense_are_refused() {
    assert_eq!(threshold(0, 2, Base::Cast, 1).check(0), Err("rule.num"));
    assert_eq!(threshold(3, 2, Base::Cast, 1).check(0), Err("rule.num"));
    assert_eq!(threshold(1, 0, Base::Cast, 1).check(0), Err("rule.num"));
    assert_eq!(approval(1, 0, 1, 1).check(0), Err("options"));
    assert_eq!(approval(0, 0, 1, 1).check(2), Err("rule.winners"));
    assert_eq!(approval(3, 0, 1, 1).check(2), Err("rule.winners"));
    assert_eq!(approval(1, 0, 0, 1).check(2), Err("rule.minimum"));
    let rule = approval(1, 0, 1, 1);
    for bad in [vec![2], vec![1, 0], vec![0, 0]] {
        assert!(!rule.allows(&Choice::Approve(bad), 2));
    }
    assert!(!rule.allows(&Choice::Yes, 2));
    let score = |points, winners| Rule::Score { points, winners, quorum: 1 };
    assert_eq!(score(0, 1).check(2), Err("rule.points"));
    assert_eq!(score(101, 1).check(2), Err("rule.points"));
    assert_eq!(score(5, 3).check(2), Err("rule.winners"));
    for bad in [vec![], vec![1], vec![1, 6], vec![1, 2, 3]] {
        assert!(!score(5, 1).allows(&Choice::Points(bad), 2));
    }
    let ranked = Rule::Ranked { quorum: 1 };
    assert_eq!(ranked.check(1), Err("options"));
    for bad in [vec![2], vec![0, 0]] {
        assert!(!ranked.allows(&Choice::Rank(bad), 2));
    }
    let consent = Rule::Consent { quorum: 1 };
    for bad in ["", " ", "\u{202e}why", &"x".repeat(257)] {
        assert!(!consent.allows(&Choice::Object(bad.into()), 0));
    }
    assert!(!consent.allows(&Choice::No, 0));
    let veto = |holders: &[u16]| Rule::Veto {
        num: 1,
        den: 2,
        base: Base::Cast,
        quorum: 1,
        holders: holders.to_vec(),
    };
    for bad in [&[][..], &[1, 1], &[2, 1]] {
        assert_eq!(veto(bad).check(0), Err("rule.holders"));
    }
    assert_eq!(veto(&[1]).check_electorate(1), Err("rule.holders"));
    assert_eq!(veto(&[1]).check_electorate(2), Ok(()));
    assert!(!threshold(1, 2, Base::Cast, 1).allows(&Choice::Approve(vec![]), 2));
}

/// Rational comparison by repeated addition, so that nothing is shared with the real rule.
fn at_least(part: u32, whole: u32, num: u16, den: u16) -> bool {
    let left: u64 = (0..den).map(|_| u64::from(part)).sum();
    let right: u64 = (0..num).map(|_| u64::from(whole)).sum();
    left >= right
}

/// Takes the best of what is left, again and again. The worth of an option is a list of numbers,
/// the first of which also has to reach the minimum.
fn best(worths: &[Vec<u32>], cast: u32, winners: u16, minimum: Fraction) -> Outcome {
    let worth = |option: &u16| worths[usize::from(*option)].clone();
    let mut left: Vec<u16> = (0..u16::try_from(worths.len()).unwrap())
        .filter(|o| worth(o)[0] > 0 && at_least(worth(o)[0], cast, minimum.num, minimum.den))
        .collect();
    let (mut options, mut last) = (Vec::new(), None);
    while options.len() < usize::from(winners) && !left.is_empty() {
        let most = left.iter().map(worth).max();
        let at = left.iter().position(|o| Some(worth(o)) == most).unwrap();
        options.push(left.remove(at));
        last = most;
    }
    let full = options.len() == usize::from(winners);
    let tie = full && left.iter().any(|o| Some(worth(o)) == last);
    options.sort_unstable();
    if options.is_empty() { Outcome::NoWinner } else { Outcome::Winners { options, tie } }
}

/// The strongest chain of victories between two options, by walking every chain there is.
fn chain(wins: &dyn Fn(u16, u16) -> u32, from: u16, to: u16, left: &[u16]) -> u32 {
    let direct = wins(from, to);
    let around = left.iter().map(|middle| {
        let rest: Vec<u16> = left.iter().copied().filter(|other| other != middle).collect();
        wins(from, *middle).min(chain(wins, *middle, to, &rest))
    });
    around.max().unwrap_or(0).max(direct)
}

fn ranked(choices: &[Choice], options: u16) -> Outcome {
    let prefers = |choice: &Choice, one: u16, other: u16| {
        let Choice::Rank(list) = choice else { return false };
        match (list.iter().position(|o| *o == one), list.iter().position(|o| *o == other)) {
            (Some(first), Some(second)) => first < second,
            (first, _) => first.is_some(),
        }
    };
    let voters = |one, other| {
        u32::try_from(choices.iter().filter(|c| prefers(c, one, other)).count()).unwrap()
    };
    let wins = |one, other| {
        let (for_it, against) = (voters(one, other), voters(other, one));
        if for_it > against { for_it } else { 0 }
    };
    let all: Vec<u16> = (0..options).collect();
    if all.iter().all(|a| all.iter().all(|b| voters(*a, *b) == 0)) {
        return Outcome::NoWinner;
    }
    let strength = |a: u16, b: u16| {
        let rest: Vec<u16> = all.iter().copied().filter(|o| *o != a && *o != b).collect();
        chain(&wins, a, b, &rest)
    };
    let unbeaten: Vec<u16> = all
        .iter()
        .copied()
        .filter(|a| all.iter().all(|b| a == b || strength(*a, *b) >= strength(*b, *a)))
        .collect();
    Outcome::Winners { options: vec![unbeaten[0]], tie: unbeaten.len() > 1 }
}

fn brute_force(rule: &Rule, options: usize, electorate: u32, choices: &[Choice]) -> Outcome {
    let cast = u32::try_from(choices.len()).unwrap();
    if cast == 0 || cast < u32::from(rule.quorum()) {
        return Outcome::NoQuorum;
    }
    let count = |wanted: &dyn Fn(&Choice) -> bool| {
        u32::try_from(choices.iter().filter(|choice| wanted(choice)).count()).unwrap()
    };
    let given = |choice: &Choice, option: usize| match choice {
        Choice::Points(points) => u32::from(points[option]),
        _ => 0,
    };
    let accepted = |holds| if holds { Outcome::Accepted } else { Outcome::Rejected };
    let all = 0..options;
    match rule {
        Rule::Hidden { .. } | Rule::Reveal { .. } => unreachable!("see tests/hidden"),
        Rule::Threshold { num, den, base, .. } | Rule::Veto { num, den, base, .. } => {
            let base = if *base == Base::Electorate { electorate } else { cast };
            let vetoed = match rule {
                Rule::Veto { holders, .. } => holders
                    .iter()
                    .any(|holder| choices.get(usize::from(*holder)) == Some(&Choice::No)),
                _ => false,
            };
            accepted(!vetoed && at_least(count(&|c| *c == Choice::Yes), base, *num, *den))
        }
        Rule::Consent { .. } => accepted(count(&|c| matches!(c, Choice::Object(_))) == 0),
        Rule::Approval { winners, minimum, .. } => {
            let approves = |c: &Choice, option: usize| matches!(c, Choice::Approve(list) if list.iter().any(|o| usize::from(*o) == option));
            let worths: Vec<_> = all.map(|o| vec![count(&|c| approves(c, o))]).collect();
            best(&worths, cast, *winners, *minimum)
        }
        Rule::Score { winners, .. } => {
            let sum = |o| vec![choices.iter().map(|c| given(c, o)).sum()];
            best(&all.map(sum).collect::<Vec<_>>(), cast, *winners, Fraction { num: 0, den: 1 })
        }
        Rule::Suitability { winners, minimum, .. } => {
            let worth = |o| vec![count(&|c| given(c, o) > 0), count(&|c| given(c, o) == 2)];
            best(&all.map(worth).collect::<Vec<_>>(), cast, *winners, *minimum)
        }
        Rule::Ranked { .. } => ranked(choices, u16::try_from(options).unwrap()),
    }
}

const OPTIONS: usize = 3;

fn any_rule() -> impl Strategy<Value = Rule> {
    let base = prop_oneof![Just(Base::Electorate), Just(Base::Cast)];
    let threshold = (1u16..8, base, 0u16..6).prop_flat_map(|(den, base, quorum)| {
        (1..=den).prop_map(move |num| threshold(num, den, base, quorum))
    });
    let approval = (1u16..=3, 1u16..6, 0u16..6).prop_flat_map(|(winners, den, quorum)| {
        (0..=den).prop_map(move |num| approval(winners, num, den, quorum))
    });
    prop_oneof![threshold, approval]
}

/// The rules whose early end may go unnoticed.
fn other_rule() -> impl Strategy<Value = Rule> {
    let base = prop_oneof![Just(Base::Electorate), Just(Base::Cast)];
    let holders = proptest::collection::btree_set(0u16..6, 1..3);
    prop_oneof![
        (1u8..3, 1u16..=3, 0u16..6).prop_map(|(points, winners, quorum)| Rule::Score {
            points,
            winners,
            quorum
        }),
        (1u16..=3, 0u16..3, 0u16..6).prop_map(|(winners, num, quorum)| Rule::Suitability {
            winners,
            minimum: Fraction { num, den: 3 },
            quorum
        }),
        (0u16..6).prop_map(|quorum| Rule::Ranked { quorum }),
        (0u16..6).prop_map(|quorum| Rule::Consent { quorum }),
        (1u16..4, base, 0u16..6, holders).prop_map(|(num, base, quorum, holders)| Rule::Veto {
            num,
            den: 4,
            base,
            quorum,
            holders: holders.into_iter().collect()
        }),
    ]
}

/// Every choice the rule allows, few enough to try all completions.
fn all_choices(rule: &Rule) -> Vec<Choice> {
    match rule {
        Rule::Hidden { .. } | Rule::Reveal { .. } => unreachable!("see tests/hidden"),
        Rule::Threshold { .. } | Rule::Veto { .. } => {
            vec![Choice::Yes, Choice::No, Choice::Abstain]
        }
        Rule::Consent { .. } => {
            vec![Choice::Yes, Choice::Object("no money".into()), Choice::Abstain]
        }
        Rule::Score { points, .. } => all_points(*points),
        Rule::Suitability { .. } => all_points(2),
        Rule::Ranked { .. } => {
            let all: [&[u16]; 9] = [
                &[],
                &[1],
                &[2, 0],
                &[0, 1, 2],
                &[0, 2, 1],
                &[1, 0, 2],
                &[1, 2, 0],
                &[2, 0, 1],
                &[2, 1, 0],
            ];
            all.into_iter().map(|list| Choice::Rank(list.to_vec())).collect()
        }
        Rule::Approval { .. } => (0u16..1 << OPTIONS)
            .map(|bits| Choice::Approve((0..3).filter(|i| bits >> i & 1 == 1).collect()))
            .collect(),
    }
}

fn all_points(most: u8) -> Vec<Choice> {
    let steps = usize::from(most) + 1;
    let points = |at: usize, option: u32| u8::try_from(at / steps.pow(option) % steps).unwrap();
    (0..steps.pow(3)).map(|at| Choice::Points((0..3).map(|o| points(at, o)).collect())).collect()
}

fn completions(rule: &Rule, electorate: u32, cast: &[Choice], missing: u32) -> Vec<Outcome> {
    let mut all = vec![brute_force(rule, OPTIONS, electorate, cast)];
    if missing > 0 {
        for choice in all_choices(rule) {
            let more = [cast, &[choice]].concat();
            all.extend(completions(rule, electorate, &more, missing - 1));
        }
    }
    all
}

proptest! {
    #[test]
    fn the_rule_agrees_with_a_naive_count(
        rule in any_rule(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        silent in 0u32..4,
    ) {
        let all = all_choices(&rule);
        let choices: Vec<_> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
        let electorate = u32::try_from(choices.len()).unwrap() + silent;
        let result = decide(&rule, OPTIONS, electorate, &choices);
        prop_assert_eq!(result.outcome, brute_force(&rule, OPTIONS, electorate, &choices));
    }

    #[test]
    fn every_other_rule_agrees_with_a_naive_count(
        rule in other_rule(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        silent in 0u32..4,
    ) {
        let all = all_choices(&rule);
        let choices: Vec<_> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
        prop_assert!(choices.iter().all(|choice| rule.allows(choice, OPTIONS)));
        let electorate = u32::try_from(choices.len()).unwrap() + silent;
        let result = decide(&rule, OPTIONS, electorate, &choices);
        prop_assert_eq!(result.outcome, brute_force(&rule, OPTIONS, electorate, &choices));
    }

    #[test]
    fn what_counts_as_settled_under_any_rule_no_completion_changes(
        rule in other_rule(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..7),
        missing in 0u32..2,
    ) {
        let all = all_choices(&rule);
        let choices: Vec<_> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
        let electorate = u32::try_from(choices.len()).unwrap() + missing;
        let result = decide(&rule, OPTIONS, electorate, &choices);
        if rule.is_settled(&result, missing) {
            for outcome in completions(&rule, electorate, &choices, missing) {
                prop_assert_eq!(&outcome, &result.outcome);
            }
        }
    }

    #[test]
    fn settled_means_exactly_that_no_completion_changes_the_outcome(
        rule in any_rule(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..7),
        missing in 0u32..3,
    ) {
        let all = all_choices(&rule);
        let choices: Vec<_> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
        let electorate = u32::try_from(choices.len()).unwrap() + missing;
        let result = decide(&rule, OPTIONS, electorate, &choices);
        let outcomes = completions(&rule, electorate, &choices, missing);
        let unchanged = outcomes.iter().all(|outcome| *outcome == result.outcome);
        prop_assert_eq!(rule.is_settled(&result, missing), unchanged);
    }
}
