//! How each effect of the engine is carried out.

use std::sync::Arc;

use connectors::{
    caldav::{Calendars, SCHEME},
    calendar::IcsFile,
};
use engine::{
    Effect, Engine, Input, RequestError, Write,
    view::{FindingView, NetworkView, PeerView},
};
use protocol::{
    card::{Record, RecordKey},
    identity::NodeId,
};
use store::{Cache, CacheTable, Store};
use tokio::sync::mpsc;

use crate::{
    clock::Clock,
    driver::{Answer, Completion},
    files::Keeper,
    ledger::{self, Reader},
    ports::Ports,
};

/// Nodes of earlier runs dialled at start.
const KNOWN_DIALS_MAX: usize = 16;

/// The outside world as the driver reaches it.
pub(crate) struct Outside {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) reader: Reader,
    /// What the network would tell again; losing it costs only time.
    pub(crate) cache: Arc<Cache>,
    pub(crate) network: network::Handle,
    pub(crate) completions: mpsc::Sender<Completion>,
    pub(crate) clock: Clock,
    /// Calendars on servers, for personas whose calendar setting begins with `caldav:`.
    pub(crate) calendars: Calendars,
    /// The bytes of files.
    pub(crate) files: Keeper,
}

impl Outside {
    /// Writes one batch; returns when it would survive a power cut.
    ///
    /// # Errors
    /// The ledger failed. Nothing that depends on the batch may leave, so the node must stop.
    pub(crate) async fn commit(&self, writes: Vec<Write>) -> anyhow::Result<()> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || ledger::commit(&*store, &writes)).await??;
        Ok(())
    }

    /// Carries out an effect that needs no answer now.
    pub(crate) fn perform(&self, effect: Effect) {
        match effect {
            Effect::Send { node, frame } => {
                // A full or broken link loses the frame; the outbox sends it again.
                if let Err(error) = self.network.send(node, frame) {
                    tracing::debug!(?node, %error, "frame not queued");
                }
            }
            Effect::Dial { node, addresses } => self.network.dial(node, addresses),
            Effect::Publish { key, value, expires_at_ms } => {
                self.network.put_record(key, value, expires_at_ms);
            }
            Effect::Lookup { ticket, key } => {
                let (network, cache) = (self.network.clone(), Arc::clone(&self.cache));
                let clock = self.clock.clone();
                self.complete(async move {
                    let mut records = network.get_record(key).await.unwrap_or_default();
                    match records.first() {
                        Some(newest) => remember(&cache, &key, newest),
                        None => records.extend(recall(&cache, &key, clock.now_ms())),
                    }
                    Input::Found { ticket, records }
                });
            }
            Effect::FetchFile { content, holders } => self.files.fetch(*content, holders),
            Effect::KeepPart { content, place, chunk } => {
                self.files.keep_part(*content, place, chunk);
            }
            Effect::DropFile(file) => self.files.drop_file(file),
            Effect::ReadCalendar { ticket, path } => {
                let calendars = self.calendars.clone();
                self.complete(async move {
                    let result = match path.strip_prefix(SCHEME) {
                        Some(persona) => {
                            calendars.read(persona).await.map_err(|error| error.to_string())
                        }
                        None => {
                            let read = IcsFile::new(path).read_async().await;
                            read.map_err(|error| error.to_string())
                        }
                    };
                    Input::CalendarRead { ticket, result }
                });
            }
            Effect::Book { ticket, path, booking } => {
                let calendars = self.calendars.clone();
                self.complete(async move {
                    let result = match path.strip_prefix(SCHEME) {
                        Some(persona) => {
                            let booked = calendars.book(persona, &booking).await;
                            booked.map_err(|error| error.to_string())
                        }
                        None => {
                            let booked = IcsFile::new(path).book_async(booking).await;
                            booked.map(|_| ()).map_err(|error| error.to_string())
                        }
                    };
                    Input::Booked { ticket, result }
                });
            }
            Effect::Persist(_)
            | Effect::Reply { .. }
            | Effect::Emit(_)
            | Effect::DialMailbox { .. }
            | Effect::ToMailbox { .. } => {
                tracing::error!("the driver carries these out itself");
            }
        }
    }

    /// Remembers where a node was reached, so that the network can be entered through it again.
    pub(crate) fn note_address(&self, node: &NodeId, address: &str) {
        let address = without_peer(address);
        if address.is_empty() {
            // Came through a relay: that says nothing about where it can be dialled.
            return;
        }
        if let Err(error) =
            self.cache.put(CacheTable::PeerAddress, node.as_bytes(), address.as_bytes())
        {
            tracing::debug!(%error, "address not cached");
        }
    }

    /// Keeps the ports for the next run. Nothing waits for it: without it they are chosen anew.
    pub(crate) fn remember_ports(&self, ports: &Ports) {
        let (store, batch) = (Arc::clone(&self.store), ports.batch());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = store.commit(batch) {
                tracing::warn!(%error, "the ports could not be remembered");
            }
        });
    }

    /// Dials nodes that were reached in earlier runs.
    pub(crate) fn dial_known(&self) {
        for (node, address) in self.cache.scan(CacheTable::PeerAddress, None, KNOWN_DIALS_MAX) {
            let node = NodeId::from_slice(&node);
            let address = String::from_utf8(address.to_vec()).ok();
            if let (Some(node), Some(address)) = (node, address) {
                self.network.dial(node, vec![address]);
            }
        }
    }

    /// Asks the network what it looks like, for a request.
    pub(crate) fn ask_network(&self, answer: Answer) {
        let (network, completions) = (self.network.clone(), self.completions.clone());
        tokio::spawn(async move {
            let status = network.status().await;
            if let Err(mpsc::error::SendError(Completion::Network(_, answer))) =
                completions.send(Completion::Network(status, answer)).await
            {
                let reason = "the node is stopping".to_owned();
                let _ = answer.send(Err(RequestError::Unavailable { reason }));
            }
        });
    }

    fn complete(&self, work: impl Future<Output = Input> + Send + 'static) {
        let completions = self.completions.clone();
        tokio::spawn(async move {
            // Refused only when the driver has stopped, and then nobody waits for it.
            let _ = completions.send(Completion::Input(work.await)).await;
        });
    }
}

/// Keeps the newest answer of the DHT for times when it does not answer.
fn remember(cache: &Cache, key: &RecordKey, record: &Record) {
    if let Err(error) = cache.put(CacheTable::Record, &key.0, &record.to_bytes()) {
        tracing::debug!(%error, "record not cached");
    }
}

/// The last answer the DHT gave, if it still holds.
fn recall(cache: &Cache, key: &RecordKey, now_ms: u64) -> Option<Record> {
    let value = cache.get(CacheTable::Record, &key.0)?;
    Record::verify(key, &value, now_ms).ok().map(|(record, _)| record)
}

/// A multiaddress without the `/p2p/...` part at its end. The one in the middle of an address that
/// leads through a relay belongs to the relay.
fn without_peer(address: &str) -> &str {
    match address.rsplit_once("/p2p/") {
        Some((bare, peer)) if !peer.contains('/') => bare,
        _ => address,
    }
}

/// What the network page shows.
pub(crate) fn network_view(engine: &Engine, status: network::Status) -> NetworkView {
    let findings = network::explain(&status).into_iter().map(|finding| FindingView {
        level: finding.level.as_str(),
        about: finding.about,
        words: finding.words,
        remedy: finding.remedy,
    });
    let findings = findings.collect();
    let peers = status
        .peers
        .into_iter()
        .map(|peer| PeerView {
            node: peer.node.to_string(),
            address: peer.address,
            transport: peer.transport.as_str(),
            path: peer.path.as_str(),
            rtt_ms: peer.rtt_ms,
            contacts: engine.contacts_at(&peer.node),
        })
        .collect();
    NetworkView {
        node: engine.node().to_string(),
        addresses: status.listen,
        told: status.told,
        reachability: status.reachability.as_str(),
        findings,
        peers,
        routing_table: status.dht_nodes,
    }
}
