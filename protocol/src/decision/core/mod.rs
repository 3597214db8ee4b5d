//! One member's part in one decision: what comes in, what must be done, nothing performed.
//!
//! ```text
//! vote      A ---- ballot ----> everyone       B, C, D answer: held (open), a receipt
//! close     A, B, C, D -- held (closed) -->    at the deadline, or when all have voted
//! cut       leader ------ cut ------------>    the union of a quorum's lists, and the result
//! agree     A, B, C, D -- notarize ------->    the cut is valid
//!           A, B, C, D -- finalize ------->    a quorum found it valid
//! confirm   A, B, C, D -- confirm -------->    once per proposal, whatever happened before
//! ```
//!
//! A quorum of confirmations is the certificate. If a leader is not heard in time, a quorum of
//! *nullify* opens the next view with the next leader.
//!
//! The handlers (`on_*`) only take note of what was said. `advance` then does whatever the state
//! allows, so messages may come in any order, twice, or days late. Nothing is signed but what
//! [`Guard`](super::Guard) released.

mod advance;
mod ballots;
mod clock;
mod decision;
mod input;
mod lists;
mod on_ballot;
mod on_certificate;
mod on_cut;
mod on_evidence;
mod on_held;
mod on_proof;
mod on_round_vote;
mod on_stored;
mod on_vote;
mod outbox;
mod restore;
mod rounds;
mod rows;
mod tick;
mod view;

pub use decision::Decision;
pub use input::{Effect, Input, VoteRefusal};
pub use restore::RestoreError;
pub use view::{DecisionView, Phase, VoterView};
