//! The two streams of events: a WebSocket, and the same as server-sent events.

mod socket;
mod stream;

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{error::ApiError, router::App};

/// Listeners at once: more than one owner has pages and programs.
pub(crate) const LISTENERS_MAX: usize = 64;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(socket::socket)).routes(routes!(stream::stream))
}

/// A place among the listeners, kept as long as the stream lasts.
fn place(app: &App) -> Result<OwnedSemaphorePermit, ApiError> {
    let full = |_| ApiError::Unavailable(format!("{LISTENERS_MAX} listen already"));
    Arc::clone(&app.listeners).try_acquire_owned().map_err(full)
}
