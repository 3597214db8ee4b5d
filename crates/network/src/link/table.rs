//! All outgoing links of a node.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use libp2p::PeerId;
use protocol::{
    identity::NodeId,
    wire::{FRAME_BYTES_MAX, Frame},
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::{codec, outgoing::Link, streams::OpenReply};
use crate::{address, config::Limits, counters::Counters, event::Board, event::SendFailure};

/// Why a frame was not even queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// Larger than any node accepts.
    #[error("frames have at most {FRAME_BYTES_MAX} bytes")]
    TooLarge,
    /// The peer takes frames more slowly than they are sent. Try again after its next
    /// acknowledgement.
    #[error("the queue to this node is full")]
    QueueFull,
    /// Links to too many nodes are open at the same time.
    #[error("links to too many nodes are open")]
    TooManyLinks,
    /// The frame is for this node itself.
    #[error("a node does not send to itself")]
    ToSelf,
    /// The network has shut down.
    #[error("the network has shut down")]
    Closed,
}

/// What links ask the driver for.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A connection. Answered once there is one, or cannot be one.
    Connect {
        /// With whom.
        peer: PeerId,
        /// How it went.
        reply: oneshot::Sender<Result<(), SendFailure>>,
    },
    /// A stream on the best connection there is.
    Open {
        /// To whom.
        peer: PeerId,
        /// The stream.
        reply: OpenReply,
    },
}

/// What every link needs.
#[derive(Clone)]
pub(crate) struct Wiring {
    pub(crate) ask: mpsc::Sender<Ask>,
    pub(crate) board: Arc<Board>,
    pub(crate) counters: Arc<Counters>,
}

/// The table of links, one per peer that something has been sent to lately.
pub(crate) struct Links {
    own: NodeId,
    limits: Limits,
    wiring: Wiring,
    runtime: tokio::runtime::Handle,
    /// `None` once closed.
    open: Mutex<Option<BTreeMap<NodeId, Queue>>>,
}

/// The sending end of one link's queue.
struct Queue {
    frames: mpsc::Sender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
    task: tokio::task::AbortHandle,
}

impl Links {
    pub(crate) fn new(
        own: NodeId,
        limits: Limits,
        runtime: tokio::runtime::Handle,
        board: Arc<Board>,
        counters: Arc<Counters>,
    ) -> (Arc<Self>, mpsc::Receiver<Ask>) {
        let (ask, asked) = mpsc::channel(64);
        let wiring = Wiring { ask, board, counters };
        let open = Mutex::new(Some(BTreeMap::new()));
        (Arc::new(Self { own, limits, wiring, runtime, open }), asked)
    }

    /// Queues a frame on the link to a node, starting the link if there is none.
    pub(crate) fn send(self: &Arc<Self>, node: NodeId, frame: &Frame) -> Result<(), SendError> {
        if node == self.own {
            return Err(SendError::ToSelf);
        }
        let bytes = codec::framed(frame).ok_or(SendError::TooLarge)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_mut().ok_or(SendError::Closed)?;
        if !open.contains_key(&node) && open.len() >= self.limits.links_max {
            return Err(SendError::TooManyLinks);
        }
        let queue = open.entry(node).or_insert_with(|| self.start(node));
        let len = bytes.len();
        let waiting = queue.bytes.load(Ordering::Acquire);
        // An empty queue takes any frame, so that a small limit cannot stop large frames for good.
        if waiting > 0 && waiting + len > self.limits.link_bytes_max {
            return Err(SendError::QueueFull);
        }
        queue.bytes.fetch_add(len, Ordering::AcqRel);
        queue.frames.try_send(bytes).map_err(|_| {
            queue.bytes.fetch_sub(len, Ordering::AcqRel);
            SendError::QueueFull
        })
    }

    fn start(self: &Arc<Self>, node: NodeId) -> Queue {
        let (frames, receiver) = mpsc::channel(self.limits.link_frames_max.max(1));
        let bytes = Arc::new(AtomicUsize::new(0));
        let link = Link {
            node,
            peer: address::peer_of(node),
            frames: receiver,
            bytes: bytes.clone(),
            wiring: self.wiring.clone(),
            table: Arc::downgrade(self),
        };
        let task = self.runtime.spawn(link.run()).abort_handle();
        Queue { frames, bytes, task }
    }

    /// Takes an idle link out of the table, unless a frame has been queued on it in the meantime.
    /// Senders queue under the same lock, so nothing can slip in between.
    pub(super) fn retire(&self, node: &NodeId, frames: &mut mpsc::Receiver<Vec<u8>>) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = frames.is_empty();
        if idle && let Some(open) = open.as_mut() {
            open.remove(node);
        }
        idle
    }

    /// Ends all links; what they hold is lost.
    pub(crate) fn close(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        for queue in open.into_iter().flat_map(BTreeMap::into_values) {
            queue.task.abort();
        }
    }
}
