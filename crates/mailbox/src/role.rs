//! The role in a process that takes it, or does not.

use network::{Event, Handle};
use protocol::{identity::NodeId, mailbox::Request, wire::Frame};

use crate::{Counts, Failed, Mailbox};

/// What becomes of requests while too many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenBusy {
    /// Wait, which slows all senders down: for a process that does little else.
    Wait,
    /// Drop the request; who made it makes it again. For a process that has other things to do.
    Drop,
}

/// Sorts out of a network's events what is a mailbox's business.
#[derive(Debug)]
pub struct Role {
    mailbox: Option<Mailbox>,
    network: Handle,
    when_busy: WhenBusy,
}

impl Role {
    /// A role on this network; without a mailbox, requests are answered as not served.
    pub fn new(mailbox: Option<Mailbox>, network: Handle, when_busy: WhenBusy) -> Self {
        Self { mailbox, network, when_busy }
    }

    /// Takes notice of an event and gives it back, unless it is a mailbox's business alone.
    pub async fn hear(&self, event: Event) -> Option<Event> {
        let event = match event {
            Event::Frame { node, frame: Frame::ToMailbox(request) } => {
                self.on_request(node, request).await;
                return None;
            }
            event => event,
        };
        if let Some(mailbox) = &self.mailbox {
            match &event {
                Event::Connected { node, address, .. } => mailbox.connected(*node, address).await,
                Event::Disconnected { node } => mailbox.disconnected(*node).await,
                Event::SendFailed { node, .. } => mailbox.lost(*node).await,
                _ => {}
            }
        }
        Some(event)
    }

    async fn on_request(&self, node: NodeId, request: Request) {
        match (&self.mailbox, self.when_busy) {
            (Some(mailbox), WhenBusy::Wait) => mailbox.request(node, request).await,
            (Some(mailbox), WhenBusy::Drop) => {
                if !mailbox.offer(node, request).await {
                    tracing::debug!(%node, "the mailbox is busy; dropped a request");
                }
            }
            (None, _) => {
                if let Some(reply) = request.not_served()
                    && let Err(error) = self.network.send(node, Frame::FromMailbox(reply))
                {
                    tracing::debug!(%node, %error, "an answer was not queued");
                }
            }
        }
    }

    /// How things are, where there is a mailbox.
    pub fn counts(&self) -> Option<Counts> {
        self.mailbox.as_ref().map(Mailbox::counts)
    }

    /// Writes into the log how things are.
    pub fn log_counts(&self) {
        let Some(counts) = self.counts() else { return };
        tracing::info!(
            envelopes = counts.envelopes,
            room_bytes = counts.room_bytes,
            tags = counts.tags,
            watches = counts.watches,
            taken = counts.taken,
            repeated = counts.repeated,
            refused = counts.refused,
            handed_out = counts.handed_out,
            released = counts.released,
            expired = counts.expired,
            dropped = counts.dropped,
            "mailbox"
        );
    }

    /// Completes when there is a mailbox and it cannot go on. May be dropped and called again
    /// until then.
    pub async fn failed(&mut self) -> Failed {
        match &mut self.mailbox {
            Some(mailbox) => mailbox.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// [`Failed`] when what had arrived could not be written.
    pub async fn stop(self) -> Result<(), Failed> {
        match self.mailbox {
            Some(mailbox) => mailbox.stop().await,
            None => Ok(()),
        }
    }
}
