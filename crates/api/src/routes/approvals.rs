//! What waits for the owner's word, and the word.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::{Reply, Request, request::LocalId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        approval::{Approval, Approvals, Word, WordKind},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(decide))
}

/// What waits for the owner's word.
#[utoipa::path(get, path = "/v1/approvals",
    operation_id = "list_approvals", tag = "approvals",
    responses((status = 200, description = "The inbox", body = Approvals), Refusals))]
async fn list(State(node): State<Node>) -> Result<Json<Approvals>, ApiError> {
    expect_reply!(node.ask(Request::ListApprovals).await?, Reply::Approvals(views) => inbox(views))
}

/// The owner's word on one entry.
#[utoipa::path(post, path = "/v1/approvals/{id}",
    operation_id = "decide_approval", tag = "approvals", request_body = Word,
    params(("id" = String, Path, description = "The entry")),
    responses((status = 200, description = "What still waits", body = Approvals),
        (status = 204, description = "Done"), Refusals))]
async fn decide(
    State(node): State<Node>,
    PathId(approval): PathId<LocalId>,
    Body(word): Body<Word>,
) -> Result<Response, ApiError> {
    let allow = word.decision == WordKind::Allow;
    expect_reply!(node.ask(Request::Decide { approval, allow }).await?,
        Reply::Approvals(views) => inbox(views).into_response(),
        Reply::Done => StatusCode::NO_CONTENT.into_response(),
    )
}

fn inbox(views: Vec<engine::view::ApprovalView>) -> Json<Approvals> {
    Json(Approvals { approvals: views.into_iter().map(Approval::from).collect() })
}
