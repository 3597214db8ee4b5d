//! Says in words why others can or cannot reach this node, and what its owner can do about it.

use crate::status::{Path, Reachability, RouterMapping, Status, Transport};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Works, and could work better.
    Note,
    /// Does not work.
    Problem,
}

impl Level {
    /// `good`, `note` or `problem`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// One thing found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What it is about: `listen`, `reachability`, `bootstrap`, `peers` or `router`.
    pub about: &'static str,
    /// What is so, in a sentence.
    pub words: String,
    /// What to do, in a sentence; none where nothing need be done.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(about: &'static str, words: impl Into<String>) -> Self {
        Self { level: Level::Good, about, words: words.into(), remedy: None }
    }

    fn new(level: Level, about: &'static str, words: impl Into<String>, remedy: &str) -> Self {
        Self { level, about, words: words.into(), remedy: Some(remedy.to_owned()) }
    }
}

/// Everything worth saying about a network, in the order an owner should read it.
pub fn explain(status: &Status) -> Vec<Finding> {
    let mut findings = vec![listening(status), bootstrap(status), reachability(status)];
    findings.extend(symmetric(status));
    findings.extend(router(status));
    findings.push(peers(status));
    findings
}

fn listening(status: &Status) -> Finding {
    let over = |transport| {
        let name = match transport {
            Transport::Quic => "/quic-v1",
            Transport::Tcp => "/tcp/",
        };
        status
            .listen
            .iter()
            .any(|address| address.contains(name) && !address.contains("/p2p-circuit"))
    };
    match (over(Transport::Quic), over(Transport::Tcp)) {
        (true, true) => Finding::good("listen", "This node listens over QUIC and TCP."),
        (false, false) => Finding::new(
            Level::Problem,
            "listen",
            "This node listens nowhere: another program may have its port.",
            "Set --listen to a free port, or to port 0 to have one picked.",
        ),
        (quic, _) => Finding::new(
            Level::Note,
            "listen",
            format!("This node listens over {} alone.", if quic { "QUIC" } else { "TCP" }),
            "Listen over both: some networks let only one of them through.",
        ),
    }
}

fn bootstrap(status: &Status) -> Finding {
    let connected = status.bootstrap.iter().filter(|node| node.connected).count();
    let all = status.bootstrap.len();
    if all == 0 {
        return Finding::new(
            Level::Note,
            "bootstrap",
            "No bootstrap node is set: only invites, contacts and the local network lead to others.",
            "Set --bootstrap to the address of a conclave-bootstrap you trust.",
        );
    }
    if connected > 0 {
        let words = format!("Connected to {connected} of {all} bootstrap nodes.");
        return Finding::good("bootstrap", words);
    }
    let words = format!("None of the {all} bootstrap nodes answers.");
    if status.peers.is_empty() {
        let remedy = "Check the internet connection, and whether a firewall stops outgoing \
                      connections to the ports in --bootstrap.";
        return Finding::new(Level::Problem, "bootstrap", words, remedy);
    }
    let words = format!("{words} Known contacts are still reached.");
    let remedy = "They may be down. Set --bootstrap to others to find people you do not know yet.";
    Finding::new(Level::Note, "bootstrap", words, remedy)
}

fn reachability(status: &Status) -> Finding {
    let forward = "Forward the node's ports in the router's settings, or switch UPnP on there, for \
                   direct connections from everybody.";
    let relays = status.relays.len();
    match status.reachability {
        Reachability::Direct => {
            Finding::good("reachability", "Others can dial this node directly.")
        }
        Reachability::Relayed if relays > 1 => Finding::new(
            Level::Note,
            "reachability",
            format!(
                "A router or firewall keeps others out, so they come through {relays} relays; \
                 connections become direct where a hole can be punched."
            ),
            forward,
        ),
        Reachability::Relayed => Finding::new(
            Level::Note,
            "reachability",
            "A router or firewall keeps others out, so they come through one relay. If it fails, \
             nobody gets through until another one is found.",
            "Set a second --bootstrap node, or forward the node's ports in the router's settings.",
        ),
        Reachability::Hidden => Finding::new(
            Level::Problem,
            "reachability",
            "Nobody can dial this node: a router or firewall keeps others out, and no relay holds \
             a place for it. It still reaches those who can be dialled.",
            "Set --bootstrap to a node that relays, or forward the node's ports in the router's \
             settings.",
        ),
        Reachability::Unknown if status.peers.is_empty() => Finding::new(
            Level::Note,
            "reachability",
            "Nobody is connected who could tell whether others can dial this node.",
            "Connect to a bootstrap node or a contact first.",
        ),
        Reachability::Unknown => Finding::good(
            "reachability",
            "No router translates addresses in between; nobody has tested yet whether others can \
             dial this node.",
        ),
    }
}

fn symmetric(status: &Status) -> Option<Finding> {
    status.symmetric.then(|| {
        Finding::new(
            Level::Note,
            "router",
            "The router uses another port towards everybody, which no hole punching can foresee: \
             with people behind strict routers, messages stay on relays.",
            "Forward a port, or ask the provider for an address of your own (IPv6 will do).",
        )
    })
}

fn router(status: &Status) -> Option<Finding> {
    if status.reachability == Reachability::Direct && status.router_mapping != RouterMapping::Mapped
    {
        return None;
    }
    match status.router_mapping {
        RouterMapping::Off | RouterMapping::Asking => None,
        RouterMapping::Mapped => {
            Some(Finding::good("router", "The router forwards a port to this node by UPnP."))
        }
        RouterMapping::NoRouter => Some(Finding::new(
            Level::Note,
            "router",
            "No router here forwards ports by UPnP.",
            "Switch UPnP on in the router's settings, or forward the ports by hand.",
        )),
        RouterMapping::RouterHidden => Some(Finding::new(
            Level::Note,
            "router",
            "The router is itself behind another one, so forwarding its ports is not enough.",
            "Ask the provider for a public address, or rely on relays.",
        )),
    }
}

fn peers(status: &Status) -> Finding {
    let relayed = status.peers.iter().filter(|peer| peer.path == Path::Relayed).count();
    let direct = status.peers.len() - relayed;
    if status.peers.is_empty() {
        return Finding::new(
            Level::Problem,
            "peers",
            "No other node is connected.",
            "The node keeps trying; if it stays so, check the internet connection.",
        );
    }
    let words = format!("Connected to {direct} nodes directly and to {relayed} through relays.");
    Finding::good("peers", words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::BootstrapStatus;

    fn level(status: &Status, about: &str) -> Level {
        let findings = explain(status);
        findings.iter().find(|finding| finding.about == about).unwrap().level
    }

    #[test]
    fn a_node_alone_in_the_world_has_problems_and_each_says_what_to_do() {
        let status = Status { reachability: Reachability::Hidden, ..Status::default() };
        assert_eq!(level(&status, "listen"), Level::Problem);
        assert_eq!(level(&status, "reachability"), Level::Problem);
        assert_eq!(level(&status, "peers"), Level::Problem);
        for finding in explain(&status) {
            assert!(finding.level == Level::Good || finding.remedy.is_some(), "{finding:?}");
        }
    }

    #[test]
    fn a_node_behind_a_router_with_one_relay_is_told_to_find_a_second() {
        let listen = vec!["/ip4/10.0.0.2/tcp/1/p2p/x".into(), "/ip4/10.0.0.2/udp/1/quic-v1".into()];
        let bootstrap = vec![BootstrapStatus { addresses: vec![], connected: true }];
        let relays = vec![crate::RelayStatus { node: None, address: String::new() }];
        let reachability = Reachability::Relayed;
        let mut status = Status { listen, bootstrap, relays, reachability, ..Status::default() };
        assert_eq!(level(&status, "listen"), Level::Good);
        assert_eq!(level(&status, "bootstrap"), Level::Good);
        let findings = explain(&status);
        let found = findings.iter().find(|finding| finding.about == "reachability").unwrap();
        assert!(found.remedy.as_ref().unwrap().contains("second"), "{found:?}");
        status.symmetric = true;
        assert_eq!(level(&status, "router"), Level::Note);
    }
}
