//! The network as this node sees it, and the audit log.

use engine::view::{AuditView, NetworkView, PeerView};
use serde::Serialize;
use utoipa::ToSchema;

use super::time::iso;

/// The network as this node sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Network {
    /// This node's key, in hexadecimal.
    node: String,
    /// Multiaddresses others can dial.
    addresses: Vec<String>,
    /// Who is connected.
    peers: Vec<Peer>,
    /// Entries in the Kademlia routing table.
    routing_table: usize,
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
    /// By which persona.
    persona: String,
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
            persona: view.persona.to_string(),
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
