//! Who is connected, and what was done in the owner's name.

use axum::{Json, extract::State};
use engine::{Reply, Request};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        network::{Audit, AuditEntry, Network},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(network)).routes(routes!(audit))
}

/// The network as this node sees it.
#[utoipa::path(get, path = "/v1/network",
    operation_id = "get_network", tag = "node",
    responses((status = 200, description = "As it is now", body = Network), Refusals))]
async fn network(State(node): State<Node>) -> Result<Json<Network>, ApiError> {
    expect_reply!(node.ask(Request::GetNetwork).await?, Reply::Network(view) => Json(view.into()))
}

/// What was said and done in the owner's name, newest first.
#[utoipa::path(get, path = "/v1/audit",
    operation_id = "list_audit", tag = "node",
    responses((status = 200, description = "The newest 200 entries", body = Audit), Refusals))]
async fn audit(State(node): State<Node>) -> Result<Json<Audit>, ApiError> {
    expect_reply!(node.ask(Request::ListAudit).await?, Reply::Audit(views) => {
        Json(Audit { entries: views.into_iter().map(AuditEntry::from).collect() })
    })
}
