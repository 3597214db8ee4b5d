//! Messages out and in, and following the sequencer's changes.

use std::collections::BTreeSet;

use openmls::prelude::{
    ContentType, MlsMessageBodyIn, PrivateMessageIn, ProcessedMessage, ProcessedMessageContent,
    Proposal, Sender, StagedCommit,
};

use super::{
    OpenMls,
    change::departed,
    mls_error,
    record::{EpochKeys, Group},
    roster::{self, Leaf},
    succeed::entry_error,
    suite::{context_extensions, parse, policy_in, state},
};
use crate::{
    identity::{ConversationId, MessageId, PersonaId},
    session::{
        EntryError, EntryKind, Envelope, Opened, RejoinError, SealedFrame, SeqEntry, SessionError,
        SignedEntry, SignedRejoin, SignedSignal,
        log::sha256,
        succession::{Refusal, Standing, Step, Takeover},
    },
    wire::{self, Content, Message},
};

/// The largest encoded message: the largest body and its fixed fields.
const MESSAGE_BYTES_MAX: usize = Content::BODY_BYTES_MAX + 128;

/// A commit that passed all rules but the last.
struct Checked {
    staged: StagedCommit,
    by: PersonaId,
    /// Who comes back with it.
    back: Option<PersonaId>,
    added: BTreeSet<PersonaId>,
    removed: Vec<Leaf>,
}

/// What travels beside an entry and its commit.
enum Beside {
    Nothing,
    Votes(Vec<SignedSignal>),
    Request(Box<SignedRejoin>),
}

/// By what right an entry may be followed.
enum Right {
    /// Its signer holds the term.
    Plain,
    /// It lies on the branch we are on the way to.
    OnTheWay(Step),
    /// Votes: it begins a term.
    Votes(Takeover, Vec<SignedSignal>),
}

impl OpenMls {
    /// Seals a message of ours.
    pub(super) fn seal_message(
        &mut self,
        id: ConversationId,
        message: &Message,
        now_ms: u64,
    ) -> Result<Envelope, SessionError> {
        check_message(id, self.identity.id(), message).map_err(SessionError::OwnMessage)?;
        if !self.group(id)?.record.succession.owed().is_empty() {
            return Err(Refusal::Owed.into());
        }
        let nonce = self.random()?;
        let Self { provider, groups, .. } = self;
        let Group { mls, record } = groups.get_mut(&id).ok_or(SessionError::UnknownGroup)?;
        let sealed = mls
            .create_message(provider, &record.leaf_key, &wire::encode(message))
            .map_err(state)?
            .to_bytes()
            .map_err(state)?;
        record.current().seal(&SealedFrame::Application(sealed).to_bytes(), nonce, now_ms)
    }

    /// Opens what an envelope of this group and epoch enclosed.
    pub(super) fn open_frame(
        &mut self,
        id: ConversationId,
        epoch: u64,
        envelope: &Envelope,
        frame: &[u8],
    ) -> Result<Opened, SessionError> {
        match SealedFrame::from_bytes(frame)? {
            SealedFrame::Application(message) => self.open_message(id, epoch, &message),
            SealedFrame::Commit { entry, commit } => {
                self.follow(id, epoch, envelope, (&entry, &commit), Beside::Nothing)
            }
            SealedFrame::Takeover { entry, commit, votes } => {
                self.follow(id, epoch, envelope, (&entry, &commit), Beside::Votes(votes))
            }
            SealedFrame::Rejoin { entry, commit, request } => {
                let beside = Beside::Request(Box::new(request));
                self.follow(id, epoch, envelope, (&entry, &commit), beside)
            }
            SealedFrame::Receipts(receipts) => self.check_receipts(id, &receipts),
        }
    }

    fn open_message(
        &mut self,
        id: ConversationId,
        epoch: u64,
        bytes: &[u8],
    ) -> Result<Opened, SessionError> {
        let processed = self.process(id, epoch, bytes, ContentType::Application)?;
        let author = roster::persona_in(processed.credential())?;
        if let Sender::Member(leaf) = processed.sender()
            && self.group(id)?.record.is_replaced(leaf.u32(), author, epoch)
        {
            return Err(SessionError::Replaced);
        }
        let plaintext = match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(plaintext) => plaintext.into_bytes(),
            ProcessedMessageContent::OwnPrivateMessage => return Err(SessionError::AlreadyOpened),
            _ => return Err(SessionError::Mls("not an application message".into())),
        };
        let message: Message =
            wire::decode(&plaintext, MESSAGE_BYTES_MAX).map_err(SessionError::MessageDecode)?;
        check_message(id, author, &message).map_err(SessionError::Message)?;
        Ok(Opened::Message { author, message })
    }

    /// Follows a change of the sequencer, if its entry holds.
    fn follow(
        &mut self,
        id: ConversationId,
        epoch: u64,
        envelope: &Envelope,
        (signed, commit): (&SignedEntry, &[u8]),
        beside: Beside,
    ) -> Result<Opened, SessionError> {
        let (votes, request) = match beside {
            Beside::Nothing => (None, None),
            Beside::Votes(votes) => (Some(votes), None),
            Beside::Request(request) => (None, Some(request)),
        };
        let right = self.right_of(id, signed, votes)?;
        let (entry, mut step) = self.check_entry(id, epoch, signed, commit, &right)?;
        let processed = self.process(id, epoch, commit, ContentType::Commit)?;
        let request = request.as_deref();
        let Checked { staged, by, back, added, removed } =
            self.check_commit(id, &entry, processed, request)?;

        if staged.self_removed() {
            self.erase(id)?;
            return Ok(match request {
                Some(request) => Opened::Replaced { here: self.asked_here(request) },
                None => Opened::Evicted,
            });
        }
        // Rule 3: the commit leads where the entry says, for every member alike.
        let authenticator = staged.epoch_authenticator().map(|secret| sha256(secret.as_slice()));
        if authenticator != Some(entry.authenticator) {
            return Err(EntryError::Authenticator.into());
        }

        self.keep_snapshot(id)?;
        let gone = removed.iter().map(|leaf| departed(leaf, epoch, back.is_some())).collect();
        // Who comes back was and is a member.
        let left = removed.iter().map(Leaf::persona);
        let mut removed: Vec<_> = left.filter(|left| Some(*left) != back).collect();
        removed.sort_unstable();
        removed.dedup();
        let added: Vec<_> = added.into_iter().collect();
        (step.added, step.removed) = (added.clone(), removed.clone());
        let Self { provider, groups, .. } = self;
        let Group { mls, record } = groups.get_mut(&id).ok_or(SessionError::UnknownGroup)?;
        mls.merge_staged_commit(provider, staged).map_err(state)?;
        record.advance(signed.hash(), EpochKeys::export(mls, &provider.crypto)?, gone);
        let next = mls.epoch().as_u64();
        match right {
            Right::Plain | Right::OnTheWay(_) => record.succession.follow(step),
            Right::Votes(takeover, votes) => {
                self.follow_takeover(id, &takeover, (signed.clone(), votes))?;
            }
        }
        self.keep_record(id)?;
        self.keep_commit(id, epoch, envelope)?;
        self.drop_snapshots(id)?;
        Ok(match back {
            Some(persona) => Opened::Rejoined { persona, by, epoch: next },
            None => Opened::Change { by, added, removed, epoch: next },
        })
    }

    /// By what right an entry may be followed.
    fn right_of(
        &self,
        id: ConversationId,
        signed: &SignedEntry,
        votes: Option<Vec<SignedSignal>>,
    ) -> Result<Right, SessionError> {
        if let Some(step) = self.on_the_way(id, &signed.hash()) {
            return Ok(Right::OnTheWay(step));
        }
        let Some(votes) = votes else { return Ok(Right::Plain) };
        let Group { mls, record } = self.group(id)?;
        let entry = signed.unverified()?;
        let signer = roster::leaf_at(mls, entry.leaf).ok_or(EntryError::Signature)?.persona();
        if record.succession.chain().place_after(&signed.hash()).is_some() {
            return Err(SessionError::AlreadyOpened);
        }
        let takeover = self.takeover(id, signed, signer, &votes)?;
        let branch = record.succession.judge(&takeover, false)?;
        let kept = record.succession.common(&branch);
        if kept < branch.steps.len() || kept < record.succession.chain().steps.len() {
            return Err(Refusal::Previous.into());
        }
        Ok(Right::Votes(takeover, votes))
    }

    /// Rule 1: the entry is the sequencer's and continues the log. Of rule 2, that it names this
    /// very commit.
    fn check_entry(
        &self,
        id: ConversationId,
        epoch: u64,
        signed: &SignedEntry,
        commit: &[u8],
        right: &Right,
    ) -> Result<(SeqEntry, Step), SessionError> {
        let Group { mls, record } = self.group(id)?;
        let policy = policy_in(mls.extensions()).map_err(state)?;
        let entry = signed.unverified()?;
        if entry.group != SeqEntry::genesis(id) {
            return Err(EntryError::Group.into());
        }
        if entry.epoch != epoch {
            return Err(EntryError::Epoch(entry.epoch).into());
        }
        let (term, signer) = match right {
            Right::Plain => (policy.term, policy.sequencer()),
            Right::OnTheWay(step) => (step.term, step.signer),
            Right::Votes(takeover, _) => (takeover.step.term, takeover.step.signer),
        };
        if entry.term != term {
            return Err(EntryError::Term(entry.term).into());
        }
        if (entry.kind == EntryKind::Term) != (term != policy.term) {
            return Err(EntryError::Kind.into());
        }
        let sequencer = roster::leaf_at(mls, entry.leaf)
            .filter(|leaf| leaf.persona() == signer)
            .ok_or(EntryError::Signature)?;
        signed.verify(sequencer.key())?;
        if let Some(closed_by) = record.closed_by(epoch) {
            return Err(match closed_by == signed.hash() {
                true => SessionError::AlreadyOpened,
                false => EntryError::Equivocation.into(),
            });
        }
        if entry.previous != record.head {
            return Err(EntryError::Previous.into());
        }
        if entry.commit != sha256(commit) {
            return Err(EntryError::Commit.into());
        }
        let step = match right {
            Right::OnTheWay(step) => step.clone(),
            Right::Votes(takeover, _) => takeover.step.clone(),
            Right::Plain => Step {
                hash: signed.hash(),
                epoch,
                term,
                standing: Standing::Held,
                signer,
                added: Vec::new(),
                removed: Vec::new(),
            },
        };
        if matches!(right, Right::Plain) {
            record.succession.check(&step, &entry.previous).map_err(entry_error)?;
        }
        Ok((entry, step))
    }

    /// Rule 2: the commit is the sequencer's own and does only what it may.
    fn check_commit(
        &self,
        id: ConversationId,
        entry: &SeqEntry,
        processed: ProcessedMessage,
        request: Option<&SignedRejoin>,
    ) -> Result<Checked, SessionError> {
        let Group { mls, .. } = self.group(id)?;
        let sender = match processed.sender() {
            Sender::Member(index) if index.u32() == entry.leaf => index.u32(),
            _ => return Err(EntryError::Signature.into()),
        };
        let staged = match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => *staged,
            // The entry continues our log, so this commit is not the one we remember making.
            ProcessedMessageContent::OwnPrivateMessage => {
                return Err(state("a commit of ours that we do not remember"));
            }
            _ => return Err(SessionError::Commit("not a commit")),
        };
        let sequencer = roster::leaf_at(mls, sender).ok_or(EntryError::Signature)?;
        check_sequencer(&sequencer, &staged, entry.time_ms)?;
        let policy = policy_in(mls.extensions()).map_err(state)?;
        let expected = match entry.kind {
            EntryKind::Add | EntryKind::Remove | EntryKind::Rejoin => mls.extensions().clone(),
            EntryKind::Term => context_extensions(&policy.after(entry.term, sequencer.persona()))?,
        };
        if *staged.group_context().extensions() != expected {
            return Err(SessionError::Commit("changes the policy"));
        }

        let by = sequencer.persona();
        match (entry.kind, request) {
            (EntryKind::Rejoin, Some(request)) => {
                let (persona, removed) = self.check_rejoin(id, &staged, entry, request)?;
                Ok(Checked { staged, by, back: Some(persona), added: BTreeSet::new(), removed })
            }
            (EntryKind::Rejoin, None) | (_, Some(_)) => Err(RejoinError::Kind.into()),
            (_, None) => {
                let (added, removed) = self.check_proposals(id, &staged, entry)?;
                Ok(Checked { staged, by, back: None, added, removed })
            }
        }
    }

    /// A commit adds or removes, by its own proposals, and leaves each persona one leaf.
    fn check_proposals(
        &self,
        id: ConversationId,
        staged: &StagedCommit,
        entry: &SeqEntry,
    ) -> Result<(BTreeSet<PersonaId>, Vec<Leaf>), SessionError> {
        let mls = &self.group(id)?.mls;
        let members: BTreeSet<_> = roster::personas(mls).map_err(state)?.into_iter().collect();
        let (mut added, mut removed) = (BTreeSet::new(), Vec::new());
        for queued in staged.queued_proposals() {
            if !matches!(queued.sender(), Sender::Member(index) if index.u32() == entry.leaf) {
                return Err(SessionError::Commit("carries a proposal of somebody else"));
            }
            match (queued.proposal(), entry.kind) {
                (Proposal::Add(add), EntryKind::Add) => {
                    let credential = roster::verified_node(add.key_package().leaf_node())?;
                    credential.check_at(entry.time_ms)?;
                    if members.contains(&credential.persona) || !added.insert(credential.persona) {
                        return Err(SessionError::Commit("adds a member twice"));
                    }
                }
                (Proposal::Remove(remove), EntryKind::Remove) => {
                    let leaf = roster::leaf_at(mls, remove.removed().u32())
                        .ok_or(SessionError::Commit("removes nobody"))?;
                    removed.push(leaf);
                }
                (Proposal::GroupContextExtensions(_), EntryKind::Term) => {}
                (Proposal::Add(_) | Proposal::Remove(_), _) => return Err(EntryError::Kind.into()),
                _ => return Err(SessionError::Commit("does more than add or remove")),
            }
        }
        if added.is_empty() && removed.is_empty() && entry.kind != EntryKind::Term {
            return Err(SessionError::Commit("changes nothing"));
        }
        Ok((added, removed))
    }

    /// Has openmls process a message that says it is of this group, epoch and type.
    fn process(
        &mut self,
        id: ConversationId,
        epoch: u64,
        bytes: &[u8],
        content_type: ContentType,
    ) -> Result<ProcessedMessage, SessionError> {
        let message = private_message(bytes)?;
        if message.epoch().as_u64() != epoch {
            return Err(SessionError::Mls("of another epoch than its envelope".into()));
        }
        if message.content_type() != content_type {
            return Err(SessionError::Mls("of another type than its frame".into()));
        }
        let Self { provider, groups, .. } = self;
        let Group { mls, .. } = groups.get_mut(&id).ok_or(SessionError::UnknownGroup)?;
        mls.process_message(provider, message).map_err(mls_error::message)
    }
}

/// The sequencer may commit: its credential is good, or the one its commit brings is, for the
/// same persona, device and key.
fn check_sequencer(
    sequencer: &Leaf,
    staged: &StagedCommit,
    at_ms: u64,
) -> Result<(), SessionError> {
    let old = &sequencer.credential;
    let Some(node) = staged.update_path_leaf_node() else {
        return Ok(old.check_at(at_ms)?);
    };
    let new = roster::verified_node(node)?;
    if (new.persona, new.device, new.leaf_key) != (old.persona, old.device, old.leaf_key) {
        return Err(SessionError::Commit("changes whose leaf it is"));
    }
    Ok(new.check_at(at_ms)?)
}

fn private_message(bytes: &[u8]) -> Result<PrivateMessageIn, SessionError> {
    match parse(bytes) {
        Ok(MlsMessageBodyIn::PrivateMessage(message)) => Ok(message),
        Ok(_) => Err(SessionError::Mls("not a private message".into())),
        Err(error) => Err(SessionError::Mls(error.to_string())),
    }
}

/// Checks the fields of a message that its author has to get right; names the one that is not.
fn check_message(
    group: ConversationId,
    author: PersonaId,
    message: &Message,
) -> Result<(), &'static str> {
    let before = match message.seq.checked_sub(1) {
        Some(seq) => MessageId::derive(group, author, seq),
        None => MessageId([0; 16]),
    };
    if message.id != MessageId::derive(group, author, message.seq) {
        return Err("id");
    }
    if message.previous != before {
        return Err("previous");
    }
    if message.content.body.len() > Content::BODY_BYTES_MAX {
        return Err("body");
    }
    Ok(())
}
