//! How many are enough.

/// Votes needed in a roster with `others` personas beside the holder of the term: more than half.
pub fn election_quorum(others: usize) -> usize {
    others / 2 + 1
}

/// Followers that make an entry final, of the `others` that were there beside its signer.
///
/// Together with any [`election_quorum`] of the same personas this always meets in at least one,
/// so every election hears of a final entry. A plain entry takes more than half, so that two
/// entries for one epoch are never both final. An entry that removes somebody takes half, so that
/// a persona that is gone cannot keep its own removal from becoming final.
pub fn final_quorum(others: usize, removes: bool) -> usize {
    if removes { others.div_ceil(2) } else { (others / 2 + 1).min(others) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_election_meets_every_final_entry_in_somebody() {
        for others in 1..1000 {
            for removes in [false, true] {
                assert!(election_quorum(others) + final_quorum(others, removes) > others);
            }
            assert!(2 * final_quorum(others, false) > others);
            assert!(2 * election_quorum(others) > others);
        }
    }

    #[test]
    fn who_is_alone_waits_for_nobody() {
        assert_eq!(final_quorum(0, false), 0);
        assert_eq!(final_quorum(0, true), 0);
    }

    #[test]
    fn one_that_is_gone_does_not_stop_its_removal_nor_an_election() {
        // Four: the holder, the one that is gone, two that answer.
        assert!(final_quorum(3, true) <= 2 && election_quorum(3) <= 2);
        // Three: the holder removes one; the other's word is enough.
        assert_eq!(final_quorum(2, true), 1);
    }
}
