//! Envelopes on their way: who still waits for which, and what to send next.
//!
//! A pure queue. An entry stays until its recipient has proven that it committed the envelope; a
//! connection that breaks puts what was under way back in line, in the original order.

mod line;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use protocol::identity::{ConversationId, EnvelopeId, NodeId, PersonaId};

pub(crate) use line::Class;
use line::{Line, lane, seq};

use crate::rows::EnvelopeRow;

/// The longest time an envelope may wait for its recipient, in milliseconds: 30 days.
pub(crate) const TRAVEL_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// More envelopes than this are not accepted from the owner; it bounds memory.
pub(crate) const ENTRIES_MAX: usize = 20_000;

/// All envelopes on their way.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: BTreeMap<u64, Entry>,
    by_id: BTreeMap<EnvelopeId, u64>,
    lines: BTreeMap<PersonaId, Line>,
    next_order: u64,
}

/// An envelope, who waits for it, and which mailboxes hold it since when.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) row: EnvelopeRow,
    pub(crate) class: Class,
    pub(crate) pending: BTreeSet<PersonaId>,
    pub(crate) stored: BTreeMap<NodeId, u64>,
}

/// The outcome of an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Position in the outbox; part of the keys of its rows.
    pub(crate) order: u64,
    /// Whether nobody waits for this envelope any more.
    pub(crate) last: bool,
    /// Then: which mailboxes held it.
    pub(crate) stored: Vec<NodeId>,
}

impl Outbox {
    /// Puts an envelope in line for some recipients and returns its order.
    pub(crate) fn push(&mut self, row: EnvelopeRow, class: Class, recipients: &[PersonaId]) -> u64 {
        let order = self.next_order;
        let pending = recipients.iter().copied().collect();
        self.restore(order, Entry { row, class, pending, stored: BTreeMap::new() });
        order
    }

    /// Puts back an entry read from the ledger.
    pub(crate) fn restore(&mut self, order: u64, entry: Entry) {
        self.next_order = self.next_order.max(order + 1);
        for recipient in &entry.pending {
            let queue = self.lines.entry(*recipient).or_default().queue(&entry);
            queue.lacking.insert(order, seq(&entry.row));
            queue.waiting.insert(order);
        }
        self.by_id.insert(entry.row.id, order);
        self.entries.insert(order, entry);
    }

    /// Puts another envelope in the place of one; it goes to whoever still waits. Returns which
    /// mailboxes held the old one.
    pub(crate) fn replace(&mut self, order: u64, row: EnvelopeRow) -> Vec<NodeId> {
        let Some(entry) = self.entries.get_mut(&order) else { return Vec::new() };
        self.by_id.remove(&entry.row.id);
        self.by_id.insert(row.id, order);
        entry.row = row;
        for recipient in &entry.pending {
            if let Some(line) = self.lines.get_mut(recipient) {
                line.in_flight.remove(&order);
                line.attempts.remove(&order);
                line.queue(entry).waiting.insert(order);
            }
        }
        std::mem::take(&mut entry.stored).into_keys().collect()
    }

    /// Everything on its way, the oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether an envelope has been sent to somebody's home at least once since the start.
    pub(crate) fn was_sent(&self, id: &EnvelopeId) -> bool {
        let order = self.by_id.get(id);
        order.is_some_and(|order| self.lines.values().any(|line| line.attempts.contains_key(order)))
    }

    /// An envelope that is still on its way, by its order.
    pub(crate) fn entry(&self, order: u64) -> Option<&Entry> {
        self.entries.get(&order)
    }

    /// Everything a recipient waits for, in order.
    pub(crate) fn orders_for(&self, recipient: &PersonaId) -> BTreeSet<u64> {
        let lanes = self.lines.get(recipient).into_iter().flat_map(|line| line.lanes.values());
        lanes.flat_map(|queue| queue.lacking.keys().copied()).collect()
    }

    /// A mailbox holds an envelope; whether that is of use.
    pub(crate) fn note_stored(
        &mut self,
        order: u64,
        id: &EnvelopeId,
        mailbox: NodeId,
        now_ms: u64,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&order).filter(|entry| entry.row.id == *id) else {
            return false;
        };
        entry.stored.insert(mailbox, now_ms);
        true
    }

    /// What has waited longer than anything may, and for whom.
    pub(crate) fn overdue(&self, now_ms: u64) -> Vec<(EnvelopeRow, Vec<PersonaId>)> {
        let old = |entry: &&Entry| entry.row.created_at_ms.saturating_add(TRAVEL_MS) <= now_ms;
        let found = self.entries.values().filter(old);
        found.map(|entry| (entry.row.clone(), entry.pending.iter().copied().collect())).collect()
    }

    /// How many envelopes are on their way.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Everybody who waits for something.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = PersonaId> {
        self.lines.keys().copied()
    }

    /// The next envelopes to send to a recipient, in order, marked as under way: to it, and to
    /// whoever waits for the same one where it goes, because a node opens an envelope for all of
    /// its personas.
    pub(crate) fn take(
        &mut self,
        recipient: &PersonaId,
        lives_there: impl Fn(&PersonaId) -> bool,
        now_ms: u64,
    ) -> Vec<Vec<u8>> {
        let orders = self.lines.get(recipient).map(Line::ready).unwrap_or_default();
        let mut envelopes = Vec::with_capacity(orders.len());
        for order in orders {
            let Some(entry) = self.entries.get(&order) else { continue };
            for other in &entry.pending {
                if other != recipient && !lives_there(other) {
                    continue;
                }
                if let Some(line) = self.lines.get_mut(other) {
                    line.depart(order, entry, now_ms);
                }
            }
            envelopes.push(entry.row.envelope.clone());
        }
        envelopes
    }

    /// The connection to a recipient's home broke: what was under way goes back in line.
    pub(crate) fn requeue(&mut self, recipient: &PersonaId) {
        let Some(line) = self.lines.get_mut(recipient) else { return };
        for queue in line.lanes.values_mut() {
            queue.waiting = queue.lacking.keys().copied().collect();
        }
        line.in_flight.clear();
        line.attempts.clear();
    }

    /// Puts back in line what has waited too long for an answer; returns for whom, and how often
    /// it was sent.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Vec<(PersonaId, u32)> {
        let mut late = Vec::new();
        for (recipient, line) in &mut self.lines {
            let due: Vec<u64> = line
                .in_flight
                .iter()
                .filter(|(_, flight)| flight.retry_at_ms <= now_ms)
                .map(|(order, _)| *order)
                .collect();
            let attempts = due.iter().filter_map(|order| line.attempts.get(order)).max();
            if let Some(attempts) = attempts {
                late.push((*recipient, *attempts));
            }
            for order in due {
                line.in_flight.remove(&order);
                if let Some(entry) = self.entries.get(&order) {
                    line.queue(entry).waiting.insert(order);
                }
            }
        }
        late
    }

    /// When [`Outbox::expire`] has work next.
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        let flights = self.lines.values().flat_map(|line| line.in_flight.values());
        flights.map(|flight| flight.retry_at_ms).min()
    }

    /// The row of an envelope that is still on its way.
    pub(crate) fn get(&self, id: &EnvelopeId) -> Option<&EnvelopeRow> {
        self.by_id.get(id).and_then(|order| self.entries.get(order)).map(|entry| &entry.row)
    }

    /// A recipient has it, or will never: takes it out of that line.
    pub(crate) fn settle(&mut self, id: &EnvelopeId, recipient: &PersonaId) -> Option<Delivered> {
        let order = *self.by_id.get(id)?;
        let entry = self.entries.get_mut(&order)?;
        if !entry.pending.remove(recipient) {
            return None;
        }
        let last = entry.pending.is_empty();
        let lane = lane(&entry.row, entry.class);
        let mut stored = Vec::new();
        if last {
            let entry = self.entries.remove(&order);
            stored.extend(entry.into_iter().flat_map(|entry| entry.stored.into_keys()));
            self.by_id.remove(id);
        }
        if let Some(line) = self.lines.get_mut(recipient) {
            if let Some(queue) = line.lanes.get_mut(&lane) {
                queue.waiting.remove(&order);
                queue.lacking.remove(&order);
                if queue.lacking.is_empty() {
                    line.lanes.remove(&lane);
                }
            }
            line.in_flight.remove(&order);
            line.attempts.remove(&order);
            if line.is_empty() {
                self.lines.remove(recipient);
            }
        }
        Some(Delivered { order, last, stored })
    }

    /// What one author has on its way in one conversation, with its order and who waits for it.
    pub(crate) fn of(
        &self,
        author: PersonaId,
        conversation: ConversationId,
    ) -> Vec<(u64, EnvelopeRow, Vec<PersonaId>)> {
        let ours = |entry: &Entry| {
            entry.row.author == author && entry.row.conversation() == Some(conversation)
        };
        let found = self.entries.iter().filter(|(_, entry)| ours(entry));
        found
            .map(|(order, entry)| {
                (*order, entry.row.clone(), entry.pending.iter().copied().collect())
            })
            .collect()
    }

    /// Envelopes of one conversation a recipient still waits for.
    pub(crate) fn pending_for(
        &self,
        recipient: &PersonaId,
        conversation: ConversationId,
    ) -> Vec<EnvelopeId> {
        let waits = |entry: &&Entry| {
            entry.pending.contains(recipient) && entry.row.conversation() == Some(conversation)
        };
        self.entries.values().filter(waits).map(|entry| entry.row.id).collect()
    }
}
