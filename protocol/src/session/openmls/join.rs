//! Joining a group by the welcome its sequencer sent.

use std::collections::BTreeSet;

use openmls::prelude::{JoinBuilder, MlsMessageBodyIn, ProcessedWelcome, StagedWelcome, Welcome};

use super::{
    OpenMls,
    engine::mls_id,
    mls_error,
    record::{EpochKeys, Group, GroupRecord, record_key},
    roster::Leaf,
    succeed::chain_from,
    suite::{SUITE, join_config, parse, policy_in, state},
};
use crate::{
    identity::ConversationId,
    session::{
        EntryError, EntryKind, GroupPolicy, Invitation, RejoinError, SeqEntry, SessionError,
        leaf::LeafKey, log::sha256, storage::group_prefix, succession::Succession,
    },
};

impl OpenMls {
    /// Joins the group a welcome leads to, if everything in it holds.
    pub(super) fn follow_welcome(
        &mut self,
        bytes: &[u8],
        now_ms: u64,
    ) -> Result<ConversationId, SessionError> {
        let Invitation { entry: signed, welcome } =
            Invitation::from_bytes(bytes).map_err(|error| refuse(&error.to_string()))?;
        let entry = signed.unverified()?;
        let MlsMessageBodyIn::Welcome(welcome) =
            parse(&welcome).map_err(|error| refuse(&error.to_string()))?
        else {
            return Err(refuse("not a welcome"));
        };
        if welcome.ciphersuite() != SUITE {
            return Err(refuse("of another ciphersuite"));
        }

        let (key, rejoins, staged) = self.stage_welcome(welcome)?;
        let id = ConversationId::from_slice(staged.group_context().group_id().as_slice())
            .ok_or_else(|| refuse("the group id is not 16 bytes"))?;
        let policy = policy_in(staged.group_context().extensions())
            .map_err(|field| refuse(&format!("policy field {field}")))?;
        let sequencer = check_tree(&staged, &policy, entry.time_ms)?;

        // The entry is the one of the commit that added us, signed by the leaf that invites.
        signed.verify(sequencer.key())?;
        if entry.leaf != sequencer.index.u32() {
            return Err(EntryError::Signature.into());
        }
        if entry.group != SeqEntry::genesis(id) {
            return Err(EntryError::Group.into());
        }
        if entry.term != policy.term {
            return Err(EntryError::Term(entry.term).into());
        }
        if entry.epoch.checked_add(1) != Some(staged.group_context().epoch().as_u64()) {
            return Err(EntryError::Epoch(entry.epoch).into());
        }
        match (entry.kind, rejoins) {
            (EntryKind::Add, None) => {}
            (EntryKind::Rejoin, Some(group)) if group == id => {}
            (EntryKind::Add | EntryKind::Rejoin, _) => return Err(RejoinError::Unasked.into()),
            (EntryKind::Remove | EntryKind::Term, _) => return Err(EntryError::Kind.into()),
        }

        // A vote binds whoever gave it, whatever became of its membership since.
        let promise = self.group(id).ok().and_then(|old| old.record.succession.promise());
        // Who asks to come back has nothing to lose; it may be ahead on a branch nobody follows.
        let later = staged.group_context().epoch().as_u64();
        self.make_way(id, &policy, rejoins.is_none().then_some(later))?;
        let mls = staged.into_group(&self.provider).map_err(mls_error::welcome)?;
        if sha256(mls.epoch_authenticator().as_slice()) != entry.authenticator {
            return Err(EntryError::Authenticator.into());
        }
        let own = Leaf::of(
            &mls.member_at(mls.own_leaf_index())
                .ok_or_else(|| state("the group has no leaf where openmls says ours is"))?,
        )?;
        if own.persona() != self.identity.id() {
            return Err(refuse("our leaf names another persona"));
        }
        own.credential.check_at(now_ms)?;
        let current = EpochKeys::export(&mls, &self.provider.crypto)?;
        let chain = chain_from(&mls, signed.hash())?;
        let succession = Succession::resume(self.identity.id(), chain, promise, BTreeSet::new());
        let record = GroupRecord::start(key, current, succession);
        // Into memory last, so that a join that fails leaves nothing there.
        self.drop_rejoin_packages(id)?;
        self.provider.rows.put(record_key(id), &record).map_err(state)?;
        self.groups.insert(id, Group { mls, record });
        Ok(id)
    }

    /// Deletes what is kept of an earlier membership. Whoever was removed and added again may get
    /// the welcome before the change that removed it, or instead of it; only its creator can lead
    /// a group to a later epoch.
    fn make_way(
        &self,
        id: ConversationId,
        policy: &GroupPolicy,
        later: Option<u64>,
    ) -> Result<(), SessionError> {
        let Some(Group { mls, .. }) = self.groups.get(&id) else { return Ok(()) };
        let known = policy_in(mls.extensions()).map_err(state)?;
        let is_later = later.is_none_or(|epoch| epoch > mls.epoch().as_u64());
        if known.creator != policy.creator || !is_later {
            return Err(SessionError::GroupExists);
        }
        let prefix = group_prefix(&mls_id(id)).map_err(state)?;
        self.provider.rows.delete_prefix(&prefix);
        self.erase_log(id);
        Ok(())
    }

    /// Opens a welcome with the key package it is for, and gives the leaf key of that package and
    /// the group it was made to come back to.
    fn stage_welcome(
        &self,
        welcome: Welcome,
    ) -> Result<(LeafKey, Option<ConversationId>, StagedWelcome), SessionError> {
        let processed = ProcessedWelcome::new_from_welcome(&self.provider, &join_config(), welcome)
            .map_err(mls_error::welcome)?;
        let reference = processed
            .own_key_package()
            .ok_or_else(|| state("a welcome was opened without a key package"))?
            .hash_ref(&self.provider.crypto)
            .map_err(state)?;
        let (key, rejoins) = self.use_package(&reference)?;
        let staged = JoinBuilder::new(&self.provider, processed)
            .skip_lifetime_validation()
            .replace_old_group()
            .build()
            .map_err(mls_error::welcome)?;
        Ok((key, rejoins, staged))
    }
}

/// Checks every leaf of the tree, and that the sequencer is who invites; gives its leaf.
fn check_tree(
    staged: &StagedWelcome,
    policy: &GroupPolicy,
    at_ms: u64,
) -> Result<Leaf, SessionError> {
    let mut personas = BTreeSet::new();
    let mut sequencer = None;
    for member in staged.members() {
        let leaf = Leaf::of(&member)?;
        if !personas.insert(leaf.persona()) {
            return Err(refuse("a persona has two leaves"));
        }
        if leaf.index == staged.welcome_sender_index() {
            sequencer = Some(leaf);
        }
    }
    let sequencer = sequencer
        .filter(|leaf| leaf.persona() == policy.sequencer())
        .ok_or_else(|| refuse("not by the sequencer"))?;
    sequencer.credential.check_at(at_ms)?;
    Ok(sequencer)
}

fn refuse(reason: &str) -> SessionError {
    SessionError::Welcome(reason.into())
}
