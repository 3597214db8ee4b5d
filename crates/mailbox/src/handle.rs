//! What the rest of a process holds of its mailbox.

use std::sync::Arc;

use protocol::{
    identity::{NodeId, NodeKey},
    mailbox::{
        Request,
        host::{Counts, Host, Limits, Origin},
    },
};
use store::{ReadError, Store};
use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    disk, origin,
    task::{Failed, Task},
};

/// Requests that wait for the task, and news of connections; the latter have most of the room.
const NEWS_MAX: usize = 4_096;
const REQUESTS_MAX: usize = 1_024;
/// What waiting requests may occupy, in KiB.
const REQUEST_KIB_MAX: usize = 16 * 1024;

/// Why a mailbox does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its rows cannot be read.
    #[error("the mailbox cannot be read: {0}")]
    Read(#[from] ReadError),
    /// Its task ended while it was reading them.
    #[error("the mailbox could not be read to its end")]
    Interrupted,
}

/// Something the task is told.
pub(crate) enum News {
    Connected(NodeId, Origin),
    Disconnected(NodeId),
    Lost(NodeId),
    Request(NodeId, Request, Room),
}

/// What a waiting request occupies.
pub(crate) struct Room {
    _one: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

/// A running mailbox. Dropping it ends it as [`Mailbox::stop`] does.
#[derive(Debug)]
pub struct Mailbox {
    news: mpsc::Sender<News>,
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    counts: watch::Receiver<Counts>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Failed>>,
}

impl Mailbox {
    /// Reads what an earlier run kept and starts to serve it, in the name of the node whose key
    /// and network these are.
    ///
    /// # Errors
    /// [`StartError`] when the ledger cannot be read.
    pub async fn start(
        key: NodeKey,
        limits: Limits,
        store: Arc<dyn Store>,
        network: network::Handle,
    ) -> Result<Self, StartError> {
        let reading = Arc::clone(&store);
        let host = tokio::task::spawn_blocking(move || {
            let mut host = Host::new(key, limits);
            let left_alone = disk::restore(reading.as_ref(), &mut host)?;
            Ok::<_, ReadError>((host, left_alone))
        });
        let (host, left_alone) = host.await.map_err(|_| StartError::Interrupted)??;
        let counts = host.counts();
        tracing::info!(
            envelopes = counts.envelopes,
            room_bytes = counts.room_bytes,
            room_bytes_max = limits.room_bytes,
            left_alone,
            "serving as a mailbox"
        );
        let (news, receiver) = mpsc::channel(NEWS_MAX);
        let (told, counts) = watch::channel(counts);
        let (stop, stops) = oneshot::channel();
        let task = tokio::spawn(Task { host, store, network, news: receiver, told }.run(stops));
        Ok(Self {
            news,
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            bytes: Arc::new(Semaphore::new(REQUEST_KIB_MAX)),
            counts,
            stop,
            task,
        })
    }

    /// A node has connected; `address` is the multiaddress of the other end.
    pub async fn connected(&self, node: NodeId, address: &str) {
        self.tell(News::Connected(node, origin::of(address))).await;
    }

    /// The last connection with a node is gone.
    pub async fn disconnected(&self, node: NodeId) {
        self.tell(News::Disconnected(node)).await;
    }

    /// Something sent to a node was lost.
    pub async fn lost(&self, node: NodeId) {
        self.tell(News::Lost(node)).await;
    }

    /// Passes a request on, and waits for room if too much waits already: that is what slows its
    /// sender down.
    pub async fn request(&self, from: NodeId, request: Request) {
        let one = Arc::clone(&self.requests).acquire_owned().await;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(kib(&request)).await;
        if let (Ok(one), Ok(bytes)) = (one, bytes) {
            self.tell(News::Request(from, request, Room { _one: one, _bytes: bytes })).await;
        }
    }

    /// Passes a request on if there is room; whether there was. Who asked will ask again.
    pub async fn offer(&self, from: NodeId, request: Request) -> bool {
        let one = Arc::clone(&self.requests).try_acquire_owned();
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(kib(&request));
        let (Ok(one), Ok(bytes)) = (one, bytes) else { return false };
        self.tell(News::Request(from, request, Room { _one: one, _bytes: bytes })).await;
        true
    }

    async fn tell(&self, news: News) {
        // Refused only when the task has ended, which `failed` tells.
        let _ = self.news.send(news).await;
    }

    /// How things are.
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Completes when the mailbox can no longer work; never before. May be dropped and called
    /// again until then.
    ///
    /// # Errors
    /// Always: [`Failed`] says why.
    pub async fn failed(&mut self) -> Failed {
        match (&mut self.task).await {
            Ok(Err(failed)) => failed,
            Ok(Ok(())) | Err(_) => Failed::Ended,
        }
    }

    /// Takes what has arrived, writes it, answers, and ends.
    ///
    /// # Errors
    /// [`Failed`] when that could not be written.
    pub async fn stop(self) -> Result<(), Failed> {
        // Already gone when the task failed on its own.
        let _ = self.stop.send(());
        drop(self.news);
        self.task.await.unwrap_or(Err(Failed::Ended))
    }
}

/// What a request occupies, roughly.
fn kib(request: &Request) -> u32 {
    let bytes = match request {
        Request::Deposit(deposit) => deposit.envelope.len() + deposit.locks.len() * 16,
        Request::Watch(claims) => claims.len() * 36,
        Request::Answer(answers) => answers.iter().map(|answer| 64 + answer.keys.len() * 32).sum(),
    };
    u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX)
}
