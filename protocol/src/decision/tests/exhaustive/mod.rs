//! Every order of events, tried with the real core: four sealers, one of them a liar, two views.
//!
//! The liar can sign anything at any time, so its signatures are simply there. Whatever an honest
//! member said may reach another at any later moment, once, twice or never: every message is a
//! choice that stays open, so loss, repetition and reordering are all in. Patience may run out
//! whenever it is running, and a member may restart from its disk between any two events.
//!
//! Three things keep this finite, and small enough to be searched to the end.
//!
//! - Votes below a quorum change nothing, so they arrive as quorums; and which sealers a quorum is
//!   made of makes no difference.
//! - Members meet only in what they say. Each member's states are numbered once, by running the
//!   real core, and an event is run once in each of them.
//! - What was said stays said. So a *moment* is what each of the three has said so far, and to each
//!   moment belong, for each member, the states it can be in then. Whoever says nothing stays where
//!   it is when somebody else speaks, and what it can do silently it can still do later.
//!
//! The last point takes any state that one member can be in at a moment together with any of the
//! others': perhaps a few that never meet. So nothing that can happen is left out, and what is
//! found amiss could, in principle, be one that cannot; nothing is. A search that is *complete* is
//! a proof for these four members, two views and two contents, if the first point holds, which is
//! an assumption about the core and not searched.
//!
//! | question | file |
//! | --- | --- |
//! | what is the question, and what can the liar show? | `stage.rs` |
//! | which states can one member be in? | `local.rs` |
//! | what can be said together, and what must hold then? | `explore.rs` |

mod explore;
mod local;
mod stage;
