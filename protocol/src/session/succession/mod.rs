//! Who orders a group's changes when whoever did is gone, and which branch holds when there are
//! two. Pure rules: no keys, no bytes, no clock.
//!
//! Alice holds term 0: she signs the entries of the log. She is gone for good, and Bob wants
//! Carol's successor in the group.
//!
//! ```text
//!  Bob                               Carol, Dora
//!  stand(term 1)
//!    └─ "vote for me in term 1" ───► vote: promise, then say what was followed so far
//!  elect(votes) ◄──────────────────  Spine of each
//!    └─ the branch every final entry lies on
//!  entry of term 1 on its end ─────► judge(votes): the same branch, so follow it
//! ```
//!
//! **Following an entry is acknowledging it**: nobody follows two entries for one epoch, and
//! leaves one only for a branch that a majority's votes lead to. An entry is *final* once enough
//! of those who were there have followed it, and all before it are final; a final entry is never
//! left. Majorities are counted without whoever signed the entry or held the term, because a
//! sequencer that signs two entries for one epoch would follow both.
//!
//! The roster changes with the entries being voted about, so an election needs its majority in
//! the roster of *every* epoch that is not final yet. Where votes show two entries for one epoch,
//! the one that may be final wins; while both may be, the election waits for more votes.
//!
//! Every rule here is run by the exhaustive model in `simulations`, with its checkers and with
//! the mutants that each rule is there to stop.
//!
//! | module | holds |
//! | --- | --- |
//! | `chain` | what one member followed: [`Chain`], [`Step`], [`Spine`] |
//! | `quorum` | how many are enough |
//! | `elect` | from votes to the branch that holds |
//! | `member` | [`Succession`]: what one member may follow, promise and say |

mod chain;
mod elect;
mod member;
mod quorum;

pub use self::{
    chain::{Chain, EntryHash, SPINE_STEPS_MAX, Spine, Standing, Start, Step},
    elect::{Branch, ElectError, elect},
    member::{Promise, Refusal, Succession, Takeover},
    quorum::{election_quorum, final_quorum},
};
