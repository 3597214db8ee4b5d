//! The state, how an operation becomes all or nothing, and the trait.

use std::{collections::BTreeMap, fmt};

use openmls::prelude::{GroupId, MlsGroup, tls_codec::Serialize as _};
use openmls_traits::random::OpenMlsRand;

use super::{
    record::{Group, GroupRecord, RECORDS, record_key},
    roster,
    suite::{policy_in, state},
};
use crate::{
    identity::{ConversationId, EnvelopeId, PersonaId, PersonaKey},
    mailbox::Token,
    session::{
        Change, DeviceCredential, EntryError, Envelope, GroupEngine, GroupPolicy, Opened, Position,
        SealedFrame, SessionError, SignedEntry, SignedRejoin, SignedSignal, StateWrite, Tag,
        TagKey,
        leaf::LeafKey,
        log::sha256,
        storage::{Provider, Rows, group_prefix},
        succession::{Spine, Succession},
    },
    wire::{Message, Receipt},
};

/// The groups of one persona on one device, over openmls.
pub struct OpenMls {
    pub(super) identity: PersonaKey,
    pub(super) provider: Provider,
    pub(super) groups: BTreeMap<ConversationId, Group>,
}

/// Where the number of this device is kept.
const DEVICE: &[u8] = b"d";

impl OpenMls {
    /// The groups of a persona, from all rows ever written and not deleted.
    ///
    /// # Errors
    /// [`SessionError::State`] when the rows are not what was written.
    pub fn new(
        identity: &PersonaKey,
        rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, SessionError> {
        let provider = Provider { rows: Rows::load(rows), ..Provider::default() };
        let identity = PersonaKey::from_seed(&identity.seed());
        let mut engine = Self { identity, provider, groups: BTreeMap::new() };
        for key in engine.provider.rows.keys(RECORDS) {
            let group = ConversationId::from_slice(&key[RECORDS.len()..])
                .ok_or_else(|| state("the key of a record is not a group id"))?;
            engine.load(group)?;
        }
        Ok(engine)
    }

    /// Runs an operation on one group: all of its changes hold, or none.
    pub(super) fn attempt<T>(
        &mut self,
        group: Option<ConversationId>,
        operation: impl FnOnce(&mut Self) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let result = operation(self);
        if result.is_ok() {
            self.provider.rows.keep();
        } else {
            self.provider.rows.undo();
            if let Some(group) = group {
                self.load(group)?;
            }
        }
        result
    }

    /// Brings a group into memory as its rows have it.
    pub(super) fn load(&mut self, group: ConversationId) -> Result<(), SessionError> {
        self.groups.remove(&group);
        let record: Option<GroupRecord> =
            self.provider.rows.get(&record_key(group)).map_err(state)?;
        if let Some(record) = record {
            let mls = MlsGroup::load(&self.provider.rows, &mls_id(group))
                .map_err(state)?
                .ok_or_else(|| state("a group has a record and no MLS state"))?;
            self.groups.insert(group, Group { mls, record });
        }
        Ok(())
    }

    /// Keeps the record of a group that has changed.
    pub(super) fn keep_record(&self, group: ConversationId) -> Result<(), SessionError> {
        let record = &self.group(group)?.record;
        self.provider.rows.put(record_key(group), record).map_err(state)
    }

    /// Deletes everything about a group.
    pub(super) fn erase(&mut self, group: ConversationId) -> Result<(), SessionError> {
        self.groups.remove(&group);
        self.provider.rows.delete(record_key(group));
        let prefix = group_prefix(&mls_id(group)).map_err(state)?;
        self.provider.rows.delete_prefix(&prefix);
        self.erase_log(group);
        Ok(())
    }

    fn succession_mut(&mut self, group: ConversationId) -> Result<&mut Succession, SessionError> {
        let group = self.groups.get_mut(&group).ok_or(SessionError::UnknownGroup)?;
        Ok(&mut group.record.succession)
    }

    pub(super) fn group(&self, group: ConversationId) -> Result<&Group, SessionError> {
        self.groups.get(&group).ok_or(SessionError::UnknownGroup)
    }

    /// A leaf key nobody has seen.
    pub(super) fn fresh_leaf_key(&self) -> Result<LeafKey, SessionError> {
        self.random().map(|seed| LeafKey::from_seed(&seed))
    }

    /// Our word for a leaf key of ours.
    pub(super) fn vouch(
        &self,
        key: &LeafKey,
        now_ms: u64,
    ) -> Result<DeviceCredential, SessionError> {
        let device = match self.provider.rows.get(DEVICE).map_err(state)? {
            Some(device) => device,
            None => {
                let device = u32::from_le_bytes(self.random()?);
                self.provider.rows.put(DEVICE.to_vec(), &device).map_err(state)?;
                device
            }
        };
        Ok(DeviceCredential::issue(&self.identity, device, key.public(), now_ms))
    }

    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N], SessionError> {
        self.provider.crypto.random_array().map_err(state)
    }
}

/// A conversation's id as MLS writes it.
pub(super) fn mls_id(group: ConversationId) -> GroupId {
    GroupId::from_slice(group.as_bytes())
}

impl GroupEngine for OpenMls {
    fn take_writes(&mut self) -> Vec<StateWrite> {
        self.provider.rows.take_writes()
    }

    fn last_resort_key_package(&mut self, now_ms: u64) -> Result<Vec<u8>, SessionError> {
        self.attempt(None, |engine| engine.current_key_package(now_ms))
    }

    fn create(
        &mut self,
        group: ConversationId,
        policy: GroupPolicy,
        now_ms: u64,
    ) -> Result<(), SessionError> {
        self.attempt(Some(group), |engine| engine.start_group(group, &policy, now_ms))
    }

    fn add(
        &mut self,
        group: ConversationId,
        key_packages: &[Vec<u8>],
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        self.attempt(Some(group), |engine| engine.add_personas(group, key_packages, now_ms))
    }

    fn remove(
        &mut self,
        group: ConversationId,
        personas: &[PersonaId],
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        self.attempt(Some(group), |engine| engine.remove_personas(group, personas, now_ms))
    }

    fn join(&mut self, welcome: &[u8], now_ms: u64) -> Result<ConversationId, SessionError> {
        // No group is named before the welcome is read, and one we are in already is not touched.
        self.attempt(None, |engine| engine.follow_welcome(welcome, now_ms))
    }

    fn ask_to_rejoin(
        &mut self,
        group: ConversationId,
        now_ms: u64,
    ) -> Result<SignedRejoin, SessionError> {
        self.attempt(None, |engine| engine.make_request(group, now_ms))
    }

    fn readmit(
        &mut self,
        group: ConversationId,
        request: &SignedRejoin,
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        self.attempt(Some(group), |engine| engine.readmit_persona(group, request, now_ms))
    }

    fn forget(&mut self, group: ConversationId) {
        self.attempt(None, |engine| engine.erase(group)).expect("a group id always encodes");
    }

    fn groups(&self) -> Vec<ConversationId> {
        self.groups.keys().copied().collect()
    }

    fn seal(
        &mut self,
        group: ConversationId,
        message: &Message,
        now_ms: u64,
    ) -> Result<Envelope, SessionError> {
        self.attempt(Some(group), |engine| engine.seal_message(group, message, now_ms))
    }

    fn seal_receipts(
        &self,
        group: ConversationId,
        receipts: &[(EnvelopeId, Receipt)],
        now_ms: u64,
    ) -> Result<Envelope, SessionError> {
        let frame = SealedFrame::Receipts(receipts.to_vec());
        self.group(group)?.record.current().seal(&frame.to_bytes(), self.random()?, now_ms)
    }

    fn tokens(&self, group: ConversationId, now_ms: u64) -> Result<Vec<Token>, SessionError> {
        Ok(self.group(group)?.record.tokens(now_ms))
    }

    fn tag_key(
        &self,
        group: ConversationId,
        tag: Tag,
        around_ms: u64,
    ) -> Result<TagKey, SessionError> {
        self.group(group)?.record.tag_key(tag, around_ms).ok_or(SessionError::UnknownEpoch)
    }

    fn tags(&self, group: ConversationId, now_ms: u64) -> Result<Vec<Tag>, SessionError> {
        Ok(self.group(group)?.record.tags(now_ms))
    }

    fn open(
        &mut self,
        group: ConversationId,
        envelope: &Envelope,
        now_ms: u64,
    ) -> Result<Opened, SessionError> {
        // What does not get past the outer layer touches no state, and so costs no reload.
        let (epoch, frame) = self.group(group)?.record.open(envelope, now_ms)?;
        let opened =
            self.attempt(Some(group), |engine| engine.open_frame(group, epoch, envelope, &frame));
        if let Err(SessionError::Entry(EntryError::Equivocation)) = opened
            && let Some(Group { mls, record }) = self.groups.get_mut(&group)
        {
            let policy = policy_in(mls.extensions()).map_err(state)?;
            record.succession.freeze(policy.term);
        }
        opened
    }

    fn succession(&self, group: ConversationId) -> Result<&Succession, SessionError> {
        Ok(&self.group(group)?.record.succession)
    }

    fn stand(&mut self, group: ConversationId, beyond: u64) -> Result<(u64, Spine), SessionError> {
        self.attempt(Some(group), |engine| {
            let stood = engine.succession_mut(group)?.stand(beyond)?;
            engine.keep_record(group)?;
            Ok(stood)
        })
    }

    fn vote(
        &mut self,
        group: ConversationId,
        term: u64,
        candidate: PersonaId,
    ) -> Result<Spine, SessionError> {
        self.attempt(Some(group), |engine| {
            let spine = engine.succession_mut(group)?.vote(term, candidate)?;
            engine.keep_record(group)?;
            Ok(spine)
        })
    }

    fn note_followed(
        &mut self,
        group: ConversationId,
        persona: PersonaId,
        head: [u8; 32],
    ) -> Result<(), SessionError> {
        self.attempt(Some(group), |engine| {
            let succession = engine.succession_mut(group)?;
            let before = succession.chain().unsettled();
            succession.on_followed(persona, head);
            if succession.chain().unsettled() < before {
                engine.keep_record(group)?;
                engine.drop_snapshots(group)?;
            }
            Ok(())
        })
    }

    fn take_over(
        &mut self,
        group: ConversationId,
        votes: &[SignedSignal],
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        self.attempt(Some(group), |engine| engine.begin_term(group, votes, now_ms))
    }

    fn certificate(&self, group: ConversationId) -> Option<(SignedEntry, Vec<SignedSignal>)> {
        self.group(group).ok()?.record.certificate.clone()
    }

    fn adopt(
        &mut self,
        group: ConversationId,
        signer: PersonaId,
        entry: &SignedEntry,
        votes: &[SignedSignal],
    ) -> Result<(), SessionError> {
        self.attempt(Some(group), |engine| engine.go_over(group, entry, signer, votes))
    }

    fn commits_after(&self, group: ConversationId, head: &[u8; 32]) -> Vec<Envelope> {
        self.commits_since(group, head)
    }

    fn roster(&self, group: ConversationId) -> Result<Vec<PersonaId>, SessionError> {
        roster::personas(&self.group(group)?.mls).map_err(state)
    }

    fn position(&self, group: ConversationId) -> Result<Position, SessionError> {
        let Group { mls, record } = self.group(group)?;
        let authenticator = mls.epoch_authenticator().as_slice();
        let context = mls.public_group().group_context().tls_serialize_detached().map_err(state)?;
        Ok(Position {
            epoch: mls.epoch().as_u64(),
            authenticator: authenticator
                .try_into()
                .map_err(|_| state("an epoch authenticator is not 32 bytes"))?,
            context_hash: sha256(&context),
            head: record.head,
        })
    }

    fn policy(&self, group: ConversationId) -> Result<GroupPolicy, SessionError> {
        policy_in(self.group(group)?.mls.extensions()).map_err(state)
    }

    fn receipt(
        &self,
        group: ConversationId,
        envelope: EnvelopeId,
    ) -> Result<Receipt, SessionError> {
        Ok(self.group(group)?.receipt(envelope))
    }

    fn verify_receipt(
        &self,
        group: ConversationId,
        envelope: EnvelopeId,
        receipt: &Receipt,
    ) -> Result<PersonaId, SessionError> {
        self.group(group)?.receipt_author(envelope, receipt)
    }
}

impl fmt::Debug for OpenMls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenMls({:?}, {} groups)", self.identity.id(), self.groups.len())
    }
}
