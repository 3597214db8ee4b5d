//! How many must agree.

use serde::{Deserialize, Serialize};

use super::mutant::{Mutant, is_on};
use crate::identity::{Domain, PersonaId};

/// The most members one decision may ask. A certificate over this many always fits its limit.
pub const ELECTORATE_MAX: usize = 100;

/// The most members who close the list of ballots and confirm the result. In a larger group the
/// others only vote, because every sealer costs every member five messages.
pub const SEALERS_MAX: usize = 13;

/// The three numbers that follow from the number of sealers.
///
/// Any two sets of `q` sealers share at least `f + 1`, and `q` never exceeds `n - f`: so two
/// different results need a liar among the sealers both sets share, and `f` silent sealers do not
/// stop the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quorum {
    /// How many sealers there are.
    pub n: u16,
    /// How many of them may lie or be silent without harm.
    pub f: u16,
    /// How many must sign.
    pub q: u16,
}

impl Quorum {
    /// The numbers for `n` sealers: `f = floor((n - 1) / 3)`, `q = floor((n + f) / 2) + 1`.
    pub const fn of(n: u16) -> Self {
        let f = n.saturating_sub(1) / 3;
        // The halves are added apart, so that no number of sealers overflows.
        let q = n / 2 + f / 2 + (n % 2 + f % 2) / 2 + 1;
        Self { n, f, q }
    }

    /// `q`, for comparing with lengths.
    pub(crate) fn needed(&self) -> usize {
        usize::from(self.q) - usize::from(is_on(Mutant::QuorumLessOne))
    }
}

/// The sealers of a sorted electorate: all of it, or its first [`SEALERS_MAX`].
pub fn sealers_of(electorate: &[PersonaId]) -> &[PersonaId] {
    &electorate[..electorate.len().min(SEALERS_MAX)]
}

/// Hash of a list of personas: their keys one after another, in the order given.
pub fn roster_root(personas: &[PersonaId]) -> [u8; 32] {
    let keys: Vec<u8> = personas.iter().flat_map(|persona| persona.0).collect();
    Domain::Roster.hash(&keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_specification() {
        let known = [
            (1, 0, 1),
            (2, 0, 2),
            (3, 0, 2),
            (4, 1, 3),
            (5, 1, 4),
            (7, 2, 5),
            (10, 3, 7),
            (13, 4, 9),
            (100, 33, 67),
        ];
        for (n, f, q) in known {
            assert_eq!(Quorum::of(n), Quorum { n, f, q });
        }
    }

    #[test]
    fn two_quorums_share_an_honest_sealer_and_silent_ones_do_not_block() {
        for n in 1..=u16::MAX {
            let Quorum { f, q, .. } = Quorum::of(n);
            assert!(2 * u32::from(q) - u32::from(n) > u32::from(f), "{n}");
            assert!(q <= n - f, "{n}");
        }
    }
}
