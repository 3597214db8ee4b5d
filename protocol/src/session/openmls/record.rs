//! What we keep of a group beside what openmls keeps.
//!
//! openmls exports keys of the current epoch only, so the envelope and tag keys of the past
//! epochs that still open are kept here.

use openmls::prelude::{MlsGroup, OpenMlsCrypto};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::suite::{PAST_EPOCHS, state};
use crate::{
    identity::{ConversationId, Domain, PersonaId},
    mailbox::Token,
    session::{
        Envelope, SessionError, SignedEntry, SignedSignal, Tag, TagKey,
        leaf::LeafKey,
        succession::{Succession, Takeover},
    },
};

/// The outer keys of one epoch, exported from MLS.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct EpochKeys {
    pub(super) epoch: u64,
    envelope_key: [u8; 32],
    tag_key: TagKey,
    /// Hash of the entry whose commit ended the epoch.
    #[zeroize(skip)]
    closed_by: Option<[u8; 32]>,
}

/// A leaf that is gone, kept while its receipts may still come.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Departed {
    /// The last epoch it was a member of.
    pub(super) epoch: u64,
    pub(super) leaf: u32,
    pub(super) persona: PersonaId,
    pub(super) key: [u8; 32],
    /// Whether its member came back with another leaf: then nothing by this one counts any more.
    #[serde(default)]
    pub(super) replaced: bool,
}

/// Our record of one group.
#[derive(Serialize, Deserialize)]
pub(super) struct GroupRecord {
    /// Our leaf key in this group.
    pub(super) leaf_key: LeafKey,
    /// Hash of the last log entry.
    pub(super) head: [u8; 32],
    /// The current epoch last, at most [`PAST_EPOCHS`] before it.
    epochs: Vec<EpochKeys>,
    departed: Vec<Departed>,
    /// What we followed and whom we have promised what.
    pub(super) succession: Succession,
    /// The branch we are on the way to, whose entries we follow although their terms are over.
    pub(super) adopting: Option<Takeover>,
    /// The entry that began the current term, and its votes.
    pub(super) certificate: Option<(SignedEntry, Vec<SignedSignal>)>,
}

/// A group in memory.
pub(super) struct Group {
    pub(super) mls: MlsGroup,
    pub(super) record: GroupRecord,
}

/// Where the record of a group is kept.
pub(super) fn record_key(group: ConversationId) -> Vec<u8> {
    [RECORDS, group.as_bytes()].concat()
}

/// What the keys of all records begin with.
pub(super) const RECORDS: &[u8] = b"r";

impl EpochKeys {
    /// The outer keys of the epoch a group is in.
    pub(super) fn export(
        group: &MlsGroup,
        crypto: &impl OpenMlsCrypto,
    ) -> Result<Self, SessionError> {
        let key = |domain: Domain| -> Result<[u8; 32], SessionError> {
            let mut exported = Zeroizing::new([0; 32]);
            let bytes = Zeroizing::new(
                group.export_secret(crypto, domain.as_str(), &[], 32).map_err(state)?,
            );
            exported.copy_from_slice(&bytes);
            Ok(*exported)
        };
        Ok(Self {
            epoch: group.epoch().as_u64(),
            envelope_key: key(Domain::EnvelopeKey)?,
            tag_key: TagKey::from_bytes(key(Domain::TagKey)?),
            closed_by: None,
        })
    }

    /// Seals a frame under this epoch.
    pub(super) fn seal(
        &self,
        frame: &[u8],
        nonce: [u8; 24],
        now_ms: u64,
    ) -> Result<Envelope, SessionError> {
        Ok(Envelope::seal(&self.envelope_key, self.tag_key.tag_at(now_ms), nonce, frame)?)
    }
}

impl GroupRecord {
    /// The record of a group this member has just come into.
    pub(super) fn start(leaf_key: LeafKey, current: EpochKeys, succession: Succession) -> Self {
        Self {
            leaf_key,
            head: succession.chain().head(),
            epochs: vec![current],
            departed: Vec::new(),
            succession,
            adopting: None,
            certificate: None,
        }
    }

    /// The outer keys of the current epoch.
    pub(super) fn current(&self) -> &EpochKeys {
        self.epochs.last().expect("a record begins with an epoch and keeps the newest")
    }

    /// The entry that ended an epoch, where the epoch is still kept.
    pub(super) fn closed_by(&self, epoch: u64) -> Option<[u8; 32]> {
        self.epochs.iter().find(|keys| keys.epoch == epoch)?.closed_by
    }

    /// Moves to the next epoch and forgets the one that is now too old.
    pub(super) fn advance(&mut self, head: [u8; 32], next: EpochKeys, departed: Vec<Departed>) {
        if let Some(closed) = self.epochs.last_mut() {
            closed.closed_by = Some(head);
        }
        self.head = head;
        self.epochs.push(next);
        let surplus = self.epochs.len().saturating_sub(PAST_EPOCHS + 1);
        self.epochs.drain(..surplus);
        let oldest = self.epochs[0].epoch;
        self.departed.extend(departed);
        self.departed.retain(|departed| departed.epoch >= oldest);
    }

    /// All tags under which envelopes may come now.
    pub(super) fn tags(&self, now_ms: u64) -> Vec<Tag> {
        let newest_first = self.epochs.iter().rev();
        newest_first.flat_map(|keys| keys.tag_key.tags_at(now_ms)).collect()
    }

    /// The tokens of [`GroupRecord::tags`].
    pub(super) fn tokens(&self, now_ms: u64) -> Vec<Token> {
        let newest_first = self.epochs.iter().rev();
        newest_first.flat_map(|keys| keys.tag_key.tokens_at(now_ms)).collect()
    }

    /// The tag key of the epoch that has this tag around a moment.
    pub(super) fn tag_key(&self, tag: Tag, around_ms: u64) -> Option<TagKey> {
        let mut newest_first = self.epochs.iter().rev();
        newest_first
            .find(|keys| keys.tag_key.tags_at(around_ms).contains(&tag))
            .map(|keys| keys.tag_key.clone())
    }

    /// Takes the outer layer off an envelope: the epoch it was sealed in and its frame.
    pub(super) fn open(
        &self,
        envelope: &Envelope,
        now_ms: u64,
    ) -> Result<(u64, Zeroizing<Vec<u8>>), SessionError> {
        // All keys are tried, whatever the tag, because an envelope that was on its way for days
        // has a tag of a window we no longer listen in.
        let opened =
            self.epochs.iter().rev().find_map(|keys| {
                envelope.open(&keys.envelope_key).map(|frame| (keys.epoch, frame))
            });
        let ours = || self.tags(now_ms).contains(&envelope.tag());
        opened.ok_or_else(
            || {
                if ours() { SessionError::Damaged } else { SessionError::UnknownEpoch }
            },
        )
    }

    /// Whether the leaf that was at this place in an epoch has been replaced since.
    pub(super) fn is_replaced(&self, leaf: u32, persona: PersonaId, epoch: u64) -> bool {
        self.departed_at(leaf)
            .any(|gone| gone.replaced && gone.persona == persona && gone.epoch >= epoch)
    }

    /// Leaves that are gone and were at this place.
    pub(super) fn departed_at(&self, leaf: u32) -> impl Iterator<Item = &Departed> {
        self.departed.iter().filter(move |departed| departed.leaf == leaf)
    }
}
