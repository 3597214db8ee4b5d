//! Which nodes matter to us, which are connected, and when to try the others again.

use std::collections::{BTreeMap, BTreeSet};

use protocol::identity::{NodeId, PersonaId};
use rand::Rng;

use crate::{effect::Effect, event::EventBody, state::Engine};

/// The first pause before trying an unreachable node again, in milliseconds.
const REDIAL_MS: u64 = 2_000;
/// The longest pause.
const REDIAL_MS_MAX: u64 = 120_000;

/// Connections as the engine knows them.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    online: BTreeSet<NodeId>,
    /// Of those, the ones reached through a relay.
    relayed: BTreeSet<NodeId>,
    last_seen: BTreeMap<NodeId, u64>,
    redials: BTreeMap<NodeId, Redial>,
}

#[derive(Debug)]
struct Redial {
    at_ms: u64,
    attempt: u32,
}

impl Peers {
    pub(crate) fn is_online(&self, node: &NodeId) -> bool {
        self.online.contains(node)
    }

    /// Notes which way a node is reached.
    pub(crate) fn on_path(&mut self, node: NodeId, relayed: bool) {
        if relayed {
            self.relayed.insert(node);
        } else {
            self.relayed.remove(&node);
        }
    }

    pub(crate) fn last_seen(&self, node: &NodeId) -> Option<u64> {
        self.last_seen.get(node).copied()
    }

    /// When a node will be tried again.
    pub(crate) fn next_try(&self, node: &NodeId) -> Option<u64> {
        self.redials.get(node).map(|redial| redial.at_ms)
    }

    /// The next attempt counts as the first.
    pub(crate) fn forget_pauses(&mut self, node: &NodeId) {
        self.redials.remove(node);
    }

    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        self.redials.values().map(|redial| redial.at_ms).min()
    }
}

impl Engine {
    /// The node a persona lives on: ours, or the one its newest card names.
    pub(crate) fn home_of(&self, persona: &PersonaId) -> Option<NodeId> {
        if self.personas.contains_key(persona) {
            return Some(self.home.node);
        }
        self.cards.get(persona).map(|known| known.card.home.node)
    }

    pub(crate) fn is_online(&self, persona: &PersonaId) -> bool {
        self.home_of(persona)
            .is_some_and(|node| node == self.home.node || self.peers.is_online(&node))
    }

    /// How a persona's home is reached now: `here`, `direct`, `relayed` or `none`.
    pub(crate) fn path_to(&self, persona: &PersonaId) -> &'static str {
        match self.home_of(persona) {
            Some(node) if node == self.home.node => "here",
            Some(node) if !self.peers.is_online(&node) => "none",
            Some(node) if self.peers.relayed.contains(&node) => "relayed",
            Some(_) => "direct",
            None => "none",
        }
    }

    pub(crate) fn on_connected(&mut self, node: NodeId) {
        self.peers.redials.remove(&node);
        self.peers.last_seen.insert(node, self.now_ms);
        if !self.peers.online.insert(node) {
            return;
        }
        let personas = self.personas_at(&node);
        for persona in &personas {
            self.emit(None, EventBody::PresenceChanged { contact: *persona, online: true });
            self.no_longer_miss(persona);
            self.outbox.requeue(persona);
        }
        for persona in &personas {
            self.pump(persona);
        }
        self.ask_for_cards(&node);
        self.tell_all_at(&node);
        self.files_may_come();
    }

    pub(crate) fn on_disconnected(&mut self, node: NodeId) {
        if !self.peers.online.remove(&node) {
            return;
        }
        self.peers.last_seen.insert(node, self.now_ms);
        for persona in self.personas_at(&node) {
            self.emit(None, EventBody::PresenceChanged { contact: persona, online: false });
            self.outbox.requeue(&persona);
            self.miss(persona);
            self.watch(node);
        }
    }

    /// Personas of others known to live on a node.
    pub(crate) fn personas_at(&self, node: &NodeId) -> Vec<PersonaId> {
        let lives = |known: &&crate::state::KnownCard| known.card.home.node == *node;
        self.cards.values().filter(lives).map(|known| known.card.persona).collect()
    }

    /// Makes sure a persona's home is being reached, now or by later attempts.
    pub(crate) fn reach(&mut self, persona: &PersonaId) {
        let Some(known) = self.cards.get(persona) else {
            if !self.personas.contains_key(persona) {
                self.seek_again();
            }
            return;
        };
        let home = known.card.home.clone();
        if home.node == self.home.node || self.peers.online.contains(&home.node) {
            return;
        }
        self.miss(*persona);
        self.watch(home.node);
        self.then(Effect::Dial { node: home.node, addresses: home.addresses });
    }

    pub(crate) fn dial_everyone(&mut self) {
        for persona in self.cards.keys().copied().collect::<Vec<_>>() {
            self.reach(&persona);
        }
    }

    fn watch(&mut self, node: NodeId) {
        let at_ms = self.now_ms + REDIAL_MS;
        self.peers.redials.entry(node).or_insert(Redial { at_ms, attempt: 0 });
    }

    /// Tries unreachable nodes again, and asks the DHT whether their personas have moved.
    pub(crate) fn redial(&mut self) {
        let now_ms = self.now_ms;
        let due: Vec<NodeId> = self
            .peers
            .redials
            .iter()
            .filter(|(_, redial)| redial.at_ms <= now_ms)
            .map(|(node, _)| *node)
            .collect();
        for node in due {
            let Some(redial) = self.peers.redials.get_mut(&node) else { continue };
            redial.attempt += 1;
            let most = (REDIAL_MS << redial.attempt.min(6)).min(REDIAL_MS_MAX);
            redial.at_ms = now_ms + self.rng.gen_range(REDIAL_MS / 2..=most);
            let personas = self.personas_at(&node);
            if personas.is_empty() {
                self.peers.redials.remove(&node);
                continue;
            }
            let addresses = self
                .cards
                .values()
                .find(|known| known.card.home.node == node)
                .map(|known| known.card.home.addresses.clone())
                .unwrap_or_default();
            self.then(Effect::Dial { node, addresses });
            for persona in personas {
                self.look_up(persona);
            }
        }
    }
}
