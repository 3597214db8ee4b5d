//! The situations that are tried, as a table.
//!
//! | what goes wrong | file |
//! | --- | --- |
//! | links, nodes and the whole network | `links.rs` |
//! | somebody is away for long | `away.rs` |
//! | members change meanwhile | `members.rs` |
//! | while personas arrange something | `personas.rs` |
//! | while something hidden is decided, or asked without a vote | `asking.rs` |

mod asking;
mod away;
mod links;
mod members;
mod personas;
#[cfg(test)]
mod tests;

use crate::{faults::FaultPlan, wish::Wish};

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

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    links::QUIET,
    links::LOSSY,
    links::BURST,
    links::STRANGERS,
    links::CRASHES,
    links::PARTITION,
    links::STORM,
    away::SLEEPER,
    away::HOLIDAY,
    away::ASLEEP,
    away::SHIFTS,
    members::MEMBERS,
    members::ABSENT,
    members::EXPELLED,
    members::ORPHANS,
    members::RESTORED,
    personas::DINNER,
    personas::HOUSEMATES,
    asking::VEILED,
    asking::ASKED,
];

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
    Wish::Propose { by, title: "club", question, within_ms, hidden: false }
}

const fn propose_hidden(by: usize, question: &'static str, within_ms: u64) -> Wish {
    Wish::Propose { by, title: "club", question, within_ms, hidden: true }
}

const fn inquire(by: usize, question: &'static str, turn_ms: Option<u64>, within_ms: u64) -> Wish {
    Wish::Inquire { by, title: "club", question, turn_ms, within_ms }
}

const fn answer(by: usize, question: &'static str) -> Wish {
    Wish::Answer { by, question }
}

const fn vote(by: usize, question: &'static str) -> Wish {
    Wish::Vote { by, question }
}
