//! What still waits for its recipients, as the owner sees it, and what the owner can do about it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::identity::{MessageId, PersonaId};

use crate::{
    outbox::Entry,
    request::{Reply, RequestError},
    state::Engine,
    view::{DeliveryState, QueueView, QueuedView, WaitingView},
};

/// Messages in one view, at most: the oldest.
const MESSAGES_MAX: usize = 200;

impl Engine {
    /// Everything that waits.
    pub(crate) fn queue_view(&self) -> QueueView {
        let mut recipients: BTreeMap<PersonaId, WaitingView> = BTreeMap::new();
        let mut messages = Vec::new();
        let (mut envelopes, mut bytes, mut oldest_ms) = (0, 0, None::<u64>);
        for entry in self.outbox.entries() {
            let (created, size) = (entry.row.created_at_ms, entry.row.envelope.len());
            envelopes += 1;
            bytes += size;
            oldest_ms = Some(oldest_ms.map_or(created, |oldest| oldest.min(created)));
            for recipient in &entry.pending {
                let waiting = recipients
                    .entry(*recipient)
                    .or_insert_with(|| self.waiting(recipient, created));
                waiting.envelopes += 1;
                waiting.bytes += size;
                waiting.oldest_ms = waiting.oldest_ms.min(created);
                waiting.stored += usize::from(self.is_stored_for(entry, recipient));
            }
            if messages.len() < MESSAGES_MAX {
                messages.extend(self.queued(entry));
            }
        }
        let recipients = recipients.into_values().collect();
        QueueView { envelopes, bytes, oldest_ms, recipients, messages }
    }

    fn waiting(&self, recipient: &PersonaId, created_ms: u64) -> WaitingView {
        let home = self.home_of(recipient);
        WaitingView {
            recipient: *recipient,
            name: self.name_of(recipient),
            online: self.is_online(recipient),
            last_seen_ms: home.and_then(|node| self.peers.last_seen(&node)),
            next_try_ms: home.and_then(|node| self.peers.next_try(&node)),
            mailboxes: self.mailboxes_of(recipient).len(),
            envelopes: 0,
            bytes: 0,
            stored: 0,
            oldest_ms: created_ms,
        }
    }

    fn queued(&self, entry: &Entry) -> Option<QueuedView> {
        let (message, conversation) = (entry.row.shown_message()?, entry.row.conversation()?);
        Some(QueuedView {
            message,
            conversation,
            author: entry.row.author,
            created_at_ms: entry.row.created_at_ms,
            waiting: entry.pending.iter().copied().collect(),
            cancellable: self.may_cancel(entry),
        })
    }

    /// Whether nobody else has a copy yet.
    fn may_cancel(&self, entry: &Entry) -> bool {
        entry.stored.is_empty()
            && !self.mailboxes.is_leaving(&entry.row.id)
            && !self.outbox.was_sent(&entry.row.id)
    }

    /// Takes a message back from whoever has not got it, as long as no copy has left.
    pub(crate) fn cancel_message(&mut self, message: MessageId) -> Result<Reply, RequestError> {
        let ours = |entry: &&Entry| entry.row.shown_message() == Some(message);
        let Some(entry) = self.outbox.entries().find(ours) else {
            return Err(RequestError::NotFound { what: "waiting message" });
        };
        if !self.may_cancel(entry) {
            return Err(RequestError::Conflict {
                reason: "a copy has already left for a node or a mailbox; it cannot be taken back"
                    .into(),
            });
        }
        let (row, pending) = (entry.row.clone(), entry.pending.clone());
        for recipient in &pending {
            self.settle(&row, recipient, DeliveryState::Cancelled);
        }
        self.audit(row.author, "message.cancelled", "by the owner, before it was sent".into());
        Ok(Reply::Done)
    }

    /// Tries at once what would be tried later.
    pub(crate) fn retry_now(&mut self, recipient: PersonaId) -> Result<Reply, RequestError> {
        let waited_for: BTreeSet<PersonaId> = self.outbox.recipients().collect();
        if !waited_for.contains(&recipient) {
            return Err(RequestError::NotFound { what: "recipient with waiting mail" });
        }
        if self.is_online(&recipient) {
            self.outbox.requeue(&recipient);
            self.pump(&recipient);
        } else {
            if let Some(node) = self.home_of(&recipient) {
                self.peers.forget_pauses(&node);
            }
            self.look_up(recipient);
            self.reach(&recipient);
        }
        self.leave_all(&recipient);
        self.mailboxes.forget_pauses();
        Ok(Reply::Done)
    }
}
