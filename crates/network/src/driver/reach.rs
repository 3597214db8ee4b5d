//! Where this node can be reached: what is known about it, and what to tell others.
//!
//! Peers report under which address they see this node. Where that is none of its own, a router
//! translates addresses in between. AutoNAT then asks somebody else to dial what was observed; an
//! address so confirmed is as good as one of our own. Where none is, others reach this node
//! through relays that hold a place for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use libp2p::{Multiaddr, PeerId, core::transport::ListenerId, multiaddr::Protocol};

use crate::{
    address::{self, Scope},
    config::Config,
    status::{Reachability, RouterMapping, TestedAddress, Transport},
};

/// Addresses told to others. A card names no more.
const TOLD_MAX: usize = 8;
/// Characters an address may have to fit a card.
const TOLD_CHARS_MAX: usize = 128;
/// Addresses told of one relay: one over each transport.
const TOLD_PER_RELAY_MAX: usize = 2;
/// Confirmed addresses told, so that relays always find room.
const CONFIRMED_MAX: usize = 4;
/// Peers whose observations are kept, and tests.
const KEPT_MAX: usize = 32;

/// Everything known about it.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// The owner says that this node can be dialled.
    assumed: bool,
    /// And does not say where, so where its sockets are.
    announces: bool,
    listening: BTreeSet<Multiaddr>,
    confirmed: BTreeSet<Multiaddr>,
    /// What each relay holds for us, in the order they accepted.
    circuits: Vec<(ListenerId, Vec<Multiaddr>)>,
    observed: BTreeMap<PeerId, BTreeSet<Multiaddr>>,
    tested: BTreeMap<Multiaddr, Option<String>>,
    mapping: RouterMapping,
    told: Vec<Multiaddr>,
}

impl Reach {
    pub(crate) fn new(config: &Config) -> Self {
        let assumed = config.rendezvous || !config.external.is_empty();
        let mapping = if config.upnp { RouterMapping::Asking } else { RouterMapping::Off };
        let announces = config.rendezvous && config.external.is_empty();
        Self { assumed, announces, mapping, ..Self::default() }
    }

    /// Whether the addresses of our sockets count as confirmed.
    pub(crate) fn announces_sockets(&self) -> bool {
        self.announces
    }

    /// One of our own sockets is bound to this address.
    pub(crate) fn listening(&mut self, address: Multiaddr) {
        self.listening.insert(address);
    }

    /// One of our own addresses is gone, as happens when a machine changes networks.
    pub(crate) fn gone(&mut self, address: &Multiaddr) {
        self.listening.remove(address);
        self.circuits.iter_mut().for_each(|(_, held)| held.retain(|held| held != address));
        // What was seen from outside was seen on the network we were in.
        self.observed.clear();
        self.tested.clear();
    }

    /// Somebody else could dial this address, or the owner says so.
    pub(crate) fn confirmed(&mut self, address: Multiaddr) {
        if self.confirmed.len() < KEPT_MAX {
            self.confirmed.insert(address);
        }
    }

    /// An address is no longer ours.
    pub(crate) fn expired(&mut self, address: &Multiaddr) {
        self.confirmed.remove(address);
    }

    /// A relay holds a place for us under this address.
    pub(crate) fn held(&mut self, listener: ListenerId, address: Multiaddr) {
        match self.circuits.iter_mut().find(|(other, _)| *other == listener) {
            Some((_, held)) => held.push(address),
            None => self.circuits.push((listener, vec![address])),
        }
    }

    /// A relay no longer does.
    pub(crate) fn released(&mut self, listener: ListenerId) {
        self.circuits.retain(|(other, _)| *other != listener);
    }

    /// A peer that we dialled sees us under this address. `true` when it is worth testing: a
    /// connection from the port we listen on leaves the way open that others may take.
    pub(crate) fn observed(&mut self, peer: PeerId, address: &Multiaddr) -> bool {
        if self.observed.len() >= KEPT_MAX && !self.observed.contains_key(&peer) {
            return false;
        }
        let seen = self.observed.entry(peer).or_default();
        if seen.len() < 4 {
            seen.insert(address.clone());
        }
        let like = |ours: &Multiaddr| {
            let ip = (address::ip(ours), address::ip(address));
            address::transport(ours) == address::transport(address)
                && matches!(ip, (Some(a), Some(b)) if a.is_ipv4() == b.is_ipv4())
        };
        self.listening.iter().any(like)
    }

    /// A peer is gone, and what it saw says nothing about now.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.observed.remove(peer);
    }

    /// Somebody tried to dial an address of ours; `failure` says why it did not work.
    pub(crate) fn tested(&mut self, address: Multiaddr, failure: Option<String>) {
        if address::scope(&address).is_none() || address::is_relayed(&address) {
            // Identify takes what it sees of a relayed connection for an address too.
            return;
        }
        if self.tested.len() < KEPT_MAX || self.tested.contains_key(&address) {
            self.tested.insert(address, failure);
        }
    }

    /// What became of asking the router for a port.
    pub(crate) fn mapping(&mut self, mapping: RouterMapping) {
        self.mapping = mapping;
    }

    /// Whether an address somebody far away claims may lead to them from here: it reaches as far
    /// as the addresses we are seen under, or lies on a network of ours.
    pub(crate) fn may_lead_to_others(&self, claimed: &Multiaddr) -> bool {
        if address::is_relayed(claimed) || self.listening.contains(claimed) {
            return false;
        }
        let seen = self.observed.values().flatten().filter_map(address::scope).max();
        let near = |own: &Multiaddr| address::are_neighbours(own, claimed);
        let scope = address::scope(claimed);
        scope.is_some() && (scope >= seen || self.listening.iter().any(near))
    }

    /// Whether addresses are translated between us and others.
    pub(crate) fn is_translated(&self) -> bool {
        let own: BTreeSet<IpAddr> = self.listening.iter().filter_map(address::ip).collect();
        let seen = self.observed.values().flatten().filter_map(address::ip);
        !own.is_empty() && seen.into_iter().any(|ip| !own.contains(&ip))
    }

    /// Whether the router uses another port towards every peer, so that no hole can be punched to
    /// the one observed.
    pub(crate) fn is_symmetric(&self) -> bool {
        let mut ports: BTreeMap<(Transport, IpAddr), BTreeSet<u16>> = BTreeMap::new();
        for address in self.observed.values().flatten() {
            let (Some(ip), Some(port)) = (address::ip(address), address::port(address)) else {
                continue;
            };
            ports.entry((address::transport(address), ip)).or_default().insert(port);
        }
        self.is_translated() && ports.values().any(|ports| ports.len() > 1)
    }

    /// Whether others can dial this node, as far as is known.
    pub(crate) fn verdict(&self) -> Reachability {
        let seen = self.observed.values().flatten().filter_map(address::scope).max();
        let reaches = |address: &Multiaddr| address::scope(address) >= seen;
        if self.assumed || self.confirmed.iter().any(reaches) {
            return Reachability::Direct;
        }
        let failed = !self.tested.is_empty() && self.tested.values().all(Option::is_some);
        let kept_out = self.is_translated() || failed || self.listening.is_empty();
        match (self.circuits.is_empty(), kept_out) {
            (false, _) => Reachability::Relayed,
            (true, true) => Reachability::Hidden,
            (true, false) => Reachability::Unknown,
        }
    }

    /// Whether a relay should hold a place for us. Behind a router it should even where a test
    /// succeeded: a router that lets the tester in need not let everybody in.
    pub(crate) fn wants_relay(&self) -> bool {
        if self.assumed || self.mapping == RouterMapping::Mapped {
            return false;
        }
        self.is_translated() || self.verdict() == Reachability::Hidden || self.keeps_circuits()
    }

    /// Places held are kept until it is certain that nobody needs them.
    fn keeps_circuits(&self) -> bool {
        !self.circuits.is_empty() && self.verdict() != Reachability::Direct
    }

    /// The addresses others should try, best first, where they are not what was told last.
    pub(crate) fn news(&mut self) -> Option<Vec<Multiaddr>> {
        let told = self.addresses();
        if told == self.told {
            return None;
        }
        self.told.clone_from(&told);
        Some(told)
    }

    /// What was told last.
    pub(crate) fn told(&self) -> &[Multiaddr] {
        &self.told
    }

    fn addresses(&self) -> Vec<Multiaddr> {
        let mut told: Vec<Multiaddr> = Vec::new();
        let fits = |address: &Multiaddr| address.to_string().len() <= TOLD_CHARS_MAX;
        let mut tell = |address: &Multiaddr, most: usize| {
            if told.len() < most && fits(address) && !told.contains(address) {
                told.push(address.clone());
            }
        };
        let circuits: Vec<&Multiaddr> = self
            .circuits
            .iter()
            .flat_map(|(_, held)| held.iter().take(TOLD_PER_RELAY_MAX))
            .collect();
        let direct_max = TOLD_MAX - circuits.len().min(2 * TOLD_PER_RELAY_MAX);
        let wider = self.listening.iter().any(|own| address::scope(own) > Some(Scope::Loopback));
        let useful = |own: &&Multiaddr| match address::scope(own) {
            None => false,
            // Means somebody else on any machine but this one.
            Some(Scope::Loopback) => !wider,
            Some(_) => true,
        };
        let mut own: Vec<&Multiaddr> = self.listening.iter().filter(useful).collect();
        own.sort_by_key(|own| std::cmp::Reverse(address::scope(own)));
        self.confirmed.iter().for_each(|address| tell(address, CONFIRMED_MAX));
        own.into_iter().for_each(|address| tell(address, direct_max));
        circuits.into_iter().for_each(|address| tell(address, TOLD_MAX));
        told
    }

    /// What to tell the owner.
    pub(crate) fn describe(&self) -> (Vec<String>, Vec<TestedAddress>, RouterMapping) {
        let seen: BTreeSet<String> =
            self.observed.values().flatten().map(ToString::to_string).collect();
        let tested = self.tested.iter().map(|(address, failure)| TestedAddress {
            address: address.to_string(),
            failure: failure.clone(),
        });
        (seen.into_iter().collect(), tested.collect(), self.mapping)
    }
}

/// The relay an address leads through.
pub(crate) fn relay_of(address: &Multiaddr) -> Option<PeerId> {
    let mut relay = None;
    for part in address {
        match part {
            Protocol::P2p(peer) => relay = Some(peer),
            Protocol::P2pCircuit => return relay,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn at_home() -> Reach {
        let mut reach = Reach::default();
        reach.listening(address("/ip4/127.0.0.1/udp/4001/quic-v1"));
        reach.listening(address("/ip4/192.168.1.7/udp/4001/quic-v1"));
        reach
    }

    fn circuit(relay: PeerId, transport: &str) -> Multiaddr {
        address(&format!("/ip4/5.5.5.5/{transport}/p2p/{relay}/p2p-circuit"))
    }

    #[test]
    fn a_node_without_sockets_can_only_be_reached_through_relays() {
        let reach = Reach::default();
        assert_eq!((reach.verdict(), reach.wants_relay()), (Reachability::Hidden, true));
    }

    #[test]
    fn a_node_seen_under_its_own_address_needs_no_relay() {
        let mut reach = Reach::default();
        reach.listening(address("/ip4/5.6.7.8/tcp/4001"));
        assert_eq!(reach.verdict(), Reachability::Unknown);
        assert!(reach.observed(PeerId::random(), &address("/ip4/5.6.7.8/tcp/4001")));
        assert!(!reach.is_translated() && !reach.wants_relay());
        reach.tested(address("/ip4/5.6.7.8/tcp/4001"), None);
        reach.confirmed(address("/ip4/5.6.7.8/tcp/4001"));
        assert_eq!(reach.verdict(), Reachability::Direct);
    }

    #[test]
    fn a_node_behind_a_router_is_hidden_until_a_relay_holds_a_place() {
        let mut reach = at_home();
        assert!(reach.observed(PeerId::random(), &address("/ip4/9.9.9.9/udp/50001/quic-v1")));
        assert_eq!((reach.verdict(), reach.wants_relay()), (Reachability::Hidden, true));
        let (relay, listener) = (PeerId::random(), ListenerId::next());
        reach.held(listener, circuit(relay, "udp/4401/quic-v1"));
        assert_eq!((reach.verdict(), reach.wants_relay()), (Reachability::Relayed, true));
        let told = reach.news().unwrap();
        assert_eq!(told.len(), 2, "its address at home and the one at the relay: {told:?}");
        assert_eq!(relay_of(&told[1]), Some(relay));
        assert_eq!(reach.news(), None, "told once");
        reach.released(listener);
        assert_eq!(reach.verdict(), Reachability::Hidden);
    }

    #[test]
    fn a_confirmed_address_is_told_first_and_a_relay_is_kept_in_reserve() {
        let mut reach = at_home();
        reach.observed(PeerId::random(), &address("/ip4/9.9.9.9/udp/50001/quic-v1"));
        reach.held(ListenerId::next(), circuit(PeerId::random(), "tcp/4401"));
        reach.confirmed(address("/ip4/9.9.9.9/udp/50001/quic-v1"));
        assert_eq!((reach.verdict(), reach.wants_relay()), (Reachability::Direct, true));
        assert_eq!(reach.news().unwrap()[0], address("/ip4/9.9.9.9/udp/50001/quic-v1"));
    }

    #[test]
    fn an_address_of_this_network_confirmed_by_a_neighbour_is_no_address_of_the_world() {
        let mut reach = at_home();
        reach.observed(PeerId::random(), &address("/ip4/9.9.9.9/udp/50001/quic-v1"));
        reach.confirmed(address("/ip4/192.168.1.7/udp/4001/quic-v1"));
        assert_eq!(reach.verdict(), Reachability::Hidden);
    }

    #[test]
    fn a_firewall_without_translation_is_found_by_the_test() {
        let mut reach = Reach::default();
        reach.listening(address("/ip4/5.6.7.8/tcp/4001"));
        reach.observed(PeerId::random(), &address("/ip4/5.6.7.8/tcp/4001"));
        reach.tested(Multiaddr::empty(), Some("no answer".into()));
        assert_eq!(reach.verdict(), Reachability::Unknown, "that was no address");
        reach.tested(address("/ip4/5.6.7.8/tcp/4001"), Some("no answer".into()));
        assert_eq!((reach.verdict(), reach.wants_relay()), (Reachability::Hidden, true));
    }

    #[test]
    fn a_router_with_a_port_for_every_peer_is_told_from_others() {
        let mut reach = at_home();
        reach.observed(PeerId::random(), &address("/ip4/9.9.9.9/udp/50001/quic-v1"));
        assert!(!reach.is_symmetric());
        reach.observed(PeerId::random(), &address("/ip4/9.9.9.9/udp/50002/quic-v1"));
        assert!(reach.is_symmetric());
    }

    #[test]
    fn loopback_is_told_only_where_there_is_nothing_else_and_relays_keep_their_room() {
        let mut reach = Reach::default();
        reach.listening(address("/ip4/127.0.0.1/tcp/1"));
        assert_eq!(reach.news().unwrap(), [address("/ip4/127.0.0.1/tcp/1")]);
        for host in 1..20 {
            reach.listening(address(&format!("/ip4/192.168.1.{host}/tcp/1")));
        }
        let relay = PeerId::random();
        let listener = ListenerId::next();
        for transport in ["tcp/1", "udp/1/quic-v1", "tcp/2"] {
            reach.held(listener, circuit(relay, transport));
        }
        let told = reach.news().unwrap();
        assert_eq!(told.len(), TOLD_MAX);
        assert!(!told.contains(&address("/ip4/127.0.0.1/tcp/1")));
        assert_eq!(told.iter().filter(|told| relay_of(told) == Some(relay)).count(), 2);
    }

    #[test]
    fn a_claim_is_followed_into_the_world_and_into_our_own_network_alone() {
        let mut reach = at_home();
        reach.observed(PeerId::random(), &address("/ip4/9.9.9.9/udp/50001/quic-v1"));
        let followed = |text: &str| reach.may_lead_to_others(&address(text));
        assert!(followed("/ip4/5.6.7.8/tcp/1") && followed("/ip4/192.168.1.9/tcp/1"));
        assert!(!followed("/ip4/192.168.2.9/tcp/1") && !followed("/ip4/127.0.0.1/tcp/1"));
        let relayed = circuit(PeerId::random(), "tcp/4401");
        assert!(!reach.may_lead_to_others(&relayed));
    }

    #[test]
    fn a_change_of_networks_forgets_what_was_seen() {
        let mut reach = at_home();
        reach.observed(PeerId::random(), &address("/ip4/9.9.9.9/udp/50001/quic-v1"));
        reach.gone(&address("/ip4/192.168.1.7/udp/4001/quic-v1"));
        reach.listening(address("/ip4/10.1.1.1/udp/4001/quic-v1"));
        assert!(!reach.is_translated());
        assert_eq!(reach.news().unwrap(), [address("/ip4/10.1.1.1/udp/4001/quic-v1")]);
    }
}
