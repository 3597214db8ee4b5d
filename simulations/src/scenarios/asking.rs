//! Votes that are hidden until they end.

use super::{HOUR, MINUTE, QUARTET, Scenario, propose_hidden, talk, vote};
use crate::faults::{FaultPlan, Weather};

/// A vote is hidden, and nodes die between voting and revealing too.
pub(super) const VEILED: Scenario = Scenario {
    name: "veiled",
    about: "a hidden vote of four; nodes crash while they vote and reveal, one sleeps in between",
    homes: &[0, 1, 2, 3],
    mailboxes: 0,
    setup: QUARTET,
    story: &[
        (0, talk(0, 5)),
        (2_000, propose_hidden(1, "who?", 40_000)),
        (3_000, vote(0, "who?")),
        (4_000, vote(1, "who?")),
        (5_000, vote(2, "who?")),
        (6_000, vote(3, "who?")),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 30, gaps: 20, doubles: 50, slow: 20 },
        crashes: 8,
        strikes: &[(1, 4_500, 12_000)],
        sleeps: &[(3, 15_000, 20 * MINUTE)],
        down_ms: (100, 15_000),
        cuts: 5,
        until_ms: 21 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 3 * HOUR,
};
