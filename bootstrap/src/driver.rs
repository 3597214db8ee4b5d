//! The loop: announce addresses, count, leave in order.

use std::{future::Future, time::Duration};

use network::{Event, Handle, StartError, Verdict};
use thiserror::Error;

use crate::{
    config::Config,
    key_file::{self, KeyFileError},
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
            _ = report.tick() => log_status(&handle).await,
            event = events.next() => match event {
                Some(Event::Listening { address }) => announce_once(vec![address]),
                Some(Event::Gossip { id, .. }) => handle.report_gossip(id, Verdict::Ignore),
                Some(Event::Frame { node, .. }) => {
                    tracing::debug!(%node, "dropped a frame: no persona lives here");
                }
                Some(event) => tracing::debug!(?event, "network"),
                None => return Err(RunError::Ended),
            },
        }
    }
    log_status(&handle).await;
    handle.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

/// The configured external addresses as the network announces them.
async fn external(handle: &Handle, config: &Config) -> Vec<String> {
    let mut listen = handle.status().await.listen;
    listen.retain(|full| config.external.iter().any(|address| full.starts_with(address)));
    listen
}

async fn log_status(handle: &Handle) {
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
