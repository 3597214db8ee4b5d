//! How things are, for the operator's own programs: `/health` and `/metrics` on loopback.
//!
//! Nothing here names a node, an address or a persona.

use std::{future::Future, io, net::SocketAddr};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use network::{Handle, Path, Status};
use thiserror::Error;
use tokio::net::TcpListener;

/// Why there is no such endpoint.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// Everybody could read it there.
    #[error("metrics: {0} is not an address of this machine alone")]
    NotLoopback(SocketAddr),
    /// The port is taken.
    #[error("metrics: cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

/// Serves both until `stop` resolves.
///
/// # Errors
/// [`MetricsError`] when the address is not loopback or taken.
pub async fn serve(
    address: SocketAddr,
    handle: Handle,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<SocketAddr, MetricsError> {
    if !address.ip().is_loopback() {
        return Err(MetricsError::NotLoopback(address));
    }
    let failed = |error| MetricsError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let app = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(handle);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop).await {
            tracing::warn!(%error, "metrics are no longer served");
        }
    });
    Ok(bound)
}

/// 200 while nodes can be served: there is a socket they can dial.
async fn health(State(handle): State<Handle>) -> (StatusCode, &'static str) {
    if handle.status().await.listen.is_empty() {
        return (StatusCode::SERVICE_UNAVAILABLE, "listens nowhere\n");
    }
    (StatusCode::OK, "ok\n")
}

async fn metrics(State(handle): State<Handle>) -> Response {
    let text = render(&handle.status().await);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// The text format of Prometheus.
fn render(status: &Status) -> String {
    let relayed = status.peers.iter().filter(|peer| peer.path == Path::Relayed).count();
    let siblings = status.bootstrap.iter().filter(|node| node.connected).count();
    let gauge = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    let counts = status.counts;
    let lines = [
        ("peers", "gauge", "Nodes connected.", gauge(status.peers.len())),
        ("peers_relayed", "gauge", "Of those, through a relay.", gauge(relayed)),
        ("siblings", "gauge", "Other rendezvous connected.", gauge(siblings)),
        ("dht_nodes", "gauge", "Nodes in the routing table.", gauge(status.dht_nodes)),
        ("records", "gauge", "Records held.", gauge(status.records)),
        ("records_stored_total", "counter", "Records accepted.", counts.records_stored),
        ("records_refused_total", "counter", "Records refused.", counts.records_refused),
        ("relay_places_total", "counter", "Places given to nodes.", counts.relay_reservations),
        ("relay_circuits_total", "counter", "Circuits opened.", counts.relay_circuits),
        ("relay_refused_total", "counter", "Places and circuits refused.", counts.relay_refused),
        (
            "streams_malformed_total",
            "counter",
            "Streams closed for a bad frame.",
            counts.streams_malformed,
        ),
        ("frames_received_total", "counter", "Frames received.", counts.frames_received),
    ];
    let line = |(name, kind, help, value): (&str, &str, &str, u64)| {
        let name = format!("conclave_bootstrap_{name}");
        format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
    };
    lines.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_help_a_type_and_a_value() {
        let text = render(&Status { records: 7, ..Status::default() });
        assert!(text.contains("\nconclave_bootstrap_records 7\n"));
        assert_eq!(
            text.lines().filter(|line| line.starts_with("# HELP")).count() * 3,
            text.lines().count()
        );
    }
}
