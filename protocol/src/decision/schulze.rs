//! Schulze's method: the winner of ranked ballots.
//!
//! An option is *stronger* than another by a chain of pairwise victories: the chain is as strong
//! as its weakest victory, a victory as strong as its number of voters, and what counts is the
//! strongest chain. An option to which none other is stronger wins; there is always one
//! (M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and
//! Condorcet-consistent single-winner election method", 2011).

use super::Outcome;

/// The cells of the pairwise matrix to which a ranking adds one: row by row, the option of the
/// row preferred to the option of the column. Options left out are last, and equal.
pub(super) fn pairs(ranking: &[u16], options: usize) -> impl Iterator<Item = usize> {
    let place = move |option: usize| {
        let found = ranking.iter().position(|ranked| usize::from(*ranked) == option);
        found.unwrap_or(ranking.len())
    };
    (0..options * options).filter(move |cell| place(cell / options) < place(cell % options))
}

/// Who wins by a pairwise matrix.
pub(super) fn outcome(matrix: &[u32]) -> Outcome {
    let options = matrix.len().isqrt();
    let at = |row: usize, column: usize| row * options + column;
    let mut strength: Vec<u32> = (0..matrix.len())
        .map(|cell| {
            let back = matrix[at(cell % options, cell / options)];
            if matrix[cell] > back { matrix[cell] } else { 0 }
        })
        .collect();
    for middle in 0..options {
        for from in 0..options {
            for to in 0..options {
                let through = strength[at(from, middle)].min(strength[at(middle, to)]);
                if from != to && through > strength[at(from, to)] {
                    strength[at(from, to)] = through;
                }
            }
        }
    }
    let unbeaten = |option: &usize| {
        (0..options).all(|other| strength[at(*option, other)] >= strength[at(other, *option)])
    };
    // A ballot that prefers nothing elects nobody.
    if matrix.iter().all(|voters| *voters == 0) {
        return Outcome::NoWinner;
    }
    let mut winners = (0..options).filter(unbeaten).filter_map(|option| u16::try_from(option).ok());
    match winners.next() {
        Some(first) => Outcome::Winners { options: vec![first], tie: winners.next().is_some() },
        None => Outcome::NoWinner,
    }
}
