//! Everything that can happen to a decision, and everything it can ask for.

use thiserror::Error;

use crate::decision::{Certificate, Choice, Evidence, Salt, SignedMandate};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Our owner votes.
    Vote(Choice),
    /// Our owner votes on a hidden proposal; the salt is fresh and random.
    VoteHidden {
        /// What it says, in the end.
        choice: Choice,
        /// Keeps the commitment from being guessed.
        salt: Salt,
    },
    /// Our persona votes by itself.
    VoteAlone {
        /// What it says.
        choice: Choice,
        /// What allows it.
        mandate: SignedMandate,
        /// On a hidden proposal, a fresh random salt.
        salt: Option<Salt>,
    },
    /// Bytes of a message of this decision, from anyone, in any order.
    Message(Vec<u8>),
    /// The time of [`super::Decision::poll_timeout`] has come.
    Timeout,
    /// Every [`Effect::Persist`] polled so far is on disk.
    Stored,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write this row, replacing one of the same key. Keys are unique within one decision. Say
    /// [`Input::Stored`] once it is on disk; signatures wait for that.
    Persist {
        /// Key of the row; printable.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// Send these bytes to all members.
    Broadcast(Vec<u8>),
    /// Our owner's vote was not cast.
    Refused(VoteRefusal),
    /// It is decided. Comes once; after a restart ask [`super::Decision::certificate`].
    Decided(Box<Certificate>),
    /// A member did what no honest member does. Comes once for each member and offence.
    Evidence(Box<Evidence>),
}

/// Why our own vote was not cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VoteRefusal {
    /// The key handed in is not that of this decision's member.
    #[error("the key belongs to someone else")]
    WrongKey,
    /// We joined after the proposal was made.
    #[error("only members at the time of the proposal vote")]
    NotInElectorate,
    /// Voting has not begun.
    #[error("voting has not begun")]
    NotOpen,
    /// The deadline has passed.
    #[error("the deadline has passed")]
    TooLate,
    /// A ballot is signed once.
    #[error("already voted")]
    AlreadyVoted,
    /// We closed our list of ballots, or it is decided.
    #[error("voting is closed")]
    Closed,
    /// The rule does not know this choice.
    #[error("not a choice of this proposal")]
    Choice,
    /// Our persona may not vote on this by itself.
    #[error("the mandate does not cover this vote")]
    Mandate,
}
