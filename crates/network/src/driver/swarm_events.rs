//! What the driver makes of the swarm's events.

use std::time::Instant;

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, transport::PortUse},
    gossipsub::{self, MessageAcceptance},
    identify,
    kad::{self, InboundRequest, PutRecordError, QueryResult},
    mdns, ping,
    swarm::{ConnectionError, ConnectionId, SwarmEvent},
};

use super::{
    Driver, Walk,
    peers::{Added, Route},
};
use crate::{
    address,
    dht::{key_of, now_ms},
    event::{Event, GossipId},
    link::{FileStream, streams::Incoming},
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
                self.on_listening(listener_id, address);
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.reach.gone(&address);
                self.tell_addresses();
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                let relay = self.on_relay_lost(listener_id);
                tracing::debug!(?reason, relay, "a listener closed");
                self.listeners.remove(&listener_id);
            }
            SwarmEvent::ListenerError { error, .. } => tracing::debug!(%error, "listener trouble"),
            SwarmEvent::ExternalAddrConfirmed { address } => self.on_confirmed(address),
            SwarmEvent::ExternalAddrExpired { address } => {
                self.reach.expired(&address);
                self.tell_addresses();
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                tracing::debug!(peer = %peer_id, ?cause, "connection closed");
                if self.tests.remove(&connection_id).is_some() {
                    return;
                }
                let idle = matches!(cause, Some(ConnectionError::KeepAliveTimeout));
                let otherwise = self.peers.stands_otherwise(&peer_id, connection_id);
                if let Some((node, route)) = otherwise.filter(|_| !idle) {
                    let (address, path) = (route.address.to_string(), route.path());
                    self.board.post(Event::Disconnected { node });
                    self.board.post(Event::Connected { node, address, path });
                }
                if let Some(node) = self.peers.remove(&peer_id, connection_id) {
                    self.readers.forget(&peer_id);
                    self.reach.forget(&peer_id);
                    self.leaving.forget(&peer_id);
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
        if let ConnectedPoint::Dialer { port_use: PortUse::New, .. } = endpoint {
            // Nothing but a test of somebody's reach dials from a fresh port.
            self.tests.insert(connection, peer);
            return;
        }
        let route = Route {
            address: endpoint.get_remote_address().clone(),
            relayed: endpoint.is_relayed(),
            dialled: endpoint.is_dialer(),
        };
        let (text, path, relayed) = (route.address.to_string(), route.path(), route.relayed);
        let now = Instant::now();
        if endpoint.is_listener() {
            for lost in self.peers.lost_before(&peer, relayed, now) {
                tracing::debug!(%peer, "closing a connection its other end has lost");
                self.swarm.close_connection(lost);
            }
        }
        let added = self.peers.add(peer, node, connection, route, now);
        match added {
            Added::First => self.board.post(Event::Connected { node, address: text, path }),
            Added::Upgrade => self.board.post(Event::PathChanged { node, address: text, path }),
            Added::Another => {}
        }
        self.bootstraps.connected(&peer);
        self.dials.connected(&peer, connection);
        // Behind a router, who dials in comes through a hole that was made for it alone.
        let by_itself = endpoint.is_listener() && !relayed && added != Added::Upgrade;
        if by_itself && !self.reach.is_translated() {
            self.serve();
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                connection_id,
                info,
            }) => self.on_identified(peer_id, connection_id, info),
            BehaviourEvent::Identify(identify::Event::Pushed { peer_id, info, .. }) => {
                self.note_claims(peer_id, false, &info.listen_addrs);
            }
            BehaviourEvent::Direct(Incoming { peer, stream }) => self.readers.accept(peer, stream),
            BehaviourEvent::Files(Incoming { peer, stream }) => {
                if let Some(node) = address::node_of(&peer) {
                    self.askers.accept(FileStream::new(node, stream));
                }
            }
            BehaviourEvent::Reach(event) => self.on_reach_tested(event),
            BehaviourEvent::ReachServer(event) => self.on_test_done(&event),
            BehaviourEvent::Relay(event) => self.on_relay(&event),
            BehaviourEvent::Punch(event) => self.on_punched(&event),
            BehaviourEvent::Upnp(event) => self.on_router(&event),
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
        let Some(route) = self.peers.route(&peer, connection).cloned() else { return };
        if self.secluded {
            return;
        }
        self.note_offers(peer, &route, &info);
        self.note_claims(peer, route.dialled, &info.listen_addrs);
        let reached = route.address;
        let kad = &mut self.swarm.behaviour_mut().kad;
        if !info.protocols.contains(&KAD) {
            kad.remove_peer(&peer);
            return;
        }
        let claimed = info.listen_addrs.into_iter().take(CLAIMED_MAX);
        let useful = |claimed: &Multiaddr| {
            address::is_plausible(claimed, &reached) && !address::is_relayed(claimed)
        };
        for address in claimed.filter(useful) {
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
