//! Tells the other protocols under which addresses others see this node.
//!
//! Identify reports what a peer observed, but where a router has chosen another port it reports
//! our own port in its place. Behind such a router no hole can be punched to that address, and
//! no test of it succeeds. A connection made from the port we listen on is seen under the very
//! address the router keeps open for it; that one has to be tried, as it stands.

use std::{
    collections::VecDeque,
    convert::Infallible,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

/// Hands candidates to whoever tests or announces them.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    candidates: VecDeque<Multiaddr>,
}

impl Behaviour {
    /// A peer we connected to, from a port we listen on, sees us under this address.
    pub(crate) fn candidate(&mut self, address: Multiaddr) {
        self.candidates.push_back(address);
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        // No waker: `candidate` is called by the task that polls, right before it polls.
        let candidate = self.candidates.pop_front().map(ToSwarm::NewExternalAddrCandidate);
        candidate.map_or(Poll::Pending, Poll::Ready)
    }
}
