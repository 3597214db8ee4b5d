//! Somebody is away: for a day, for a holiday, or whenever the others are awake.

use super::{
    HOUR, MINUTE, QUARTET, QUARTET_WITHOUT_DORA, Scenario, TRIO, open, propose, talk, vote,
};
use crate::{
    faults::{FaultPlan, Weather},
    wish::Wish,
};

/// One node sleeps for a day while the others talk to it.
pub(super) const SLEEPER: Scenario = Scenario {
    name: "sleeper",
    about: "a node is down for 24 hours; its senders sleep too, before and after it wakes",
    homes: &[0, 1, 2],
    mailboxes: 0,
    setup: TRIO,
    story: &[
        (2 * MINUTE, talk(0, 10)),
        (5 * HOUR, talk(1, 10)),
        (20 * HOUR, talk(0, 5)),
        (25 * HOUR, talk(2, 5)),
    ],
    faults: FaultPlan {
        sleeps: &[(2, MINUTE, 24 * HOUR + MINUTE), (0, 23 * HOUR, 25 * HOUR)],
        until_ms: 26 * HOUR,
        cuts: 20,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// A node is away for four days: tags have rotated, cards have run out.
pub(super) const HOLIDAY: Scenario = Scenario {
    name: "holiday",
    about: "a node is down for four days in which the group also gets a new member",
    homes: &[0, 1, 2, 3],
    mailboxes: 0,
    setup: QUARTET_WITHOUT_DORA,
    story: &[
        (2 * MINUTE, talk(1, 5)),
        (HOUR, Wish::Add { by: 0, who: 3, title: "club" }),
        (2 * HOUR, talk(3, 5)),
        (3 * HOUR, talk(0, 5)),
        (97 * HOUR, talk(2, 5)),
    ],
    faults: FaultPlan { sleeps: &[(2, MINUTE, 96 * HOUR)], until_ms: 98 * HOUR, ..FaultPlan::NONE },
    settles_ms: 3 * HOUR,
};

/// Two who are never awake together after they have met.
pub(super) const ASLEEP: Scenario = Scenario {
    name: "asleep",
    about: "two that are never awake together talk by mailboxes, of which one dies for good",
    homes: &[0, 1],
    mailboxes: 3,
    setup: &[Wish::Befriend { asks: 1, asked: 0 }, open(0, &[1])],
    story: &[
        (MINUTE, Wish::Talk { by: 0, title: "club", count: 100, every_ms: 0 }),
        (25 * HOUR, talk(1, 10)),
        (49 * HOUR, Wish::Know { by: 0 }),
        (73 * HOUR, Wish::Know { by: 1 }),
    ],
    faults: FaultPlan {
        sleeps: &[
            (1, 30_000, 24 * HOUR),
            (0, 12 * HOUR, 48 * HOUR),
            (1, 36 * HOUR, 72 * HOUR),
            (0, 60 * HOUR, 84 * HOUR),
        ],
        mailbox_deaths: &[
            (0, 6 * HOUR, None),
            (1, 7 * HOUR, Some(MINUTE)),
            (2, 24 * HOUR + 10_000, Some(MINUTE)),
        ],
        mail_cuts: 40,
        until_ms: 90 * HOUR,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// Everybody sleeps in turns, and the way to the mailboxes is bad.
pub(super) const SHIFTS: Scenario = Scenario {
    name: "shifts",
    about: "four sleep in turns, talk and vote by three mailboxes over bad links and crashes",
    homes: &[0, 1, 2, 3],
    mailboxes: 3,
    setup: QUARTET,
    story: &[
        (MINUTE, talk(0, 20)),
        (2 * HOUR, talk(1, 20)),
        (5 * HOUR, talk(2, 20)),
        (8 * HOUR, talk(3, 20)),
        (9 * HOUR, propose(3, "now?", 20 * HOUR)),
        (9 * HOUR + MINUTE, vote(3, "now?")),
        (10 * HOUR, vote(0, "now?")),
        (13 * HOUR, vote(1, "now?")),
        (17 * HOUR, vote(2, "now?")),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 20, gaps: 0, doubles: 50, slow: 50 },
        sleeps: &[
            (1, HOUR / 2, 2 * HOUR),
            (2, HOUR / 2, 4 * HOUR),
            (3, HOUR / 2, 7 * HOUR),
            (0, 2 * HOUR, 10 * HOUR),
            (1, 4 * HOUR, 12 * HOUR),
            (2, 7 * HOUR, 16 * HOUR),
            (3, 11 * HOUR, 20 * HOUR),
        ],
        mailbox_deaths: &[
            (2, 3 * HOUR, None),
            (0, 6 * HOUR, Some(5 * MINUTE)),
            (1, 6 * HOUR + 10 * MINUTE, Some(5 * MINUTE)),
        ],
        crashes: 6,
        mail_cuts: 40,
        down_ms: (100, 30_000),
        until_ms: 24 * HOUR,
        ..FaultPlan::NONE
    },
    settles_ms: 4 * HOUR,
};
