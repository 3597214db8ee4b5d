//! The driver: the one task that owns the swarm.
//!
//! Started by [`crate::start`], ended by [`crate::Handle::shutdown`] or when the last handle is
//! dropped. It turns requests into calls on the swarm and the swarm's events into ours, and never
//! waits for anybody: what it has to say goes to the board, which merges, or is offered to the
//! inbox, which may refuse. Each concern keeps its state in a type of its own that knows neither
//! swarm nor clock; the methods here connect them.

mod bootstrap;
mod dials;
mod leaving;
mod paths;
mod peers;
mod reach;
mod relays;
mod requests;
mod swarm_events;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{PeerId, Swarm, core::transport::ListenerId, swarm::ConnectionId};
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};

pub(crate) use bootstrap::Bootstraps;
use dials::Dials;
use leaving::Leaving;
use peers::Peers;
pub(crate) use reach::Reach;
use relays::Relays;
pub(crate) use requests::Command;

use crate::{
    counters::Counters,
    dht::{lookup::Lookups, now_ms, publish::Publisher},
    event::{Board, Inbox},
    gossip::Cache,
    link::{Ask, Askers, Links, Readers},
    requests::Requests,
    swarm::Behaviour,
};

/// How often what has expired is dropped.
const TIDY: Duration = Duration::from_secs(60);
/// How long peers may take to hear that this node leaves.
const FAREWELL: Duration = Duration::from_secs(1);

/// Everything the driver is made from.
pub(crate) struct Parts {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) listeners: HashSet<ListenerId>,
    pub(crate) bootstraps: Bootstraps,
    pub(crate) secluded: bool,
    pub(crate) reach: Reach,
    pub(crate) board: Arc<Board>,
    pub(crate) inbox: Inbox,
    pub(crate) links: Arc<Links>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) asked: mpsc::Receiver<Ask>,
    pub(crate) askers: Arc<Askers>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) rng: StdRng,
}

/// The task's state.
pub(crate) struct Driver {
    swarm: Swarm<Behaviour>,
    /// Listeners that have not reported an address yet.
    listeners: HashSet<ListenerId>,
    bootstraps: Bootstraps,
    /// Takes no part in anything but frames.
    secluded: bool,
    reach: Reach,
    relays: Relays,
    /// Connections that only test whether a peer can be dialled.
    tests: HashMap<ConnectionId, PeerId>,
    board: Arc<Board>,
    inbox: Inbox,
    links: Arc<Links>,
    readers: Readers,
    counters: Arc<Counters>,
    requests: Arc<Requests>,
    commands: mpsc::Receiver<Command>,
    asked: mpsc::Receiver<Ask>,
    askers: Arc<Askers>,
    stop: watch::Receiver<bool>,
    peers: Peers,
    leaving: Leaving,
    dials: Dials,
    publisher: Publisher,
    lookups: Lookups,
    waiting_gossip: Cache,
    walk: Walk,
    tidy_at: Instant,
    rng: StdRng,
}

/// The first walk through the DHT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    NotYet,
    Walking,
    Done,
}

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        let readers = Readers::new(parts.inbox.clone(), parts.counters.clone());
        Self {
            swarm: parts.swarm,
            listeners: parts.listeners,
            bootstraps: parts.bootstraps,
            secluded: parts.secluded,
            reach: parts.reach,
            relays: Relays::default(),
            tests: HashMap::new(),
            board: parts.board,
            inbox: parts.inbox,
            links: parts.links,
            readers,
            counters: parts.counters,
            requests: parts.requests,
            commands: parts.commands,
            asked: parts.asked,
            askers: parts.askers,
            stop: parts.stop,
            peers: Peers::default(),
            leaving: Leaving::default(),
            dials: Dials::default(),
            publisher: Publisher::default(),
            lookups: Lookups::default(),
            waiting_gossip: Cache::default(),
            walk: Walk::NotYet,
            tidy_at: Instant::now() + TIDY,
            rng: parts.rng,
        }
    }

    /// Runs until told to stop. `_done` is dropped at the end, which is how others notice.
    pub(crate) async fn run(mut self, _done: watch::Sender<()>) {
        if self.listeners.is_empty() {
            self.bootstraps.dial_now(Instant::now());
        }
        loop {
            self.do_what_is_due();
            let wake = tokio::time::Instant::from_std(self.wake());
            tokio::select! {
                // Changes once, or its sender is gone; both mean the same.
                _ = self.stop.changed() => break,
                () = self.requests.changed() => self.on_requests(),
                Some(command) = self.commands.recv() => self.on_command(command),
                Some(ask) = self.asked.recv() => self.on_ask(ask),
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.leave().await;
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        for peer in self.bootstraps.due(now) {
            self.dial(peer);
        }
        self.keep_paths(now);
        if self.can_publish() {
            for put in self.publisher.due(now, now_ms()) {
                self.put(put);
            }
        }
        if self.tidy_at <= now {
            self.tidy_at = now + TIDY;
            self.swarm.behaviour_mut().kad.store_mut().expire(now_ms());
        }
    }

    fn wake(&mut self) -> Instant {
        let publish = if self.can_publish() { self.publisher.wake() } else { None };
        let due = [publish, self.bootstraps.wake(), self.paths_wake()];
        due.into_iter().flatten().fold(self.tidy_at, Instant::min)
    }

    /// Whether there is somebody to put records to, who can also find us.
    fn can_publish(&mut self) -> bool {
        self.listeners.is_empty() && self.dht_nodes() > 0
    }

    fn dht_nodes(&mut self) -> usize {
        self.swarm.behaviour_mut().kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
    }

    fn own_peer(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    /// Closes every connection, so that peers need not find out by silence.
    async fn leave(&mut self) {
        self.links.close();
        self.readers.close();
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // Fails only for peers that have left in the meantime.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let everyone_left = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        if tokio::time::timeout(FAREWELL, everyone_left).await.is_err() {
            tracing::debug!("some peers did not say goodbye in time");
        }
    }
}
