//! Whether the node lives and is ready. These reveal nothing else, so they need no token.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::router::App;

/// One word.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `live`, `ready` or `starting`.
    status: &'static str,
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
    responses((status = 200, description = "It has", body = Health),
        (status = 503, description = "Not yet, or no longer", body = Health)))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    if *app.ready.borrow() {
        (StatusCode::OK, Json(Health { status: "ready" }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: "starting" }))
    }
}
