//! What waits for our personas at their mailboxes.
//!
//! A line to one of our own mailboxes stays open and watches every tag under which something may
//! have been left there: those of all days a mailbox keeps envelopes, of every epoch that still
//! opens. When an entry leads into a new epoch, its tags are claimed in the same step.

use protocol::{
    identity::{ConversationId, NodeId, PersonaId},
    mailbox::{Answer, CLAIMS_MAX, Claim, KEEP_MS_MAX, ReleaseKey, Request},
    session::{Envelope, Tag, contact_tags, open_sealed},
};

use crate::{
    effect::Effect,
    mail::Source,
    state::{Engine, WINDOW_MS},
};

impl Engine {
    /// Keeps lines open to the mailboxes of one of our personas.
    pub(crate) fn read_mailboxes_of(&mut self, persona: &PersonaId) {
        for home in self.mailboxes.of(persona) {
            if home.node == self.home.node {
                continue;
            }
            let line = self.mailboxes.lines.entry(home.node).or_default();
            line.addresses = home.addresses;
            line.ours = true;
            self.mailboxes.stirred.insert(home.node);
            self.claim(home.node, self.claims_of(persona));
        }
    }

    /// Claims, wherever its mail may lie, the tags under which a persona is addressed by
    /// strangers.
    pub(crate) fn claim_contacts(&mut self, persona: PersonaId) {
        let claims = self.contact_claims(&persona);
        self.claim_at_mailboxes_of(&persona, &claims);
    }

    /// Claims, wherever its mail may lie, the tags of a member of a conversation.
    pub(crate) fn claim_conversation(&mut self, persona: PersonaId, conversation: ConversationId) {
        let claims = self.conversation_claims(&persona, conversation);
        self.claim_at_mailboxes_of(&persona, &claims);
    }

    fn claim_at_mailboxes_of(&mut self, persona: &PersonaId, claims: &[Claim]) {
        for home in self.mailboxes.of(persona) {
            self.claim(home.node, claims.to_vec());
        }
    }

    /// Claims everything anew on a line that has just been opened.
    pub(super) fn claim_everything(&mut self, node: NodeId) {
        let uses =
            |persona: &&PersonaId| self.mailboxes.of(persona).iter().any(|home| home.node == node);
        let claims: Vec<Claim> =
            self.personas.keys().filter(uses).flat_map(|persona| self.claims_of(persona)).collect();
        self.claim(node, claims);
    }

    /// Puts claims on a line that is open; one that is not claims everything when it opens.
    fn claim(&mut self, node: NodeId, claims: Vec<Claim>) {
        let Some(line) = self.mailboxes.lines.get_mut(&node).filter(|line| line.open) else {
            return;
        };
        for claim in claims {
            if line.claimed.insert(tag_of(&claim)) {
                line.claims.push_back(claim);
                self.mailboxes.stirred.insert(node);
            }
        }
    }

    pub(super) fn send_claims(&mut self, node: NodeId) {
        let now_ms = self.now_ms;
        let Some(line) = self.mailboxes.lines.get_mut(&node) else { return };
        let claims = Vec::from(std::mem::take(&mut line.claims));
        if !claims.is_empty() {
            line.expect_answer(now_ms);
        }
        for claims in claims.chunks(CLAIMS_MAX) {
            self.then(Effect::ToMailbox { node, request: Request::Watch(claims.to_vec()) });
        }
    }

    fn claims_of(&self, persona: &PersonaId) -> Vec<Claim> {
        let member = |(member, conversation): &(PersonaId, ConversationId)| {
            (member == persona).then_some(*conversation)
        };
        let conversations = self.conversations.keys().filter_map(member);
        let mut claims = self.contact_claims(persona);
        claims.extend(conversations.flat_map(|id| self.conversation_claims(persona, id)));
        claims
    }

    fn contact_claims(&self, persona: &PersonaId) -> Vec<Claim> {
        let Some(hosted) = self.personas.get(persona) else { return Vec::new() };
        let sealing = hosted.sealing.public();
        kept_days(self.now_ms)
            .flat_map(|at_ms| contact_tags(&sealing, at_ms))
            .map(Claim::Contact)
            .collect()
    }

    fn conversation_claims(&self, persona: &PersonaId, id: ConversationId) -> Vec<Claim> {
        let Some(hosted) = self.personas.get(persona) else { return Vec::new() };
        kept_days(self.now_ms)
            .flat_map(|at_ms| hosted.groups.tokens(id, at_ms).unwrap_or_default())
            .map(Claim::Token)
            .collect()
    }

    /// An envelope that lay at a mailbox. Once it is on our disk, it is given free there.
    pub(super) fn on_entry(&mut self, node: NodeId, bytes: Vec<u8>) {
        let Ok(envelope) = Envelope::from_bytes(bytes) else { return };
        let id = envelope.id();
        // Before it is opened: one that removes us takes the keys with it.
        let keys = self.release_keys(&envelope);
        let committed = self.on_envelope(Source::Mailbox, envelope.into_bytes());
        let keys = keys
            .into_iter()
            .filter(|(persona, _)| committed.contains(persona))
            .map(|(_, key)| key)
            .collect();
        let answer = Answer { envelope: id, keys };
        self.then(Effect::ToMailbox { node, request: Request::Answer(vec![answer]) });
    }

    fn release_keys(&self, envelope: &Envelope) -> Vec<(PersonaId, ReleaseKey)> {
        let (id, tag) = (envelope.id(), envelope.tag());
        let members = self.tags.get(&tag).into_iter().flatten();
        let mut keys: Vec<_> = members
            .filter_map(|(persona, conversation)| {
                let (key, _) = self.tag_key(*persona, *conversation, tag)?;
                Some((*persona, key.release_key(&id, persona)))
            })
            .collect();
        if let Some(persona) = self.addressed_by(&tag)
            && let Some(hosted) = self.personas.get(&persona)
            && let Ok((_, key)) = open_sealed(&hosted.sealing, envelope)
        {
            keys.push((persona, key));
        }
        keys
    }
}

fn tag_of(claim: &Claim) -> Tag {
    match claim {
        Claim::Token(token) => token.tag(),
        Claim::Contact(tag) => *tag,
    }
}

/// Moments whose tags together are those of every day from which a mailbox may still hold
/// something, the oldest first; each stands for the day before and the day after it too.
fn kept_days(now_ms: u64) -> impl Iterator<Item = u64> {
    let days = KEEP_MS_MAX / WINDOW_MS + 1;
    (0..=days).rev().step_by(3).map(move |days| now_ms.saturating_sub(days * WINDOW_MS))
}

#[cfg(test)]
mod tests {
    use protocol::session::TagKey;

    use super::*;

    #[test]
    fn every_day_a_mailbox_keeps_envelopes_from_is_claimed_and_tomorrow_too() {
        let key = TagKey::from_bytes([3; 32]);
        let now_ms = 20_000 * WINDOW_MS + 5;
        let tags: Vec<_> = kept_days(now_ms).flat_map(|at_ms| key.tags_at(at_ms)).collect();
        for days in 0..=KEEP_MS_MAX / WINDOW_MS {
            assert!(tags.contains(&key.tag_at(now_ms - days * WINDOW_MS)), "{days} days ago");
        }
        assert!(tags.contains(&key.tag_at(now_ms + WINDOW_MS)), "a clock ahead of ours");
    }
}
