//! The cards of other personas: where they live and how to write to them.

use protocol::{
    card::{PersonaCard, SignedCard},
    identity::{NodeId, PersonaId},
    wire::Frame,
};

use crate::{
    effect::{Effect, Table},
    state::{Engine, KnownCard},
};

impl Engine {
    /// The signed card of any persona, ours or another's.
    pub(crate) fn card_of(&self, persona: &PersonaId) -> Option<SignedCard> {
        match self.personas.get(persona) {
            Some(hosted) => hosted.card.as_ref().map(|(signed, _)| signed.clone()),
            None => self.cards.get(persona).map(|known| known.signed.clone()),
        }
    }

    /// The content of [`Engine::card_of`].
    pub(crate) fn open_card(&self, persona: &PersonaId) -> Option<PersonaCard> {
        match self.cards.get(persona) {
            Some(known) => Some(known.card.clone()),
            None => self.card_of(persona)?.verify_at_issue().ok(),
        }
    }

    /// Keeps a card if it is valid and newer than the one we have.
    pub(crate) fn learn_card(&mut self, signed: SignedCard, as_of_ms: u64) {
        let Ok(card) = signed.verify(as_of_ms) else { return };
        let persona = card.persona;
        let newest = self.cards.get(&persona).map(|known| known.card.sequence);
        if self.personas.contains_key(&persona) || newest >= Some(card.sequence) {
            return;
        }
        self.put_bytes(Table::Card, persona.as_bytes().to_vec(), signed.to_bytes());
        self.cards.insert(persona, KnownCard { signed, card });
        self.reach(&persona);
        if self.is_online(&persona) {
            self.pump(&persona);
        }
        let wanting: Vec<PersonaId> = self
            .contacts
            .iter()
            .filter(|((_, peer), row)| *peer == persona && row.wanted.is_some())
            .map(|((owner, _), _)| *owner)
            .collect();
        for owner in wanting {
            self.pursue(owner, persona);
        }
    }

    pub(crate) fn on_card_request(&mut self, node: NodeId, persona: PersonaId) {
        let card = self.personas.get(&persona).and_then(|h| h.card.as_ref());
        let card = card.map(|(signed, _)| signed.clone());
        self.then(Effect::Send { node, frame: Frame::CardReply { persona, card } });
    }
}
