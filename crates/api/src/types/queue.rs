//! What still waits for its recipients.

use engine::view::{QueueView, QueuedView, WaitingView};
use serde::Serialize;
use utoipa::ToSchema;

use super::time::iso;

/// What still waits for its recipients.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queue {
    /// Envelopes somebody waits for, receipts and membership changes included.
    envelopes: usize,
    /// Their bytes.
    bytes: usize,
    /// When the oldest was sealed; null when nothing waits.
    #[schema(format = DateTime)]
    oldest_at: Option<String>,
    /// Who waits.
    recipients: Vec<Waiting>,
    /// The messages among them, oldest first, at most 200.
    messages: Vec<Queued>,
}

/// What waits for one recipient.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    /// Its did:key.
    recipient: String,
    /// What it calls itself.
    name: String,
    /// Whether its home is connected.
    online: bool,
    /// When its home was last connected, if it was since this node started.
    #[schema(format = DateTime)]
    last_seen_at: Option<String>,
    /// When its home will be tried again.
    #[schema(format = DateTime)]
    next_try_at: Option<String>,
    /// How many mailboxes it has.
    mailboxes: usize,
    /// Envelopes it waits for.
    envelopes: usize,
    /// Their bytes.
    bytes: usize,
    /// Of those envelopes, the ones enough of its mailboxes hold.
    stored: usize,
    /// When the oldest was sealed.
    #[schema(format = DateTime)]
    oldest_at: String,
}

/// A message that waits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Which.
    message: String,
    /// Where.
    conversation: String,
    /// Which of our personas wrote it.
    author: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
    /// For whom: did:keys.
    waiting: Vec<String>,
    /// Whether it can still be taken back.
    cancellable: bool,
}

impl From<QueueView> for Queue {
    fn from(view: QueueView) -> Self {
        Self {
            envelopes: view.envelopes,
            bytes: view.bytes,
            oldest_at: view.oldest_ms.map(iso),
            recipients: view.recipients.into_iter().map(Waiting::from).collect(),
            messages: view.messages.into_iter().map(Queued::from).collect(),
        }
    }
}

impl From<WaitingView> for Waiting {
    fn from(view: WaitingView) -> Self {
        Self {
            recipient: view.recipient.to_string(),
            name: view.name,
            online: view.online,
            last_seen_at: view.last_seen_ms.map(iso),
            next_try_at: view.next_try_ms.map(iso),
            mailboxes: view.mailboxes,
            envelopes: view.envelopes,
            bytes: view.bytes,
            stored: view.stored,
            oldest_at: iso(view.oldest_ms),
        }
    }
}

impl From<QueuedView> for Queued {
    fn from(view: QueuedView) -> Self {
        Self {
            message: view.message.to_string(),
            conversation: view.conversation.to_string(),
            author: view.author.to_string(),
            created_at: iso(view.created_at_ms),
            waiting: view.waiting.iter().map(ToString::to_string).collect(),
            cancellable: view.cancellable,
        }
    }
}
