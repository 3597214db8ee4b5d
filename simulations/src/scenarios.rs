//! The situations that are tried, as a table.

use crate::{
    faults::{FaultPlan, Weather},
    wish::Wish,
};

/// One situation.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// As the command line spells it.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// The node of each persona.
    pub homes: &'static [usize],
    /// How many mailboxes there are; every node has chosen all of them.
    pub mailboxes: usize,
    /// What is wished before anything goes wrong.
    pub setup: &'static [Wish],
    /// What is wished while things go wrong, and when, in milliseconds after the setup.
    pub story: &'static [(u64, Wish)],
    /// What goes wrong.
    pub faults: FaultPlan,
    /// How long it may take until all is well again, in milliseconds after the last fault.
    pub settles_ms: u64,
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// All nodes up, all links good, quick or slow.
const QUIET: Scenario = Scenario {
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
const LOSSY: Scenario = Scenario {
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
const BURST: Scenario = Scenario {
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
const STRANGERS: Scenario = Scenario {
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

/// One node sleeps for a day while the others talk to it.
const SLEEPER: Scenario = Scenario {
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
const HOLIDAY: Scenario = Scenario {
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

/// Nodes die at any point of their work.
const CRASHES: Scenario = Scenario {
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
const PARTITION: Scenario = Scenario {
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

/// Members come and go while messages fly.
const MEMBERS: Scenario = Scenario {
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
const ABSENT: Scenario = Scenario {
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
const EXPELLED: Scenario = Scenario {
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

/// The creator dies for good; the others go on changing the group.
const ORPHANS: Scenario = Scenario {
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

/// A dinner is arranged although one node sleeps.
const DINNER: Scenario = Scenario {
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
const HOUSEMATES: Scenario = Scenario {
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

/// Everything at once.
const STORM: Scenario = Scenario {
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

/// Two who are never awake together after they have met.
const ASLEEP: Scenario = Scenario {
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
const SHIFTS: Scenario = Scenario {
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

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    QUIET, LOSSY, BURST, STRANGERS, SLEEPER, HOLIDAY, CRASHES, PARTITION, MEMBERS, ABSENT,
    EXPELLED, ORPHANS, DINNER, HOUSEMATES, STORM, ASLEEP, SHIFTS,
];

const DINNER_WORDS: &str = "find a dinner slot this week with everyone";

const TRIO: &[Wish] =
    &[Wish::Befriend { asks: 1, asked: 0 }, Wish::Befriend { asks: 2, asked: 0 }, open(0, &[1, 2])];

const QUARTET: &[Wish] = &[
    Wish::Befriend { asks: 1, asked: 0 },
    Wish::Befriend { asks: 2, asked: 0 },
    Wish::Befriend { asks: 3, asked: 0 },
    open(0, &[1, 2, 3]),
];

const QUARTET_WITHOUT_DORA: &[Wish] = &[
    Wish::Befriend { asks: 1, asked: 0 },
    Wish::Befriend { asks: 2, asked: 0 },
    Wish::Befriend { asks: 3, asked: 0 },
    open(0, &[1, 2]),
];

const fn open(by: usize, with: &'static [usize]) -> Wish {
    Wish::Open { by, with, title: "club" }
}

const fn talk(by: usize, count: u32) -> Wish {
    Wish::Talk { by, title: "club", count, every_ms: 1_500 }
}

const fn propose(by: usize, question: &'static str, within_ms: u64) -> Wish {
    Wish::Propose { by, title: "club", question, within_ms }
}

const fn vote(by: usize, question: &'static str) -> Wish {
    Wish::Vote { by, question }
}

#[cfg(test)]
mod tests {
    use super::SCENARIOS;

    /// Runs a scenario with a few seeds; a failure names the seed and what to run.
    fn holds(name: &str, seeds: impl IntoIterator<Item = u64>) {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
        let scenario = scenario.expect("a scenario of the table");
        for seed in seeds {
            let outcome = crate::run(scenario, seed, 1, false);
            assert!(
                outcome.complaints.is_empty(),
                "{:#?}\nrun again: cargo run -p simulations -- --scenario {name} --first {seed} \
                 --seeds 1 --trace",
                outcome.complaints
            );
            assert!(outcome.frames > 0 && outcome.batches > 0, "nothing happened");
        }
    }

    macro_rules! scenarios {
        ($($test:ident: $name:literal, $seeds:literal;)*) => {
            $(#[test]
            fn $test() {
                holds($name, 0..$seeds);
            })*
        };
    }

    scenarios! {
        three_talk_and_vote_when_nothing_goes_wrong: "quiet", 1;
        messages_arrive_once_and_in_order_over_links_that_break: "lossy", 1;
        a_burst_survives_streams_that_die_unnoticed: "burst", 1;
        strangers_meet_over_bad_links_and_crashes: "strangers", 1;
        a_sleeper_gets_a_day_of_mail: "sleeper", 1;
        mail_survives_rotated_tags_and_expired_cards: "holiday", 1;
        crashes_lose_nothing_and_sign_nothing_twice: "crashes", 1;
        a_vote_survives_a_partition: "partition", 1;
        members_come_and_go_while_all_talk: "members", 1;
        a_member_that_missed_many_changes_still_gets_its_mail: "absent", 1;
        who_was_removed_in_its_sleep_learns_so: "expelled", 1;
        who_is_left_elects_another_sequencer: "orphans", 2;
        a_dinner_is_booked_where_all_are_free: "dinner", 1;
        two_personas_share_a_node: "housemates", 1;
        everything_at_once: "storm", 1;
        two_that_are_never_awake_together_talk_by_mailboxes: "asleep", 1;
        four_that_sleep_in_turns_talk_and_vote: "shifts", 1;
    }

    #[test]
    fn who_is_added_and_removed_a_hundred_times_loses_no_change_and_no_welcome() {
        holds("members", [23]);
    }

    #[test]
    fn a_member_is_not_added_by_a_node_that_cannot_welcome_it_yet() {
        holds("members", [139]);
    }

    #[test]
    fn a_vote_said_again_or_passed_on_is_shown_once_as_its_voters() {
        holds("storm", [2, 7, 9]);
    }

    #[test]
    fn two_that_are_never_awake_together_hear_nothing_without_mailboxes() {
        let mut scenario = *SCENARIOS.iter().find(|s| s.name == "asleep").expect("in the table");
        scenario.mailboxes = 0;
        scenario.faults.mailbox_deaths = &[];
        scenario.faults.mail_cuts = 0;
        let outcome = crate::run(&scenario, 0, 1, false);
        assert!(outcome.complaints.iter().any(|said| said.contains("not delivered yet")));
    }

    #[test]
    fn a_scenario_that_needs_it_is_caught_when_its_faults_never_end() {
        let mut scenario = *SCENARIOS.iter().find(|s| s.name == "sleeper").expect("in the table");
        scenario.faults.sleeps = &[(2, 60_000, 365 * 24 * 60 * 60_000)];
        let outcome = crate::run(&scenario, 0, 1, false);
        let missing = |complaint: &String| complaint.contains("has not reached Cleo");
        assert!(outcome.complaints.iter().any(missing), "{:?}", outcome.complaints);
    }
}
