//! The network as this node sees it, and the audit log.

use engine::view::{AuditView, FindingView, NetworkView, PeerView};
use serde::Serialize;
use utoipa::ToSchema;

use super::time::iso;

/// The network as this node sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Network {
    /// This node's key, in hexadecimal.
    node: String,
    /// Multiaddresses this node listens on.
    addresses: Vec<String>,
    /// Multiaddresses others are told to try, best first; those with `/p2p-circuit` lead through
    /// a relay.
    told: Vec<String>,
    /// Whether others can dial this node: `unknown`, `direct`, `relayed` (through relays only) or
    /// `hidden` (not at all).
    reachability: String,
    /// What is so and what to do about it, in words.
    findings: Vec<Finding>,
    /// Who is connected.
    peers: Vec<Peer>,
    /// Entries in the Kademlia routing table.
    routing_table: usize,
}

/// Something found out about the network.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// How much it matters: `good`, `note` or `problem`.
    level: String,
    /// What it is about: `listen`, `bootstrap`, `reachability`, `router` or `peers`.
    about: String,
    /// What is so, in a sentence.
    words: String,
    /// What to do about it, in a sentence; nothing need be done where it is missing.
    remedy: Option<String>,
}

impl From<FindingView> for Finding {
    fn from(view: FindingView) -> Self {
        Self {
            level: view.level.to_owned(),
            about: view.about.to_owned(),
            words: view.words,
            remedy: view.remedy,
        }
    }
}

/// A connected node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Peer {
    /// Its key, in hexadecimal.
    node: String,
    /// The address in use.
    address: String,
    /// `quic` or `tcp`.
    transport: String,
    /// `direct`, or `relayed` through another node.
    path: String,
    /// The last round trip, in milliseconds, rounded up.
    rtt_ms: Option<u64>,
    /// Names of contacts that live there.
    contacts: Vec<String>,
}

impl From<PeerView> for Peer {
    fn from(view: PeerView) -> Self {
        Self {
            node: view.node,
            address: view.address,
            transport: view.transport.to_owned(),
            path: view.path.to_owned(),
            rtt_ms: view.rtt_ms,
            contacts: view.contacts,
        }
    }
}

impl From<NetworkView> for Network {
    fn from(view: NetworkView) -> Self {
        Self {
            node: view.node,
            addresses: view.addresses,
            told: view.told,
            reachability: view.reachability.to_owned(),
            findings: view.findings.into_iter().map(Finding::from).collect(),
            peers: view.peers.into_iter().map(Peer::from).collect(),
            routing_table: view.routing_table,
        }
    }
}

/// One thing said or done in the owner's name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// The same in milliseconds since the Unix epoch.
    at_ms: u64,
    /// By which persona, where one did it.
    persona: Option<String>,
    /// Who asked for it through this API, where somebody did: `the page`, `the owner's token`, or
    /// a program's token by name.
    by: Option<String>,
    /// What.
    #[schema(example = "availability.answered")]
    action: String,
    /// In words.
    detail: String,
}

impl From<AuditView> for AuditEntry {
    fn from(view: AuditView) -> Self {
        Self {
            at: iso(view.at_ms),
            at_ms: view.at_ms,
            persona: view.persona.map(|id| id.to_string()),
            by: view.by,
            action: view.action,
            detail: view.detail,
        }
    }
}

/// The audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Audit {
    /// Newest first, at most 200.
    pub(crate) entries: Vec<AuditEntry>,
}
