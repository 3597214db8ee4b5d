//! Whether the ballots still missing could change the outcome.

use super::{DecisionResult, Outcome, Rule, count::reaches, rule::Fraction};

impl Rule {
    /// Whether no completion of `missing` ballots, silence among them, changes the outcome of
    /// `result`. The numbers of the tally may still grow.
    ///
    /// Exact for thresholds and approval. For the others a certain outcome may go unnoticed until
    /// all have voted: that only means waiting.
    pub fn is_settled(&self, result: &DecisionResult, missing: u32) -> bool {
        if missing == 0 || result.cast + missing < u32::from(self.quorum()).max(1) {
            return true;
        }
        if result.outcome == Outcome::NoQuorum {
            return false;
        }
        match self {
            Self::Threshold { .. } => {
                // Both the share of yes and the number of ballots are extreme when all who are
                // missing say yes, or all say no: what holds at these ends holds in between.
                let [yes, no, abstain] = result.tally[..] else { return false };
                let cast = result.cast + missing;
                let at = |tally: [u32; 3]| self.outcome(&tally, cast, result.electorate);
                at([yes + missing, no, abstain]) == result.outcome
                    && at([yes, no + missing, abstain]) == result.outcome
            }
            Self::Approval { winners, minimum, .. } => {
                approval_is_settled(result, missing, usize::from(*winners), *minimum)
            }
            // One objection or veto is enough, and is never taken back.
            Self::Consent { .. } => result.tally.get(1).is_some_and(|objections| *objections > 0),
            Self::Veto { .. } => result.tally.get(3).is_some_and(|vetoes| *vetoes > 0),
            Self::Score { .. }
            | Self::Suitability { .. }
            | Self::Ranked { .. }
            | Self::Hidden { .. }
            | Self::Reveal { .. } => false,
        }
    }
}

fn approval_is_settled(
    result: &DecisionResult,
    missing: u32,
    winners: usize,
    minimum: Fraction,
) -> bool {
    let cast = result.cast + missing;
    let won: &[u16] = match &result.outcome {
        Outcome::Winners { tie: true, .. } => return false,
        Outcome::Winners { options, .. } => options,
        _ => &[],
    };
    let votes = |option: &u16| result.tally.get(usize::from(*option)).copied().unwrap_or(0);
    // A winner's worst case: nobody else approves of it. A loser's best: everybody does.
    let stays = won.iter().all(|o| reaches(votes(o), cast, minimum.num, minimum.den));
    let weakest = won.iter().map(votes).min();
    let no_rival = (0u16..).zip(&result.tally).filter(|(option, _)| !won.contains(option)).all(
        |(_, votes)| {
            let best = votes + missing;
            let eligible = reaches(best, cast, minimum.num, minimum.den);
            let beaten = won.len() == winners && weakest.is_some_and(|weakest| weakest > best);
            !eligible || beaten
        },
    );
    stays && no_rival
}
