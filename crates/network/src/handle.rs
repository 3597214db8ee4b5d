//! The cheap end of the network: everything the rest of the node asks for.

use std::sync::Arc;

use protocol::{
    card::{Record, RecordKey},
    identity::NodeId,
    wire::Frame,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    address,
    counters::Counters,
    driver::Command,
    event::{GossipId, SendFailure, Verdict},
    link::{Askers, FileStream, Links, SendError},
    requests::Requests,
    status::Status,
};

/// Why a lookup has no answer. No record at all is an answer: an empty list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LookupError {
    /// No node of the DHT is known yet, or any more.
    #[error("not connected to the network yet")]
    NotConnected,
    /// Nobody answered in time.
    #[error("nobody answered in time")]
    TimedOut,
    /// Too many lookups at the same time.
    #[error("too many lookups at the same time")]
    Busy,
    /// The network has shut down.
    #[error("the network has shut down")]
    Closed,
}

/// Asks the network for things. Cloning is cheap; when the last clone is dropped, the network
/// shuts down.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) node: NodeId,
    pub(crate) links: Arc<Links>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) askers: Arc<Askers>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) done: watch::Receiver<()>,
}

impl Handle {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.inner.node
    }

    /// Queues a frame for a node, behind those queued before. Connects first, if an address of
    /// the node is known. What goes wrong later is told by [`crate::Event::SendFailed`].
    ///
    /// # Errors
    /// [`SendError`]; the frame has not been queued.
    pub fn send(&self, node: NodeId, frame: Frame) -> Result<(), SendError> {
        self.inner.links.send(node, &frame)
    }

    /// Remembers addresses of a node, with or without their `/p2p` part, and connects unless
    /// already connected. Those that are not multiaddresses, or name another node, are skipped.
    pub fn dial(&self, node: NodeId, addresses: Vec<String>) {
        self.inner.requests.dial(node, addresses, &self.inner.counters);
    }

    /// Keeps a record published in the DHT until it expires, in place of an older one under the
    /// same key. `expires_at_ms` is in milliseconds since the Unix epoch. Each attempt ends in
    /// [`crate::Event::Published`]; the first one waits for listeners and a connection.
    pub fn put_record(&self, key: RecordKey, value: Vec<u8>, expires_at_ms: u64) {
        self.inner.requests.record(key, value, expires_at_ms, &self.inner.counters);
    }

    /// Looks records up in the DHT. All that come back hold; the newest stands first.
    ///
    /// # Errors
    /// [`LookupError`] when the network could not be asked.
    pub async fn get_record(&self, key: RecordKey) -> Result<Vec<Record>, LookupError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Lookup { key, reply };
        self.inner.commands.send(command).await.map_err(|_| LookupError::Closed)?;
        answer.await.map_err(|_| LookupError::Closed)?
    }

    /// Subscribes to a gossip topic of at most 256 bytes.
    pub fn subscribe(&self, topic: String) {
        self.inner.requests.topic(topic, true, &self.inner.counters);
    }

    /// Leaves a gossip topic.
    pub fn unsubscribe(&self, topic: String) {
        self.inner.requests.topic(topic, false, &self.inner.counters);
    }

    /// Publishes on a gossip topic, subscribed to or not. A message that has no listener yet is
    /// kept for two minutes. The same data on the same topic counts as one message for a minute.
    pub fn publish(&self, topic: String, data: Vec<u8>) {
        self.inner.requests.gossip(topic, data, &self.inner.counters);
    }

    /// Says what became of a gossip message. Only accepted ones are forwarded, and only if this
    /// comes within a few seconds.
    pub fn report_gossip(&self, id: GossipId, verdict: Verdict) {
        self.inner.requests.verdict(id, verdict, &self.inner.counters);
    }

    /// Opens a stream to a connected node, to fetch files from it.
    ///
    /// # Errors
    /// [`SendFailure`]: it is not connected, or does not give files.
    pub async fn open_files(&self, node: NodeId) -> Result<FileStream, SendFailure> {
        let (reply, opened) = oneshot::channel();
        let command = Command::OpenFiles { peer: address::peer_of(node), reply };
        self.inner.commands.send(command).await.map_err(|_| SendFailure::Broken)?;
        let opened = opened.await.map_err(|_| SendFailure::Broken)??;
        Ok(FileStream::new(node, opened.stream))
    }

    /// The streams on which others ask for files from now on, for the one who answers them.
    /// Before this is called, and beyond a few that wait, they are closed.
    pub fn file_streams(&self) -> mpsc::Receiver<FileStream> {
        self.inner.askers.listen()
    }

    /// How things are. Empty once the network has shut down.
    pub async fn status(&self) -> Status {
        let (reply, answer) = oneshot::channel();
        if self.inner.commands.send(Command::Status { reply }).await.is_err() {
            return Status::default();
        }
        answer.await.unwrap_or_default()
    }

    /// Says goodbye to all peers and ends the network. Frames still queued are lost. Returns when
    /// it is done, within about a second. The system may take a moment more to free a UDP port.
    pub async fn shutdown(&self) {
        self.inner.stop.send_replace(true);
        let mut done = self.inner.done.clone();
        // Nothing is ever sent: the channel closes when the driver has ended.
        let _ = done.changed().await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("node", &self.inner.node).finish_non_exhaustive()
    }
}
