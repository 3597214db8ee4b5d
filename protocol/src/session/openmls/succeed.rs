//! When the sequencer is gone: votes, taking over, and coming back from another branch.

use openmls::prelude::MlsGroup;
use serde_bytes::ByteBuf;

use super::{
    OpenMls,
    engine::mls_id,
    record::{Group, GroupRecord, record_key},
    roster,
    suite::{policy_in, state},
};
use crate::{
    identity::{ConversationId, PersonaId},
    session::{
        Change, EntryError, Envelope, SessionError, SignedEntry, SignedSignal,
        signal::count_votes,
        storage::group_prefix,
        succession::{Branch, Chain, Refusal, Standing, Start, Step, Takeover, elect},
    },
};

/// How many epochs can be taken back: snapshots keep keys that forward secrecy would delete.
const SNAPSHOTS_MAX: u64 = 5;

/// Commits kept for members that are behind.
const LOG_EPOCHS: u64 = 64;

const SNAPSHOTS: &[u8] = b"s";
const LOG: &[u8] = b"l";

fn of_epoch(kind: &[u8], id: ConversationId, epoch: u64) -> Vec<u8> {
    [kind, id.as_bytes(), &epoch.to_be_bytes()].concat()
}

/// A chain that begins where a group is now.
pub(super) fn chain_from(mls: &MlsGroup, head: [u8; 32]) -> Result<Chain, SessionError> {
    let policy = policy_in(mls.extensions()).map_err(state)?;
    Ok(Chain::new(Start {
        hash: head,
        epoch: mls.epoch().as_u64(),
        term: policy.term,
        holder: policy.sequencer(),
        certified: true,
        roster: roster::personas(mls).map_err(state)?.into_iter().collect(),
    }))
}

impl OpenMls {
    /// Keeps the rows of a group as they are, so that the change that now follows can be taken
    /// back.
    pub(super) fn keep_snapshot(&self, id: ConversationId) -> Result<(), SessionError> {
        let epoch = self.group(id)?.mls.epoch().as_u64();
        let snapshot = of_epoch(SNAPSHOTS, id, epoch);
        self.provider.rows.delete_prefix(&snapshot);
        let prefix = group_prefix(&mls_id(id)).map_err(state)?;
        for key in self.provider.rows.keys(&prefix).into_iter().chain([record_key(id)]) {
            self.provider.rows.copy(&key, [&snapshot[..], &key].concat());
        }
        Ok(())
    }

    /// Deletes snapshots of what is final, and of what is too long ago.
    pub(super) fn drop_snapshots(&self, id: ConversationId) -> Result<(), SessionError> {
        let Group { mls, record } = self.group(id)?;
        let chain = record.succession.chain();
        let unsettled = u64::try_from(chain.unsettled()).unwrap_or(u64::MAX);
        let oldest = mls.epoch().as_u64().saturating_sub(unsettled.min(SNAPSHOTS_MAX));
        let prefix = [SNAPSHOTS, id.as_bytes()].concat();
        let first = of_epoch(SNAPSHOTS, id, oldest);
        for key in self.provider.rows.keys(&prefix) {
            if key < first {
                self.provider.rows.delete(key);
            }
        }
        Ok(())
    }

    /// Takes back everything after a place of our chain.
    fn rewind(&mut self, id: ConversationId, place: usize) -> Result<(), SessionError> {
        let mut succession = self.group(id)?.record.succession.clone();
        let chain = succession.chain();
        if place == chain.steps.len() {
            return Ok(());
        }
        let epoch = chain.steps[place].epoch;
        succession.rewind(place)?;
        let snapshot = of_epoch(SNAPSHOTS, id, epoch);
        let kept = self.provider.rows.keys(&snapshot);
        if kept.is_empty() {
            return Err(SessionError::TooFarApart);
        }
        let prefix = group_prefix(&mls_id(id)).map_err(state)?;
        self.provider.rows.delete_prefix(&prefix);
        for key in kept {
            self.provider.rows.copy(&key, key[snapshot.len()..].to_vec());
        }
        for kind in [SNAPSHOTS, LOG] {
            let first = of_epoch(kind, id, epoch);
            for key in self.provider.rows.keys(&[kind, id.as_bytes()].concat()) {
                if key >= first {
                    self.provider.rows.delete(key);
                }
            }
        }
        let record: Option<GroupRecord> = self.provider.rows.get(&record_key(id)).map_err(state)?;
        let mut record = record.ok_or_else(|| state("a snapshot without a record"))?;
        record.succession = succession;
        self.provider.rows.put(record_key(id), &record).map_err(state)?;
        self.load(id)
    }

    /// Keeps the envelope of the commit that ended an epoch.
    pub(super) fn keep_commit(
        &self,
        id: ConversationId,
        epoch: u64,
        envelope: &Envelope,
    ) -> Result<(), SessionError> {
        let bytes = ByteBuf::from(envelope.as_bytes().to_vec());
        self.provider.rows.put(of_epoch(LOG, id, epoch), &bytes).map_err(state)?;
        if let Some(old) = epoch.checked_sub(LOG_EPOCHS) {
            self.provider.rows.delete(of_epoch(LOG, id, old));
        }
        Ok(())
    }

    /// The commits a member lacks that followed this entry last.
    pub(super) fn commits_since(&self, id: ConversationId, head: &[u8; 32]) -> Vec<Envelope> {
        let Ok(Group { record, .. }) = self.group(id) else { return Vec::new() };
        let chain = record.succession.chain();
        let Some(place) = chain.place_after(head) else { return Vec::new() };
        let kept = |step: &Step| {
            let bytes: ByteBuf =
                self.provider.rows.get(&of_epoch(LOG, id, step.epoch)).ok().flatten()?;
            Envelope::from_bytes(bytes.into_vec()).ok()
        };
        chain.steps[place..].iter().map_while(kept).collect()
    }

    /// Deletes everything about a group that this module keeps.
    pub(super) fn erase_log(&self, id: ConversationId) {
        for kind in [SNAPSHOTS, LOG] {
            self.provider.rows.delete_prefix(&[kind, id.as_bytes()].concat());
        }
    }

    /// The first entry of a term, with the votes for its signer that hold and meet our chain.
    pub(super) fn takeover(
        &self,
        id: ConversationId,
        signed: &SignedEntry,
        signer: PersonaId,
        votes: &[SignedSignal],
    ) -> Result<Takeover, SessionError> {
        let chain = self.group(id)?.record.succession.chain();
        let entry = signed.unverified()?;
        let votes = chain.meeting(count_votes(id, entry.term, signer, votes));
        let step = Step {
            hash: signed.hash(),
            epoch: entry.epoch,
            term: entry.term,
            standing: Standing::Certified,
            signer,
            added: Vec::new(),
            removed: Vec::new(),
        };
        Ok(Takeover { step, previous: entry.previous, votes })
    }

    /// Goes over to the branch a certified term continues: takes back what it leaves out, and
    /// from then on follows its entries.
    pub(super) fn go_over(
        &mut self,
        id: ConversationId,
        signed: &SignedEntry,
        signer: PersonaId,
        votes: &[SignedSignal],
    ) -> Result<(), SessionError> {
        let takeover = self.takeover(id, signed, signer, votes)?;
        let succession = &self.group(id)?.record.succession;
        if succession.chain().place_after(&takeover.step.hash).is_some() {
            return Ok(());
        }
        let branch = succession.judge(&takeover, false)?;
        let kept = succession.common(&branch);
        self.rewind(id, kept)?;
        let Group { record, .. } = self.groups.get_mut(&id).ok_or(SessionError::UnknownGroup)?;
        record.adopting = Some(takeover);
        self.keep_record(id)
    }

    /// The step of an entry on the branch we are on the way to.
    pub(super) fn on_the_way(&self, id: ConversationId, hash: &[u8; 32]) -> Option<Step> {
        let record = &self.group(id).ok()?.record;
        let branch = record.succession.judge(record.adopting.as_ref()?, false).ok()?;
        branch.steps.into_iter().find(|step| step.hash == *hash)
    }

    /// Begins a term as who the votes are for. First takes back what the branch leaves out.
    pub(super) fn begin_term(
        &mut self,
        id: ConversationId,
        votes: &[SignedSignal],
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        let me = self.identity.id();
        let succession = &self.group(id)?.record.succession;
        let promise = succession.promise().filter(|promise| promise.candidate == me);
        let term = promise.ok_or(Refusal::Signer)?.term;
        let counted = succession.chain().meeting(count_votes(id, term, me, votes));
        let branch = elect(succession.chain(), &counted).map_err(Refusal::from)?;
        if !branch.certified {
            return Err(Refusal::Minority.into());
        }
        self.stand_at_its_end(id, &branch)?;
        self.commit_term(id, term, votes, now_ms)
    }

    fn stand_at_its_end(
        &mut self,
        id: ConversationId,
        branch: &Branch,
    ) -> Result<(), SessionError> {
        let kept = self.group(id)?.record.succession.common(branch);
        if kept < branch.steps.len() {
            return Err(Refusal::Previous.into());
        }
        self.rewind(id, kept)
    }

    /// Follows the first entry of a term, once its commit is merged.
    pub(super) fn follow_takeover(
        &mut self,
        id: ConversationId,
        takeover: &Takeover,
        certificate: (SignedEntry, Vec<SignedSignal>),
    ) -> Result<(), SessionError> {
        let Group { record, .. } = self.groups.get_mut(&id).ok_or(SessionError::UnknownGroup)?;
        let branch = record.succession.judge(takeover, false)?;
        record.succession.take_over(takeover, &branch)?;
        record.adopting = None;
        record.certificate = Some(certificate);
        Ok(())
    }
}

/// What a refusal of the rules means for the entry it is about.
pub(super) fn entry_error(refusal: Refusal) -> SessionError {
    match refusal {
        Refusal::Signer => EntryError::Signature.into(),
        Refusal::Previous => EntryError::Previous.into(),
        Refusal::Frozen => EntryError::Equivocation.into(),
        other => other.into(),
    }
}
