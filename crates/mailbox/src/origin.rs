//! Where a connection comes from, read off its multiaddress.

use std::net::IpAddr;

use protocol::mailbox::host::Origin;

/// The origin of a connection whose other end has this multiaddress.
pub(crate) fn of(address: &str) -> Origin {
    let mut parts = address.split('/').skip(1);
    let (protocol, value) = (parts.next(), parts.next());
    let ip: Option<IpAddr> = match (protocol, value) {
        (Some("ip4" | "ip6"), Some(value)) => value.parse().ok(),
        _ => None,
    };
    ip.map_or(Origin::Unknown, Origin::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_either_family_and_transport_have_an_origin() {
        assert_eq!(of("/ip4/192.0.2.1/udp/4001/quic-v1"), Origin::V4([192, 0, 2, 1]));
        assert_eq!(of("/ip6/2001:db8:1::7/tcp/1"), Origin::V6([0x20, 1, 0x0d, 0xb8, 0, 1]));
        assert_eq!(of("/ip6/::ffff:192.0.2.1/tcp/1"), Origin::V4([192, 0, 2, 1]));
        for address in ["", "/", "/dns4/hub.example.org/tcp/1", "/ip4/nonsense/tcp/1", "ip4"] {
            assert_eq!(of(address), Origin::Unknown, "{address}");
        }
    }
}
