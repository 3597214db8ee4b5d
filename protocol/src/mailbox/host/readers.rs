//! All connections, and who watches which tag.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Limits, Origin, RowKey,
    connection::Connection,
    entries::{Entries, Place},
    limits::PAUSE_MS,
};
use crate::identity::NodeId;

/// The connections there are.
#[derive(Debug, Default)]
pub(super) struct Readers {
    connections: BTreeMap<NodeId, Connection>,
    watchers: BTreeMap<Place, Vec<NodeId>>,
    per_origin: BTreeMap<Origin, usize>,
    watches: usize,
    paused: BTreeSet<(u64, NodeId)>,
}

impl Readers {
    pub(super) fn connected(&mut self, node: NodeId, origin: Origin) {
        self.disconnected(node);
        self.connections.insert(node, Connection::new(origin));
    }

    pub(super) fn disconnected(&mut self, node: NodeId) {
        let Some(connection) = self.connections.remove(&node) else { return };
        if let Some(until) = connection.paused_until_ms {
            self.paused.remove(&(until, node));
        }
        let count = connection.watched.len();
        self.watches -= count;
        if let Some(sum) = self.per_origin.get_mut(&connection.origin) {
            *sum -= count;
            if *sum == 0 {
                self.per_origin.remove(&connection.origin);
            }
        }
        for place in connection.watched.into_keys() {
            if let Some(nodes) = self.watchers.get_mut(&place) {
                nodes.retain(|other| *other != node);
                if nodes.is_empty() {
                    self.watchers.remove(&place);
                }
            }
        }
    }

    pub(super) fn origin(&self, node: &NodeId) -> Option<Origin> {
        self.connections.get(node).map(|connection| connection.origin)
    }

    pub(super) fn watches(&self) -> usize {
        self.watches
    }

    /// Watches as many of these tags as it may: how many it watches now, and how many it may not.
    pub(super) fn watch(
        &mut self,
        node: NodeId,
        places: Vec<Place>,
        limits: &Limits,
        entries: &Entries,
        durable: u64,
    ) -> (usize, usize) {
        let Some(connection) = self.connections.get_mut(&node) else { return (0, 0) };
        let of_origin = self.per_origin.entry(connection.origin).or_default();
        let mut refused = 0;
        for place in places {
            if connection.watched.contains_key(&place) {
                connection.watch_again(place, entries, durable);
                continue;
            }
            if connection.watched.len() >= limits.watches_per_connection
                || *of_origin >= limits.watches_per_origin
                || self.watches >= limits.watches
            {
                refused += 1;
                continue;
            }
            connection.watch(place, entries, durable);
            self.watchers.entry(place).or_default().push(node);
            *of_origin += 1;
            self.watches += 1;
        }
        (connection.watched.len(), refused)
    }

    /// An entry became durable; names who may now be handed something.
    pub(super) fn came(&mut self, place: Place, entries: &Entries, durable: u64) -> Vec<NodeId> {
        let watchers = self.watchers.get(&place).cloned().unwrap_or_default();
        for node in &watchers {
            if let Some(connection) = self.connections.get_mut(node) {
                connection.look(place, entries, durable);
            }
        }
        watchers
    }

    /// An entry is gone; names whose hands that may have freed.
    pub(super) fn gone(
        &mut self,
        key: RowKey,
        place: Place,
        entries: &Entries,
        durable: u64,
    ) -> Vec<NodeId> {
        let watchers = self.watchers.get(&place).cloned().unwrap_or_default();
        for node in &watchers {
            if let Some(connection) = self.connections.get_mut(node) {
                connection.gone(key, place, entries, durable);
            }
        }
        watchers
    }

    pub(super) fn get_mut(&mut self, node: &NodeId) -> Option<&mut Connection> {
        self.connections.get_mut(node)
    }

    /// Frames to a node were lost: what it did not answer waits to be handed out again.
    pub(super) fn lost(&mut self, node: NodeId, entries: &Entries, durable: u64, now_ms: u64) {
        self.resume(&node);
        let Some(connection) = self.connections.get_mut(&node) else { return };
        connection.take_back(entries, durable);
        let until = now_ms.saturating_add(PAUSE_MS);
        connection.paused_until_ms = Some(until);
        self.paused.insert((until, node));
    }

    /// Ends a pause.
    pub(super) fn resume(&mut self, node: &NodeId) {
        let connection = self.connections.get_mut(node);
        if let Some(until) = connection.and_then(|connection| connection.paused_until_ms.take()) {
            self.paused.remove(&(until, *node));
        }
    }

    /// The end of the pause that ends first.
    pub(super) fn first_pause(&self) -> Option<(u64, NodeId)> {
        self.paused.first().copied()
    }
}
