//! What one recipient waits for, and what of it may be sent now.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::{ConversationId, PersonaId},
    session::OUT_OF_ORDER_MAX,
    wire::ContentKind,
};

use super::Entry;
use crate::rows::{Cargo, EnvelopeRow};

/// How many envelopes may be under way to one recipient before an answer comes.
pub(super) const IN_FLIGHT_MAX: usize = 256;
/// After this long without an answer an envelope is sent again, in milliseconds; doubled at each
/// attempt up to [`RETRY_MS_MAX`].
pub(super) const RETRY_MS: u64 = 3_000;
const RETRY_MS_MAX: u64 = 60_000;
/// How far the envelopes under way may be ahead of the oldest that one recipient lacks, counted in
/// messages of one author in one conversation: well within what a recipient opens out of order.
pub(super) const WINDOW: u64 = 64;
/// The same for votes, which do not wait for what was said before them.
const VOTE_WINDOW: u64 = OUT_OF_ORDER_MAX as u64 - WINDOW;

/// What one recipient waits for.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) lanes: BTreeMap<Lane, Queue>,
    pub(super) in_flight: BTreeMap<u64, Flight>,
    pub(super) attempts: BTreeMap<u64, u32>,
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
pub(super) struct Lane {
    class: Class,
    author: PersonaId,
    conversation: Option<ConversationId>,
}

/// What is in one lane: the numbers of what the recipient lacks, and which of it is to be sent.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) lacking: BTreeMap<u64, u64>,
    pub(super) waiting: BTreeSet<u64>,
}

pub(super) fn lane(row: &EnvelopeRow, class: Class) -> Lane {
    Lane {
        class,
        author: row.author,
        conversation: row.conversation().filter(|_| !row.is_receipt()),
    }
}

/// The number of an envelope in its lane. What is not numbered may come in any order.
pub(super) fn seq(row: &EnvelopeRow) -> u64 {
    match &row.cargo {
        Cargo::FirstContact { .. }
        | Cargo::Change { .. }
        | Cargo::Receipts { .. }
        | Cargo::Received { .. } => 0,
        Cargo::Message { message, .. } => message.seq,
    }
}

impl Line {
    pub(super) fn queue(&mut self, entry: &Entry) -> &mut Queue {
        self.lanes.entry(lane(&entry.row, entry.class)).or_default()
    }

    /// The next orders that may be sent, over all lanes: as many as there is room for, by turns of
    /// the classes.
    pub(super) fn ready(&self) -> Vec<u64> {
        let mut room = IN_FLIGHT_MAX.saturating_sub(self.in_flight.len());
        let mut classes: BTreeMap<Class, BTreeSet<u64>> = BTreeMap::new();
        for (lane, queue) in &self.lanes {
            let Some(oldest) = queue.lacking.values().next() else { continue };
            let end = match lane.class {
                // Votes overtake what is said before them, as far as it can be opened later.
                Class::Vote => self.oldest_beside(lane).min(*oldest).saturating_add(VOTE_WINDOW),
                _ => oldest.saturating_add(WINDOW),
            };
            let near = |order: &&u64| queue.lacking.get(*order).is_some_and(|seq| *seq < end);
            let near = queue.waiting.iter().take_while(near).take(room);
            classes.entry(lane.class).or_default().extend(near);
        }
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
    pub(super) fn depart(&mut self, order: u64, entry: &Entry, now_ms: u64) {
        if !self.queue(entry).waiting.remove(&order) {
            return;
        }
        let attempt = self.attempts.entry(order).or_insert(0);
        let wait = RETRY_MS.saturating_mul(1 << (*attempt).min(10)).min(RETRY_MS_MAX);
        *attempt += 1;
        self.in_flight.insert(order, Flight { retry_at_ms: now_ms + wait });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

#[derive(Debug)]
pub(super) struct Flight {
    pub(super) retry_at_ms: u64,
}
