//! Personas of this node, and finding others.

use axum::{Json, extract::State, http::StatusCode};
use engine::{Reply, Request, request::Whom};
use protocol::identity::PersonaId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId, Query, query_id},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        persona::{DiscoverQuery, Discovered, NewPersona, Persona, PersonaChange, Personas},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(change))
        .routes(routes!(discover))
}

/// Makes a persona: keys, card, settings.
#[utoipa::path(post, path = "/v1/personas",
    operation_id = "create_persona", tag = "personas", request_body = NewPersona,
    responses((status = 201, description = "It exists", body = Persona), Refusals))]
async fn create(
    State(node): State<Node>,
    Body(new): Body<NewPersona>,
) -> Result<(StatusCode, Json<Persona>), ApiError> {
    let settings = match new.settings {
        None => None,
        Some(given) => Some(given.over(&Default::default()).map_err(broken)?),
    };
    let request = Request::CreatePersona {
        name: new.name,
        handle: new.handle,
        settings,
        calendar: new.calendar,
    };
    expect_reply!(node.ask(request).await?,
        Reply::Persona(view) => (StatusCode::CREATED, Json(view.into())))
}

/// All personas of this node.
#[utoipa::path(get, path = "/v1/personas",
    operation_id = "list_personas", tag = "personas",
    responses((status = 200, description = "All of them", body = Personas), Refusals))]
async fn list(State(node): State<Node>) -> Result<Json<Personas>, ApiError> {
    expect_reply!(node.ask(Request::ListPersonas).await?, Reply::Personas(views) => {
        Json(Personas { personas: views.into_iter().map(Persona::from).collect() })
    })
}

/// Changes some settings of a persona, or its calendar.
#[utoipa::path(patch, path = "/v1/personas/{id}",
    operation_id = "change_persona", tag = "personas", request_body = PersonaChange,
    params(("id" = String, Path, description = "The persona's did:key")),
    responses((status = 200, description = "As it is now", body = Persona), Refusals))]
async fn change(
    State(node): State<Node>,
    PathId(persona): PathId<PersonaId>,
    Body(change): Body<PersonaChange>,
) -> Result<Json<Persona>, ApiError> {
    let settings = match change.settings {
        None => None,
        Some(given) => {
            let views = expect_reply!(node.ask(Request::ListPersonas).await?,
                Reply::Personas(views) => views)?;
            let view = views.into_iter().find(|view| view.id == persona);
            let view = view.ok_or_else(|| ApiError::NotFound("persona".to_owned()))?;
            Some(given.over(&view.settings).map_err(broken)?)
        }
    };
    let request = Request::UpdatePersona { persona, settings, calendar: change.calendar };
    expect_reply!(node.ask(request).await?, Reply::Persona(view) => Json(view.into()))
}

/// Finds a persona through the network.
#[utoipa::path(get, path = "/v1/discover", tag = "personas", params(DiscoverQuery),
    responses((status = 200, description = "Its card", body = Discovered), Refusals))]
async fn discover(
    State(node): State<Node>,
    Query(query): Query<DiscoverQuery>,
) -> Result<Json<Discovered>, ApiError> {
    let handle = query_id("handle", query.handle.as_deref())?.map(Whom::Handle);
    let persona = query_id("persona", query.persona.as_deref())?.map(Whom::Persona);
    let whom = match (handle, persona) {
        (Some(whom), None) | (None, Some(whom)) => whom,
        _ => return Err(ApiError::malformed("handle", "exactly one of handle and persona")),
    };
    expect_reply!(node.ask(Request::Discover(whom)).await?,
        Reply::Discovered(view) => Json(view.into()))
}

/// The API and the engine disagree about what settings there are.
fn broken(error: serde_json::Error) -> ApiError {
    ApiError::Internal(format!("settings could not be taken over: {error}"))
}
