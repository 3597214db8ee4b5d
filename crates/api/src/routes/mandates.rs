//! What personas may vote on by themselves: granting, listing, revoking.

use axum::{Json, extract::State, http::StatusCode};
use engine::{Reply, Request};
use protocol::{decision::Method, identity::PersonaId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId, PathIds},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        id::bare_option,
        mandate::{Mandate, Mandates, NewMandate},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(grant, list)).routes(routes!(revoke))
}

/// Lets a persona vote by itself, within limits and until a moment. The mandate stands in every
/// ballot cast under it.
#[utoipa::path(post, path = "/v1/personas/{id}/mandates",
    operation_id = "grant_mandate", tag = "personas", request_body = NewMandate,
    params(("id" = String, Path, description = "The persona's did:key")),
    responses((status = 201, description = "It stands", body = Mandate), Refusals))]
async fn grant(
    State(node): State<Node>,
    PathId(persona): PathId<PersonaId>,
    Body(new): Body<NewMandate>,
) -> Result<(StatusCode, Json<Mandate>), ApiError> {
    let methods = match new.methods {
        None => [Method::Approval].into_iter().collect(),
        Some(names) => names.into_iter().map(Method::from).collect(),
    };
    let request = Request::GrantMandate {
        persona,
        conversation: bare_option(new.conversation),
        topic: new.topic.into(),
        methods,
        expires_at_ms: new.expires_at.map(|moment| moment.0),
    };
    expect_reply!(node.ask(request).await?,
        Reply::Mandate(view) => (StatusCode::CREATED, Json(view.into())))
}

/// The mandates of a persona, those that ended too.
#[utoipa::path(get, path = "/v1/personas/{id}/mandates",
    operation_id = "list_mandates", tag = "personas",
    params(("id" = String, Path, description = "The persona's did:key")),
    responses((status = 200, description = "All that are remembered", body = Mandates), Refusals))]
async fn list(
    State(node): State<Node>,
    PathId(persona): PathId<PersonaId>,
) -> Result<Json<Mandates>, ApiError> {
    expect_reply!(node.ask(Request::ListMandates { persona }).await?, Reply::Mandates(views) => {
        Json(Mandates { mandates: views.into_iter().map(Mandate::from).collect() })
    })
}

/// Takes a mandate back. The persona does not use it again; ballots it cast stay cast.
#[utoipa::path(delete, path = "/v1/personas/{id}/mandates/{number}",
    operation_id = "revoke_mandate", tag = "personas",
    params(("id" = String, Path, description = "The persona's did:key"),
        ("number" = u64, Path, description = "The mandate's number")),
    responses((status = 200, description = "As it is now", body = Mandate), Refusals))]
async fn revoke(
    State(node): State<Node>,
    PathIds(persona, number): PathIds<PersonaId, u64>,
) -> Result<Json<Mandate>, ApiError> {
    expect_reply!(node.ask(Request::RevokeMandate { persona, number }).await?,
        Reply::Mandate(view) => Json(view.into()))
}
