//! Nodes for tests, and hand-made peers that break the rules.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use network::{Config, Event, Events, Handle, start};
use protocol::{
    card::{HandlePointer, Record, RecordKey, Signed},
    identity::{Handle as PersonaHandle, NodeId, NodeKey, PersonaKey},
    wire::Frame,
};

pub(crate) const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub(crate) const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running node and where it listens.
pub(crate) struct Node {
    pub(crate) handle: Handle,
    pub(crate) events: Events,
    pub(crate) addresses: Vec<String>,
}

pub(crate) fn key(seed: u8) -> NodeKey {
    NodeKey::from_seed(&[seed; 32])
}

pub(crate) async fn node(seed: u8, listen: &str) -> Node {
    node_with(seed, Config { listen: vec![listen.into()], ..Config::default() }).await
}

pub(crate) async fn rendezvous(seed: u8) -> Node {
    node_with(seed, Config { listen: vec![TCP.into(), QUIC.into()], ..Config::rendezvous() }).await
}

pub(crate) async fn member(seed: u8, bootstrap: &Node) -> Node {
    let (listen, bootstrap) = (vec![TCP.into()], bootstrap.addresses.clone());
    node_with(seed, Config { listen, bootstrap, ..Config::default() }).await
}

/// Starts a node and waits until it listens everywhere it should.
pub(crate) async fn node_with(seed: u8, config: Config) -> Node {
    let listeners = config.listen.len();
    // The system takes a moment to free the UDP port of a node that was here before.
    let started = eventually("the ports are free", async || start(&key(seed), config.clone()).ok());
    let (handle, events) = started.await;
    let mut node = Node { handle, events, addresses: Vec::new() };
    while node.addresses.len() < listeners {
        let address = node
            .expect("to listen", |event| match event {
                Event::Listening { address } => Some(address),
                _ => None,
            })
            .await;
        node.addresses.push(address);
    }
    node
}

impl Node {
    pub(crate) fn id(&self) -> NodeId {
        self.handle.node()
    }

    pub(crate) fn dial(&self, other: &Node) {
        self.handle.dial(other.id(), other.addresses.clone());
    }

    /// Waits for an event, skipping others.
    pub(crate) async fn expect<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(Event) -> Option<T>,
    ) -> T {
        let found = async {
            loop {
                let event = self.events.next().await.expect("the node lives");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("waited in vain {what}"))
    }

    pub(crate) async fn expect_connected(&mut self, other: NodeId) {
        self.expect("to connect", |event| match event {
            Event::Connected { node, .. } => (node == other).then_some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn expect_disconnected(&mut self, other: NodeId) {
        self.expect("to disconnect", |event| match event {
            Event::Disconnected { node } => (node == other).then_some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn expect_frame(&mut self) -> (NodeId, Frame) {
        self.expect("for a frame", |event| match event {
            Event::Frame { node, frame } => Some((node, frame)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn expect_published(&mut self, wanted: RecordKey) {
        self.expect("to publish", |event| match event {
            Event::Published { key, ok: true } => (key == wanted).then_some(()),
            _ => None,
        })
        .await;
    }
}

/// Polls until something holds that no event tells about.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            match probe().await {
                Some(found) => return found,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("never: {what}"))
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 584 million")
}

/// A signed handle pointer: its key, its bytes and when it expires.
pub(crate) struct Pointer {
    pub(crate) key: RecordKey,
    pub(crate) value: Vec<u8>,
    pub(crate) expires_at_ms: u64,
}

impl Pointer {
    pub(crate) fn new(persona: u8, sequence: u64) -> Self {
        Self::expiring(persona, sequence, now_ms() + 60_000)
    }

    pub(crate) fn expiring(persona: u8, sequence: u64, expires_at_ms: u64) -> Self {
        let key = PersonaKey::from_seed(&[persona; 32]);
        let handle = PersonaHandle::new("maya", &key.id()).expect("a legal name");
        let claim = HandlePointer {
            handle: handle.clone(),
            persona: key.id(),
            sequence,
            issued_at_ms: now_ms(),
            expires_at_ms,
        };
        let value = Record::Pointer(Signed::sign(&claim, &key)).to_bytes();
        Self { key: RecordKey::handle(&handle), value, expires_at_ms }
    }
}

pub(crate) async fn put(node: &Node, pointer: &Pointer) {
    node.handle.put_record(pointer.key, pointer.value.clone(), pointer.expires_at_ms);
}

/// Looks a pointer up once the node knows the network, and tells the sequence numbers found.
pub(crate) async fn sequences(node: &Node, key: RecordKey) -> Vec<u64> {
    let (asked_ms, records) = eventually("a lookup works", async || {
        let asked_ms = now_ms();
        Some((asked_ms, node.handle.get_record(key).await.ok()?))
    })
    .await;
    // One may have run out since the network looked at it.
    let sequence = |record: &Record| Record::verify(&key, &record.to_bytes(), asked_ms);
    records.iter().map(|record| sequence(record).expect("only valid records").1).collect()
}
