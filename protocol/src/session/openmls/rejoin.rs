//! Members that lost their keys: asking to come back, letting them in, and checking both.

use std::collections::BTreeSet;

use openmls::prelude::{
    KeyPackage, MlsMessageOut, Proposal, Sender, StagedCommit, tls_codec::Serialize as _,
};

use super::{
    OpenMls,
    change::Alteration,
    record::Group,
    roster::{self, Leaf},
    suite::state,
};
use crate::{
    identity::{ConversationId, PersonaId},
    session::{
        Change, DeviceCredential, REJOIN_LIFETIME_MS, RejoinError, RejoinRequest, SeqEntry,
        SessionError, SignedRejoin,
    },
};

impl OpenMls {
    /// Makes a request, with a key package of its own.
    pub(super) fn make_request(
        &mut self,
        id: ConversationId,
        now_ms: u64,
    ) -> Result<SignedRejoin, SessionError> {
        let request = RejoinRequest {
            persona: self.identity.id(),
            group: id,
            issued_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(REJOIN_LIFETIME_MS),
            key_package: self.make_rejoin_package(id, now_ms)?,
        };
        Ok(SignedRejoin::sign(&request, &self.identity))
    }

    /// Exchanges the leaf of a member that asks for it, as the sequencer.
    pub(super) fn readmit_persona(
        &mut self,
        id: ConversationId,
        signed: &SignedRejoin,
        now_ms: u64,
    ) -> Result<Change, SessionError> {
        let members = self.as_sequencer(id)?;
        let request = check_request(signed, id, now_ms)?;
        let (package, credential) = self.check_key_package(&request.key_package, now_ms)?;
        if !members.contains(&request.persona) {
            return Err(RejoinError::Stranger(request.persona).into());
        }
        let leaves = self.leaves_of(id, &BTreeSet::from([request.persona]))?;
        check_exchange(&request, &credential, &leaves)?;
        if request.persona == self.identity.id() {
            return Err(SessionError::OwnLeaf);
        }
        let alteration = Alteration::Rejoin(Box::new(package), leaves, signed.clone());
        let who = BTreeSet::from([request.persona]);
        self.change(id, alteration, who.clone(), who, now_ms)
    }

    /// The leaves of some personas.
    pub(super) fn leaves_of(
        &self,
        id: ConversationId,
        personas: &BTreeSet<PersonaId>,
    ) -> Result<Vec<Leaf>, SessionError> {
        let mut leaves = Vec::new();
        for member in self.group(id)?.mls.members() {
            let leaf = Leaf::of(&member).map_err(state)?;
            if personas.contains(&leaf.persona()) {
                leaves.push(leaf);
            }
        }
        Ok(leaves)
    }

    /// A commit that lets a member back in exchanges its leaves for the one it asked for, by its
    /// own proposals, and does nothing else. Gives who comes back, and the leaves that go.
    pub(super) fn check_rejoin(
        &self,
        id: ConversationId,
        staged: &StagedCommit,
        entry: &SeqEntry,
        signed: &SignedRejoin,
    ) -> Result<(PersonaId, Vec<Leaf>), SessionError> {
        let Group { mls, .. } = self.group(id)?;
        let request = check_request(signed, id, entry.time_ms)?;
        if !roster::personas(mls).map_err(state)?.contains(&request.persona) {
            return Err(RejoinError::Stranger(request.persona).into());
        }
        let (mut added, mut removed) = (None, Vec::new());
        for queued in staged.queued_proposals() {
            if !matches!(queued.sender(), Sender::Member(index) if index.u32() == entry.leaf) {
                return Err(SessionError::Commit("carries a proposal of somebody else"));
            }
            match queued.proposal() {
                Proposal::Add(add) if added.is_none() => {
                    if message_of(add.key_package())? != request.key_package {
                        return Err(RejoinError::Adds.into());
                    }
                    added = Some(roster::verified_node(add.key_package().leaf_node())?);
                }
                Proposal::Remove(remove) => {
                    let leaf = roster::leaf_at(mls, remove.removed().u32())
                        .filter(|leaf| leaf.persona() == request.persona)
                        .ok_or(RejoinError::Removes)?;
                    removed.push(leaf);
                }
                _ => return Err(RejoinError::More.into()),
            }
        }
        let credential = added.ok_or(RejoinError::Adds)?;
        credential.check_at(entry.time_ms)?;
        if removed.len() != self.leaves_of(id, &BTreeSet::from([request.persona]))?.len() {
            return Err(RejoinError::Keeps.into());
        }
        check_exchange(&request, &credential, &removed)?;
        Ok((request.persona, removed))
    }

    /// Whether a request is one this device made and waits for the answer of.
    pub(super) fn asked_here(&self, signed: &SignedRejoin) -> bool {
        let request = signed.verify_at_issue().ok();
        request.is_some_and(|request| self.holds_rejoin_package(&request.key_package))
    }
}

/// Reads a request for a group as of a moment.
fn check_request(
    signed: &SignedRejoin,
    id: ConversationId,
    at_ms: u64,
) -> Result<RejoinRequest, RejoinError> {
    let request = signed.verify(at_ms)?;
    if request.group != id { Err(RejoinError::Group) } else { Ok(request) }
}

/// The leaf asked for is the requester's, and newer than those it takes the place of. The times
/// stand in the credentials, which are in the tree, so all members judge alike.
fn check_exchange(
    request: &RejoinRequest,
    new: &DeviceCredential,
    old: &[Leaf],
) -> Result<(), RejoinError> {
    if new.persona != request.persona {
        return Err(RejoinError::Persona);
    }
    if old.iter().any(|leaf| leaf.credential.not_after_ms >= new.not_after_ms) {
        return Err(RejoinError::Replayed);
    }
    Ok(())
}

/// A key package as it travels.
fn message_of(package: &KeyPackage) -> Result<Vec<u8>, SessionError> {
    MlsMessageOut::from(package.clone()).tls_serialize_detached().map_err(state)
}
