//! The loop: announce addresses, serve the mailbox, count, leave in order.

use std::{future::Future, time::Duration};

use mailbox::{Mailbox, Role, WhenBusy};
use network::{Event, Handle, StartError, Verdict};
use protocol::identity::NodeKey;
use store::{LedgerEngine, OpenError, RootKey, RootKeyError, open_ledger};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::{
    config::Config,
    key_file::{self, KeyFileError},
    metrics::{self, MetricsError},
};

/// How often an operator reads in the log how things are.
const REPORT: Duration = Duration::from_secs(300);

/// Why a rendezvous did not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// Its key cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Its network cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The key of its mailbox cannot be read or made.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The ledger of its mailbox cannot be opened.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// Its mailbox cannot be started.
    #[error(transparent)]
    Mailbox(#[from] mailbox::StartError),
    /// Its mailbox cannot go on. What it promised is on disk.
    #[error(transparent)]
    MailboxFailed(#[from] mailbox::Failed),
    /// Its metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Its network ended without being asked to.
    #[error("the network ended")]
    Ended,
}

/// Runs until `stop` resolves. `announce` is called with each full multiaddress, `/p2p` part
/// included, under which this node can be reached, once each.
///
/// # Errors
/// [`RunError`] when key or network cannot be had.
pub async fn run(
    config: &Config,
    mut announce: impl FnMut(&str),
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let key = key_file::load_or_create(&config.data_dir)?;
    let (handle, mut events) = network::start(&key, config.network())?;
    tracing::info!(node = %handle.node(), "serving the DHT");
    let mailbox = start_mailbox(config, &key, &handle).await?;
    let mut role = Role::new(mailbox, handle.clone(), WhenBusy::Wait);
    let (stop_metrics, metrics_stop) = oneshot::channel::<()>();
    if let Some(address) = config.metrics {
        let stop = async move { drop(metrics_stop.await) };
        let address = metrics::serve(address, handle.clone(), stop).await?;
        tracing::info!(%address, "serving /health and /metrics");
    }
    let mut announced = Vec::new();
    let mut announce_once = |addresses: Vec<String>| {
        for address in addresses {
            if !announced.contains(&address) {
                announce(&address);
                announced.push(address);
            }
        }
    };
    if !config.external.is_empty() {
        announce_once(external(&handle, config).await);
    }
    let mut stop = std::pin::pin!(stop);
    let mut report = tokio::time::interval(REPORT);
    report.tick().await;
    loop {
        tokio::select! {
            () = &mut stop => break,
            failed = role.failed() => return Err(failed.into()),
            _ = report.tick() => log_status(&handle, &role).await,
            event = events.next() => match event {
                Some(Event::Listening { address }) => announce_once(vec![address]),
                Some(Event::Gossip { id, .. }) => handle.report_gossip(id, Verdict::Ignore),
                Some(event) => match role.hear(event).await {
                    Some(Event::Frame { node, .. }) => {
                        tracing::debug!(%node, "dropped a frame: no persona lives here");
                    }
                    Some(event) => tracing::debug!(?event, "network"),
                    None => {}
                },
                None => return Err(RunError::Ended),
            },
        }
    }
    log_status(&handle, &role).await;
    // Whoever watches sees it go before the nodes do.
    drop(stop_metrics);
    role.stop().await?;
    handle.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

/// Opens the mailbox's ledger and starts it, if there is to be one.
async fn start_mailbox(
    config: &Config,
    key: &NodeKey,
    handle: &Handle,
) -> Result<Option<Mailbox>, RunError> {
    let Some(limits) = config.mailbox else { return Ok(None) };
    let root = RootKey::load_or_create(&config.data_dir.join("root.key"))?;
    let store = open_ledger(&config.data_dir.join("ledger"), LedgerEngine::Sqlite, &root)?;
    let key = NodeKey::from_seed(&key.seed());
    Ok(Some(Mailbox::start(key, limits, store, handle.clone()).await?))
}

/// The configured external addresses as the network announces them.
async fn external(handle: &Handle, config: &Config) -> Vec<String> {
    let mut listen = handle.status().await.listen;
    listen.retain(|full| config.external.iter().any(|address| full.starts_with(address)));
    listen
}

async fn log_status(handle: &Handle, role: &Role) {
    role.log_counts();
    let status = handle.status().await;
    tracing::info!(
        peers = status.peers.len(),
        dht_nodes = status.dht_nodes,
        records = status.records,
        records_stored = status.counts.records_stored,
        records_refused = status.counts.records_refused,
        streams_malformed = status.counts.streams_malformed,
        "status"
    );
}
