//! Mailboxes as their users see them: what is left there for sleeping recipients, and what waits
//! there for our own personas.
//!
//! Direct delivery and mailboxes run beside each other and do not know of each other's progress.
//! An envelope stays in the outbox until its recipient's receipt comes, by whatever way; meanwhile
//! it is sent to the recipient's home whenever that is connected, and left at the recipient's
//! mailboxes once that has been away for a moment. Duplicates are the recipient's inbox's business.
//!
//! | module | holds |
//! | --- | --- |
//! | `line` | the connection with one mailbox: what waits for it, what is under way, when to retry |
//! | `deposit` | who is away, and leaving envelopes for them |
//! | `read` | claiming tags, and what is found under them |
//! | `owed` | receipts for what came by a mailbox, whose author may be away |

mod deposit;
mod line;
mod owed;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    card::HomeNode,
    identity::{EnvelopeId, NodeId, PersonaId},
    mailbox::{self, Reply},
};

use self::{deposit::Absence, line::Line, owed::Owed};
use crate::state::Engine;

/// Everything about mailboxes that is in memory.
#[derive(Debug, Default)]
pub(crate) struct Mailboxes {
    /// Those the owner of this node chose.
    chosen: Vec<HomeNode>,
    lines: BTreeMap<NodeId, Line>,
    /// Lines with something new to say at the end of this step.
    stirred: BTreeSet<NodeId>,
    absent: BTreeMap<PersonaId, Absence>,
    owed: Owed,
    /// Work already done, by envelope.
    works: BTreeMap<EnvelopeId, u64>,
}

impl Mailboxes {
    /// The mailboxes one of our personas uses.
    fn of(&self, persona: &PersonaId) -> Vec<HomeNode> {
        let nodes: Vec<_> = self.chosen.iter().map(|home| home.node).collect();
        let used = mailbox::replicas(persona, &nodes);
        used.iter()
            .filter_map(|node| self.chosen.iter().find(|home| home.node == *node))
            .cloned()
            .collect()
    }

    /// Whether an envelope is on its way to some mailbox.
    pub(crate) fn is_leaving(&self, envelope: &EnvelopeId) -> bool {
        self.lines.values().any(|line| line.is_under_way(envelope))
    }

    /// Every mailbox may be tried again at once.
    pub(crate) fn forget_pauses(&mut self) {
        for (node, line) in &mut self.lines {
            line.forget_pauses();
            self.stirred.insert(*node);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        let lines = self.lines.values().filter_map(Line::poll_timeout);
        let absent = self.absent.values().filter_map(Absence::due);
        lines.chain(absent).chain(self.owed.due()).min()
    }
}

impl Engine {
    /// The mailboxes that will stand in a persona's card.
    pub(crate) fn mailboxes_of(&self, persona: &PersonaId) -> Vec<HomeNode> {
        if self.personas.contains_key(persona) {
            return self.mailboxes.of(persona);
        }
        self.cards.get(persona).map(|known| known.card.mailboxes.clone()).unwrap_or_default()
    }

    /// The owner has chosen the mailboxes of this node.
    pub(crate) fn on_mailboxes(&mut self, chosen: Vec<HomeNode>) {
        if self.mailboxes.chosen == chosen {
            return;
        }
        self.mailboxes.chosen = chosen;
        for persona in self.personas.keys().copied().collect::<Vec<_>>() {
            self.renew_card(persona);
            self.read_mailboxes_of(&persona);
        }
    }

    pub(crate) fn on_mailbox_reply(&mut self, node: NodeId, reply: Reply) {
        let now_ms = self.now_ms;
        let Some(line) = self.mailboxes.lines.get_mut(&node) else { return };
        line.heard(&reply, now_ms);
        match reply {
            Reply::Stored(stored) => self.on_stored_by(node, stored),
            Reply::Refused { envelope, reason } => self.on_refused_by(node, &envelope, reason),
            Reply::Entry(bytes) => self.on_entry(node, bytes),
            Reply::Watching { .. } => {}
        }
        self.mailboxes.stirred.insert(node);
    }

    /// The connection with a mailbox could not be made, or is gone.
    pub(crate) fn on_mailbox_lost(&mut self, node: NodeId) {
        let jitter = rand::Rng::r#gen(&mut self.rng);
        if let Some(line) = self.mailboxes.lines.get_mut(&node) {
            line.lost(self.now_ms, jitter);
        }
    }

    pub(crate) fn on_mailbox_timeout(&mut self) {
        let now_ms = self.now_ms;
        for (node, line) in &mut self.mailboxes.lines {
            if line.is_silent(now_ms) {
                line.lost(now_ms, rand::Rng::r#gen(&mut self.rng));
            }
            if line.is_due(now_ms) {
                self.mailboxes.stirred.insert(*node);
            }
        }
        self.leave_for_the_absent();
        self.send_owed();
    }

    /// Says to mailboxes what this step has made ready.
    pub(crate) fn stir_mailboxes(&mut self) {
        while let Some(node) = self.mailboxes.stirred.pop_first() {
            self.talk_to(node);
        }
    }
}
