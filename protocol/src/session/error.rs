//! Why an operation on a group was refused, and whose doing that is.

use thiserror::Error;

use super::{
    CredentialError, EntryError, EnvelopeError, FrameError, RejoinError, succession::Refusal,
};
use crate::{identity::PersonaId, wire::DecodeError};

/// Whose doing an error is, and so what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What a peer sent breaks a rule: drop it, and think less of the peer.
    Peer,
    /// Nobody's fault; the same bytes may be welcome later. Park them and try again after the
    /// next commit.
    Early,
    /// Nobody's fault; the bytes bring nothing any more. Acknowledge and drop them.
    Late,
    /// This node asked for what cannot be done: an unknown group, a member that is already in.
    Caller,
    /// A bug or damaged rows on this node.
    Ours,
}

/// Why an operation on a group was refused. Nothing has changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SessionError {
    /// This persona is not, or no longer, a member of the group.
    #[error("unknown group")]
    UnknownGroup,
    /// This persona is already a member of a group with this id.
    #[error("group exists")]
    GroupExists,
    /// Only the sequencer may do this.
    #[error("only the sequencer may change the group")]
    NotSequencer,
    /// The persona is a member already, or is named twice.
    #[error("{0} is a member already")]
    AlreadyMember(PersonaId),
    /// The persona is not a member.
    #[error("{0} is not a member")]
    NotMember(PersonaId),
    /// A member cannot remove itself; MLS leaves that to others.
    #[error("the sequencer cannot remove itself")]
    OwnLeaf,
    /// No personas were named.
    #[error("nobody named")]
    Nobody,
    /// More than one group, envelope or message can hold.
    #[error("{what} of {len}, at most {max} allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        len: usize,
        /// The size allowed.
        max: usize,
    },
    /// A message of ours with a field that breaks its rule.
    #[error("own message: field {0} is not valid")]
    OwnMessage(&'static str),
    /// A group policy with a field that breaks its rule.
    #[error("policy: field {0} is not valid")]
    Policy(&'static str),

    /// Sealed under an epoch whose key this member does not hold: one it has not reached yet, or
    /// one too long gone.
    #[error("sealed under an epoch this member does not hold")]
    UnknownEpoch,
    /// So far ahead of the sender's last known message that messages between must come first.
    #[error("too far ahead of the messages known of its sender")]
    TooFarAhead,
    /// This very envelope was opened or sealed here before.
    #[error("opened before")]
    AlreadyOpened,
    /// Its key has been deleted: opened long ago, or overtaken by too many others.
    #[error("its key has been deleted")]
    KeyGone,

    /// Not an envelope, or too much for one.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Under a tag of this group, but not made with its key, or changed on the way.
    #[error("does not open")]
    Damaged,
    /// What it encloses is no frame of this version.
    #[error("frame: {0}")]
    Frame(#[from] FrameError),
    /// An MLS message that breaks the rules of MLS.
    #[error("MLS: {0}")]
    Mls(String),
    /// A log entry that does not hold.
    #[error("log entry: {0}")]
    Entry(#[from] EntryError),
    /// A commit that does what commits may not do here.
    #[error("commit: {0}")]
    Commit(&'static str),
    /// An application message with a field that breaks its rule.
    #[error("message: field {0} is not valid")]
    Message(&'static str),
    /// Not a message.
    #[error("message: {0}")]
    MessageDecode(DecodeError),
    /// A credential that does not hold.
    #[error("credential: {0}")]
    Credential(#[from] CredentialError),
    /// A key package that may not be used.
    #[error("key package: {0}")]
    KeyPackage(String),
    /// A welcome that does not hold.
    #[error("welcome: {0}")]
    Welcome(String),
    /// A welcome for none of our key packages.
    #[error("welcome for none of our key packages")]
    NotInvited,
    /// The rules of succession do not allow it, or not yet.
    #[error(transparent)]
    Succession(#[from] Refusal),
    /// It would take back more changes than this member can: it has to come in anew.
    #[error("too far apart from the others to come back by itself")]
    TooFarApart,
    /// Nobody comes back like this.
    #[error("rejoin: {0}")]
    Rejoin(#[from] RejoinError),
    /// By a leaf another one has taken the place of: an old copy of a member that came back.
    #[error("by a leaf that was replaced when its member came back")]
    Replaced,
    /// A receipt by no member that could have given it.
    #[error("receipt does not verify")]
    Receipt,
    /// Not sealed to this key, or changed on the way.
    #[error("sealed box does not open")]
    SealedBox,
    /// A sealing key no secret can be agreed with.
    #[error("not a usable sealing key")]
    SealingKey,

    /// A bug here, or rows that are not what was written.
    #[error("state: {0}")]
    State(String),
}

impl SessionError {
    /// Whose doing this is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownGroup
            | Self::GroupExists
            | Self::NotSequencer
            | Self::AlreadyMember(_)
            | Self::NotMember(_)
            | Self::OwnLeaf
            | Self::TooFarApart
            | Self::Nobody
            | Self::TooLarge { .. }
            | Self::OwnMessage(_)
            | Self::Policy(_)
            | Self::Envelope(EnvelopeError::TooLarge { .. }) => Fault::Caller,
            Self::UnknownEpoch | Self::TooFarAhead | Self::Succession(_) => Fault::Early,
            Self::AlreadyOpened | Self::KeyGone | Self::Replaced => Fault::Late,
            Self::Envelope(_)
            | Self::Damaged
            | Self::Frame(_)
            | Self::Mls(_)
            | Self::Entry(_)
            | Self::Commit(_)
            | Self::Message(_)
            | Self::MessageDecode(_)
            | Self::Credential(_)
            | Self::KeyPackage(_)
            | Self::Welcome(_)
            | Self::NotInvited
            | Self::Rejoin(_)
            | Self::Receipt
            | Self::SealedBox
            | Self::SealingKey => Fault::Peer,
            Self::State(_) => Fault::Ours,
        }
    }
}
