//! Liars against the real core, with everything around it made up.
//!
//! Honest members are real [`Decision`](crate::decision::Decision)s with disks that lose what was
//! not flushed, clocks that are wrong, and a network that delays, reorders, doubles and loses.
//! The liars share all keys and all knowledge, hear everything at once, and sign whatever they
//! like. All of it follows from one seed.
//!
//! | question | file |
//! | --- | --- |
//! | how does an honest member run, crash and come back? | `member.rs` |
//! | who hears what, and when? | `arena.rs` |
//! | what do the liars know? | `knowledge.rs` |
//! | what do they do with it? | `lies.rs` |
//! | what must hold all the same? | `checks.rs` |
//! | and in a hidden vote? | `hidden.rs` |
//! | how many runs, and what came of them? | `runs.rs` |
//! | is it noticed when a condition is left out? | `mutants.rs` |

mod arena;
mod checks;
mod hidden;
mod knowledge;
mod lies;
mod member;
mod mutants;
mod runs;
