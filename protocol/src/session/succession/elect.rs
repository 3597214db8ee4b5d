//! From votes to the branch that holds.
//!
//! The branch an election settles on contains every entry that is final anywhere, whoever knows
//! so. Same votes, same branch, for everybody.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::{
    chain::{Chain, Spine, Standing, Step},
    quorum::{election_quorum, final_quorum},
};
use crate::identity::PersonaId;

/// The branch an election settles on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its steps, counted from where the judge's own chain begins.
    pub steps: Vec<Step>,
    /// How many of them are final.
    pub settled: usize,
    /// Whether a majority voted, in every roster that is not final yet.
    pub certified: bool,
}

/// Why votes settle on nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ElectError {
    /// A voter's steps and ours have nothing in common: we are too far behind, or it is.
    #[error("the vote of {0} does not meet our log")]
    Apart(PersonaId),
    /// Two voters, or a voter and we, hold different entries final. A voter lies.
    #[error("two entries said to be final for epoch {0}")]
    Conflict(u64),
    /// Two entries for one epoch may both be final as far as these votes tell.
    #[error("votes do not tell yet which entry for epoch {0} holds")]
    Undecided(u64),
}

/// Where one vote leads, counted from where the judge's chain begins.
struct Told {
    voter: PersonaId,
    steps: Vec<Step>,
    settled: usize,
}

/// The branch these votes settle on.
///
/// # Errors
/// [`ElectError`]; more votes, or catching up, may mend it.
pub fn elect(own: &Chain, votes: &BTreeMap<PersonaId, Spine>) -> Result<Branch, ElectError> {
    let mut told = Vec::with_capacity(votes.len());
    for (voter, spine) in votes {
        let (steps, settled) = own.joined(spine).ok_or(ElectError::Apart(*voter))?;
        told.push(Told { voter: *voter, steps, settled });
    }
    let (mut branch, settled) = final_part(own, &told)?;
    let mut certified = true;
    loop {
        let place = branch.steps.len();
        certified &= is_majority(&branch, &told);
        match next(&branch, &told, place)? {
            Some(step) => branch.steps.push(step),
            None => return Ok(Branch { steps: branch.steps, settled, certified }),
        }
    }
}

/// Whether enough of who is there at the end of a branch voted: a majority of those beside the
/// holder of the term, or a majority of all that includes the holder, who then votes itself out.
fn is_majority(branch: &Chain, told: &[Told]) -> bool {
    let (all, holder) = (branch.roster(), branch.holder());
    let heard = |persona: &&PersonaId| told.iter().any(|told| told.voter == **persona);
    let voters = all.iter().filter(heard).count();
    let by_holder = usize::from(all.contains(&holder) && heard(&&holder));
    let others = all.len() - usize::from(all.contains(&holder));
    others == 0
        || voters - by_holder >= election_quorum(others)
        || (by_holder == 1 && 2 * voters > all.len())
}

/// What is final by what we know or a voter tells.
fn final_part(own: &Chain, told: &[Told]) -> Result<(Chain, usize), ElectError> {
    let mut longest = &own.steps[..own.settled];
    for told in told {
        let theirs = &told.steps[..told.settled.min(told.steps.len())];
        let differs = longest.iter().zip(theirs).find(|(a, b)| a.hash != b.hash);
        if let Some((step, _)) = differs {
            return Err(ElectError::Conflict(step.epoch));
        }
        if theirs.len() > longest.len() {
            longest = theirs;
        }
    }
    let settled = longest.len();
    Ok((Chain { start: own.start.clone(), steps: longest.to_vec(), settled }, settled))
}

/// The entry that comes next on the branch, if any voter followed one.
fn next(branch: &Chain, told: &[Told], place: usize) -> Result<Option<Step>, ElectError> {
    let mut siblings: BTreeMap<_, Vec<&Told>> = BTreeMap::new();
    for told in told {
        let together = told.steps.iter().zip(&branch.steps).all(|(a, b)| a.hash == b.hash);
        if together && let Some(step) = told.steps.get(place) {
            siblings.entry(step.hash).or_default().push(told);
        }
    }
    if siblings.len() < 2 {
        return Ok(siblings.into_values().next().map(|told| told[0].steps[place].clone()));
    }
    let step = |told: &[&Told]| told[0].steps[place].clone();

    // A certified term proves that what its election left out is not final.
    let certified =
        |told: &[&Told]| told.iter().any(|told| told.steps[place].standing == Standing::Certified);
    let newest = siblings.values().filter(|told| certified(told)).map(|told| step(told).term).max();
    if let Some(newest) = newest {
        siblings.retain(|_, told| step(told).term >= newest);
    }

    let voters: BTreeSet<_> = told.iter().map(|told| told.voter).collect();
    let may_be_final = |followers: &[&Told]| {
        let step = step(followers);
        let mut others = branch.roster();
        others.remove(&step.signer);
        let followed = followers.iter().filter(|told| others.contains(&told.voter)).count();
        let silent = others.difference(&voters).count();
        followed + silent >= final_quorum(others.len(), !step.removed.is_empty())
    };
    let open: Vec<_> = siblings.values().filter(|told| may_be_final(told)).collect();
    match open[..] {
        [only] => Ok(Some(step(only))),
        [] => Ok(siblings
            .values()
            .max_by_key(|told| {
                let step = step(told);
                (certified(told), told.len(), step.term, std::cmp::Reverse(step.hash))
            })
            .map(|told| step(told))),
        _ => Err(ElectError::Undecided(step(open[0]).epoch)),
    }
}
