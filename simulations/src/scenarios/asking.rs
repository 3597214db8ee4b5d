//! Questions that take their time: votes hidden until they end, and what is asked without a vote.

use super::{HOUR, MINUTE, QUARTET, Scenario, answer, inquire, open, propose_hidden, talk, vote};
use crate::{
    faults::{FaultPlan, Weather},
    wish::Wish,
};

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

/// Members are asked at once and in turn while nodes die, the one that asks too.
pub(super) const ASKED: Scenario = Scenario {
    name: "asked",
    about: "four are asked at once and in turn; the asker and others crash, one sleeps too long",
    homes: &[0, 1, 2, 3, 4],
    mailboxes: 0,
    setup: &[
        Wish::Befriend { asks: 1, asked: 0 },
        Wish::Befriend { asks: 2, asked: 0 },
        Wish::Befriend { asks: 3, asked: 0 },
        Wish::Befriend { asks: 4, asked: 0 },
        open(0, &[1, 2, 3, 4]),
    ],
    story: &[
        (0, talk(0, 5)),
        (1_000, inquire(1, "what?", None, 5 * MINUTE)),
        (2_000, inquire(2, "in turn?", Some(MINUTE), 6 * MINUTE)),
        (1_000, answer(0, "what?")),
        (1_000, answer(2, "what?")),
        (1_000, answer(3, "what?")),
        (1_000, answer(4, "what?")),
        (2_000, answer(0, "in turn?")),
        (2_000, answer(1, "in turn?")),
        (2_000, answer(3, "in turn?")),
        (2_000, answer(4, "in turn?")),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 30, gaps: 20, doubles: 50, slow: 30 },
        crashes: 8,
        strikes: &[(2, 2_500, 20_000)],
        sleeps: &[(4, 10_000, 10 * MINUTE)],
        down_ms: (100, 20_000),
        cuts: 6,
        until_ms: 11 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 3 * HOUR,
};
