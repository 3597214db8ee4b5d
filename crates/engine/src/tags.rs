//! Whom an envelope is for: the tags our personas listen to, and envelopes whose tag nobody knows.

use std::collections::VecDeque;

use protocol::{
    identity::{ConversationId, PersonaId},
    session::{Tag, contact_tags},
};

use crate::{
    mail::Source,
    outbox::TRAVEL_MS,
    state::{Engine, WINDOW_MS},
};

/// Envelopes kept while nobody knows their tag, and their bytes in total.
const PARKED_MAX: usize = 2_048;
const PARKED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long one is kept, in milliseconds: a day. It was not acknowledged, so its sender still has
/// it and sends it again.
const PARKED_MS: u64 = 24 * 60 * 60 * 1000;

/// An envelope that waits for somebody to know its tag.
pub(crate) struct Parked {
    /// When it came, milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
    pub(crate) source: Source,
    pub(crate) tag: Tag,
    pub(crate) envelope: Vec<u8>,
}

impl Engine {
    /// Personas of ours whose first-contact tags include this one.
    pub(crate) fn addressed_by(&self, tag: &Tag) -> Option<PersonaId> {
        self.contact_tags.get(tag).copied()
    }

    /// Notes under which tags strangers address a persona of ours.
    pub(crate) fn add_contact_tags(&mut self, persona: PersonaId) {
        let Some(hosted) = self.personas.get(&persona) else { return };
        let sealing = hosted.sealing.public();
        for at_ms in moments(self.now_ms) {
            let tags = contact_tags(&sealing, at_ms);
            self.contact_tags.extend(tags.into_iter().map(|tag| (tag, persona)));
        }
        self.claim_contacts(persona);
    }

    pub(crate) fn park(&mut self, parked: Parked) {
        self.drop_old_parked();
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

    fn drop_old_parked(&mut self) {
        let now_ms = self.now_ms;
        self.parked.retain(|parked| parked.at_ms + PARKED_MS > now_ms);
    }

    /// Computes anew under which tags each of our members listens, and tries parked envelopes.
    pub(crate) fn refresh_tags(&mut self) {
        self.tags_window = self.now_ms / WINDOW_MS;
        self.tags.clear();
        self.contact_tags.clear();
        for persona in self.personas.keys().copied().collect::<Vec<_>>() {
            self.add_contact_tags(persona);
        }
        let members: Vec<_> = self.conversations.keys().copied().collect();
        for (persona, conversation) in members {
            self.add_tags(persona, conversation);
        }
        self.drop_old_parked();
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
        for at_ms in moments(self.now_ms) {
            for tag in hosted.groups.tags(conversation, at_ms).unwrap_or_default() {
                self.tags.entry(tag).or_default().insert((persona, conversation));
            }
        }
        self.claim_conversation(persona, conversation);
    }

    fn retry_parked(&mut self) {
        let (known, unknown) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition::<VecDeque<_>, _>(|parked: &Parked| self.tags.contains_key(&parked.tag));
        self.parked = unknown;
        // Later in the same step, not within this call: each may be a change that explains more.
        self.arrived.extend(known.into_iter().map(|parked| (parked.source, parked.envelope)));
    }
}

/// Moments whose tags together are those of every day an envelope may have been sealed on: each
/// stands for the day before and the day after it too.
pub(crate) fn moments(now_ms: u64) -> impl Iterator<Item = u64> {
    (0..=TRAVEL_MS / WINDOW_MS).step_by(3).map(move |days| now_ms.saturating_sub(days * WINDOW_MS))
}

#[cfg(test)]
mod tests {
    use protocol::{identity::NodeKey, session::TagKey};

    use super::*;

    #[test]
    fn an_envelope_nobody_knows_is_kept_for_a_day() {
        let node = NodeKey::from_seed(&[1; 32]).id();
        let mut engine = Engine::load(node, [2; 32], [], 0).unwrap();
        let parked = |at_ms, byte| Parked {
            at_ms,
            source: Source::Mailbox,
            tag: Tag([byte; 16]),
            envelope: vec![byte],
        };
        engine.park(parked(0, 1));
        engine.park(parked(0, 1));
        assert_eq!(engine.parked.len(), 1, "the same again");
        engine.now_ms = PARKED_MS - 1;
        engine.park(parked(engine.now_ms, 2));
        assert_eq!(engine.parked.len(), 2);
        engine.now_ms = PARKED_MS;
        engine.refresh_tags();
        assert_eq!(engine.parked.len(), 1);
    }

    #[test]
    fn an_envelope_is_known_by_its_tag_as_long_as_it_may_travel() {
        let key = TagKey::from_bytes([3; 32]);
        let now_ms = 20_000 * WINDOW_MS + 5;
        let tags: Vec<_> = moments(now_ms).flat_map(|at_ms| key.tags_at(at_ms)).collect();
        for days in 0..=TRAVEL_MS / WINDOW_MS {
            assert!(tags.contains(&key.tag_at(now_ms - days * WINDOW_MS)), "{days} days ago");
        }
        assert!(tags.contains(&key.tag_at(now_ms + WINDOW_MS)), "a clock ahead of ours");
    }
}
