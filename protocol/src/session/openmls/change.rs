//! Changes made by the sequencer: starting a group, adding and removing personas.

use std::collections::BTreeSet;

use openmls::prelude::{KeyPackage, LeafNodeIndex, LeafNodeParameters, MlsGroup};

use super::{
    OpenMls,
    engine::mls_id,
    record::{Departed, EpochKeys, Group, GroupRecord},
    roster::{self, Leaf},
    succeed::{chain_from, entry_error},
    suite::{
        PAST_EPOCHS, PERSONAS_MAX, SUITE, capabilities, context_extensions, mls_credential,
        policy_in, sender_ratchet, state,
    },
};
use crate::{
    identity::{ConversationId, PersonaId},
    session::{
        Change, EntryKind, Envelope, GroupPolicy, Invitation, SealedFrame, SeqEntry, SessionError,
        SignedEntry, SignedRejoin, SignedSignal,
        log::sha256,
        succession::{Standing, Step, Succession},
    },
};

/// What one commit does.
pub(super) enum Alteration {
    Add(Vec<KeyPackage>),
    Remove(Vec<Leaf>),
    Term(Box<GroupPolicy>, Vec<SignedSignal>),
    Rejoin(Box<KeyPackage>, Vec<Leaf>, SignedRejoin),
}

/// A commit made and merged: what goes to the others.
struct Committed {
    frame: SealedFrame,
    entry: SignedEntry,
    welcome: Option<Vec<u8>>,
    ended: EpochKeys,
}

impl OpenMls {
    /// Starts a group of one.
    pub(super) fn start_group(
        &mut self,
        id: ConversationId,
        policy: &GroupPolicy,
        now_ms: u64,
    ) -> Result<(), SessionError> {
        if self.groups.contains_key(&id) {
            return Err(SessionError::GroupExists);
        }
        policy.check().map_err(SessionError::Policy)?;
        if policy.creator != self.identity.id() {
            return Err(SessionError::Policy("creator"));
        }
        let key = self.fresh_leaf_key()?;
        let credential = mls_credential(&self.vouch(&key, now_ms)?);
        let mls = MlsGroup::builder()
            .with_group_id(mls_id(id))
            .ciphersuite(SUITE)
            .with_capabilities(capabilities())
            .with_group_context_extensions(context_extensions(policy)?)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(PAST_EPOCHS)
            .sender_ratchet_configuration(sender_ratchet())
            .build(&self.provider, &key, credential)
            .map_err(state)?;
        let current = EpochKeys::export(&mls, &self.provider.crypto)?;
        let chain = chain_from(&mls, SeqEntry::genesis(id))?;
        let succession = Succession::new(self.identity.id(), chain);
        let record = GroupRecord::start(key, current, succession);
        self.groups.insert(id, Group { mls, record });
        self.keep_record(id)
    }

    /// Adds the personas of key packages.
    pub(super) fn add_personas(
        &mut self,
        id: ConversationId,
        key_packages: &[Vec<u8>],
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        let mut members = self.as_sequencer(id)?;
        let mut packages = Vec::new();
        let mut added = BTreeSet::new();
        for message in key_packages {
            let (package, credential) = self.check_key_package(message, now_ms)?;
            if !members.insert(credential.persona) {
                return Err(SessionError::AlreadyMember(credential.persona));
            }
            added.insert(credential.persona);
            packages.push(package);
        }
        if packages.is_empty() {
            return Err(SessionError::Nobody);
        }
        if members.len() > PERSONAS_MAX {
            let (what, len) = ("group", members.len());
            return Err(SessionError::TooLarge { what, len, max: PERSONAS_MAX });
        }
        self.change(id, Alteration::Add(packages), added, BTreeSet::new(), now_ms)
    }

    /// Removes personas, with all their leaves.
    pub(super) fn remove_personas(
        &mut self,
        id: ConversationId,
        personas: &[PersonaId],
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        let members = self.as_sequencer(id)?;
        let removed: BTreeSet<_> = personas.iter().copied().collect();
        if let Some(stranger) = removed.difference(&members).next() {
            return Err(SessionError::NotMember(*stranger));
        }
        if removed.contains(&self.identity.id()) {
            return Err(SessionError::OwnLeaf);
        }
        if removed.is_empty() {
            return Err(SessionError::Nobody);
        }
        let leaves = self.leaves_of(id, &removed)?;
        self.change(id, Alteration::Remove(leaves), BTreeSet::new(), removed, now_ms)
    }

    /// The members, if we are the one who may change them.
    pub(super) fn as_sequencer(
        &self,
        id: ConversationId,
    ) -> Result<BTreeSet<PersonaId>, SessionError> {
        let Group { mls, record } = self.group(id)?;
        let policy = policy_in(mls.extensions()).map_err(state)?;
        if policy.sequencer() != self.identity.id() {
            return Err(SessionError::NotSequencer);
        }
        record.succession.may_sign()?;
        Ok(roster::personas(mls).map_err(state)?.into_iter().collect())
    }

    pub(super) fn change(
        &mut self,
        id: ConversationId,
        alteration: Alteration,
        added: BTreeSet<PersonaId>,
        removed: BTreeSet<PersonaId>,
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        self.keep_snapshot(id)?;
        let (added, removed): (Vec<_>, Vec<_>) =
            (added.into_iter().collect(), removed.into_iter().collect());
        let committed = self.commit(id, alteration, now_ms)?;
        let entry = committed.entry.unverified()?;
        // Who comes back was and is a member.
        let roster_changes = entry.kind != EntryKind::Rejoin;
        let step = Step {
            hash: committed.entry.hash(),
            epoch: entry.epoch,
            term: entry.term,
            standing: Standing::Held,
            signer: self.identity.id(),
            added: if roster_changes { added.clone() } else { Vec::new() },
            removed: if roster_changes { removed.clone() } else { Vec::new() },
        };
        let Group { record, .. } = self.groups.get_mut(&id).ok_or(SessionError::UnknownGroup)?;
        record.succession.check(&step, &entry.previous).map_err(entry_error)?;
        record.succession.follow(step);
        let (envelope, welcome) = self.sent_change(id, committed, now_ms)?;
        Ok(Change { envelope, welcome, added, removed })
    }

    /// Begins a term: a commit that puts us first in the policy.
    pub(super) fn commit_term(
        &mut self,
        id: ConversationId,
        term: u64,
        votes: &[SignedSignal],
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        self.keep_snapshot(id)?;
        let me = self.identity.id();
        let policy = policy_in(self.group(id)?.mls.extensions()).map_err(state)?;
        let alteration = Alteration::Term(Box::new(policy.after(term, me)), votes.to_vec());
        let committed = self.commit(id, alteration, now_ms)?;
        let takeover = self.takeover(id, &committed.entry, me, votes)?;
        self.follow_takeover(id, &takeover, (committed.entry.clone(), votes.to_vec()))?;
        let (envelope, welcome) = self.sent_change(id, committed, now_ms)?;
        Ok(Change { envelope, welcome, added: Vec::new(), removed: Vec::new() })
    }

    /// Seals and keeps what was committed; what of it goes to members and joiners.
    fn sent_change(
        &mut self,
        id: ConversationId,
        committed: Committed,
        now_ms: u64,
    ) -> Result<(Option<Envelope>, Option<Vec<u8>>), SessionError> {
        let Committed { frame, entry, welcome, ended } = committed;
        self.keep_record(id)?;
        self.drop_snapshots(id)?;
        let envelope = ended.seal(&frame.to_bytes(), self.random()?, now_ms)?;
        let epoch = entry.unverified()?.epoch;
        self.keep_commit(id, epoch, &envelope)?;
        let chain = self.group(id)?.record.succession.chain();
        let before = chain.place_after(&entry.hash()).unwrap_or_default().saturating_sub(1);
        let alone = chain.roster_at(before).len() == 1;
        Ok(((!alone).then_some(envelope), welcome))
    }

    /// Commits, signs the log entry, and moves to the new epoch.
    fn commit(
        &mut self,
        id: ConversationId,
        alteration: Alteration,
        now_ms: u64,
    ) -> Result<Committed, SessionError> {
        let renewed = self.renewed_leaf(id, now_ms)?;
        let Self { provider, groups, .. } = self;
        let Group { mls, record } = groups.get_mut(&id).ok_or(SessionError::UnknownGroup)?;
        let (key, epoch, leaf) =
            (record.leaf_key.clone(), mls.epoch().as_u64(), mls.own_leaf_index());
        let policy = policy_in(mls.extensions()).map_err(state)?;

        let kind = match alteration {
            Alteration::Add(_) => EntryKind::Add,
            Alteration::Remove(_) => EntryKind::Remove,
            Alteration::Term(..) => EntryKind::Term,
            Alteration::Rejoin(..) => EntryKind::Rejoin,
        };
        let mut term = policy.term;
        let (mut votes, mut request) = (None, None);
        let builder = mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(true)
            .leaf_node_parameters(renewed);
        let (builder, departed) = match alteration {
            Alteration::Add(packages) => (builder.propose_adds(packages), Vec::new()),
            Alteration::Remove(leaves) => {
                let indices: Vec<LeafNodeIndex> = leaves.iter().map(|leaf| leaf.index).collect();
                let departed = leaves.iter().map(|leaf| departed(leaf, epoch, false)).collect();
                (builder.propose_removals(indices), departed)
            }
            Alteration::Rejoin(package, leaves, asked) => {
                request = Some(asked);
                let indices: Vec<LeafNodeIndex> = leaves.iter().map(|leaf| leaf.index).collect();
                let departed = leaves.iter().map(|leaf| departed(leaf, epoch, true)).collect();
                (builder.propose_removals(indices).propose_adds([*package]), departed)
            }
            Alteration::Term(policy, given) => {
                (term, votes) = (policy.term, Some(given));
                let extensions = context_extensions(&policy)?;
                let builder =
                    builder.propose_group_context_extensions(extensions).map_err(state)?;
                (builder, Vec::new())
            }
        };
        let bundle = builder
            .load_psks(&provider.rows)
            .map_err(state)?
            .build(&provider.crypto, &provider.crypto, &key, |_| true)
            .map_err(|error| match kind {
                // What is left to fail is a key package that does not go with the group.
                EntryKind::Add | EntryKind::Rejoin => SessionError::KeyPackage(error.to_string()),
                EntryKind::Remove | EntryKind::Term => state(error),
            })?
            .stage_commit(provider)
            .map_err(state)?;
        let welcome =
            bundle.to_welcome_msg().map(|welcome| welcome.to_bytes()).transpose().map_err(state)?;
        let commit = bundle.into_commit().to_bytes().map_err(state)?;

        let authenticator = mls
            .pending_commit()
            .and_then(|staged| staged.epoch_authenticator())
            .map(|authenticator| sha256(authenticator.as_slice()))
            .ok_or_else(|| state("a commit of ours leads to no epoch"))?;
        let entry = SeqEntry {
            group: SeqEntry::genesis(id),
            term,
            epoch,
            leaf: leaf.u32(),
            previous: record.head,
            commit: sha256(&commit),
            authenticator,
            kind,
            time_ms: now_ms,
        }
        .sign(&key);

        mls.merge_pending_commit(provider).map_err(state)?;
        let ended = record.current().clone();
        record.advance(entry.hash(), EpochKeys::export(mls, &provider.crypto)?, departed);
        let welcome =
            welcome.map(|welcome| Invitation { entry: entry.clone(), welcome }.to_bytes());
        let signed = entry.clone();
        let frame = match (votes, request) {
            (Some(votes), _) => SealedFrame::Takeover { entry, commit, votes },
            (None, Some(request)) => SealedFrame::Rejoin { entry, commit, request },
            (None, None) => SealedFrame::Commit { entry, commit },
        };
        Ok(Committed { frame, entry: signed, welcome, ended })
    }

    /// The leaf of our next commit, with a new credential when ours is getting old.
    fn renewed_leaf(
        &self,
        id: ConversationId,
        now_ms: u64,
    ) -> Result<LeafNodeParameters, SessionError> {
        let Group { mls, record } = self.group(id)?;
        let own = roster::leaf_at(mls, mls.own_leaf_index().u32())
            .ok_or_else(|| state("our own leaf is missing"))?;
        let builder = LeafNodeParameters::builder();
        if !own.credential.is_ageing(now_ms) {
            return Ok(builder.build());
        }
        let credential = self.vouch(&record.leaf_key, now_ms)?;
        Ok(builder.with_credential_with_key(mls_credential(&credential)).build())
    }
}

/// What is remembered of a leaf that leaves at the end of an epoch.
pub(super) fn departed(leaf: &Leaf, epoch: u64, replaced: bool) -> Departed {
    let (persona, key) = (leaf.persona(), *leaf.key());
    Departed { epoch, leaf: leaf.index.u32(), persona, key, replaced }
}
