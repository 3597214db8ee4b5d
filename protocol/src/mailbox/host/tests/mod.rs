//! One host, its disk, and what it says.

mod hostile;
mod model;
mod restarts;
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use super::{Batch, Change, Host, Limits, Origin, Output, RowKey};
use crate::{
    identity::{EnvelopeId, NodeId, NodeKey},
    mailbox::{
        Access, Answer, Claim, Deposit, KEEP_MS_MAX, Refusal, ReleaseKey, Reply, Request, Token,
        work,
    },
    session::{Envelope, Tag},
};

const ALICE: NodeId = NodeId([1; 32]);
const BOB: NodeId = NodeId([2; 32]);
const CAROL: NodeId = NodeId([3; 32]);
const KEY: [u8; 32] = [9; 32];
const NOW: u64 = 1_800_000_000_000;

/// Rows and envelopes as a store keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Disk {
    rows: BTreeMap<RowKey, Vec<u8>>,
    envelopes: BTreeMap<RowKey, Vec<u8>>,
}

impl Disk {
    fn apply(&mut self, batch: Batch) {
        for change in batch.changes {
            match change {
                Change::Keep { key, row, envelope } => {
                    self.rows.insert(key, row);
                    self.envelopes.extend(envelope.map(|bytes| (key, bytes)));
                }
                Change::Drop { key } => {
                    self.rows.remove(&key);
                    self.envelopes.remove(&key);
                }
            }
        }
    }

    fn host(&self, limits: Limits) -> Host {
        let mut host = Host::new(NodeKey::from_seed(&KEY), limits);
        for (key, row) in &self.rows {
            host.restore(*key, row).unwrap();
        }
        host
    }
}

/// What a node hears.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Stored(EnvelopeId),
    Refused(EnvelopeId, Refusal),
    Entry(EnvelopeId),
    Watching(u32, u32),
}

struct World {
    host: Host,
    disk: Disk,
    limits: Limits,
    now: u64,
}

impl World {
    fn new(limits: Limits) -> Self {
        Self { host: Disk::default().host(limits), disk: Disk::default(), limits, now: NOW }
    }

    fn with(nodes: &[NodeId]) -> Self {
        let mut world = Self::new(Limits::default());
        nodes.iter().for_each(|node| world.connect(*node));
        world
    }

    fn connect(&mut self, node: NodeId) {
        self.host.connected(node, origin(node.0[0]));
    }

    fn restart(&mut self) {
        self.host = self.disk.host(self.limits);
    }

    /// Writes what is to be written and returns what is said.
    fn settle(&mut self) -> Vec<(NodeId, Heard)> {
        while let Some(batch) = self.host.poll_batch() {
            let number = batch.number;
            self.disk.apply(batch);
            self.host.stored(number);
        }
        self.said()
    }

    fn said(&mut self) -> Vec<(NodeId, Heard)> {
        let mut said = Vec::new();
        while let Some(output) = self.host.poll_output() {
            said.push(match output {
                Output::Entry { to, key } => {
                    let bytes = self.disk.envelopes.get(&key).expect("durable before handed out");
                    (to, Heard::Entry(EnvelopeId::of(bytes)))
                }
                Output::Reply { to, reply } => (to, heard(reply)),
            });
        }
        said
    }

    fn ask(&mut self, from: NodeId, request: Request) -> Vec<Heard> {
        self.host.handle(from, request, self.now);
        let said = self.settle();
        said.into_iter().filter(|(to, _)| *to == from).map(|(_, heard)| heard).collect()
    }

    fn deposit(&mut self, from: NodeId, deposit: &Deposit) -> Heard {
        let mut heard = self.ask(from, Request::Deposit(deposit.clone()));
        heard.retain(|heard| !matches!(heard, Heard::Entry(_)));
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    fn deposit_all(&mut self, from: NodeId, deposits: &[Deposit]) {
        for deposit in deposits {
            self.deposit(from, deposit);
        }
    }

    fn watch(&mut self, from: NodeId, claim: Claim) -> Vec<EnvelopeId> {
        entries(self.ask(from, Request::Watch(vec![claim])))
    }

    fn answer(&mut self, from: NodeId, envelope: EnvelopeId, keys: &[u8]) -> Vec<EnvelopeId> {
        let keys = keys.iter().map(|n| release(*n)).collect();
        entries(self.ask(from, Request::Answer(vec![Answer { envelope, keys }])))
    }
}

fn heard(reply: Reply) -> Heard {
    match reply {
        Reply::Stored(stored) => {
            stored.verify(&NodeKey::from_seed(&KEY).id()).expect("signed by the mailbox");
            Heard::Stored(stored.envelope)
        }
        Reply::Refused { envelope, reason } => Heard::Refused(envelope, reason),
        Reply::Watching { watched, refused } => Heard::Watching(watched, refused),
        Reply::Entry(_) => panic!("a host hands out keys, not bytes"),
    }
}

fn entries(heard: Vec<Heard>) -> Vec<EnvelopeId> {
    let entry = |heard| match heard {
        Heard::Entry(id) => Some(id),
        _ => None,
    };
    heard.into_iter().filter_map(entry).collect()
}

fn origin(last: u8) -> Origin {
    Origin::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
}

fn token(n: u8) -> Token {
    Token([n; 32])
}

fn release(n: u8) -> ReleaseKey {
    ReleaseKey([n; 32])
}

fn envelope(tag: Tag, n: u32, len: usize) -> Envelope {
    let mut nonce = [0; 24];
    nonce[..4].copy_from_slice(&n.to_be_bytes());
    Envelope::seal(&[0; 32], tag, nonce, &vec![0; len]).unwrap()
}

/// An envelope for members, with one lock for each of these keys.
fn group(token: Token, n: u32, locks: &[u8]) -> Deposit {
    let mut locks: Vec<_> = locks.iter().map(|n| release(*n).lock()).collect();
    locks.sort_unstable();
    Deposit {
        envelope: envelope(token.tag(), n, 1).into_bytes(),
        access: Access::Token(token),
        locks,
        keep_ms: KEEP_MS_MAX,
    }
}

/// A first contact.
fn contact(tag: Tag, n: u32) -> Deposit {
    let envelope = envelope(tag, n, 1);
    let access = Access::Work(work(&envelope.id()));
    let (envelope, locks) = (envelope.into_bytes(), vec![release(7).lock()]);
    Deposit { envelope, access, locks, keep_ms: KEEP_MS_MAX }
}

fn id(deposit: &Deposit) -> EnvelopeId {
    EnvelopeId::of(&deposit.envelope)
}
