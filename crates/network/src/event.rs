//! What the node hears from its network.
//!
//! Two ways lead to the consumer. The *inbox* carries payload, frames and gossip: it is bounded
//! by number and by bytes, and whoever fills it waits or drops. The *board* carries what the
//! driver has to say about peers: writing to it never waits, because entries about the same peer
//! merge, so it cannot grow beyond the number of peers. The board is read first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use libp2p::PeerId;
use protocol::{card::RecordKey, identity::NodeId, wire::Frame};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::status::Path;

/// Something that happened on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This node listens on another address, `/p2p` part included.
    Listening {
        /// A multiaddress others can dial.
        address: String,
    },
    /// The addresses others should try have changed. Those of the sockets and of relays that hold
    /// a place, best first, without their `/p2p` part, at most eight.
    Addresses {
        /// All of them.
        addresses: Vec<String>,
    },
    /// The first connection with a node stands.
    Connected {
        /// Which node.
        node: NodeId,
        /// The other end, as a multiaddress.
        address: String,
        /// Whether it leads through a relay.
        path: Path,
    },
    /// A connected node is now reached on another path.
    PathChanged {
        /// Which node.
        node: NodeId,
        /// The other end, as a multiaddress.
        address: String,
        /// The path.
        path: Path,
    },
    /// The last connection with a node is gone. Frames it sent before may still follow.
    Disconnected {
        /// Which node.
        node: NodeId,
    },
    /// A frame arrived. Its sender is proven, its content is not.
    Frame {
        /// Who sent it.
        node: NodeId,
        /// What it says.
        frame: Frame,
    },
    /// The link to a node could not be opened, or broke. Everything sent to that node and not
    /// acknowledged by it may be lost and should be sent again, after a pause.
    SendFailed {
        /// Which node.
        node: NodeId,
        /// Frames that were still queued and have been dropped. Those already written are not
        /// counted; nobody knows whether they arrived.
        frames: usize,
        /// Why.
        reason: SendFailure,
    },
    /// Somebody published on a topic this node subscribes to. Must be answered by
    /// [`crate::Handle::report_gossip`]: it is forwarded only once accepted.
    Gossip {
        /// The topic.
        topic: String,
        /// What was published; the author is not known to the network.
        data: Vec<u8>,
        /// What to report on.
        id: GossipId,
    },
    /// An attempt to publish a record ended.
    Published {
        /// The record's key.
        key: RecordKey,
        /// Whether at least one other node took it. If not, it is tried again until it expires.
        ok: bool,
    },
    /// This node has walked the DHT for the first time and knows its neighbourhood.
    BootstrapDone,
}

/// Why frames could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendFailure {
    /// No address of that node is known.
    NoAddress,
    /// None of its addresses answered, or another node did.
    Unreachable,
    /// It does not speak this protocol.
    Unsupported,
    /// It did not accept a stream in time.
    TimedOut,
    /// The stream broke, or the node closed it.
    Broken,
}

/// Names one received gossip message, for [`crate::Handle::report_gossip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GossipId {
    pub(crate) message: Vec<u8>,
    pub(crate) from: PeerId,
}

/// What the consumer thinks of a gossip message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Valid: forward it.
    Accept,
    /// Of no use, but nobody's fault: do not forward it.
    Ignore,
    /// Invalid, and the peer that forwarded it should have known.
    Reject,
}

/// The receiving end of everything a network has to say.
#[derive(Debug)]
pub struct Events {
    board: Arc<Board>,
    inbox: mpsc::Receiver<Payload>,
}

/// The sending end of the inbox, for driver and reader tasks.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Payload>,
    bytes: Arc<Semaphore>,
}

/// An event that takes room in the inbox until it is read.
#[derive(Debug)]
struct Payload {
    event: Event,
    _room: OwnedSemaphorePermit,
}

/// Both ends, with room for so many events and bytes.
pub(crate) fn channel(events_max: usize, bytes_max: u32) -> (Arc<Board>, Inbox, Events) {
    let (sender, receiver) = mpsc::channel(events_max.max(1));
    let board = Arc::new(Board::default());
    let room = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
    let inbox = Inbox { sender, bytes: Arc::new(Semaphore::new(room)) };
    (board.clone(), inbox, Events { board, inbox: receiver })
}

impl Events {
    /// The next event; `None` once the network has shut down and everything has been read. May
    /// be dropped and called again without losing an event.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.board.take() {
                return Some(event);
            }
            tokio::select! {
                biased;
                () = self.board.changed.notified() => {}
                payload = self.inbox.recv() => match payload {
                    Some(payload) => return Some(payload.event),
                    None => return self.board.take(),
                },
            }
        }
    }
}

impl Events {
    /// The next event if there is one already, so that a busy consumer can take several at once.
    pub fn try_next(&mut self) -> Option<Event> {
        let from_inbox = |inbox: &mut mpsc::Receiver<Payload>| {
            inbox.try_recv().ok().map(|payload| payload.event)
        };
        self.board.take().or_else(|| from_inbox(&mut self.inbox))
    }
}

impl Inbox {
    /// Waits for room. `false` when nobody reads any more.
    pub(crate) async fn deliver(&self, event: Event, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(room) = self.bytes.clone().acquire_many_owned(bytes).await else {
            return false;
        };
        self.sender.send(Payload { event, _room: room }).await.is_ok()
    }

    /// Delivers only where there is room now.
    pub(crate) fn offer(&self, event: Event, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        match self.bytes.clone().try_acquire_many_owned(bytes) {
            Ok(room) => self.sender.try_send(Payload { event, _room: room }).is_ok(),
            Err(_) => false,
        }
    }
}

/// News about peers, merged while nobody reads them.
#[derive(Debug, Default)]
pub(crate) struct Board {
    news: Mutex<VecDeque<Event>>,
    changed: Notify,
}

impl Board {
    /// Writes news down. Never waits.
    pub(crate) fn post(&self, event: Event) {
        merge(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner), event);
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Event> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Adds news to what has not been read yet, so that the list stays as short as its subjects are
/// few and still tells the same story in the end.
fn merge(news: &mut VecDeque<Event>, event: Event) {
    if let Event::PathChanged { node, .. } | Event::Disconnected { node } = &event {
        // Only the last path counts, and none of a node that is gone.
        news.retain(|old| !matches!(old, Event::PathChanged { node: other, .. } if other == node));
    }
    let same = |other: &Event| match (&event, other) {
        (Event::Disconnected { node }, Event::Connected { node: other, .. })
        | (Event::SendFailed { node, .. }, Event::SendFailed { node: other, .. }) => node == other,
        (Event::Published { key, .. }, Event::Published { key: other, .. }) => key == other,
        (new @ (Event::Listening { .. } | Event::BootstrapDone), other) => new == other,
        (Event::Addresses { .. }, Event::Addresses { .. }) => true,
        _ => false,
    };
    let Some(position) = news.iter().position(same) else {
        news.push_back(event);
        return;
    };
    match (event, &mut news[position]) {
        // A connection nobody heard of needs no farewell.
        (Event::Disconnected { .. }, _) => {
            news.remove(position);
        }
        (Event::SendFailed { frames: more, .. }, Event::SendFailed { frames, .. }) => {
            *frames = frames.saturating_add(more);
        }
        (event, slot) => *slot = event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);

    fn story(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
        let mut news = VecDeque::new();
        events.into_iter().for_each(|event| merge(&mut news, event));
        news.into()
    }

    fn connected() -> Event {
        let address = "/ip4/127.0.0.1/tcp/1".into();
        Event::Connected { node: NODE, address, path: Path::Relayed }
    }

    #[test]
    fn a_peer_that_came_and_went_unseen_leaves_no_trace() {
        let gone = Event::Disconnected { node: NODE };
        assert_eq!(story([connected(), gone.clone()]), []);
        assert_eq!(story([gone.clone(), connected(), gone.clone()]), [gone]);
    }

    #[test]
    fn of_paths_nobody_read_about_the_last_one_is_told() {
        let on = |path| Event::PathChanged { node: NODE, address: "/p2p".into(), path };
        let gone = Event::Disconnected { node: NODE };
        let told = story([on(Path::Direct), gone.clone(), connected(), on(Path::Direct)]);
        assert_eq!(told, [gone.clone(), connected(), on(Path::Direct)]);
        assert_eq!(story([connected(), on(Path::Direct), gone]), []);
    }

    #[test]
    fn a_reconnection_is_told_as_such() {
        let gone = Event::Disconnected { node: NODE };
        assert_eq!(story([gone.clone(), connected()]), [gone, connected()]);
    }

    #[test]
    fn failures_to_send_to_one_peer_add_up() {
        let failed = |frames| Event::SendFailed { node: NODE, frames, reason: SendFailure::Broken };
        assert_eq!(story([failed(2), failed(3)]), [failed(5)]);
    }

    #[test]
    fn a_thousand_reconnections_nobody_reads_take_the_room_of_two() {
        let churn = (0..1000).flat_map(|_| [Event::Disconnected { node: NODE }, connected()]);
        assert_eq!(story(churn).len(), 2);
    }

    #[tokio::test]
    async fn an_inbox_full_of_bytes_refuses_offers_until_read() {
        let (_board, inbox, mut events) = channel(16, 100);
        let gossip = || Event::Gossip {
            topic: "t".into(),
            data: vec![0; 60],
            id: GossipId { message: vec![], from: PeerId::random() },
        };
        assert!(inbox.offer(gossip(), 60));
        assert!(!inbox.offer(gossip(), 60));
        events.next().await.unwrap();
        assert!(inbox.offer(gossip(), 60));
    }
}
