//! What the driver does for the rest of the node.

use std::time::Instant;

use libp2p::{
    Multiaddr, PeerId,
    gossipsub::{IdentTopic, MessageAcceptance, MessageId, PublishError},
    kad::{self, Quorum, store::RecordStore},
    multiaddr::Protocol,
    swarm::{
        DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use protocol::{
    card::{Record, RecordKey},
    identity::NodeId,
};
use tokio::sync::oneshot;

use super::Driver;
use crate::{
    address,
    dht::{lookup::Reply, now_ms, publish::Put},
    event::{Event, SendFailure, Verdict},
    gossip::{TOPIC_BYTES_MAX, TOPICS_MAX},
    handle::LookupError,
    link::{Ask, streams::OpenReply},
    status::{RelayStatus, Status},
};

/// A request somebody waits for.
pub(crate) enum Command {
    /// Find records in the DHT.
    Lookup { key: RecordKey, reply: Reply },
    /// Open a stream on which files are fetched.
    OpenFiles { peer: PeerId, reply: OpenReply },
    /// Tell how things are.
    Status { reply: oneshot::Sender<Status> },
}

impl Driver {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Lookup { key, reply } => self.lookup(key, reply),
            Command::OpenFiles { peer, reply } => {
                self.swarm.behaviour_mut().files.open(peer, reply);
            }
            // Who asked may have stopped waiting.
            Command::Status { reply } => drop(reply.send(self.status())),
        }
    }

    pub(super) fn on_requests(&mut self) {
        let waiting = self.requests.take();
        for (topic, subscribed) in waiting.topics {
            self.set_subscription(topic, subscribed);
        }
        for (node, addresses) in waiting.dials {
            self.dial_node(node, &addresses);
        }
        for (key, (value, expires_at_ms)) in waiting.records {
            self.keep_published(key, value, expires_at_ms);
        }
        for (id, verdict) in waiting.verdicts {
            let verdict = match verdict {
                Verdict::Accept => MessageAcceptance::Accept,
                Verdict::Ignore => MessageAcceptance::Ignore,
                Verdict::Reject => MessageAcceptance::Reject,
            };
            let gossip = &mut self.swarm.behaviour_mut().gossip;
            let id_of_message = MessageId::new(&id.message);
            gossip.report_message_validation_result(&id_of_message, &id.from, verdict);
        }
        for (topic, data) in waiting.gossip {
            self.publish(topic, data);
        }
    }

    /// A link needs a connection with its peer, or a stream on one.
    pub(super) fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Open { peer, reply } => self.swarm.behaviour_mut().direct.open(peer, reply),
            Ask::Connect { peer, reply } if self.peers.contains(&peer) => {
                // A link that has given up meanwhile does not mind.
                let _ = reply.send(Ok(()));
            }
            Ask::Connect { peer, reply } => {
                self.dials.wait(peer, reply);
                self.dial(peer);
            }
        }
    }

    /// Dials a peer at all its known addresses, unless that is under way or it is connected.
    pub(super) fn dial(&mut self, peer: PeerId) {
        if self.peers.contains(&peer) || self.dials.is_under_way(&peer) {
            return;
        }
        let mut addresses = self.bootstraps.addresses(&peer).to_vec();
        addresses.extend(self.dials.addresses(&peer));
        let dial = DialOpts::peer_id(peer).condition(PeerCondition::Disconnected);
        let dial = match addresses.is_empty() {
            true => dial.build(),
            false => dial.addresses(addresses).extend_addresses_through_behaviour().build(),
        };
        let connection = dial.connection_id();
        self.dials.started(peer, connection);
        if let Err(error) = self.swarm.dial(dial) {
            self.dial_failed(peer, connection, &error);
        }
    }

    pub(super) fn dial_failed(
        &mut self,
        peer: PeerId,
        connection: libp2p::swarm::ConnectionId,
        error: &DialError,
    ) {
        let reason = match error {
            DialError::NoAddresses => SendFailure::NoAddress,
            _ => SendFailure::Unreachable,
        };
        if self.dials.failed(&peer, connection, reason) && !self.peers.contains(&peer) {
            tracing::debug!(%peer, %error, "cannot reach a peer");
            self.bootstraps.lost(&peer, Instant::now(), &mut self.rng);
        }
    }

    fn dial_node(&mut self, node: NodeId, addresses: &[String]) {
        let peer = address::peer_of(node);
        if peer == self.own_peer() {
            return;
        }
        let usable = |text: &String| {
            let (bare, named) = address::split_peer(address::parse(text).ok()?);
            (named.is_none_or(|named| named == peer)).then_some(bare)
        };
        let addresses: Vec<Multiaddr> = addresses.iter().filter_map(usable).collect();
        self.dials.remember(peer, addresses.into_iter().rev());
        self.dial(peer);
    }

    fn set_subscription(&mut self, topic: String, subscribed: bool) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if topic.len() > TOPIC_BYTES_MAX || (subscribed && gossip.topics().count() >= TOPICS_MAX) {
            self.counters.requests_refused.one();
            tracing::warn!(bytes = topic.len(), "refusing to subscribe: too long or too many");
            return;
        }
        let topic = IdentTopic::new(topic);
        if !subscribed {
            gossip.unsubscribe(&topic);
        } else if let Err(error) = gossip.subscribe(&topic) {
            tracing::warn!(%error, "cannot subscribe");
        }
    }

    pub(super) fn publish(&mut self, topic: String, data: Vec<u8>) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        match gossip.publish(IdentTopic::new(topic.clone()), data.clone()) {
            Ok(_) | Err(PublishError::Duplicate) => {}
            Err(PublishError::NoPeersSubscribedToTopic) => {
                let displaced = self.waiting_gossip.keep(topic, data, Instant::now());
                self.counters.gossip_dropped.add(displaced);
            }
            Err(error) => {
                self.counters.gossip_dropped.one();
                tracing::debug!(%error, bytes = data.len(), "cannot publish");
            }
        }
    }

    fn keep_published(&mut self, key: RecordKey, value: Vec<u8>, expires_at_ms: u64) {
        let verified = Record::verify(&key, &value, now_ms());
        if let Err(error) = &verified {
            tracing::warn!(%error, "nobody would take this record");
        }
        let now = Instant::now();
        if verified.is_err() || !self.publisher.keep(key, value, expires_at_ms, now) {
            self.counters.requests_refused.one();
            self.board.post(Event::Published { key, ok: false });
        }
    }

    /// Starts one attempt to put a record.
    pub(super) fn put(&mut self, Put { key, value }: Put) {
        let record = kad::Record::new(key.0.to_vec(), value);
        // All, because the query ends once its quorum is reached, and with one as the quorum it
        // would end before the others have been asked. One of them is enough for success.
        if let Err(error) = self.swarm.behaviour_mut().kad.put_record(record, Quorum::All) {
            tracing::debug!(%error, "our own store has a newer record");
            self.put_ended(key, false);
        }
    }

    pub(super) fn put_ended(&mut self, key: RecordKey, ok: bool) {
        self.publisher.ended(&key, ok, Instant::now(), &mut self.rng);
        self.board.post(Event::Published { key, ok });
    }

    fn lookup(&mut self, key: RecordKey, reply: Reply) {
        let kad_key = kad::RecordKey::new(&key.0);
        let alone = self.dht_nodes() == 0;
        let kad = &mut self.swarm.behaviour_mut().kad;
        let refusal = if !self.lookups.has_room() {
            Some(LookupError::Busy)
        } else if alone && kad.store_mut().get(&kad_key).is_none() {
            Some(LookupError::NotConnected)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            // Who asked may have stopped waiting.
            let _ = reply.send(Err(refusal));
            return;
        }
        let query = kad.get_record(kad_key);
        self.lookups.start(query, key, reply);
    }

    fn status(&mut self) -> Status {
        let own = self.own_peer();
        let listen = self.swarm.listeners().chain(self.swarm.external_addresses());
        let mut listen: Vec<String> =
            listen.map(|address| address.clone().with(Protocol::P2p(own)).to_string()).collect();
        listen.sort();
        listen.dedup();
        let behaviour = self.swarm.behaviour_mut();
        let mut topics: Vec<String> =
            behaviour.gossip.topics().map(|topic| topic.as_str().to_owned()).collect();
        topics.sort();
        let dht_server = behaviour.kad.mode() == kad::Mode::Server;
        let records = behaviour.kad.store_mut().len();
        let (observed, tested, router_mapping) = self.reach.describe();
        let relays = self.relays.holding().map(|(peer, address)| RelayStatus {
            node: address::node_of(peer),
            address: address.to_string(),
        });
        Status {
            listen,
            told: self.reach.told().iter().map(ToString::to_string).collect(),
            reachability: self.reach.verdict(),
            translated: self.reach.is_translated(),
            symmetric: self.reach.is_symmetric(),
            observed,
            tested,
            router_mapping,
            relays: relays.collect(),
            bootstrap: self.bootstraps.status(),
            peers: self.peers.status(),
            dht_nodes: self.dht_nodes(),
            dht_server,
            records,
            topics,
            counts: self.counters.read(),
        }
    }
}
