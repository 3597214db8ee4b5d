//! The trait the node talks to, so that the MLS library behind it can be exchanged.

use std::fmt;

use super::{
    Envelope, GroupPolicy, SessionError, SignedEntry, SignedRejoin, SignedSignal, Tag, TagKey,
    succession::{Spine, Succession},
};
use crate::{
    identity::{ConversationId, EnvelopeId, PersonaId},
    mailbox::Token,
    wire::{Message, Receipt},
};

/// One change of what has to be kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateWrite {
    /// Where.
    pub key: Vec<u8>,
    /// What to keep there; `None` deletes. Holds key material, so it is stored encrypted or not
    /// at all, and what is deleted has to be gone.
    pub value: Option<Vec<u8>>,
}

impl fmt::Debug for StateWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.value.as_ref().map(Vec::len);
        write!(f, "StateWrite({} key bytes, {bytes:?} value bytes)", self.key.len())
    }
}

/// A change this member made to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The commit, for the other members of the epoch it ends, those it removes included. `None`
    /// when there was nobody else.
    pub envelope: Option<Envelope>,
    /// For all who join with this change, to be sealed to each. `None` when nobody joins.
    pub welcome: Option<Vec<u8>>,
    /// Who joins. Sorted.
    pub added: Vec<PersonaId>,
    /// Who leaves. Sorted.
    pub removed: Vec<PersonaId>,
}

/// What an envelope turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Something said.
    Message {
        /// Who said it.
        author: PersonaId,
        /// What.
        message: Message,
    },
    /// The group has changed; it is in a new epoch now.
    Change {
        /// Who changed it.
        by: PersonaId,
        /// Who joined. Sorted.
        added: Vec<PersonaId>,
        /// Who left. Sorted.
        removed: Vec<PersonaId>,
        /// The new epoch.
        epoch: u64,
    },
    /// A member that had lost its keys is back, with another leaf.
    Rejoined {
        /// Who came back.
        persona: PersonaId,
        /// Who let it in.
        by: PersonaId,
        /// The new epoch.
        epoch: u64,
    },
    /// We were removed; the keys of the group are gone.
    Evicted,
    /// Our persona came back with another leaf; the keys of the one we had are gone.
    Replaced {
        /// Whether it was us who asked for it; the welcome is on its way then. Otherwise another
        /// copy of this persona is the member now.
        here: bool,
    },
    /// Members have committed envelopes of this group. The receipts hold.
    Receipts(Vec<(EnvelopeId, PersonaId)>),
}

/// Where a member stands. Two members with equal positions share one epoch and its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Counts commits.
    pub epoch: u64,
    /// The MLS epoch authenticator: equal only for members with equal keys. Known to members
    /// only.
    pub authenticator: [u8; 32],
    /// SHA-256 of the serialized MLS GroupContext.
    pub context_hash: [u8; 32],
    /// Hash of the last log entry.
    pub head: [u8; 32],
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |bytes: &[u8; 32]| data_encoding::HEXLOWER.encode(&bytes[..4]);
        write!(
            f,
            "Position(epoch {}, context {}…, head {}…)",
            self.epoch,
            short(&self.context_hash),
            short(&self.head)
        )
    }
}

/// The groups of one persona on one device.
///
/// Nothing here does input or output. After every call that may change something, the caller
/// takes the changes with [`GroupEngine::take_writes`] and keeps them, all or none, before
/// anything the call produced leaves the node and before anything it opened is acknowledged: a
/// member that forgot a message key it used, and uses it again, gives the message away.
///
/// A call that returns an error has changed nothing, in memory or among the writes.
pub trait GroupEngine: Send {
    /// Everything that changed since the last call, each key once, in the order of keys.
    fn take_writes(&mut self) -> Vec<StateWrite>;

    /// The key package with which anyone may add this persona, as an MLS message. A new one
    /// every 7 days and after every use; a replaced one still opens welcomes for 14 days.
    ///
    /// # Errors
    /// [`SessionError::State`] only.
    fn last_resort_key_package(&mut self, now_ms: u64) -> Result<Vec<u8>, SessionError>;

    /// Starts a group with this persona as its only member and its sequencer.
    ///
    /// # Errors
    /// [`SessionError::GroupExists`], or [`SessionError::Policy`] when the policy breaks a rule
    /// or names another creator.
    fn create(
        &mut self,
        group: ConversationId,
        policy: GroupPolicy,
        now_ms: u64,
    ) -> Result<(), SessionError>;

    /// Adds the personas of these key packages. For the sequencer only.
    ///
    /// # Errors
    /// [`SessionError::KeyPackage`] and [`SessionError::Credential`] for a package that does not
    /// hold; the variants of [`super::Fault::Caller`] otherwise.
    fn add(
        &mut self,
        group: ConversationId,
        key_packages: &[Vec<u8>],
        now_ms: u64,
    ) -> Result<Change, SessionError>;

    /// Removes personas. For the sequencer only.
    ///
    /// # Errors
    /// [`SessionError::NotMember`], [`SessionError::OwnLeaf`], [`SessionError::NotSequencer`].
    fn remove(
        &mut self,
        group: ConversationId,
        personas: &[PersonaId],
        now_ms: u64,
    ) -> Result<Change, SessionError>;

    /// Joins with the welcome of a [`Change`]. A group we are in already is replaced when its
    /// creator welcomes us into a later epoch: we were removed and added again.
    ///
    /// # Errors
    /// [`SessionError::NotInvited`] when it is for none of our key packages,
    /// [`SessionError::GroupExists`] when we are in already and the welcome is not a later one;
    /// otherwise the peer's fault.
    fn join(&mut self, welcome: &[u8], now_ms: u64) -> Result<ConversationId, SessionError>;

    /// Asks to come back into a group whose keys are lost, or lead nowhere: a request for its
    /// members. The welcome that answers it is followed by [`GroupEngine::join`], and takes the
    /// place of whatever is here of the group.
    ///
    /// # Errors
    /// [`SessionError::State`] only.
    fn ask_to_rejoin(
        &mut self,
        group: ConversationId,
        now_ms: u64,
    ) -> Result<SignedRejoin, SessionError>;

    /// Lets a member back in that asks so: exchanges its leaf. For the sequencer only. The change
    /// names it as added and as removed.
    ///
    /// # Errors
    /// [`SessionError::Rejoin`] when the request does not hold or was used before,
    /// [`SessionError::NotSequencer`], and those of [`GroupEngine::add`] for its key package.
    fn readmit(
        &mut self,
        group: ConversationId,
        request: &SignedRejoin,
        now_ms: u64,
    ) -> Result<Change, SessionError>;

    /// Leaves a group for good by deleting everything about it.
    fn forget(&mut self, group: ConversationId);

    /// The groups this persona is a member of. Sorted.
    fn groups(&self) -> Vec<ConversationId>;

    /// Seals a message of ours for the other members.
    ///
    /// # Errors
    /// [`SessionError::OwnMessage`] when its id is not that of this author and number, or
    /// [`SessionError::TooLarge`].
    fn seal(
        &mut self,
        group: ConversationId,
        message: &Message,
        now_ms: u64,
    ) -> Result<Envelope, SessionError>;

    /// Seals receipts of ours, at most [`super::RECEIPTS_MAX`], for the author of the envelopes
    /// they are for: how it hears of them when we are never awake together.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn seal_receipts(
        &self,
        group: ConversationId,
        receipts: &[(EnvelopeId, Receipt)],
        now_ms: u64,
    ) -> Result<Envelope, SessionError>;

    /// The tokens of [`GroupEngine::tags`], for mailboxes, the current epoch's first.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn tokens(&self, group: ConversationId, now_ms: u64) -> Result<Vec<Token>, SessionError>;

    /// The key of the tags of an epoch that still opens, found by a tag it has around a moment.
    ///
    /// # Errors
    /// [`SessionError::UnknownEpoch`] when it is none of this group's, or too long gone.
    fn tag_key(
        &self,
        group: ConversationId,
        tag: Tag,
        around_ms: u64,
    ) -> Result<TagKey, SessionError>;

    /// The tags under which envelopes for this group may come now: yesterday's, today's and
    /// tomorrow's, of this epoch and of the past ones that still open.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn tags(&self, group: ConversationId, now_ms: u64) -> Result<Vec<Tag>, SessionError>;

    /// Opens an envelope, and follows the change when it is one.
    ///
    /// # Errors
    /// [`SessionError::fault`] says what to do: park ([`super::Fault::Early`]), acknowledge and
    /// drop ([`super::Fault::Late`]), or drop and remember who sent it ([`super::Fault::Peer`]).
    fn open(
        &mut self,
        group: ConversationId,
        envelope: &Envelope,
        now_ms: u64,
    ) -> Result<Opened, SessionError>;

    /// The personas in the group. Sorted, each once.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn roster(&self, group: ConversationId) -> Result<Vec<PersonaId>, SessionError>;

    /// Where this member stands.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn position(&self, group: ConversationId) -> Result<Position, SessionError>;

    /// Who may change the group.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn policy(&self, group: ConversationId) -> Result<GroupPolicy, SessionError>;

    /// What this member followed, promised and owes.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn succession(&self, group: ConversationId) -> Result<&Succession, SessionError>;

    /// Stands for the next term beyond this one: gives its number, and our own vote. Both have to be kept before
    /// they are said.
    ///
    /// # Errors
    /// [`SessionError::Succession`].
    fn stand(&mut self, group: ConversationId, beyond: u64) -> Result<(u64, Spine), SessionError>;

    /// Votes. Has to be kept before it is said.
    ///
    /// # Errors
    /// [`SessionError::Succession`] when this member is promised to another or the term is over.
    fn vote(
        &mut self,
        group: ConversationId,
        term: u64,
        candidate: PersonaId,
    ) -> Result<Spine, SessionError>;

    /// Another member says which entry it followed last.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn note_followed(
        &mut self,
        group: ConversationId,
        persona: PersonaId,
        head: [u8; 32],
    ) -> Result<(), SessionError>;

    /// Begins the term this member stands for, by these votes: from then on it is the sequencer.
    ///
    /// # Errors
    /// [`SessionError::Succession`] while the votes are too few, undecided, or lead to entries
    /// this member lacks.
    fn take_over(
        &mut self,
        group: ConversationId,
        votes: &[SignedSignal],
        now_ms: u64,
    ) -> Result<Change, SessionError>;

    /// The entry that began the current term, and its votes, for members on another branch.
    fn certificate(&self, group: ConversationId) -> Option<(SignedEntry, Vec<SignedSignal>)>;

    /// Goes over to the branch on which somebody has begun a term: takes back what it leaves out.
    /// Its commits, and that of the term, are then opened as any others.
    ///
    /// # Errors
    /// [`SessionError::Succession`] when the votes do not give the right,
    /// [`SessionError::TooFarApart`] when more would be taken back than can be.
    fn adopt(
        &mut self,
        group: ConversationId,
        signer: PersonaId,
        entry: &SignedEntry,
        votes: &[SignedSignal],
    ) -> Result<(), SessionError>;

    /// The commits that a member lacks which followed this entry last, in order.
    fn commits_after(&self, group: ConversationId, head: &[u8; 32]) -> Vec<Envelope>;

    /// Proof that this member committed an envelope. Made before [`GroupEngine::open`] when the
    /// envelope may remove us, because afterwards there is no key to make it with.
    ///
    /// # Errors
    /// [`SessionError::UnknownGroup`].
    fn receipt(&self, group: ConversationId, envelope: EnvelopeId)
    -> Result<Receipt, SessionError>;

    /// Who gave a receipt: a member, or one removed within the past epochs that still open.
    ///
    /// # Errors
    /// [`SessionError::Receipt`] when nobody did.
    fn verify_receipt(
        &self,
        group: ConversationId,
        envelope: EnvelopeId,
        receipt: &Receipt,
    ) -> Result<PersonaId, SessionError>;
}
