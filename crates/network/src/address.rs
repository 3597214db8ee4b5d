//! From nodes to libp2p's peers and back, and which of a peer's addresses are worth dialling.
//!
//! A peer id is the node's Ed25519 key inlined: a fixed prefix and the 32 bytes of the key. So
//! the two names convert into each other without a table.

use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use protocol::identity::NodeId;
use thiserror::Error;

use crate::status::Transport;

/// Identity multihash of 36 bytes, which are a protobuf: key type Ed25519, 32 bytes of key.
const INLINED_ED25519: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The longest multiaddress that is looked at, in bytes of text.
const ADDRESS_BYTES_MAX: usize = 512;

/// Why a text is not a multiaddress this node can use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not a multiaddress.
    #[error("not a multiaddress: {0}")]
    Spelling(String),
    /// Bootstrap addresses must say whom to expect there.
    #[error("does not end in /p2p/<peer>")]
    NoPeer,
}

/// Reads a multiaddress that ends in `/p2p/<peer>`: who is there, and the address without that.
///
/// # Errors
/// [`AddressError`] when it is none, or does not say whom to expect.
pub fn node_at(text: &str) -> Result<(NodeId, String), AddressError> {
    let (address, peer) = split_peer(parse(text)?);
    let node = peer.as_ref().and_then(node_of).ok_or(AddressError::NoPeer)?;
    Ok((node, address.to_string()))
}

/// The peer that a node is.
pub(crate) fn peer_of(node: NodeId) -> PeerId {
    let bytes = [&INLINED_ED25519[..], &node.0].concat();
    PeerId::from_bytes(&bytes).expect("an inlined Ed25519 key is a peer id")
}

/// The node that a peer is; `None` for peers whose key is not Ed25519.
pub(crate) fn node_of(peer: &PeerId) -> Option<NodeId> {
    NodeId::from_slice(peer.to_bytes().strip_prefix(&INLINED_ED25519[..])?)
}

/// Reads a multiaddress.
pub(crate) fn parse(text: &str) -> Result<Multiaddr, AddressError> {
    if text.len() > ADDRESS_BYTES_MAX {
        return Err(AddressError::Spelling(format!("longer than {ADDRESS_BYTES_MAX} bytes")));
    }
    text.parse().map_err(|error| AddressError::Spelling(format!("{error}")))
}

/// Takes a trailing `/p2p/<peer>` off.
pub(crate) fn split_peer(mut address: Multiaddr) -> (Multiaddr, Option<PeerId>) {
    match address.pop() {
        Some(Protocol::P2p(peer)) => (address, Some(peer)),
        Some(other) => (address.with(other), None),
        None => (address, None),
    }
}

/// How far an address reaches. Wider is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Loopback,
    Private,
    Global,
}

/// How far an address reaches; `None` when nobody else can dial it.
pub(crate) fn scope(address: &Multiaddr) -> Option<Scope> {
    match address.iter().next()? {
        Protocol::Ip4(ip) if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() => None,
        Protocol::Ip4(ip) if ip.is_loopback() => Some(Scope::Loopback),
        Protocol::Ip4(ip) if ip.is_private() || ip.is_link_local() || is_shared(ip.octets()) => {
            Some(Scope::Private)
        }
        Protocol::Ip6(ip) if ip.is_unspecified() || ip.is_multicast() => None,
        // Without a zone such an address means nothing on another machine.
        Protocol::Ip6(ip) if ip.is_unicast_link_local() => None,
        Protocol::Ip6(ip) if ip.is_loopback() => Some(Scope::Loopback),
        Protocol::Ip6(ip) if ip.is_unique_local() => Some(Scope::Private),
        Protocol::Ip4(_)
        | Protocol::Ip6(_)
        | Protocol::Dns(_)
        | Protocol::Dns4(_)
        | Protocol::Dns6(_)
        | Protocol::Dnsaddr(_) => Some(Scope::Global),
        _ => None,
    }
}

/// 100.64.0.0/10, which carriers and overlay networks use.
fn is_shared(octets: [u8; 4]) -> bool {
    octets[0] == 100 && (64..128).contains(&octets[1])
}

/// Whether an address a peer claims is worth remembering, given where the peer was reached.
///
/// A peer on this machine may claim loopback addresses and one on this network private ones; a
/// peer from afar that claims them would send us knocking at our own neighbours' doors.
pub(crate) fn is_plausible(claimed: &Multiaddr, reached: &Multiaddr) -> bool {
    match (scope(claimed), scope(reached)) {
        (Some(claimed), Some(reached)) => claimed >= reached,
        _ => false,
    }
}

/// The IP address an address starts with.
pub(crate) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// Whether two addresses of private networks are on the same one: the same /24, or /64.
pub(crate) fn are_neighbours(one: &Multiaddr, other: &Multiaddr) -> bool {
    if scope(one) != Some(Scope::Private) || scope(other) != Some(Scope::Private) {
        return false;
    }
    match (ip(one), ip(other)) {
        (Some(IpAddr::V4(a)), Some(IpAddr::V4(b))) => a.octets()[..3] == b.octets()[..3],
        (Some(IpAddr::V6(a)), Some(IpAddr::V6(b))) => a.segments()[..4] == b.segments()[..4],
        _ => false,
    }
}

/// The first port of an address.
pub(crate) fn port(address: &Multiaddr) -> Option<u16> {
    address.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    })
}

/// Whether an address leads through a relay.
pub(crate) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// What a connection to an address runs over.
pub(crate) fn transport(address: &Multiaddr) -> Transport {
    if address.iter().any(|part| matches!(part, Protocol::QuicV1 | Protocol::Quic)) {
        Transport::Quic
    } else {
        Transport::Tcp
    }
}

#[cfg(test)]
mod tests {
    use protocol::identity::NodeKey;

    use super::*;

    #[test]
    fn a_node_and_its_peer_id_name_the_same_key() {
        let key = NodeKey::from_seed(&[7; 32]);
        let keypair = libp2p::identity::Keypair::ed25519_from_bytes(*key.seed()).unwrap();
        assert_eq!(peer_of(key.id()), keypair.public().to_peer_id());
        assert_eq!(node_of(&keypair.public().to_peer_id()), Some(key.id()));
    }

    #[test]
    fn a_peer_id_that_is_a_hash_is_no_node() {
        assert_eq!(node_of(&PeerId::random()), None);
    }

    #[test]
    fn the_peer_at_the_end_of_an_address_is_taken_off() {
        let peer = peer_of(NodeId([7; 32]));
        let bare: Multiaddr = "/ip4/10.0.0.1/udp/1/quic-v1".parse().unwrap();
        let full = bare.clone().with(Protocol::P2p(peer));
        assert_eq!(split_peer(full), (bare.clone(), Some(peer)));
        assert_eq!(split_peer(bare.clone()), (bare, None));
    }

    #[test]
    fn a_peer_from_afar_may_not_claim_addresses_in_our_own_network() {
        let address = |text: &str| text.parse::<Multiaddr>().unwrap();
        let here = address("/ip4/127.0.0.1/tcp/1");
        let near = address("/ip4/192.168.1.2/tcp/1");
        let far = address("/ip4/203.0.113.7/udp/1/quic-v1");
        let named = address("/dns4/example.org/tcp/1");
        assert!(is_plausible(&here, &here) && is_plausible(&near, &here));
        assert!(is_plausible(&near, &near) && !is_plausible(&here, &near));
        assert!(is_plausible(&far, &far) && is_plausible(&named, &far));
        assert!(!is_plausible(&near, &far) && !is_plausible(&here, &far));
        assert!(!is_plausible(&address("/ip4/0.0.0.0/tcp/1"), &here));
        assert!(!is_plausible(&address("/ip6/fe80::1/tcp/1"), &here));
    }
}
