//! What a router does to the packets that pass it: a pure table.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
};

use super::packet::{Carries, Ends};

/// The kinds of routers, by what they let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No router: the host has a public address.
    Open,
    /// One port to the outside for each of the host's; everybody may use it.
    FullCone,
    /// The same, but only those the host has sent to from that port may answer.
    PortRestricted,
    /// Another port towards everybody the host sends to, and only they may answer.
    Symmetric,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::FullCone, Self::PortRestricted, Self::Symmetric];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::FullCone => "full cone",
            Self::PortRestricted => "port restricted",
            Self::Symmetric => "symmetric",
        }
    }
}

/// Never the port of the host: a router that keeps ports would hide what depends on it.
const FIRST_PORT: u16 = 20_000;

/// An inside end, and towards whom where the router tells them apart.
type Inside = (Carries, SocketAddrV4, Option<SocketAddrV4>);

/// One router.
#[derive(Debug)]
pub(super) struct Router {
    kind: Kind,
    outside: Ipv4Addr,
    next_port: u16,
    ports: BTreeMap<Inside, u16>,
    insides: BTreeMap<(Carries, u16), SocketAddrV4>,
    sent: BTreeSet<(Carries, u16, SocketAddrV4)>,
}

impl Router {
    pub(super) fn new(kind: Kind, outside: Ipv4Addr) -> Self {
        Self {
            kind,
            outside,
            next_port: FIRST_PORT,
            ports: BTreeMap::new(),
            insides: BTreeMap::new(),
            sent: BTreeSet::new(),
        }
    }

    /// A packet from inside: its ends as the world sees them.
    pub(super) fn outbound(&mut self, ends: Ends) -> Ends {
        if self.kind == Kind::Open {
            return ends;
        }
        let towards = (self.kind == Kind::Symmetric).then_some(ends.to);
        let next = &mut self.next_port;
        let port = *self.ports.entry((ends.carries, ends.from, towards)).or_insert_with(|| {
            *next += 1;
            *next
        });
        self.insides.insert((ends.carries, port), ends.from);
        self.sent.insert((ends.carries, port, ends.to));
        Ends { from: SocketAddrV4::new(self.outside, port), ..ends }
    }

    /// A packet from outside: its ends as the host sees them, or none when it is dropped.
    pub(super) fn inbound(&self, ends: Ends) -> Option<Ends> {
        if self.kind == Kind::Open {
            return Some(ends);
        }
        let port = ends.to.port();
        let inside = *self.insides.get(&(ends.carries, port))?;
        let expected = self.sent.contains(&(ends.carries, port, ends.from));
        (self.kind == Kind::FullCone || expected).then_some(Ends { to: inside, ..ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: &str = "10.0.0.2:4001";
    const OUTSIDE: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);

    fn packet(from: &str, to: &str) -> Ends {
        let [from, to] = [from, to].map(|text| text.parse().unwrap());
        Ends { carries: Carries::Udp, from, to }
    }

    fn answer(sent: Ends, from: &str) -> Ends {
        Ends { from: from.parse().unwrap(), to: sent.from, ..sent }
    }

    #[test]
    fn a_full_cone_lets_everybody_in_on_a_port_that_was_used() {
        let mut router = Router::new(Kind::FullCone, OUTSIDE);
        assert_eq!(router.inbound(packet("1.1.1.1:1", "9.9.9.9:20001")), None);
        let sent = router.outbound(packet(INSIDE, "1.1.1.1:1"));
        assert_eq!(router.outbound(packet(INSIDE, "2.2.2.2:2")).from, sent.from);
        let stranger = router.inbound(answer(sent, "3.3.3.3:3")).unwrap();
        assert_eq!(stranger.to, INSIDE.parse().unwrap());
    }

    #[test]
    fn a_restricted_router_lets_in_whom_the_host_has_sent_to_port_by_port() {
        let mut router = Router::new(Kind::PortRestricted, OUTSIDE);
        let sent = router.outbound(packet(INSIDE, "1.1.1.1:1"));
        assert!(router.inbound(answer(sent, "1.1.1.1:1")).is_some());
        assert!(router.inbound(answer(sent, "1.1.1.1:2")).is_none(), "another port");
        assert!(router.inbound(answer(sent, "3.3.3.3:3")).is_none());
        assert_eq!(router.outbound(packet(INSIDE, "3.3.3.3:3")).from, sent.from);
        assert!(router.inbound(answer(sent, "3.3.3.3:3")).is_some(), "a hole was punched");
    }

    #[test]
    fn a_symmetric_router_has_a_port_for_everybody() {
        let mut router = Router::new(Kind::Symmetric, OUTSIDE);
        let one = router.outbound(packet(INSIDE, "1.1.1.1:1"));
        let two = router.outbound(packet(INSIDE, "2.2.2.2:2"));
        assert_ne!(one.from, two.from);
        assert!(router.inbound(answer(one, "2.2.2.2:2")).is_none());
        assert!(router.inbound(answer(two, "2.2.2.2:2")).is_some());
    }

    #[test]
    fn no_router_changes_nothing() {
        let mut router = Router::new(Kind::Open, OUTSIDE);
        let ends = packet("9.9.9.9:1", "1.1.1.1:1");
        assert_eq!((router.outbound(ends), router.inbound(ends)), (ends, Some(ends)));
    }
}
