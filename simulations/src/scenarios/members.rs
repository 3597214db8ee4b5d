//! Members come, go and are missed.

use super::{HOUR, MINUTE, QUARTET, QUARTET_WITHOUT_DORA, Scenario, open, talk};
use crate::{
    faults::{FaultPlan, Weather},
    wish::Wish,
};

/// Members come and go while messages fly.
pub(super) const MEMBERS: Scenario = Scenario {
    name: "members",
    about: "the creator adds and removes members, one of them twice, while all talk",
    homes: &[0, 1, 2, 3],
    mailboxes: 0,
    setup: QUARTET_WITHOUT_DORA,
    story: &[
        (0, talk(0, 20)),
        (0, talk(1, 20)),
        (0, talk(2, 20)),
        (4_000, Wish::Add { by: 0, who: 3, title: "club" }),
        (5_000, talk(3, 10)),
        (20_000, Wish::Remove { by: 0, who: 2, title: "club" }),
        (40_000, Wish::Add { by: 0, who: 2, title: "club" }),
        (45_000, talk(2, 5)),
        (60_000, Wish::Remove { by: 0, who: 2, title: "club" }),
        (65_000, talk(1, 5)),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 30, gaps: 20, doubles: 50, slow: 30 },
        crashes: 4,
        cuts: 6,
        down_ms: (100, 30_000),
        until_ms: 2 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// A member misses more changes than a group remembers.
pub(super) const ABSENT: Scenario = Scenario {
    name: "absent",
    about: "a member sleeps through six changes of the group, with mail of its own on its way",
    homes: &[0, 1, 2, 3],
    mailboxes: 0,
    setup: QUARTET_WITHOUT_DORA,
    story: &[
        (1_000, talk(1, 5)),
        (MINUTE, Wish::Add { by: 0, who: 3, title: "club" }),
        (3 * MINUTE, Wish::Remove { by: 0, who: 3, title: "club" }),
        (4 * MINUTE, Wish::Add { by: 0, who: 3, title: "club" }),
        (5 * MINUTE, talk(1, 5)),
        (6 * MINUTE, Wish::Remove { by: 0, who: 3, title: "club" }),
        (7 * MINUTE, Wish::Add { by: 0, who: 3, title: "club" }),
        (8 * MINUTE, Wish::Remove { by: 0, who: 3, title: "club" }),
        (9 * MINUTE, talk(1, 3)),
        (9 * MINUTE, talk(0, 3)),
        (16 * MINUTE, talk(2, 3)),
    ],
    faults: FaultPlan {
        sleeps: &[(2, 500, 15 * MINUTE)],
        until_ms: 16 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// A member is removed while it sleeps, after a change it has not seen either.
pub(super) const EXPELLED: Scenario = Scenario {
    name: "expelled",
    about: "a sleeping member misses one change and is removed by the next; it wakes and learns so",
    homes: &[0, 1, 2, 3],
    mailboxes: 0,
    setup: QUARTET_WITHOUT_DORA,
    story: &[
        (0, talk(2, 8)),
        (MINUTE, Wish::Add { by: 0, who: 3, title: "club" }),
        (2 * MINUTE, talk(0, 3)),
        (3 * MINUTE, Wish::Remove { by: 0, who: 2, title: "club" }),
        (4 * MINUTE, talk(1, 3)),
    ],
    faults: FaultPlan {
        sleeps: &[(1, 1_000, 10 * MINUTE), (2, 8_000, 6 * MINUTE)],
        crashes: 2,
        until_ms: 11 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// Two members lose their disks, the creator among them, and come back from their backups.
pub(super) const RESTORED: Scenario = Scenario {
    name: "restored",
    about: "a member and later the creator lose their disks and come back into the group by \
            themselves, while frames are lost and nodes crash",
    homes: &[0, 1, 2, 3],
    mailboxes: 0,
    setup: QUARTET,
    story: &[
        (0, talk(0, 6)),
        (0, talk(1, 20)),
        (0, talk(2, 6)),
        (MINUTE, talk(2, 8)),
        (2 * MINUTE, talk(3, 20)),
        (200_000, talk(0, 6)),
        (6 * MINUTE, talk(0, 8)),
        (6 * MINUTE, talk(1, 8)),
        (6 * MINUTE, talk(2, 8)),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 50, gaps: 250, doubles: 50, slow: 30 },
        crashes: 8,
        cuts: 6,
        down_ms: (100, 15_000),
        losses: &[(2, 50_000), (0, 5 * MINUTE)],
        until_ms: 9 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 2 * HOUR,
};

/// The creator dies for good; the others go on changing the group.
pub(super) const ORPHANS: Scenario = Scenario {
    name: "orphans",
    about: "the creator dies for good while all talk; the others add one and remove one",
    homes: &[0, 1, 2, 3, 4],
    mailboxes: 0,
    setup: &[
        Wish::Befriend { asks: 1, asked: 0 },
        Wish::Befriend { asks: 2, asked: 0 },
        Wish::Befriend { asks: 3, asked: 0 },
        Wish::Befriend { asks: 4, asked: 1 },
        open(0, &[1, 2, 3]),
    ],
    story: &[
        (0, talk(1, 10)),
        (0, talk(2, 10)),
        (30_000, Wish::Add { by: 1, who: 4, title: "club" }),
        (2 * MINUTE, Wish::Remove { by: 1, who: 3, title: "club" }),
        (150_000, talk(4, 5)),
        (150_000, talk(1, 5)),
    ],
    faults: FaultPlan {
        weather: Weather { breaks: 30, gaps: 20, doubles: 50, slow: 30 },
        crashes: 4,
        cuts: 6,
        down_ms: (100, 15_000),
        deaths: &[(0, 15_000)],
        until_ms: 4 * MINUTE,
        ..FaultPlan::NONE
    },
    settles_ms: 10 * MINUTE,
};
