//! Every order of events, tried with the real core: four sealers, one of them a liar, two views.
//!
//! The liar can sign anything at any time, so its signatures are simply there. Whatever an honest
//! member said may reach another at any later moment, once, twice or never: every message is a
//! choice that stays open, so loss, repetition and reordering are all in. Patience may run out
//! whenever it is running, and a member may restart from its disk between any two events.
//!
//! Two things keep this finite. Votes below a quorum change nothing, so they arrive as quorums.
//! And members meet only in what they say: each member's states are numbered once, by running the
//! real core, and what is explored is triples of numbers.
//!
//! | question | file |
//! | --- | --- |
//! | what is the question, and what can the liar show? | `stage.rs` |
//! | which states can one member be in? | `local.rs` |
//! | which states can all three be in, and what must hold there? | `explore.rs` |

mod explore;
mod local;
mod stage;
