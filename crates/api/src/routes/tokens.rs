//! Tokens for programs: making, listing, revoking.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use engine::{Reply, Request};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::GrantError,
    error::ApiError,
    extract::Body,
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        token::{MadeToken, NewToken, Token, Tokens},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(revoke))
}

/// Makes a token for a program. It is shown this once; the node keeps its hash.
#[utoipa::path(post, path = "/v1/tokens",
    operation_id = "create_token", tag = "session", request_body = NewToken,
    responses((status = 201, description = "The token", body = MadeToken), Refusals))]
async fn create(
    State(app): State<App>,
    State(node): State<Node>,
    Body(NewToken { name, scopes, expires_at }): Body<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    let may: Vec<_> = scopes.iter().map(ToString::to_string).collect();
    let expires_at_ms = expires_at.map(|at| at.0);
    let (token, grant) = app.credentials.grant(name, scopes, expires_at_ms)?;
    let detail = format!("{} ({})", grant.name, may.join(", "));
    if let Err(error) = note(&node, "token.created", detail).await {
        // What is not in the log must not be there to be used.
        app.credentials.revoke(&grant.id).map_err(GrantError::from)?;
        return Err(error);
    }
    Ok((StatusCode::CREATED, Json(MadeToken { kept: grant.into(), token })))
}

/// The tokens programs have.
#[utoipa::path(get, path = "/v1/tokens",
    operation_id = "list_tokens", tag = "session",
    responses((status = 200, description = "Those that work now", body = Tokens), Refusals))]
async fn list(State(app): State<App>) -> Json<Tokens> {
    Json(Tokens { tokens: app.credentials.grants().into_iter().map(Token::from).collect() })
}

/// Takes a token back. It works no more, and streams opened with it end.
#[utoipa::path(delete, path = "/v1/tokens/{id}",
    operation_id = "revoke_token", tag = "session",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204, description = "It works no more"), Refusals))]
async fn revoke(
    State(app): State<App>,
    State(node): State<Node>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let grant = app.credentials.revoke(&id).map_err(GrantError::from)?;
    let grant = grant.ok_or_else(|| ApiError::NotFound("token".to_owned()))?;
    note(&node, "token.revoked", grant.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn note(node: &Node, action: &'static str, detail: String) -> Result<(), ApiError> {
    expect_reply!(node.ask(Request::Note { action, detail }).await?, Reply::Done => ())
}

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Invalid(field, reason) => Self::invalid(field, reason),
            GrantError::Exists | GrantError::Full => Self::Conflict(error.to_string()),
            GrantError::Io(error) => Self::Internal(error.to_string()),
        }
    }
}
