//! Envelopes on their way: who still waits for which, and what to send next.
//!
//! A pure queue. An entry stays until its recipient has proven that it committed the envelope; a
//! connection that breaks puts what was under way back in line, in the original order.

use std::collections::{BTreeMap, BTreeSet};

use protocol::identity::{ConversationId, EnvelopeId, PersonaId};

use crate::rows::{Cargo, EnvelopeRow};

/// How many envelopes may be under way to one recipient before an answer comes.
const IN_FLIGHT_MAX: usize = 256;
/// After this long without an answer an envelope is sent again, in milliseconds; doubled at each
/// attempt up to [`RETRY_MS_MAX`].
const RETRY_MS: u64 = 3_000;
const RETRY_MS_MAX: u64 = 60_000;
/// How far the envelopes under way may be ahead of the oldest that one recipient lacks, counted in
/// messages of one author in one conversation. A recipient opens messages that overtake each other
/// by no more than this, and keeps places in its log free for no more.
pub(crate) const WINDOW: u64 = 64;
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

#[derive(Debug)]
struct Entry {
    row: EnvelopeRow,
    pending: BTreeSet<PersonaId>,
}

/// What one recipient waits for.
#[derive(Debug, Default)]
struct Line {
    lanes: BTreeMap<Lane, Queue>,
    in_flight: BTreeMap<u64, Flight>,
    attempts: BTreeMap<u64, u32>,
}

/// Messages of one author in one conversation; first contacts have a lane of their own.
type Lane = (PersonaId, Option<ConversationId>);

/// What is in one lane: the numbers of what the recipient lacks, and which of it is to be sent.
#[derive(Debug, Default)]
struct Queue {
    lacking: BTreeMap<u64, u64>,
    waiting: BTreeSet<u64>,
}

fn lane(row: &EnvelopeRow) -> Lane {
    (row.author, row.conversation())
}

/// The number of an envelope in its lane. First contacts may come in any order.
fn seq(row: &EnvelopeRow) -> u64 {
    match &row.cargo {
        Cargo::FirstContact => 0,
        Cargo::Change { seq, .. } => *seq,
        Cargo::Message { message, .. } => message.seq,
    }
}

impl Line {
    fn queue(&mut self, row: &EnvelopeRow) -> &mut Queue {
        self.lanes.entry(lane(row)).or_default()
    }

    /// The next orders that may be sent, over all lanes.
    fn ready(&self) -> Vec<u64> {
        let mut ready = Vec::new();
        for queue in self.lanes.values() {
            let Some(oldest) = queue.lacking.values().next() else { continue };
            let near = |order: &&u64| {
                queue.lacking.get(*order).is_some_and(|seq| *seq < oldest.saturating_add(WINDOW))
            };
            ready.extend(queue.waiting.iter().take_while(near).take(IN_FLIGHT_MAX));
        }
        ready.sort_unstable();
        ready.truncate(IN_FLIGHT_MAX.saturating_sub(self.in_flight.len()));
        ready
    }

    fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

#[derive(Debug)]
struct Flight {
    retry_at_ms: u64,
}

/// The outcome of an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Position in the outbox; part of the keys of its rows.
    pub(crate) order: u64,
    /// Whether nobody waits for this envelope any more.
    pub(crate) last: bool,
}

impl Outbox {
    /// Puts an envelope in line for some recipients and returns its order.
    pub(crate) fn push(&mut self, row: EnvelopeRow, recipients: &[PersonaId]) -> u64 {
        let order = self.next_order;
        self.restore(order, row, recipients.iter().copied().collect());
        order
    }

    /// Puts back an entry read from the ledger.
    pub(crate) fn restore(&mut self, order: u64, row: EnvelopeRow, pending: BTreeSet<PersonaId>) {
        self.next_order = self.next_order.max(order + 1);
        for recipient in &pending {
            let queue = self.lines.entry(*recipient).or_default().queue(&row);
            queue.lacking.insert(order, seq(&row));
            queue.waiting.insert(order);
        }
        self.by_id.insert(row.id, order);
        self.entries.insert(order, Entry { row, pending });
    }

    /// Puts another envelope in the place of one; it goes to whoever still waits.
    pub(crate) fn replace(&mut self, order: u64, row: EnvelopeRow) {
        let Some(entry) = self.entries.get_mut(&order) else { return };
        self.by_id.remove(&entry.row.id);
        self.by_id.insert(row.id, order);
        entry.row = row;
        for recipient in &entry.pending {
            if let Some(line) = self.lines.get_mut(recipient) {
                line.in_flight.remove(&order);
                line.attempts.remove(&order);
                line.queue(&entry.row).waiting.insert(order);
            }
        }
    }

    /// How many envelopes are on their way.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Everybody who waits for something.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = PersonaId> {
        self.lines.keys().copied()
    }

    /// The next envelopes to send to a recipient, in order, marked as under way.
    pub(crate) fn take(&mut self, recipient: &PersonaId, now_ms: u64) -> Vec<Vec<u8>> {
        let Some(line) = self.lines.get_mut(recipient) else { return Vec::new() };
        let orders = line.ready();
        let mut envelopes = Vec::with_capacity(orders.len());
        for order in orders {
            let Some(entry) = self.entries.get(&order) else { continue };
            line.queue(&entry.row).waiting.remove(&order);
            let attempt = line.attempts.entry(order).or_insert(0);
            let wait = RETRY_MS.saturating_mul(1 << (*attempt).min(10)).min(RETRY_MS_MAX);
            *attempt += 1;
            line.in_flight.insert(order, Flight { retry_at_ms: now_ms + wait });
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

    /// Puts back in line what has waited too long for an answer; returns for whom.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Vec<PersonaId> {
        let mut late = Vec::new();
        for (recipient, line) in &mut self.lines {
            let due: Vec<u64> = line
                .in_flight
                .iter()
                .filter(|(_, flight)| flight.retry_at_ms <= now_ms)
                .map(|(order, _)| *order)
                .collect();
            if !due.is_empty() {
                late.push(*recipient);
            }
            for order in due {
                line.in_flight.remove(&order);
                if let Some(entry) = self.entries.get(&order) {
                    line.queue(&entry.row).waiting.insert(order);
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
        let lane = lane(&entry.row);
        if last {
            self.entries.remove(&order);
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
        Some(Delivered { order, last })
    }

    /// What one author has on its way in one conversation, with its order and who waits for it.
    pub(crate) fn of(
        &self,
        author: PersonaId,
        conversation: ConversationId,
    ) -> Vec<(u64, EnvelopeRow, Vec<PersonaId>)> {
        let ours = |entry: &Entry| lane(&entry.row) == (author, Some(conversation));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u8) -> EnvelopeRow {
        EnvelopeRow {
            envelope: vec![n],
            id: EnvelopeId([n; 32]),
            author: PersonaId([0; 32]),
            cargo: Cargo::FirstContact,
            created_at_ms: 0,
        }
    }

    fn numbered(n: u8) -> EnvelopeRow {
        let cargo = Cargo::Change { conversation: ConversationId([7; 16]), seq: n.into() };
        EnvelopeRow { cargo, ..row(n) }
    }

    const BOB: PersonaId = PersonaId([1; 32]);
    const CAROL: PersonaId = PersonaId([2; 32]);

    #[test]
    fn envelopes_leave_in_order_and_only_once_until_they_are_late() {
        let mut outbox = Outbox::default();
        outbox.push(row(1), &[BOB]);
        outbox.push(row(2), &[BOB, CAROL]);
        assert_eq!(outbox.take(&BOB, 0), vec![vec![1], vec![2]]);
        assert!(outbox.take(&BOB, 0).is_empty());
        assert_eq!(outbox.poll_timeout(), Some(RETRY_MS));
        assert_eq!(outbox.expire(RETRY_MS), vec![BOB]);
        assert_eq!(outbox.take(&BOB, RETRY_MS), vec![vec![1], vec![2]]);
    }

    #[test]
    fn an_envelope_stays_until_its_last_recipient_has_it() {
        let mut outbox = Outbox::default();
        let order = outbox.push(row(2), &[BOB, CAROL]);
        let id = EnvelopeId([2; 32]);
        assert_eq!(outbox.settle(&id, &BOB), Some(Delivered { order, last: false }));
        assert_eq!(outbox.settle(&id, &BOB), None, "a second receipt changes nothing");
        assert_eq!(outbox.settle(&id, &CAROL), Some(Delivered { order, last: true }));
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn a_broken_connection_puts_everything_back_in_the_original_order() {
        let mut outbox = Outbox::default();
        for n in 0..5 {
            outbox.push(row(n), &[BOB]);
        }
        assert_eq!(outbox.take(&BOB, 0).len(), 5);
        outbox.settle(&EnvelopeId([1; 32]), &BOB);
        outbox.requeue(&BOB);
        assert_eq!(outbox.take(&BOB, 9), vec![vec![0], vec![2], vec![3], vec![4]]);
    }

    #[test]
    fn nothing_is_sent_that_a_recipient_could_not_open_before_what_it_lacks() {
        let mut outbox = Outbox::default();
        let window = u8::try_from(WINDOW).unwrap();
        for n in 0..=window {
            outbox.push(numbered(n), &[BOB]);
        }
        outbox.push(row(200), &[BOB]);
        let sent = outbox.take(&BOB, 0);
        assert!(!sent.contains(&vec![window]), "it would be {WINDOW} ahead of the first");
        assert!(sent.contains(&vec![200]), "another lane does not wait");
        for n in 1..window {
            outbox.settle(&EnvelopeId([n; 32]), &BOB);
        }
        assert!(outbox.take(&BOB, 0).is_empty(), "the first is still missing");
        outbox.settle(&EnvelopeId([0; 32]), &BOB);
        assert_eq!(outbox.take(&BOB, 0), vec![vec![window]]);
    }
}
