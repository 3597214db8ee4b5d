//! Looking for personas whose card we need and do not have: those we asked to become contacts, and
//! members of our conversations of whom nobody told us more.
//!
//! The node an invite names may be down, the DHT may not answer, our own card may not be made yet.
//! So we ask again until we know, with growing pauses, and after a restart too.

use std::collections::BTreeSet;

use protocol::{
    card::{HomeNode, InviteToken, Purpose, RecordKey},
    identity::{NodeId, PersonaId},
    wire::Frame,
};
use rand::Rng;

use crate::{
    agent::{ERRANDS_MAX, Errand},
    effect::Effect,
    rows::ContactRow,
    state::Engine,
};

/// The first pause before looking again, in milliseconds.
const SEEK_MS: u64 = 3_000;
/// The longest pause.
const SEEK_MS_MAX: u64 = 120_000;

/// When to look again.
#[derive(Debug)]
pub(crate) struct Search {
    at_ms: u64,
    attempt: u32,
}

impl Engine {
    /// Takes a wanted contact one step further: sends the request when the peer's card is known,
    /// and looks for the card when it is not.
    pub(crate) fn pursue(&mut self, owner: PersonaId, peer: PersonaId) {
        let Some(row) = self.contacts.get(&(owner, peer)).cloned() else { return };
        let Some(wanted) = row.wanted.clone() else { return };
        self.seek_again();
        if self.card_of(&peer).is_some() {
            let token = wanted.token.map(InviteToken);
            let asked = ContactRow { wanted: None, ..row };
            if self.introduce(owner, peer, Purpose::Request { token }).is_ok() {
                self.put_contact(owner, peer, asked);
            }
            return;
        }
        if let Some(HomeNode { node, addresses }) = wanted.home {
            self.then(Effect::Dial { node, addresses });
            self.then(Effect::Send { node, frame: Frame::CardRequest(peer) });
        }
        self.look_up(peer);
    }

    /// A node has connected: it may be the home of somebody whose card we want.
    pub(crate) fn ask_for_cards(&mut self, node: &NodeId) {
        let wanted: Vec<PersonaId> = self
            .contacts
            .iter()
            .filter(|(_, row)| {
                let home = row.wanted.as_ref().and_then(|wanted| wanted.home.as_ref());
                home.is_some_and(|home| home.node == *node)
            })
            .map(|((_, peer), _)| *peer)
            .collect();
        for peer in wanted {
            self.then(Effect::Send { node: *node, frame: Frame::CardRequest(peer) });
        }
    }

    /// Asks the DHT for a card.
    pub(crate) fn look_up(&mut self, persona: PersonaId) {
        if self.errands.len() < ERRANDS_MAX {
            let ticket = self.ticket(Errand::RefreshCard(persona));
            self.then(Effect::Lookup { ticket, key: RecordKey::card(&persona) });
        }
    }

    /// Makes sure that we look again later.
    pub(crate) fn seek_again(&mut self) {
        let at_ms = self.now_ms + SEEK_MS;
        self.search.get_or_insert(Search { at_ms, attempt: 0 });
    }

    /// Looks now for everybody we still lack: after a start, and when our own card is made.
    pub(crate) fn seek_now(&mut self) {
        self.search = Some(Search { at_ms: self.now_ms, attempt: 0 });
    }

    pub(crate) fn seek_timeout(&self) -> Option<u64> {
        self.search.as_ref().map(|search| search.at_ms)
    }

    pub(crate) fn on_seek_timeout(&mut self) {
        let now_ms = self.now_ms;
        let Some(search) = self.search.take_if(|search| search.at_ms <= now_ms) else { return };
        let wanted: Vec<(PersonaId, PersonaId)> = self
            .contacts
            .iter()
            .filter(|(_, row)| row.wanted.is_some())
            .map(|(pair, _)| *pair)
            .collect();
        let unknown: BTreeSet<PersonaId> =
            self.outbox.recipients().filter(|peer| self.home_of(peer).is_none()).collect();
        if wanted.is_empty() && unknown.is_empty() {
            return;
        }
        let attempt = search.attempt + 1;
        let most = (SEEK_MS << attempt.min(6)).min(SEEK_MS_MAX);
        let at_ms = now_ms + self.rng.gen_range(SEEK_MS / 2..=most);
        self.search = Some(Search { at_ms, attempt });
        for (owner, peer) in wanted {
            self.pursue(owner, peer);
        }
        for peer in unknown {
            self.look_up(peer);
        }
    }
}
