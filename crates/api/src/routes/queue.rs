//! What still waits for its recipients.

use axum::{Json, extract::State, http::StatusCode};
use engine::{Reply, Request};
use protocol::identity::{MessageId, PersonaId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::PathId,
    node::{Node, expect_reply},
    router::App,
    types::{Refusals, queue::Queue},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry)).routes(routes!(cancel))
}

/// What waits, for whom, and who holds it meanwhile.
#[utoipa::path(get, path = "/v1/queue",
    operation_id = "get_queue", tag = "messages",
    responses((status = 200, description = "As it is now", body = Queue), Refusals))]
async fn list(State(node): State<Node>) -> Result<Json<Queue>, ApiError> {
    expect_reply!(node.ask(Request::ListQueue).await?, Reply::Queue(view) => Json(view.into()))
}

/// Tries at once to deliver what a recipient waits for, at home and at its mailboxes.
#[utoipa::path(post, path = "/v1/queue/{persona}/retry",
    operation_id = "retry_delivery", tag = "messages",
    params(("persona" = String, Path, description = "Who waits: a did:key")),
    responses((status = 204, description = "It is being tried"), Refusals))]
async fn retry(
    State(node): State<Node>,
    PathId(recipient): PathId<PersonaId>,
) -> Result<StatusCode, ApiError> {
    let reply = node.ask(Request::Retry { recipient }).await?;
    expect_reply!(reply, Reply::Done => StatusCode::NO_CONTENT)
}

/// Takes back a message of which no copy has left this node yet.
#[utoipa::path(post, path = "/v1/messages/{id}/cancel",
    operation_id = "cancel_message", tag = "messages",
    params(("id" = String, Path, description = "The message's id")),
    responses((status = 204, description = "It will not be sent"), Refusals))]
async fn cancel(
    State(node): State<Node>,
    PathId(message): PathId<MessageId>,
) -> Result<StatusCode, ApiError> {
    let reply = node.ask(Request::CancelMessage(message)).await?;
    expect_reply!(reply, Reply::Done => StatusCode::NO_CONTENT)
}
