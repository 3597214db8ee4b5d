//! What the driver does so that others reach this node, and over the best way.

use std::time::{Duration, Instant};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, autonat,
    core::transport::ListenerId,
    dcutr, identify, kad,
    multiaddr::Protocol,
    relay,
    swarm::dial_opts::{DialOpts, PeerCondition},
    upnp,
};

use super::{Driver, leaving::DIALLED_MAX, peers::Route, reach};
use crate::{
    address,
    event::Event,
    status::{Reachability, RouterMapping},
};

/// Spoken by whoever tests the reach of others: AutoNAT, version 2.
const TESTS_REACH: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-request");

/// How long whoever dialled through the relay lets the other one try first.
const OTHER_FIRST: Duration = Duration::from_secs(5);

impl Driver {
    /// One of our sockets is bound, or a relay holds a place for us.
    pub(super) fn on_listening(&mut self, listener: ListenerId, address: Multiaddr) {
        if address::is_relayed(&address) {
            self.on_relay_holds(listener, &address);
        } else {
            let full = address.clone().with(Protocol::P2p(self.own_peer())).to_string();
            if self.reach.announces_sockets() && address::scope(&address).is_some() {
                // The owner says that it can be dialled; without an address nobody can be told.
                self.swarm.add_external_address(address.clone());
            }
            self.reach.listening(address);
            self.board.post(Event::Listening { address: full });
            if self.listeners.remove(&listener) && self.listeners.is_empty() {
                self.bootstraps.dial_now(Instant::now());
            }
        }
        self.tell_addresses();
    }

    fn on_relay_holds(&mut self, listener: ListenerId, address: &Multiaddr) {
        self.relays.accepted(listener);
        let relay = reach::relay_of(address);
        let reached = self.relays.holding().find(|(peer, _)| Some(**peer) == relay);
        let Some((relay, reached)) = reached else { return };
        // What a relay says about itself is believed as far as it can be true.
        let claimed = relay_part(address);
        if claimed == *reached || address::is_plausible(&claimed, reached) {
            tracing::info!(%relay, "a relay holds a place for this node");
            let (address, _) = address::split_peer(address.clone());
            self.reach.held(listener, address);
        }
    }

    /// A relay refused or was lost, if the listener was one of those.
    pub(super) fn on_relay_lost(&mut self, listener: ListenerId) -> bool {
        let ours = self.relays.closed(listener, Instant::now(), &mut self.rng);
        if ours {
            self.reach.released(listener);
            self.tell_addresses();
        }
        ours
    }

    /// Somebody else could dial this address, or a router forwards it.
    pub(super) fn on_confirmed(&mut self, address: Multiaddr) {
        if address::is_relayed(&address) {
            return;
        }
        let (address, _) = address::split_peer(address);
        if address::scope(&address).is_some() {
            self.reach.confirmed(address);
        }
        if self.reach.verdict() == Reachability::Direct {
            self.serve();
        }
        self.tell_addresses();
    }

    /// Others can dial us, so they can ask us things.
    pub(super) fn serve(&mut self) {
        let behaviour = self.swarm.behaviour_mut();
        if behaviour.kad.mode() == kad::Mode::Client {
            tracing::debug!("serving the DHT from now on");
            behaviour.kad.set_mode(Some(kad::Mode::Server));
        }
        if let Some(relay) = behaviour.relay.as_mut() {
            relay.set_status(Some(relay::Status::Enable));
        }
    }

    /// Tells the node when others should try other addresses.
    pub(super) fn tell_addresses(&mut self) {
        if let Some(addresses) = self.reach.news() {
            let addresses = addresses.iter().map(ToString::to_string).collect();
            self.board.post(Event::Addresses { addresses });
        }
    }

    /// Notes what a peer has seen of us, and what it offers.
    pub(super) fn note_offers(&mut self, peer: PeerId, route: &Route, info: &identify::Info) {
        if info.protocols.contains(&TESTS_REACH) {
            // For good: on the connections it tests with, it does not say so.
            self.peers.tests_reach(&peer);
        }
        if !route.dialled || route.relayed {
            return;
        }
        let (observed, _) = address::split_peer(info.observed_addr.clone());
        if address::scope(&observed).is_some() && self.reach.observed(peer, &observed) {
            self.swarm.behaviour_mut().observed.candidate(observed);
        }
        if info.protocols.contains(&relay::HOP_PROTOCOL_NAME) {
            let (address, _) = address::split_peer(route.address.clone());
            let preferred = self.bootstraps.contains(&peer);
            self.relays.offers(peer, address, preferred, Instant::now());
        } else {
            self.relays.withdraws(&peer);
        }
        self.tell_addresses();
    }

    /// Asks relays, and leaves relayed connections for direct ones.
    ///
    /// Places are never given back: libp2p's relay client panics when the answer to a request, or
    /// to a renewal, comes after its listener was removed. They end with their relay.
    pub(super) fn keep_paths(&mut self, now: Instant) {
        if self.reach.wants_relay() {
            for (peer, address) in self.relays.due(now) {
                let at = address.with(Protocol::P2p(peer)).with(Protocol::P2pCircuit);
                match self.swarm.listen_on(at) {
                    Ok(listener) => self.relays.asked(&peer, listener),
                    Err(error) => tracing::debug!(%peer, %error, "cannot ask this relay"),
                }
            }
        }
        self.leave_relays(now);
        for connection in self.peers.surplus(now) {
            tracing::debug!("closing a relayed connection; there is a direct one");
            self.swarm.close_connection(connection);
        }
    }

    /// A peer says where it can be dialled. If it is connected through a relay, whoever of the two
    /// is kept out by a router, the other one may not be, and this needs no hole.
    pub(super) fn note_claims(&mut self, peer: PeerId, dialled: bool, claimed: &[Multiaddr]) {
        let direct = |claimed: &&Multiaddr| self.reach.may_lead_to_others(claimed);
        let direct = claimed.iter().filter(direct).take(DIALLED_MAX).cloned().collect();
        // Who dialled had tried the direct addresses before it took the relay.
        let first = Instant::now() + if dialled { OTHER_FIRST } else { Duration::ZERO };
        self.leaving.claims(peer, direct, first);
    }

    /// Dials peers that are connected through relays only.
    fn leave_relays(&mut self, now: Instant) {
        let relayed = |peer: &PeerId| self.peers.is_relayed(peer);
        for (peer, addresses) in self.leaving.due(relayed, now, &mut self.rng) {
            let dial = DialOpts::peer_id(peer).addresses(addresses);
            if let Err(error) = self.swarm.dial(dial.condition(PeerCondition::Always).build()) {
                tracing::debug!(%peer, %error, "stays on the relay");
            }
        }
    }

    /// When to look again.
    pub(super) fn paths_wake(&self) -> Option<Instant> {
        let relays = if self.reach.wants_relay() { self.relays.wake() } else { None };
        let leaving = self.leaving.wake(|peer| self.peers.is_relayed(peer));
        [relays, leaving, self.peers.wake()].into_iter().flatten().min()
    }

    /// Somebody tried to dial one of our addresses.
    pub(super) fn on_reach_tested(&mut self, event: autonat::v2::client::Event) {
        let failure = event.result.err().map(|error| error.to_string());
        tracing::debug!(address = %event.tested_addr, ?failure, "our reach was tested");
        let (address, _) = address::split_peer(event.tested_addr);
        self.reach.tested(address, failure);
        self.tell_addresses();
    }

    /// We tried to dial somebody; the connection has served its purpose.
    pub(super) fn on_test_done(&mut self, event: &autonat::v2::server::Event) {
        let of_client = self.tests.iter().filter(|(_, peer)| **peer == event.client);
        for connection in of_client.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.swarm.close_connection(connection);
        }
    }

    /// Something happened at our own relay.
    pub(super) fn on_relay(&mut self, event: &relay::Event) {
        match event {
            relay::Event::ReservationReqAccepted { renewed: false, .. } => {
                self.counters.relay_reservations.one();
            }
            relay::Event::CircuitReqAccepted { .. } => self.counters.relay_circuits.one(),
            relay::Event::ReservationReqDenied { src_peer_id, status }
            | relay::Event::CircuitReqDenied { src_peer_id, status, .. } => {
                tracing::debug!(peer = %src_peer_id, ?status, "refused to relay");
                self.counters.relay_refused.one();
            }
            _ => {}
        }
    }

    /// An attempt to punch a hole ended.
    pub(super) fn on_punched(&mut self, dcutr::Event { remote_peer_id, result }: &dcutr::Event) {
        match result {
            Ok(_) => self.counters.holes_punched.one(),
            Err(error) => {
                tracing::debug!(peer = %remote_peer_id, %error, "no direct connection");
                self.counters.holes_failed.one();
            }
        }
    }

    /// The router answered, or did not.
    pub(super) fn on_router(&mut self, event: &upnp::Event) {
        let mapping = match event {
            // Confirmed as an external address by the behaviour itself.
            upnp::Event::NewExternalAddr { .. } => RouterMapping::Mapped,
            upnp::Event::ExpiredExternalAddr { .. } => RouterMapping::Asking,
            upnp::Event::GatewayNotFound => RouterMapping::NoRouter,
            upnp::Event::NonRoutableGateway => RouterMapping::RouterHidden,
        };
        self.reach.mapping(mapping);
        self.tell_addresses();
    }
}

/// Where a relay itself is, from an address that leads through it.
fn relay_part(address: &Multiaddr) -> Multiaddr {
    address.iter().take_while(|part| !matches!(part, Protocol::P2p(_))).collect()
}
