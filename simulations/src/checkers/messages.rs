//! What was accepted arrives: at every recipient, once, in each author's order, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    Table, Write,
    rows::{self, MessageRow, ReceiptRow},
    view::DeliveryState,
};
use protocol::{
    decision::is_ballot_by,
    identity::{ConversationId, MessageId, PersonaId},
};

use super::{Checkers, durability::index_key};
use crate::{disk::Disk, world::World};

/// A message a node has answered for.
pub(crate) struct Promise {
    message: MessageId,
    author: usize,
    node: usize,
}

/// A message as it stands in a log, with its conversation.
struct Logged {
    conversation: ConversationId,
    row: MessageRow,
}

fn find(disk: &Disk, message: &MessageId) -> Option<Logged> {
    let key = disk.row(Table::Message, &index_key(message))?;
    let row = rows::from_bytes(disk.row(Table::Message, key)?).ok()?;
    let conversation = ConversationId::from_slice(key.get(1..17)?)?;
    Some(Logged { conversation, row })
}

fn log(disk: &Disk) -> Vec<Logged> {
    let rows = disk.under(Table::Message, b"m");
    rows.filter_map(|(key, value)| {
        let conversation = ConversationId::from_slice(key.get(1..17)?)?;
        Some(Logged { conversation, row: rows::from_bytes(value).ok()? })
    })
    .collect()
}

/// Whether a log shows a vote by another message that casts it. A voter says its vote again in
/// case it was not sent, and whichever of these equal messages comes first is the one shown.
fn shows_vote(disk: &Disk, cast: &Logged) -> bool {
    let Logged { conversation, row } = cast;
    let content = &row.message.content;
    is_ballot_by(&row.author, &content.body)
        && log(disk).iter().any(|shown| {
            shown.conversation == *conversation
                && shown.row.author == row.author
                && shown.row.message.content == *content
        })
}

impl Checkers {
    /// A node says that it will deliver a message.
    pub(crate) fn on_accepted(
        &mut self,
        author: usize,
        node: usize,
        disk: &Disk,
        message: MessageId,
    ) {
        if find(disk, &message).is_none() {
            self.complain(format!("node {node} accepted {message}, which is not on its disk"));
        }
        // The same key may be answered twice, when the first answer was lost in a crash.
        if self.promised.iter().all(|promise| promise.message != message) {
            self.promised.push(Promise { message, author, node });
        }
    }
}

impl World<'_> {
    /// After a crash, a node still has what it has answered for.
    pub(crate) fn check_promises_of(&mut self, node: usize) {
        let disk = &self.nodes[node].disk;
        let ours = self.checkers.promised.iter().filter(|promise| promise.node == node);
        let lost: Vec<_> =
            ours.filter(|p| find(disk, &p.message).is_none()).map(|p| p.message).collect();
        for message in lost {
            self.checkers.complain(format!("node {node} lost {message} in a crash"));
        }
    }

    /// A disk is lost, with all that waited on it to leave: its promises end, but for what its
    /// author knows to have arrived everywhere.
    pub(crate) fn forgive_what_is_lost(&mut self, node: usize) {
        let disk = &self.nodes[node].disk;
        let arrived = |promise: &Promise| {
            let Some(Logged { row, .. }) = find(disk, &promise.message) else { return false };
            row.recipients.iter().all(|recipient| {
                let key = rows::key(&[promise.message.as_bytes(), recipient.as_bytes()]);
                let receipt = disk.row(Table::Receipt, &key).map(rows::from_bytes::<ReceiptRow>);
                matches!(receipt, Some(Ok(ReceiptRow { state: DeliveryState::Delivered, .. })))
            })
        };
        self.checkers.promised.retain(|promise| promise.node != node || arrived(promise));
    }

    /// What a node says was delivered is on the recipient's disk.
    pub(crate) fn check_receipts(&mut self, node: usize, writes: &[Write]) {
        for write in writes.iter().filter(|write| write.table == Table::Receipt) {
            let row = write.value().and_then(|value| rows::from_bytes(value).ok());
            let Some(ReceiptRow { state: DeliveryState::Delivered, .. }) = row else { continue };
            let (message, recipient) = write.key.split_at(16);
            let message = MessageId::from_slice(message).expect("keys of receipts begin so");
            let recipient = PersonaId::from_slice(recipient);
            let Some(person) = self.people.iter().find(|person| person.id == recipient) else {
                self.checkers.complain("a receipt of nobody".into());
                continue;
            };
            let there = &self.nodes[person.node].disk;
            let sent = find(&self.nodes[node].disk, &message);
            if find(there, &message).is_none() && !sent.is_some_and(|sent| shows_vote(there, &sent))
            {
                let name = person.name;
                self.checkers.complain(format!("{message} is not on the disk of {name}'s node"));
            }
        }
    }

    /// How many messages of a person are not known to be delivered.
    pub(crate) fn undelivered_by(&self, author: usize) -> usize {
        let disk = &self.nodes[self.people[author].node].disk;
        let theirs = self.checkers.promised.iter().filter(|promise| promise.author == author);
        let doubtful = theirs.filter(|promise| {
            let mut receipts = disk.under(Table::Receipt, promise.message.as_bytes());
            let delivered = |value: &[u8]| {
                matches!(
                    rows::from_bytes(value),
                    Ok(ReceiptRow { state: DeliveryState::Delivered, .. })
                )
            };
            !receipts.any(|(_, value)| delivered(value))
        });
        doubtful.count()
    }

    /// Whether a person was ever removed from a conversation, so that promises end there.
    fn was_removed(&self, conversation: ConversationId, persona: PersonaId) -> bool {
        self.names.removed.contains(&(conversation, persona))
    }

    pub(super) fn judge_messages(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        let logs: Vec<Vec<Logged>> = self.nodes.iter().map(|node| log(&node.disk)).collect();
        let mut places: Vec<BTreeSet<MessageId>> = Vec::new();
        for (node, log) in logs.iter().enumerate() {
            let mut seen = BTreeSet::new();
            let mut last: BTreeMap<(ConversationId, PersonaId), u64> = BTreeMap::new();
            for read in log {
                let Logged { conversation, row } = read;
                let id = row.message.id;
                if !seen.insert(id) {
                    amiss.push(format!("{id} stands twice in the log of node {node}"));
                }
                let before = last.insert((*conversation, row.author), row.message.seq);
                if before.is_some_and(|before| before >= row.message.seq) {
                    amiss.push(format!("node {node} has {id} after a later one of its author"));
                }
                amiss.extend(self.judge_reader(node, read));
            }
            places.push(seen);
        }
        let alive = |promise: &&Promise| !self.is_dead(promise.author);
        for promise in self.checkers.promised.iter().filter(alive) {
            amiss.extend(self.judge_promise(promise, &places));
        }
        amiss.extend(self.judge_outboxes());
        amiss
    }

    /// Nobody reads what was not for them, or what nobody wrote.
    fn judge_reader(&self, node: usize, read: &Logged) -> Option<String> {
        let row = &read.row;
        let author = self.people.iter().find(|person| person.id == Some(row.author))?;
        if author.node == node {
            return None;
        }
        let disk = &self.nodes[author.node].disk;
        let Some(sent) = find(disk, &row.message.id) else {
            // Whose it was to read is not in the log of its author, who shows it once.
            let again = shows_vote(disk, read);
            return (!again).then(|| format!("{} never wrote {}", author.name, row.message.id));
        };
        let mut here = self.people.iter().filter(|person| person.node == node);
        let meant =
            here.any(|person| person.id.is_some_and(|id| sent.row.recipients.contains(&id)));
        (!meant).then(|| format!("node {node} reads {}, which is not for it", row.message.id))
    }

    fn judge_promise(&self, promise: &Promise, places: &[BTreeSet<MessageId>]) -> Vec<String> {
        let Promise { message, author, node } = promise;
        let name = self.people[*author].name;
        let disk = &self.nodes[*node].disk;
        let Some(Logged { conversation, row }) = find(disk, message) else {
            return vec![format!("{name}'s {message} was lost")];
        };
        let mut amiss = Vec::new();
        for recipient in &row.recipients {
            if self.was_removed(conversation, *recipient)
                || self.was_removed(conversation, row.author)
            {
                continue;
            }
            let Some(person) = self.people.iter().find(|person| person.id == Some(*recipient))
            else {
                amiss.push(format!("{name}'s {message} is for nobody"));
                continue;
            };
            if self.nodes[person.node].dead {
                continue;
            }
            if !places[person.node].contains(message) {
                amiss.push(format!("{name}'s {message} has not reached {}", person.name));
            }
            let key = rows::key(&[message.as_bytes(), recipient.as_bytes()]);
            let receipt = disk.row(Table::Receipt, &key).map(rows::from_bytes::<ReceiptRow>);
            let delivered =
                matches!(receipt, Some(Ok(ReceiptRow { state: DeliveryState::Delivered, .. })));
            if !delivered {
                amiss.push(format!("{name} does not know that {} has {message}", person.name));
            }
        }
        amiss
    }

    /// At the end nothing waits any more.
    fn judge_outboxes(&self) -> Vec<String> {
        let dead: BTreeSet<_> = (0..self.people.len())
            .filter(|person| self.is_dead(*person))
            .filter_map(|person| self.people[person].id)
            .collect();
        let waiting = |(index, node): (usize, &crate::node::Node)| {
            // What waits for the dead waits for ever.
            let waits = |key: &[u8]| {
                PersonaId::from_slice(key.get(9..).unwrap_or_default())
                    .is_none_or(|recipient| !dead.contains(&recipient))
            };
            let rows = node.disk.under(Table::Outbox, b"p");
            let count = rows.filter(|(key, _)| waits(key)).count();
            (count > 0 && !node.dead)
                .then(|| format!("{count} envelopes are left in the outbox of node {index}"))
        };
        self.nodes.iter().enumerate().filter_map(waiting).collect()
    }
}
