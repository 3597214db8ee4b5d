//! Personas arrange something for their owners.

use super::{HOUR, MINUTE, Scenario, TRIO, propose, talk, vote};
use crate::{
    faults::{FaultPlan, Weather},
    wish::Wish,
};

const DINNER_WORDS: &str = "find a dinner slot this week with everyone";

/// A dinner is arranged although one node sleeps.
pub(super) const DINNER: Scenario = Scenario {
    name: "dinner",
    about: "a task finds a time and books it; one node sleeps, any may crash",
    homes: &[0, 1, 2],
    mailboxes: 0,
    setup: &[Wish::Befriend { asks: 1, asked: 0 }, Wish::Befriend { asks: 2, asked: 0 }],
    story: &[(1_000, Wish::Task { by: 0, text: DINNER_WORDS, within_ms: 10 * MINUTE })],
    faults: FaultPlan {
        sleeps: &[(2, 500, 4 * MINUTE)],
        crashes: 3,
        fatal_errands: 300,
        cuts: 3,
        down_ms: (100, 10_000),
        until_ms: 12 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 3 * HOUR,
};

/// Two personas live on one node.
pub(super) const HOUSEMATES: Scenario = Scenario {
    name: "housemates",
    about: "two personas of one node talk, vote and meet with one of another, with crashes",
    homes: &[0, 0, 1],
    mailboxes: 0,
    setup: TRIO,
    story: &[
        (0, talk(0, 10)),
        (0, talk(1, 10)),
        (0, talk(2, 10)),
        (2_000, propose(2, "now?", 30_000)),
        (3_000, vote(0, "now?")),
        (3_000, vote(1, "now?")),
        (3_000, vote(2, "now?")),
        (MINUTE, Wish::Task { by: 0, text: DINNER_WORDS, within_ms: 2 * MINUTE }),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 20, gaps: 20, doubles: 50, slow: 20 },
        crashes: 5,
        cuts: 3,
        down_ms: (100, 15_000),
        moves: 300,
        until_ms: 3 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 3 * HOUR,
};
