//! IPv4 packets that carry TCP or UDP, and their addresses.

use std::net::{Ipv4Addr, SocketAddrV4};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Carries {
    Tcp,
    Udp,
}

/// From where to where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) carries: Carries,
    pub(super) from: SocketAddrV4,
    pub(super) to: SocketAddrV4,
}

/// Where in a packet the header of what it carries begins.
fn header_bytes(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let bytes = usize::from(first & 0xf) * 4;
    (first >> 4 == 4 && bytes >= 20 && packet.len() >= bytes + 8).then_some(bytes)
}

fn u16_at(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

/// The ends of a packet; none of packets a router of this world does not pass on: anything but
/// TCP and UDP over IPv4, and fragments.
pub(super) fn ends(packet: &[u8]) -> Option<Ends> {
    let header = header_bytes(packet)?;
    let carries = match packet[9] {
        TCP if packet.len() >= header + 20 => Carries::Tcp,
        UDP => Carries::Udp,
        _ => return None,
    };
    let is_fragment = u16_at(packet, 6) & 0x3fff != 0;
    let ip = |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
    (!is_fragment).then(|| Ends {
        carries,
        from: SocketAddrV4::new(ip(12), u16_at(packet, header)),
        to: SocketAddrV4::new(ip(16), u16_at(packet, header + 2)),
    })
}

/// Writes other ends into a packet that has ends, and mends its checksums.
pub(super) fn rewrite(packet: &mut [u8], ends: &Ends) {
    let Some(header) = header_bytes(packet) else { return };
    packet[12..16].copy_from_slice(&ends.from.ip().octets());
    packet[16..20].copy_from_slice(&ends.to.ip().octets());
    packet[header..header + 2].copy_from_slice(&ends.from.port().to_be_bytes());
    packet[header + 2..header + 4].copy_from_slice(&ends.to.port().to_be_bytes());
    packet[10..12].fill(0);
    let sum = checksum(0, &packet[..header]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let (at, protocol) = match ends.carries {
        Carries::Tcp => (header + 16, TCP),
        Carries::Udp => (header + 6, UDP),
    };
    packet[at..at + 2].fill(0);
    let length = u32::try_from(packet.len() - header).expect("an IPv4 packet has 64 KiB at most");
    let pseudo = sum_words(&packet[12..20]) + u32::from(protocol) + length;
    let sum = match (checksum(pseudo, &packet[header..]), ends.carries) {
        // In UDP a zero means that there is no checksum.
        (0, Carries::Udp) => u16::MAX,
        (sum, _) => sum,
    };
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// The one's complement of the one's complement sum of 16-bit words (RFC 1071).
fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let mut sum = start + sum_words(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}

fn sum_words(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    };
    bytes.chunks(2).map(word).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A UDP packet of four bytes, from RFC 1071's arithmetic done by hand.
    fn udp() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 32, 0, 1, 0, 0, 64, UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet.extend([0x10, 0x00, 0x20, 0x00, 0, 12, 0, 0, 1, 2, 3, 4]);
        packet
    }

    #[test]
    fn what_is_rewritten_reads_back_and_its_checksums_hold() {
        let mut packet = udp();
        let ends = Ends {
            carries: Carries::Udp,
            from: "9.9.9.9:5".parse().unwrap(),
            to: "8.8.8.8:6".parse().unwrap(),
        };
        rewrite(&mut packet, &ends);
        assert_eq!(super::ends(&packet), Some(ends));
        assert_eq!(checksum(0, &packet[..20]), 0);
        let pseudo = sum_words(&packet[12..20]) + u32::from(UDP) + 12;
        assert_eq!(checksum(pseudo, &packet[20..]), 0);
    }

    #[test]
    fn the_header_checksum_is_the_known_one() {
        // The example of the Wikipedia article on the IPv4 header checksum.
        let header = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,
            0xc7,
        ];
        assert_eq!(checksum(0, &header), 0xb861);
    }

    #[test]
    fn fragments_and_short_or_foreign_packets_have_no_ends() {
        let mut fragment = udp();
        fragment[6] = 0x20;
        assert_eq!(ends(&fragment), None);
        assert_eq!(ends(&udp()[..27]), None);
        assert_eq!(ends(&[0x60; 64]), None);
        let mut icmp = udp();
        icmp[9] = 1;
        assert_eq!(ends(&icmp), None);
    }
}
