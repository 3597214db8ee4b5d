//! Votes on times, by the owner's calendar and preferences.
//!
//! A persona with the mandate to vote approves every time that fits its owner. It holds nothing
//! back to force its favourite: a time that suits all is worth more than the best time of one.

use crate::{
    settings::Settings,
    slots::{feasible, rank},
    time::TimeRange,
};

/// Indexes of the options to approve, rising: all that fit the owner.
pub fn approvals(options: &[TimeRange], busy: &[TimeRange], settings: &Settings) -> Vec<u16> {
    feasible(options, busy, settings)
}

/// A ranked ballot: the options that fit, nicest first, each in a group of its own, and then all
/// that do not fit together in the last group. Groups are never empty.
pub fn ranking(options: &[TimeRange], busy: &[TimeRange], settings: &Settings) -> Vec<Vec<u16>> {
    let fits = feasible(options, busy, settings);
    let (good, mut bad): (Vec<u16>, Vec<u16>) =
        rank(options, settings).into_iter().partition(|index| fits.contains(index));
    bad.sort_unstable();
    let mut groups: Vec<Vec<u16>> = good.into_iter().map(|index| vec![index]).collect();
    if !bad.is_empty() {
        groups.push(bad);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE_MS;

    /// 2026-12-01, a Tuesday, at this hour UTC.
    fn at(hour: u64) -> TimeRange {
        TimeRange::starting(1_796_083_200_000 + hour * 60 * MINUTE_MS, 60)
    }

    #[test]
    fn every_time_that_fits_is_approved_and_no_other() {
        let options = [at(3), at(9), at(10), at(19)];
        let approved = approvals(&options, &[at(9)], &Settings::default());
        assert_eq!(approved, vec![2, 3]);
    }

    #[test]
    fn a_ranking_puts_what_does_not_fit_last_and_together() {
        let options = [at(3), at(8), at(9), at(10), at(19)];
        let groups = ranking(&options, &[at(9)], &Settings::default());
        assert_eq!(groups, vec![vec![3], vec![4], vec![1], vec![0, 2]]);
    }

    #[test]
    fn no_options_make_an_empty_ballot() {
        assert!(approvals(&[], &[], &Settings::default()).is_empty());
        assert!(ranking(&[], &[], &Settings::default()).is_empty());
    }
}
