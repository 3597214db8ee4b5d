//! What must hold, whatever goes wrong.
//!
//! | rule | file |
//! | --- | --- |
//! | what was accepted arrives, once, in order, and only where it was meant to | `messages.rs` |
//! | all members agree who is one, and who was removed knows it | `members.rs` |
//! | nothing is shown, sent or acknowledged before it is on disk | `durability.rs` |
//! | nobody signs twice; one certificate for a proposal, valid, at every member | `decisions.rs` |
//! | a meeting lies where every voter was free, and stands in every calendar | `decisions.rs` |
//! | an inquiry ends, alike for everyone, with every answer in it | `inquiries.rs` |
//! | the memory of an engine is bounded | `bounds.rs` |
//!
//! Some rules are checked at every step, others when all is well again.

mod bounds;
mod decisions;
mod durability;
mod inquiries;
mod members;
mod messages;

use std::collections::BTreeSet;

use engine::view::Depths;
use protocol::identity::EnvelopeId;

use self::{decisions::Statements, messages::Promise};
use crate::world::World;

/// What was seen so far, and what was found amiss.
pub(crate) struct Checkers {
    complaints: Vec<String>,
    /// Messages a node has answered for.
    promised: Vec<Promise>,
    /// Envelopes that were ever in each node's durable outbox.
    posted: Vec<BTreeSet<EnvelopeId>>,
    statements: Statements,
    /// The deepest each queue ever was.
    pub(crate) peaks: Depths,
}

impl Checkers {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            complaints: Vec::new(),
            promised: Vec::new(),
            posted: vec![BTreeSet::new(); nodes],
            statements: Statements::default(),
            peaks: Depths::default(),
        }
    }

    pub(crate) fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    pub(crate) fn has_complaints(&self) -> bool {
        !self.complaints.is_empty()
    }

    pub(crate) fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// How many messages were accepted.
    pub(crate) fn promises(&self) -> usize {
        self.promised.len()
    }
}

impl World<'_> {
    /// What is amiss now, of that which must hold when all is well.
    pub(crate) fn judge(&self) -> Vec<String> {
        let mut amiss: Vec<String> = Vec::new();
        let open = self.pursuits.iter().filter(|pursuit| !pursuit.done);
        let open = open.filter(|pursuit| !self.is_dead(pursuit.wish.owner()));
        amiss.extend(open.map(|pursuit| format!("not done: {:?}", pursuit.wish)));
        amiss.extend(self.judge_members());
        amiss.extend(self.judge_messages());
        amiss.extend(self.judge_decisions());
        amiss.extend(self.judge_inquiries());
        amiss.extend(self.judge_bookings());
        amiss.extend(self.judge_tasks());
        amiss
    }
}
