//! How far a persona is trusted, and what screens show of a contact.

use personas::Tier;
use protocol::identity::PersonaId;

use crate::{
    request::RequestError,
    state::Engine,
    view::{ContactState, ContactView},
};

impl Engine {
    /// How far one of our personas trusts another persona.
    pub(crate) fn tier(&self, owner: &PersonaId, peer: &PersonaId) -> Tier {
        match self.contacts.get(&(*owner, *peer)) {
            Some(row) if row.blocked => Tier::Blocked,
            Some(row) if row.state != ContactState::Established => Tier::Unknown,
            Some(row) if row.trusted => Tier::Trusted,
            Some(_) => Tier::Known,
            None => Tier::Unknown,
        }
    }

    pub(crate) fn contact_view(
        &self,
        owner: &PersonaId,
        peer: &PersonaId,
    ) -> Result<ContactView, RequestError> {
        let row = self
            .contacts
            .get(&(*owner, *peer))
            .ok_or(RequestError::NotFound { what: "contact" })?;
        let card = self.open_card(peer);
        Ok(ContactView {
            owner: *owner,
            persona: *peer,
            name: self.name_of(peer),
            handle: card.map(|card| card.handle.to_string()).unwrap_or_default(),
            tier: tier_name(self.tier(owner, peer)),
            state: row.state,
            online: self.is_online(peer),
            path: self.path_to(peer),
            last_seen_ms: self.home_of(peer).and_then(|node| self.peers.last_seen(&node)),
        })
    }
}

fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Blocked => "blocked",
        Tier::Unknown => "unknown",
        Tier::Known => "known",
        Tier::Trusted => "trusted",
        Tier::Operator => "operator",
    }
}
