//! Links that break, links that lose, nodes that crash and networks that part.

use super::{HOUR, MINUTE, QUARTET, Scenario, TRIO, open, propose, talk, vote};
use crate::{
    faults::{FaultPlan, Weather},
    wish::Wish,
};

/// All nodes up, all links good, quick or slow.
pub(super) const QUIET: Scenario = Scenario {
    name: "quiet",
    about: "nothing goes wrong; three talk and vote",
    homes: &[0, 1, 2],
    mailboxes: 0,
    setup: TRIO,
    story: &[
        (0, talk(0, 10)),
        (0, talk(1, 10)),
        (0, talk(2, 10)),
        (2_000, propose(1, "now?", MINUTE)),
        (3_000, vote(0, "now?")),
        (3_000, vote(1, "now?")),
        (3_000, vote(2, "now?")),
    ],
    faults: FaultPlan { until_ms: MINUTE, ..FaultPlan::NONE },
    settles_ms: 10 * MINUTE,
};

/// Every third frame breaks its connection, others vanish or come twice.
pub(super) const LOSSY: Scenario = Scenario {
    name: "lossy",
    about: "30 % of frames break their link; others vanish, double or take long",
    homes: &[0, 1, 2],
    mailboxes: 0,
    setup: TRIO,
    story: QUIET.story,
    faults: FaultPlan {
        weather: Weather { breaks: 300, gaps: 50, doubles: 100, slow: 50 },
        until_ms: 5 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: HOUR,
};

/// Much is said at once over links that lose single frames.
pub(super) const BURST: Scenario = Scenario {
    name: "burst",
    about: "hundreds of messages at once while streams die unnoticed",
    homes: &[0, 1],
    mailboxes: 0,
    setup: &[Wish::Befriend { asks: 1, asked: 0 }, open(0, &[1])],
    story: &[
        (0, Wish::Talk { by: 0, title: "club", count: 150, every_ms: 0 }),
        (0, Wish::Talk { by: 0, title: "club", count: 150, every_ms: 0 }),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 5, gaps: 60, doubles: 20, slow: 20 },
        cuts: 20,
        until_ms: 2 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: HOUR,
};

/// Strangers meet while everything is bad.
pub(super) const STRANGERS: Scenario = Scenario {
    name: "strangers",
    about: "invites, contacts and a group over bad links and crashes",
    homes: &[0, 1, 2],
    mailboxes: 0,
    setup: &[],
    story: &[
        (0, Wish::Befriend { asks: 1, asked: 0 }),
        (0, Wish::Befriend { asks: 2, asked: 0 }),
        (2_000, open(0, &[1, 2])),
        (2_000, talk(0, 5)),
        (2_000, talk(1, 5)),
        (2_000, talk(2, 5)),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 100, gaps: 50, doubles: 50, slow: 50 },
        cuts: 4,
        crashes: 4,
        down_ms: (200, 40_000),
        moves: 300,
        until_ms: 3 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// Nodes die at any point of their work.
pub(super) const CRASHES: Scenario = Scenario {
    name: "crashes",
    about: "nodes crash at random points while they talk and vote; the proposer once for sure",
    homes: &[0, 1, 2],
    mailboxes: 0,
    setup: TRIO,
    story: &[
        (0, talk(0, 15)),
        (0, talk(1, 15)),
        (0, talk(2, 15)),
        (5_000, propose(1, "now?", 40_000)),
        (6_000, vote(0, "now?")),
        (6_000, vote(1, "now?")),
        (6_000, vote(2, "now?")),
    ],
    faults: FaultPlan {
        crashes: 10,
        strikes: &[(1, 6_000, 12_000)],
        down_ms: (100, 25_000),
        moves: 300,
        cuts: 5,
        until_ms: 2 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// The network falls apart during a vote.
pub(super) const PARTITION: Scenario = Scenario {
    name: "partition",
    about: "the network falls apart and heals during a vote of four",
    homes: &[0, 1, 2, 3],
    mailboxes: 0,
    setup: QUARTET,
    story: &[
        (0, talk(0, 5)),
        (0, talk(3, 5)),
        (2_000, propose(1, "now?", 30_000)),
        (2_500, vote(0, "now?")),
        (3_000, vote(1, "now?")),
        (9_000, vote(2, "now?")),
        (20_000, vote(3, "now?")),
    ],
    faults: FaultPlan {
        from_ms: 1_000,
        until_ms: 2 * MINUTE,
        partitions: 4,
        parted_ms: (5_000, 50_000),
        ..FaultPlan::NONE
    },
    settles_ms: 3 * HOUR,
};

/// Everything at once.
pub(super) const STORM: Scenario = Scenario {
    name: "storm",
    about: "five nodes, bad links, crashes, partitions, moves, changes and two votes",
    homes: &[0, 1, 2, 3, 4],
    mailboxes: 0,
    setup: &[
        Wish::Befriend { asks: 1, asked: 0 },
        Wish::Befriend { asks: 2, asked: 0 },
        Wish::Befriend { asks: 3, asked: 0 },
        Wish::Befriend { asks: 4, asked: 0 },
        open(0, &[1, 2, 3]),
    ],
    story: &[
        (0, talk(0, 10)),
        (0, talk(1, 10)),
        (0, talk(2, 10)),
        (0, talk(3, 10)),
        (3_000, propose(1, "now?", MINUTE)),
        (4_000, vote(0, "now?")),
        (5_000, vote(1, "now?")),
        (9_000, vote(2, "now?")),
        (20_000, Wish::Add { by: 0, who: 4, title: "club" }),
        (30_000, talk(4, 5)),
        (40_000, propose(3, "later?", MINUTE)),
        (41_000, vote(3, "later?")),
        (45_000, vote(4, "later?")),
        (50_000, vote(1, "later?")),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 30, gaps: 30, doubles: 30, slow: 50 },
        crashes: 10,
        cuts: 10,
        partitions: 2,
        parted_ms: (5_000, 40_000),
        down_ms: (100, 40_000),
        moves: 300,
        until_ms: 3 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 4 * HOUR,
};
