//! Opens streams on the connection we choose, and picks up the ones others open.
//!
//! A peer may be connected several times: over a relay and, once holes are punched, directly;
//! twice because both dialled at once; for a moment more because its reachability is being tested.
//! Frames belong on the oldest direct connection, which both ends keep longest, and on a relayed
//! one only while there is no other. A stream opened over a relay comes with a [`Better`] that
//! resolves when a direct connection has appeared, so that its owner can move.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{Endpoint, transport::PortUse, upgrade::ReadyUpgrade},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent,
        ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, StreamUpgradeError,
        SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        behaviour::ConnectionEstablished,
        handler::{
            ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
        },
    },
};
use tokio::sync::oneshot;

use crate::event::SendFailure;

/// Resolves once a better connection than the one a stream runs on has appeared. An error says
/// that none will.
pub(crate) type Better = oneshot::Receiver<()>;

/// A stream that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    /// For a stream over a relay.
    pub(crate) better: Option<Better>,
}

/// Where an opened stream goes.
pub(crate) type OpenReply = oneshot::Sender<Result<Opened, SendFailure>>;

/// A stream a peer opened.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) peer: PeerId,
    pub(crate) stream: Stream,
}

#[derive(Debug, Default)]
struct Peer {
    /// Oldest first, with whether each is relayed.
    connections: Vec<(ConnectionId, bool)>,
    /// Owners of streams over a relay.
    relayed: Vec<oneshot::Sender<()>>,
}

/// The behaviour: every connection of every peer, and what is to be opened.
pub(crate) struct Behaviour {
    protocol: StreamProtocol,
    peers: HashMap<PeerId, Peer>,
    actions: VecDeque<ToSwarm<Incoming, Open>>,
}

/// Tells a handler to open a stream.
#[derive(Debug)]
pub(crate) struct Open {
    reply: OpenReply,
    better: Option<Better>,
}

impl Behaviour {
    pub(crate) fn new(protocol: StreamProtocol) -> Self {
        Self { protocol, peers: HashMap::new(), actions: VecDeque::new() }
    }

    /// Opens a stream on the best connection with a peer.
    pub(crate) fn open(&mut self, peer: PeerId, reply: OpenReply) {
        let Some((entry, best)) = self.peers.get_mut(&peer).and_then(|entry| {
            let best = entry.best()?;
            Some((entry, best))
        }) else {
            // A link that has given up meanwhile does not mind.
            let _ = reply.send(Err(SendFailure::Broken));
            return;
        };
        let better = best.1.then(|| {
            let (sender, receiver) = oneshot::channel();
            entry.relayed.retain(|waiting| !waiting.is_closed());
            entry.relayed.push(sender);
            receiver
        });
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(best.0),
            event: Open { reply, better },
        });
    }

    fn handler(&self) -> Handler {
        Handler {
            protocol: self.protocol.clone(),
            asked: VecDeque::new(),
            opening: None,
            accepted: VecDeque::new(),
        }
    }
}

impl Peer {
    fn best(&self) -> Option<(ConnectionId, bool)> {
        let direct = self.connections.iter().find(|(_, relayed)| !relayed);
        direct.or(self.connections.last()).copied()
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Incoming;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                let relayed = endpoint.is_relayed();
                let peer = self.peers.entry(peer_id).or_default();
                peer.connections.push((connection_id, relayed));
                if !relayed {
                    for owner in peer.relayed.drain(..) {
                        // Its stream has ended already.
                        let _ = owner.send(());
                    }
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                if let Some(peer) = self.peers.get_mut(&peer_id) {
                    peer.connections.retain(|(id, _)| *id != connection_id);
                    if peer.connections.is_empty() {
                        self.peers.remove(&peer_id);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        stream: THandlerOutEvent<Self>,
    ) {
        self.actions.push_back(ToSwarm::GenerateEvent(Incoming { peer, stream }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        // No waker: `open` is called by the task that polls, right before it polls.
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Streams of one connection in the making.
pub(crate) struct Handler {
    protocol: StreamProtocol,
    asked: VecDeque<Open>,
    /// One at a time, so that answers cannot be mixed up; it takes a round trip at most.
    opening: Option<Open>,
    accepted: VecDeque<Stream>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Stream;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        if let Some(stream) = self.accepted.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(stream));
        }
        if self.opening.is_none()
            && let Some(open) = self.asked.pop_front()
        {
            self.opening = Some(open);
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ());
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, open: Self::FromBehaviour) {
        self.asked.push_back(open);
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: stream,
                ..
            }) => self.accepted.push_back(stream),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream,
                ..
            }) => {
                if let Some(Open { reply, better }) = self.opening.take() {
                    // A link that has given up meanwhile does not mind.
                    let _ = reply.send(Ok(Opened { stream, better }));
                }
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                let reason = match error {
                    StreamUpgradeError::Timeout => SendFailure::TimedOut,
                    StreamUpgradeError::NegotiationFailed => SendFailure::Unsupported,
                    StreamUpgradeError::Io(_) => SendFailure::Broken,
                    StreamUpgradeError::Apply(never) => {
                        let never: Infallible = never;
                        match never {}
                    }
                };
                if let Some(open) = self.opening.take() {
                    let _ = open.reply.send(Err(reason));
                }
            }
            _ => {}
        }
    }
}
