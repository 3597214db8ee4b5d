//! Group decisions by signed votes.
//!
//! Alice proposes, everyone votes until a deadline, some are asleep, one may lie. Which ballots
//! arrived in time cannot be read off the ballots, so a few members, the *sealers*, agree on one
//! *cut*: the union of the lists a quorum of them signed. Each then signs *confirm* for the
//! result, once per proposal and never again. A quorum of confirmations with the ballots behind
//! them is the *certificate*, which anyone can [`verify`] without clock, network or secret. Two
//! different certificates would need `f + 1` sealers to have confirmed both, and those two
//! signatures name them.
//!
//! | module | holds |
//! | --- | --- |
//! | `proposal`, `charter` | the question with everything frozen in it |
//! | `rule`, `count`, `schulze`, `settled` | how ballots become an outcome |
//! | `ballot`, `messages`, `votes`, `signed` | what members say, and the envelope it travels in |
//! | `mandate` | what a persona may vote on by itself |
//! | `ask` | for a proposal that did not come |
//! | `secrecy` | votes hidden until voting ends: commit, then reveal |
//! | `cut` | which ballots count, and why |
//! | `guard` | what is never signed twice |
//! | `core` | one member's part, as a state machine |
//! | `mutant` | conditions tests leave out, to see that it is noticed |
//! | `evidence` | proof that someone contradicted itself |
//! | `certificate`, `verify`, `render` | the result as bytes, its check, and the file people read |
//!
//! The byte layouts and the verifier's steps are specified in `protocol/spec/decision.md`.

mod ask;
mod ballot;
mod calendar;
mod certificate;
mod charter;
mod core;
mod count;
mod cut;
mod evidence;
mod guard;
mod mandate;
mod messages;
mod mutant;
mod proposal;
mod quorum;
mod render;
mod rule;
mod schulze;
mod secrecy;
mod settled;
mod signed;
mod verify;
mod votes;

pub use ask::Ask;
pub use ballot::{Ballot, Caster};
pub use certificate::{CERTIFICATE_BYTES_MAX, CastBy, Certificate, CertificateError};
pub use charter::Charter;
pub use core::{
    Decision, DecisionView, Effect, Input, Phase, RestoreError, VoteRefusal, VoterView,
};
pub use cut::{BallotRecord, CutContent, CutError, HeldRecord};
pub use evidence::{Evidence, Offence};
pub use guard::{Guard, Slot, Taken};
pub use mandate::{
    MANDATE_MS_MAX, Mandate, Method, Methods, Reach, SignedMandate, Topic, Uncovered,
    is_about_times,
};
pub use messages::{
    Confirm, Cut, Digest, Entry, Held, MessageError, Nullify, Report, RoundVote, Statement,
    VIEWS_MAX,
};
pub(crate) use proposal::is_text;
pub use proposal::{
    OPTION_BYTES_MAX, OPTIONS_MAX, Proposal, ProposalError, QUESTION_BYTES_MAX, SignedProposal,
    Terms,
};
pub use quorum::{ELECTORATE_MAX, Quorum, SEALERS_MAX, roster_root, sealers_of};
pub use render::{CERTIFICATE_FILE_BYTES_MAX, ReadError, read_json, render_json};
pub use rule::{
    Base, Choice, DecisionResult, Fraction, Outcome, POINTS_MAX, REASON_BYTES_MAX, Rule, SUITS,
};
pub use secrecy::{Commitment, Reveal, Salt, commit};
pub use signed::{DECISION_BYTES_MAX, Head, Kind, SignedMessage, is_ballot_by, peek};
pub use verify::{Reason, TrustAnchors, Verdict, Verified, verify};
pub use votes::{Proof, RoundVotes, SealerSignature};

#[cfg(test)]
mod tests;
