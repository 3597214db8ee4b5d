//! Whether the node lives and is ready. These reveal nothing else, so they need no token.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::router::App;

/// One word.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `live`, `ready`, `read-only` or `starting`.
    status: &'static str,
}

/// What a node can do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing yet, or nothing any more.
    Starting,
    /// Everything.
    Ready,
    /// Its disk is nearly full: it shows what it has and takes nothing new.
    ReadOnly,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready))
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health/live", tag = "node", security(()),
    responses((status = 200, description = "It does", body = Health)))]
async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// Whether the node has opened its store and network.
#[utoipa::path(get, path = "/health/ready", tag = "node", security(()),
    responses((status = 200, description = "It has; `read-only` while its disk is nearly full",
            body = Health),
        (status = 503, description = "Not yet, or no longer", body = Health)))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let (code, status) = match *app.ready.borrow() {
        Readiness::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Readiness::Ready => (StatusCode::OK, "ready"),
        Readiness::ReadOnly => (StatusCode::OK, "read-only"),
    };
    (code, Json(Health { status }))
}
