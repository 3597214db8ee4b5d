//! The description of the API, made from the code that serves it.

use axum::{
    Extension,
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::types::{
    Problem,
    event::{ControlFrame, EventFrame, Hello},
};

/// What stands above the single calls.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Conclave local API",
        description = "What the owner of a node and the owner's programs ask of it. Loopback \
            only. Ids are strings: personas did:key, everything else hexadecimal. Every time \
            stands there as ISO-8601 text and, under the name with _ms, as milliseconds since the \
            Unix epoch. Refusals are problem details (RFC 9457) that name the field at fault."
    ),
    paths(openapi_json),
    components(schemas(Problem, EventFrame, ControlFrame, Hello)),
    security(("token" = []), ("session" = [], "csrf" = [])),
    modifiers(&Schemes),
    tags(
        (name = "session", description = "Logging in and out"),
        (name = "personas", description = "Personas of this node, and finding others"),
        (name = "contacts", description = "Meeting"),
        (name = "conversations", description = "Who talks with whom"),
        (name = "messages", description = "Talking"),
        (name = "files", description = "Files and pictures"),
        (name = "proposals", description = "Deciding"),
        (name = "inquiries", description = "Asking without deciding"),
        (name = "tasks", description = "Asking one's persona to do something"),
        (name = "approvals", description = "The owner's word"),
        (name = "events", description = "What happens, as it happens"),
        (name = "node", description = "The node itself"),
    )
)]
pub(crate) struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The text of the file api-token in the data folder."))
            .build();
        let session = ApiKeyValue::with_description(
            "conclave-session-<port>",
            "A page's session, opened by POST /v1/login. The name ends in the API's port.",
        );
        let csrf = ApiKeyValue::with_description(
            "X-Conclave-Csrf",
            "The session's csrf secret; needed for everything but GET and HEAD.",
        );
        components.add_security_scheme("token", SecurityScheme::Http(token));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
        components.add_security_scheme("csrf", SecurityScheme::ApiKey(ApiKey::Header(csrf)));
    }
}

/// The description as served.
#[derive(Clone)]
pub(crate) struct Served(pub(crate) Bytes);

impl From<utoipa::openapi::OpenApi> for Served {
    fn from(openapi: utoipa::openapi::OpenApi) -> Self {
        Self(openapi.to_pretty_json().expect("a description is plain JSON").into())
    }
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "node", security(()),
    responses((status = 200, description = "OpenAPI", body = Object)))]
pub(crate) async fn openapi_json(Extension(Served(text)): Extension<Served>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
