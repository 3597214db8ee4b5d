//! Under which tags our members listen, and what waits until somebody knows its tag.

use std::collections::VecDeque;

use protocol::{
    identity::{ConversationId, PersonaId},
    session::{Tag, contact_tags},
};

use super::{PARKED_BYTES_MAX, PARKED_MAX, Parked};
use crate::state::{Engine, WINDOW_MS};

impl Engine {
    /// Personas of ours whose first-contact tags include this one.
    pub(super) fn addressed_by(&self, tag: &Tag) -> Vec<PersonaId> {
        let meant =
            |sealing: protocol::card::SealingKey| contact_tags(&sealing, self.now_ms).contains(tag);
        let personas = self.personas.iter();
        personas.filter(|(_, h)| meant(h.sealing.public())).map(|(id, _)| *id).collect()
    }

    pub(super) fn park(&mut self, parked: Parked) {
        if self.parked.iter().any(|other| other.envelope == parked.envelope) {
            return;
        }
        self.parked.push_back(parked);
        let bytes = |parked: &VecDeque<Parked>| -> usize {
            parked.iter().map(|parked| parked.envelope.len()).sum()
        };
        while self.parked.len() > PARKED_MAX || bytes(&self.parked) > PARKED_BYTES_MAX {
            self.parked.pop_front();
        }
    }

    /// Computes anew under which tags each of our members listens, and tries parked envelopes.
    pub(crate) fn refresh_tags(&mut self) {
        self.tags_window = self.now_ms / WINDOW_MS;
        self.tags.clear();
        let members: Vec<_> = self.conversations.keys().copied().collect();
        for (persona, conversation) in members {
            self.add_tags(persona, conversation);
        }
        self.retry_parked();
    }

    /// Computes the tags of one member anew after its epoch changed.
    pub(crate) fn refresh_tags_of(&mut self, persona: PersonaId, conversation: ConversationId) {
        for members in self.tags.values_mut() {
            members.remove(&(persona, conversation));
        }
        self.tags.retain(|_, members| !members.is_empty());
        self.add_tags(persona, conversation);
        self.retry_parked();
    }

    fn add_tags(&mut self, persona: PersonaId, conversation: ConversationId) {
        let Some(hosted) = self.personas.get(&persona) else { return };
        for tag in hosted.groups.tags(conversation, self.now_ms).unwrap_or_default() {
            self.tags.entry(tag).or_default().insert((persona, conversation));
        }
    }

    fn retry_parked(&mut self) {
        let (known, unknown) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition::<VecDeque<_>, _>(|parked: &Parked| self.tags.contains_key(&parked.tag));
        self.parked = unknown;
        for parked in known {
            self.on_envelope(parked.node, parked.envelope);
        }
    }
}
