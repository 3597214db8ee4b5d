//! Where a connection comes from, as far as quotas care.

use std::net::IpAddr;

/// A depositor as a mailbox tells it from others: by what is hard to have many of. Node keys are
/// free, addresses are not; of IPv6 everyone has many, so the site prefix counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// One IPv4 address.
    V4([u8; 4]),
    /// A 48-bit IPv6 prefix.
    V6([u8; 6]),
    /// No address is known; all of these share one quota.
    Unknown,
}

impl Origin {
    /// The origin of a connection from this address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, ..] = address.octets();
                Self::V6([a, b, c, d, e, f])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_counts_alone_however_it_is_written() {
        assert_ne!(of("127.0.0.1"), of("127.0.0.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn a_site_counts_once_however_many_addresses_it_has() {
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:ffff::4"));
        assert_ne!(of("2001:db8:1::"), of("2001:db8:2::"));
    }
}
