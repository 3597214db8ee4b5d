//! Finding a persona through the network.

use protocol::{
    card::{Record, RecordKey},
    identity::{Handle, PersonaId},
};

use crate::{
    agent::Errand,
    effect::{Effect, RequestId},
    request::{DiscoveredView, Reply, RequestError, Whom},
    state::Engine,
};

impl Engine {
    pub(crate) fn discover(&mut self, id: RequestId, whom: Whom) {
        let (errand, key) = match whom {
            Whom::Handle(handle) => {
                let key = RecordKey::handle(&handle);
                (Errand::FollowHandle { request: id, handle }, key)
            }
            Whom::Persona(persona) => {
                (Errand::Discover { request: id, persona }, RecordKey::card(&persona))
            }
        };
        let ticket = self.ticket(errand);
        self.then(Effect::Lookup { ticket, key });
    }

    pub(crate) fn on_handle_found(&mut self, id: RequestId, handle: &Handle, records: &[Record]) {
        let pointer = records.iter().find_map(|record| match record {
            Record::Pointer(pointer) => pointer.verify(self.now_ms).ok(),
            Record::Card(_) => None,
        });
        match pointer.filter(|pointer| pointer.handle == *handle) {
            Some(pointer) => self.discover(id, Whom::Persona(pointer.persona)),
            None => self.reply(id, Err(RequestError::NotFound { what: "handle" })),
        }
    }

    pub(crate) fn on_discovered(&mut self, id: RequestId, persona: PersonaId, found: &[Record]) {
        for record in found {
            if let Record::Card(card) = record {
                // A card found for looking is kept only when we already know its persona.
                if self.cards.contains_key(&persona) {
                    self.learn_card(card.clone(), self.now_ms);
                }
            }
        }
        let card = found.iter().find_map(|record| match record {
            Record::Card(card) => card.verify(self.now_ms).ok(),
            Record::Pointer(_) => None,
        });
        let result = match card.or_else(|| self.open_card(&persona)) {
            Some(card) => Ok(Reply::Discovered(DiscoveredView {
                persona,
                name: card.display_name,
                handle: card.handle.to_string(),
                home_node: card.home.node.to_string(),
                capabilities: card.capabilities.into_iter().map(capability_name).collect(),
                expires_at_ms: card.expires_at_ms,
            })),
            None => Err(RequestError::NotFound { what: "persona" }),
        };
        self.reply(id, result);
    }
}

fn capability_name(capability: protocol::card::Capability) -> &'static str {
    match capability {
        protocol::card::Capability::Schedule => "schedule",
        protocol::card::Capability::Calendar => "calendar",
        protocol::card::Capability::Vote => "vote",
    }
}
