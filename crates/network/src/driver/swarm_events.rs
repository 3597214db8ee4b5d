//! What the driver makes of the swarm's events.

use std::time::Instant;

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    gossipsub::{self, MessageAcceptance},
    identify,
    kad::{self, InboundRequest, PutRecordError, QueryResult},
    mdns,
    multiaddr::Protocol,
    ping,
    swarm::{ConnectionError, ConnectionId, SwarmEvent},
};

use super::{Driver, Walk};
use crate::{
    address,
    dht::{key_of, now_ms},
    event::{Event, GossipId},
    swarm::{BehaviourEvent, KAD},
};

/// Addresses of one peer that are looked at.
const CLAIMED_MAX: usize = 16;
/// Peers on the local network are dialled only while there are fewer connections than this.
const DISCOVERED_MAX: usize = 64;

impl Driver {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::NewListenAddr { listener_id, address } => {
                let address = address.with(Protocol::P2p(self.own_peer())).to_string();
                self.board.post(Event::Listening { address });
                if self.listeners.remove(&listener_id) && self.listeners.is_empty() {
                    self.bootstraps.dial_now(Instant::now());
                }
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                tracing::warn!(?reason, "a listener closed");
                self.listeners.remove(&listener_id);
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "listener trouble"),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                tracing::debug!(peer = %peer_id, ?cause, "connection closed");
                let idle = matches!(cause, Some(ConnectionError::KeepAliveTimeout));
                let otherwise = self.peers.stands_otherwise(&peer_id, connection_id);
                if let Some((node, address)) = otherwise.filter(|_| !idle) {
                    self.board.post(Event::Disconnected { node });
                    self.board.post(Event::Connected { node, address });
                }
                if let Some(node) = self.peers.remove(&peer_id, connection_id) {
                    self.readers.forget(&peer_id);
                    self.bootstraps.lost(&peer_id, Instant::now(), &mut self.rng);
                    self.board.post(Event::Disconnected { node });
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), connection_id, error } => {
                self.dial_failed(peer, connection_id, &error);
            }
            _ => {}
        }
    }

    fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let Some(node) = address::node_of(&peer) else {
            self.swarm.close_connection(connection);
            return;
        };
        let address = endpoint.get_remote_address().clone();
        let text = address.to_string();
        let now = Instant::now();
        if endpoint.is_listener() {
            for lost in self.peers.lost_before(&peer, now) {
                tracing::debug!(%peer, "closing a connection its other end has lost");
                self.swarm.close_connection(lost);
            }
        }
        if self.peers.add(peer, node, connection, address, now) {
            self.board.post(Event::Connected { node, address: text });
        }
        self.bootstraps.connected(&peer);
        self.dials.connected(&peer, connection);
        let kad = &mut self.swarm.behaviour_mut().kad;
        if endpoint.is_listener() && kad.mode() == kad::Mode::Client {
            // Somebody could dial us, so others can ask us things.
            tracing::debug!("serving the DHT from now on");
            kad.set_mode(Some(kad::Mode::Server));
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                connection_id,
                info,
            }) => self.on_identified(peer_id, connection_id, info),
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Kad(event) => self.on_kad(event),
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    self.on_discovered(peer, address);
                }
            }
            _ => {}
        }
    }

    fn on_identified(&mut self, peer: PeerId, connection: ConnectionId, info: identify::Info) {
        let Some(reached) = self.peers.address(&peer, connection).cloned() else { return };
        let kad = &mut self.swarm.behaviour_mut().kad;
        if !info.protocols.contains(&KAD) {
            kad.remove_peer(&peer);
            return;
        }
        let claimed = info.listen_addrs.into_iter().take(CLAIMED_MAX);
        for address in claimed.filter(|claimed| address::is_plausible(claimed, &reached)) {
            kad.add_address(&peer, address);
        }
        if self.bootstraps.came_back(&peer) {
            self.publisher.put_all_soon(Instant::now(), &mut self.rng);
        }
    }

    fn on_ping(&mut self, ping::Event { peer, connection, result }: ping::Event) {
        let rtt = match result {
            Ok(rtt) => Some(rtt),
            Err(ping::Failure::Unsupported) => return,
            Err(_) => None,
        };
        if self.peers.ping(&peer, connection, rtt) {
            tracing::debug!(%peer, "closing a connection that does not answer");
            self.swarm.close_connection(connection);
        }
    }

    fn on_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest {
                request: InboundRequest::PutRecord { source, record: Some(record), .. },
            } => self.on_put_by_peer(source, record),
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => match result {
                QueryResult::GetRecord(result) => {
                    let over = self.lookups.progress(id, result, step.last, now_ms());
                    let kad = &mut self.swarm.behaviour_mut().kad;
                    if over && let Some(mut query) = kad.query_mut(&id) {
                        query.finish();
                    }
                }
                QueryResult::PutRecord(result) => {
                    let (key, ok) = match result {
                        Ok(ok) => (ok.key, true),
                        Err(
                            PutRecordError::QuorumFailed { key, success, .. }
                            | PutRecordError::Timeout { key, success, .. },
                        ) => (key, !success.is_empty()),
                    };
                    if let Some(key) = key_of(&key) {
                        self.put_ended(key, ok);
                    }
                }
                QueryResult::Bootstrap(result) if step.last && self.walk == Walk::Walking => {
                    self.walk = if result.is_ok() { Walk::Done } else { Walk::NotYet };
                    if result.is_ok() {
                        // More nodes are known now than when our first records were put.
                        self.publisher.put_all_soon(Instant::now(), &mut self.rng);
                        self.board.post(Event::BootstrapDone);
                    }
                }
                _ => {}
            },
            kad::Event::RoutingUpdated { is_new_peer: true, .. } => {
                self.publisher.try_failed_now(Instant::now());
                let kad = &mut self.swarm.behaviour_mut().kad;
                if self.walk == Walk::NotYet && kad.bootstrap().is_ok() {
                    self.walk = Walk::Walking;
                }
            }
            _ => {}
        }
    }

    fn on_put_by_peer(&mut self, source: PeerId, record: kad::Record) {
        if !self.peers.may_put(&source, Instant::now()) {
            self.counters.records_refused.one();
            return;
        }
        match self.swarm.behaviour_mut().kad.store_mut().insert(source, record, now_ms()) {
            Ok(true) => self.counters.records_stored.one(),
            Ok(false) => {}
            Err(refusal) => {
                self.counters.records_refused.one();
                tracing::debug!(peer = %source, %refusal, "refused a record");
            }
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let topic = message.topic.into_string();
                let bytes = topic.len() + message.data.len();
                let id = GossipId { message: message_id.0.clone(), from: propagation_source };
                if !self.inbox.offer(Event::Gossip { topic, data: message.data, id }, bytes) {
                    self.counters.gossip_dropped.one();
                    let gossip = &mut self.swarm.behaviour_mut().gossip;
                    gossip.report_message_validation_result(
                        &message_id,
                        &propagation_source,
                        MessageAcceptance::Ignore,
                    );
                }
            }
            gossipsub::Event::Subscribed { topic, .. } => {
                let topic = topic.into_string();
                for data in self.waiting_gossip.take(&topic, Instant::now()) {
                    self.publish(topic.clone(), data);
                }
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => {
                tracing::debug!(peer = %peer_id, "a peer takes gossip too slowly");
            }
            _ => {}
        }
    }

    fn on_discovered(&mut self, peer: PeerId, address: Multiaddr) {
        if peer == self.own_peer() || address::node_of(&peer).is_none() {
            return;
        }
        let (address, _) = address::split_peer(address);
        self.dials.remember(peer, [address]);
        if self.peers.len() < DISCOVERED_MAX {
            self.dial(peer);
        }
    }
}
