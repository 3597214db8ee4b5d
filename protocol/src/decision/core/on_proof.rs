//! A sealer passes on the votes of others.

use super::{Decision, rounds::Room, rows};
use crate::{
    decision::{MessageError, Proof, RoundVotes},
    wire,
};

impl Decision {
    pub(super) fn on_proof(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        let proof = Proof::from_bytes(bytes)?;
        for votes in proof.notarization.iter().chain(&proof.nullifications) {
            self.absorb(votes)?;
        }
        let notarized = proof.notarization.and_then(|votes| votes.value);
        let (Some(content), Some(value)) = (proof.content, notarized) else { return Ok(()) };
        if self.values.contains_key(&value) {
            return Ok(());
        }
        if !self.fits(&content) {
            return Err(MessageError::Field("content"));
        }
        let digest = content.check(&self.charter).map_err(|_| MessageError::Field("content"))?;
        if digest != value {
            return Err(MessageError::Field("content"));
        }
        self.persist(rows::value(&digest), wire::encode(&content));
        self.learn(digest, content);
        Ok(())
    }

    fn absorb(&mut self, votes: &RoundVotes) -> Result<(), MessageError> {
        let table =
            if votes.value.is_some() { &self.rounds.notarize } else { &self.rounds.nullify };
        if table.votes(votes.view, votes.value).len() >= self.charter.quorum().needed() {
            return Ok(());
        }
        votes.check(&self.charter)?;
        for (statement, signature) in votes.statements() {
            self.on_round_vote(&statement, signature, Room::WithQuorum);
        }
        Ok(())
    }

    /// What we can pass on: the newest notarized value, and every view given up since.
    pub(super) fn proof(&self) -> Option<Proof> {
        let needed = self.charter.quorum().needed();
        let newest = self.rounds.notarize.quorums(needed).pop();
        let notarization = newest.map(|(view, value)| self.quorum_of(view, value));
        let content = newest.and_then(|(_, value)| self.values.get(&value?).cloned());
        let from = newest.map_or(0, |(view, _)| view);
        let nullifications: Vec<_> = self
            .rounds
            .nullify
            .quorums(needed)
            .into_iter()
            .filter(|(view, _)| *view > from)
            .map(|(view, value)| self.quorum_of(view, value))
            .collect();
        if notarization.is_none() && nullifications.is_empty() {
            return None;
        }
        Some(Proof::new(self.charter.id(), content, notarization, nullifications))
    }

    /// The first quorum of votes on a value, or of nullifications, in a view.
    pub(super) fn quorum_of(&self, view: u32, value: Option<[u8; 32]>) -> RoundVotes {
        let table = if value.is_some() { &self.rounds.notarize } else { &self.rounds.nullify };
        let mut signatures = table.votes(view, value);
        signatures.truncate(self.charter.quorum().needed());
        RoundVotes { view, value, signatures }
    }
}
