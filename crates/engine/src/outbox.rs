//! Envelopes on their way: who still waits for which, and what to send next.
//!
//! A pure queue. An entry stays until its recipient has proven that it committed the envelope; a
//! connection that breaks puts what was under way back in line, in the original order.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::{ConversationId, EnvelopeId, NodeId, PersonaId},
    session::OUT_OF_ORDER_MAX,
    wire::ContentKind,
};

use crate::rows::{Cargo, EnvelopeRow};

/// How many envelopes may be under way to one recipient before an answer comes.
const IN_FLIGHT_MAX: usize = 256;
/// After this long without an answer an envelope is sent again, in milliseconds; doubled at each
/// attempt up to [`RETRY_MS_MAX`].
const RETRY_MS: u64 = 3_000;
const RETRY_MS_MAX: u64 = 60_000;
/// How far the envelopes under way may be ahead of the oldest that one recipient lacks, counted in
/// messages of one author in one conversation: well within what a recipient opens out of order.
const WINDOW: u64 = 64;
/// The same for votes, which do not wait for what was said before them.
const VOTE_WINDOW: u64 = OUT_OF_ORDER_MAX as u64 - WINDOW;
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

/// What one recipient waits for.
#[derive(Debug, Default)]
struct Line {
    lanes: BTreeMap<Lane, Queue>,
    in_flight: BTreeMap<u64, Flight>,
    attempts: BTreeMap<u64, u32>,
}

/// How urgent an envelope is. When more waits than may be under way, each class gets its share of
/// the room, so that none waits for all of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Changes, first contacts and receipts: what others need before they can go on.
    Control,
    /// The decision protocol: it has deadlines.
    Vote,
    /// Between two.
    Direct,
    /// Among several.
    Group,
}

impl Class {
    /// What an envelope is, in a conversation between two or not.
    pub(crate) fn of(row: &EnvelopeRow, direct: bool) -> Self {
        match &row.cargo {
            Cargo::Message { message, .. } => {
                match ContentKind::from_number(message.content.kind) {
                    Some(ContentKind::Decision) => Self::Vote,
                    _ if direct => Self::Direct,
                    _ => Self::Group,
                }
            }
            _ => Self::Control,
        }
    }

    /// Its share of the room.
    fn weight(self) -> usize {
        match self {
            Self::Control => 8,
            Self::Vote => 4,
            Self::Direct => 2,
            Self::Group => 1,
        }
    }
}

/// What one author has for one conversation in one class. Changes have a lane of their own that
/// messages do not hold back, because a message that waited through many changes is sealed for the
/// last of them. First contacts and receipts belong to no conversation here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    class: Class,
    author: PersonaId,
    conversation: Option<ConversationId>,
}

/// What is in one lane: the numbers of what the recipient lacks, and which of it is to be sent.
#[derive(Debug, Default)]
struct Queue {
    lacking: BTreeMap<u64, u64>,
    waiting: BTreeSet<u64>,
}

fn lane(row: &EnvelopeRow, class: Class) -> Lane {
    Lane {
        class,
        author: row.author,
        conversation: row.conversation().filter(|_| !row.is_receipt()),
    }
}

/// The number of an envelope in its lane. What is not numbered may come in any order.
fn seq(row: &EnvelopeRow) -> u64 {
    match &row.cargo {
        Cargo::FirstContact { .. }
        | Cargo::Change { .. }
        | Cargo::Receipts { .. }
        | Cargo::Received { .. } => 0,
        Cargo::Message { message, .. } => message.seq,
    }
}

impl Line {
    fn queue(&mut self, entry: &Entry) -> &mut Queue {
        self.lanes.entry(lane(&entry.row, entry.class)).or_default()
    }

    /// The next orders that may be sent, over all lanes: as many as there is room for, by turns of
    /// the classes.
    fn ready(&self) -> Vec<u64> {
        let mut classes: BTreeMap<Class, BTreeSet<u64>> = BTreeMap::new();
        for (lane, queue) in &self.lanes {
            let Some(oldest) = queue.lacking.values().next() else { continue };
            let end = match lane.class {
                // Votes overtake what is said before them, as far as it can be opened later.
                Class::Vote => self.oldest_beside(lane).min(*oldest).saturating_add(VOTE_WINDOW),
                _ => oldest.saturating_add(WINDOW),
            };
            let near = |order: &&u64| queue.lacking.get(*order).is_some_and(|seq| *seq < end);
            let near = queue.waiting.iter().take_while(near).take(IN_FLIGHT_MAX);
            classes.entry(lane.class).or_default().extend(near);
        }
        let mut room = IN_FLIGHT_MAX.saturating_sub(self.in_flight.len());
        let mut ready = BTreeSet::new();
        while room > 0 && classes.values().any(|waiting| !waiting.is_empty()) {
            for (class, waiting) in &mut classes {
                for _ in 0..class.weight().min(room) {
                    let Some(order) = waiting.pop_first() else { break };
                    ready.insert(order);
                    room -= 1;
                }
            }
        }
        ready.into_iter().collect()
    }

    /// The lowest number lacking in the other lanes of the same author and conversation.
    fn oldest_beside(&self, lane: &Lane) -> u64 {
        let said = [Class::Direct, Class::Group].map(|class| Lane { class, ..*lane });
        let queues = said.iter().filter_map(|lane| self.lanes.get(lane));
        queues.filter_map(|queue| queue.lacking.values().next()).min().copied().unwrap_or(u64::MAX)
    }

    /// An envelope is under way, if it waited.
    fn depart(&mut self, order: u64, entry: &Entry, now_ms: u64) {
        if !self.queue(entry).waiting.remove(&order) {
            return;
        }
        let attempt = self.attempts.entry(order).or_insert(0);
        let wait = RETRY_MS.saturating_mul(1 << (*attempt).min(10)).min(RETRY_MS_MAX);
        *attempt += 1;
        self.in_flight.insert(order, Flight { retry_at_ms: now_ms + wait });
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

#[cfg(test)]
mod tests {
    use protocol::{
        identity::MessageId,
        mailbox::ReleaseLock,
        wire::{Content, Message},
    };

    use super::*;

    fn row(n: u8) -> EnvelopeRow {
        EnvelopeRow {
            envelope: vec![n],
            id: EnvelopeId([n; 32]),
            author: PersonaId([0; 32]),
            cargo: Cargo::FirstContact { lock: ReleaseLock([0; 16]) },
            created_at_ms: 0,
        }
    }

    const HERE: ConversationId = ConversationId([7; 16]);

    fn numbered(n: u8) -> EnvelopeRow {
        let author = PersonaId([0; 32]);
        let message = Message {
            id: MessageId::derive(HERE, author, n.into()),
            seq: n.into(),
            previous: MessageId([0; 16]),
            sent_at_ms: 0,
            content: Content::text("hello"),
        };
        let cargo = Cargo::Message { conversation: HERE, epoch: 0, message, shown: true };
        EnvelopeRow { cargo, ..row(n) }
    }

    fn change(n: u8) -> EnvelopeRow {
        let cargo = Cargo::Change { conversation: HERE, seq: n.into() };
        EnvelopeRow { cargo, ..row(n) }
    }

    /// Nobody else lives where a recipient does.
    fn nobody(_: &PersonaId) -> bool {
        false
    }

    const BOB: PersonaId = PersonaId([1; 32]);
    const CAROL: PersonaId = PersonaId([2; 32]);

    #[test]
    fn envelopes_leave_in_order_and_only_once_until_they_are_late() {
        let mut outbox = Outbox::default();
        outbox.push(row(1), Class::Control, &[BOB]);
        outbox.push(row(2), Class::Control, &[BOB, CAROL]);
        assert_eq!(outbox.take(&BOB, nobody, 0), vec![vec![1], vec![2]]);
        assert!(outbox.take(&BOB, nobody, 0).is_empty());
        assert_eq!(outbox.poll_timeout(), Some(RETRY_MS));
        assert_eq!(outbox.expire(RETRY_MS), vec![(BOB, 1)]);
        assert_eq!(outbox.take(&BOB, nobody, RETRY_MS), vec![vec![1], vec![2]]);
    }

    #[test]
    fn one_copy_goes_to_a_node_on_which_several_wait_for_it() {
        let mut outbox = Outbox::default();
        let together = |_: &PersonaId| true;
        outbox.push(row(1), Class::Control, &[BOB, CAROL]);
        outbox.push(row(2), Class::Control, &[CAROL]);
        assert_eq!(outbox.take(&BOB, together, 0), vec![vec![1]]);
        assert_eq!(outbox.take(&CAROL, together, 0), vec![vec![2]]);
        outbox.settle(&EnvelopeId([1; 32]), &BOB);
        assert_eq!(outbox.expire(RETRY_MS), vec![(CAROL, 1)], "Carol has not said that she has it");
        assert_eq!(outbox.take(&CAROL, together, RETRY_MS), vec![vec![1], vec![2]]);
    }

    #[test]
    fn an_envelope_stays_until_its_last_recipient_has_it() {
        let mut outbox = Outbox::default();
        let order = outbox.push(row(2), Class::Control, &[BOB, CAROL]);
        let id = EnvelopeId([2; 32]);
        assert_eq!(
            outbox.settle(&id, &BOB),
            Some(Delivered { order, last: false, stored: vec![] })
        );
        assert_eq!(outbox.settle(&id, &BOB), None, "a second receipt changes nothing");
        assert_eq!(
            outbox.settle(&id, &CAROL),
            Some(Delivered { order, last: true, stored: vec![] })
        );
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn a_broken_connection_puts_everything_back_in_the_original_order() {
        let mut outbox = Outbox::default();
        for n in 0..5 {
            outbox.push(row(n), Class::Control, &[BOB]);
        }
        assert_eq!(outbox.take(&BOB, nobody, 0).len(), 5);
        outbox.settle(&EnvelopeId([1; 32]), &BOB);
        outbox.requeue(&BOB);
        assert_eq!(outbox.take(&BOB, nobody, 9), vec![vec![0], vec![2], vec![3], vec![4]]);
    }

    #[test]
    fn nothing_is_sent_that_a_recipient_could_not_open_before_what_it_lacks() {
        let mut outbox = Outbox::default();
        let window = u8::try_from(WINDOW).unwrap();
        for n in 0..=window {
            outbox.push(numbered(n), Class::Group, &[BOB]);
        }
        outbox.push(row(200), Class::Control, &[BOB]);
        let sent = outbox.take(&BOB, nobody, 0);
        assert!(!sent.contains(&vec![window]), "it would be {WINDOW} ahead of the first");
        assert!(sent.contains(&vec![200]), "another lane does not wait");
        for n in 1..window {
            outbox.settle(&EnvelopeId([n; 32]), &BOB);
        }
        assert!(outbox.take(&BOB, nobody, 0).is_empty(), "the first is still missing");
        outbox.settle(&EnvelopeId([0; 32]), &BOB);
        assert_eq!(outbox.take(&BOB, nobody, 0), vec![vec![window]]);
    }

    #[test]
    fn no_change_waits_for_messages_that_may_need_it() {
        let mut outbox = Outbox::default();
        let window = u8::try_from(WINDOW).unwrap();
        for n in 0..=window {
            outbox.push(numbered(n), Class::Group, &[BOB]);
        }
        outbox.push(change(window + 1), Class::Control, &[BOB]);
        let sent = outbox.take(&BOB, nobody, 0);
        assert!(!sent.contains(&vec![window]));
        assert!(sent.contains(&vec![window + 1]));
    }

    #[test]
    fn changes_go_first_when_not_everything_fits() {
        let mut outbox = Outbox::default();
        let window = u8::try_from(WINDOW).unwrap();
        for author in 1..=5 {
            for n in 0..window {
                let id = EnvelopeId([n; 32].map(|byte| byte ^ (author << 5)));
                let author = PersonaId([author; 32]);
                outbox.push(EnvelopeRow { id, author, ..numbered(n) }, Class::Group, &[BOB]);
            }
        }
        outbox.push(change(255), Class::Control, &[BOB]);
        let sent = outbox.take(&BOB, nobody, 0);
        assert_eq!(sent.len(), IN_FLIGHT_MAX);
        assert!(sent.contains(&vec![255]));
    }

    #[test]
    fn a_vote_does_not_wait_for_what_was_said_before_it() {
        let mut outbox = Outbox::default();
        for n in 0..200 {
            outbox.push(numbered(n), Class::Group, &[BOB]);
        }
        outbox.push(numbered(200), Class::Vote, &[BOB]);
        let sent = outbox.take(&BOB, nobody, 0);
        assert!(sent.contains(&vec![200]) && !sent.contains(&vec![199]));
    }

    #[test]
    fn every_class_has_its_share_of_the_room() {
        let mut outbox = Outbox::default();
        let classes = [Class::Group, Class::Direct, Class::Control];
        for (n, class) in (0u8..).zip(classes) {
            for author in 0..=255 {
                let mut id = [n; 32];
                id[1] = author;
                let author = PersonaId([author; 32]);
                let row = EnvelopeRow { id: EnvelopeId(id), author, ..row(n) };
                outbox.push(row, class, &[BOB]);
            }
        }
        let sent = outbox.take(&BOB, nobody, 0);
        let share = |n| sent.iter().filter(|envelope| **envelope == [n]).count() * 100 / sent.len();
        assert_eq!(sent.len(), IN_FLIGHT_MAX);
        assert!(share(0) >= 5 && share(1) > share(0) && share(2) > share(1));
    }
}
