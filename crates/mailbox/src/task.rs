//! The one task that owns the host.
//!
//! Started by [`crate::Mailbox::start`]. It ends when told to, when the last sender of news is
//! gone, or when the ledger cannot be written.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use protocol::{
    identity::NodeId,
    mailbox::{
        Reply,
        host::{Counts, Host, Output, RowKey},
    },
    wire::Frame,
};
use store::{CommitError, Store};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{disk, handle::News};

/// News taken in one turn: it bounds a batch to what the ledger takes at once, and how long the
/// first deposit waits for its promise.
const TURN_MAX: usize = 100;

/// Why a mailbox ended.
#[derive(Debug, Error)]
pub enum Failed {
    /// The ledger does not take its rows. What was promised before is there.
    #[error("the mailbox cannot be written: {0}")]
    Commit(#[from] CommitError),
    /// Its task ended, which it does not do by itself.
    #[error("the mailbox ended")]
    Ended,
}

/// The host and what it acts on.
pub(crate) struct Task {
    pub(crate) host: Host,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) network: network::Handle,
    pub(crate) news: mpsc::Receiver<News>,
    pub(crate) told: watch::Sender<Counts>,
}

impl Task {
    pub(crate) async fn run(mut self, stop: oneshot::Receiver<()>) -> Result<(), Failed> {
        tokio::pin!(stop);
        loop {
            let timeout = match self.host.poll_timeout() {
                Some(at_ms) => Duration::from_millis(at_ms.saturating_sub(now_ms())),
                None => Duration::from_secs(3_600),
            };
            let stopping = tokio::select! {
                biased;
                // Told to, or the handle was dropped: either way what has arrived comes first.
                _ = &mut stop => true,
                news = self.news.recv() => match news {
                    Some(news) => {
                        self.take(news);
                        false
                    }
                    None => true,
                },
                () = tokio::time::sleep(timeout) => {
                    self.host.on_timeout(now_ms());
                    false
                }
            };
            loop {
                let waiting = self.take_waiting();
                self.settle().await?;
                if !stopping || waiting == 0 {
                    break;
                }
            }
            self.told.send_replace(self.host.counts());
            if stopping {
                return Ok(());
            }
        }
    }

    /// Takes what waits already, so that it shares the flush; how much that was.
    fn take_waiting(&mut self) -> usize {
        for taken in 0..TURN_MAX {
            match self.news.try_recv() {
                Ok(news) => self.take(news),
                Err(_) => return taken,
            }
        }
        TURN_MAX
    }

    fn take(&mut self, news: News) {
        match news {
            News::Connected(node, origin) => self.host.connected(node, origin),
            News::Disconnected(node) => self.host.disconnected(node),
            News::Lost(node) => self.host.lost(node, now_ms()),
            News::Request(from, request, _room) => self.host.handle(from, request, now_ms()),
        }
    }

    /// Writes first, sends after.
    async fn settle(&mut self) -> Result<(), Failed> {
        while let Some(batch) = self.host.poll_batch() {
            let (number, store) = (batch.number, Arc::clone(&self.store));
            let commit = tokio::task::spawn_blocking(move || store.commit(disk::batch(batch)));
            match commit.await.map_err(|_| Failed::Ended)? {
                Ok(_) => self.host.stored(number),
                Err(error) => {
                    // Those who wait should look for another mailbox at once.
                    self.host.failed(number);
                    self.send().await?;
                    return Err(error.into());
                }
            }
        }
        self.send().await
    }

    async fn send(&mut self) -> Result<(), Failed> {
        let mut entries: Vec<(NodeId, RowKey)> = Vec::new();
        while let Some(output) = self.host.poll_output() {
            match output {
                Output::Reply { to, reply } => self.send_one(to, reply),
                Output::Entry { to, key } => entries.push((to, key)),
            }
        }
        // In parts, so that many readers at once do not fill the memory.
        for part in entries.chunks(64) {
            let (store, part) = (Arc::clone(&self.store), part.to_vec());
            let load = move || {
                let load = |(to, key)| (to, key, disk::load(store.as_ref(), key));
                part.into_iter().map(load).collect::<Vec<_>>()
            };
            let loaded = tokio::task::spawn_blocking(load).await.map_err(|_| Failed::Ended)?;
            for (to, key, envelope) in loaded {
                match envelope {
                    Some(envelope) => self.send_one(to, Reply::Entry(envelope)),
                    None => self.host.unreadable(key),
                }
            }
        }
        Ok(())
    }

    fn send_one(&mut self, to: NodeId, reply: Reply) {
        if let Err(error) = self.network.send(to, Frame::FromMailbox(reply)) {
            tracing::debug!(node = %to, %error, "an answer was not queued");
            self.host.lost(to, now_ms());
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
