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
    assert!(!threshold(1, 2, Base::Cast, 1).allows(&Choice::Approve(vec![]), 2));
}

/// Rational comparison by repeated addition, so that nothing is shared with the real rule.
fn at_least(part: u32, whole: u32, num: u16, den: u16) -> bool {
    let left: u64 = (0..den).map(|_| u64::from(part)).sum();
    let right: u64 = (0..num).map(|_| u64::from(whole)).sum();
    left >= right
}

fn brute_force(rule: &Rule, options: usize, electorate: u32, choices: &[Choice]) -> Outcome {
    let cast = u32::try_from(choices.len()).unwrap();
    let count = |wanted: &dyn Fn(&Choice) -> bool| {
        u32::try_from(choices.iter().filter(|choice| wanted(choice)).count()).unwrap()
    };
    match *rule {
        Rule::Threshold { num, den, base, quorum } => {
            let base = match base {
                Base::Electorate => electorate,
                Base::Cast => cast,
            };
            match () {
                () if cast == 0 || cast < u32::from(quorum) => Outcome::NoQuorum,
                () if at_least(count(&|c| *c == Choice::Yes), base, num, den) => Outcome::Accepted,
                () => Outcome::Rejected,
            }
        }
        Rule::Approval { winners, minimum, quorum } => {
            if cast == 0 || cast < u32::from(quorum) {
                return Outcome::NoQuorum;
            }
            let approvals = |option: u16| {
                count(&|c| matches!(c, Choice::Approve(list) if list.contains(&option)))
            };
            // Takes the best of what is left, again and again.
            let mut left: Vec<u16> = (0..u16::try_from(options).unwrap())
                .filter(|o| approvals(*o) > 0)
                .filter(|o| at_least(approvals(*o), cast, minimum.num, minimum.den))
                .collect();
            let mut options = Vec::new();
            let mut last = None;
            while options.len() < usize::from(winners) && !left.is_empty() {
                let best = left.iter().map(|o| approvals(*o)).max();
                let at = left.iter().position(|o| Some(approvals(*o)) == best).unwrap();
                options.push(left.remove(at));
                last = best;
            }
            let full = options.len() == usize::from(winners);
            let tie = full && left.iter().any(|o| Some(approvals(*o)) == last);
            options.sort_unstable();
            if options.is_empty() { Outcome::NoWinner } else { Outcome::Winners { options, tie } }
        }
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

/// Every choice the rule allows, few enough to try all completions.
fn all_choices(rule: &Rule) -> Vec<Choice> {
    match rule {
        Rule::Threshold { .. } => vec![Choice::Yes, Choice::No, Choice::Abstain],
        Rule::Approval { .. } => (0u16..1 << OPTIONS)
            .map(|bits| Choice::Approve((0..3).filter(|i| bits >> i & 1 == 1).collect()))
            .collect(),
    }
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
