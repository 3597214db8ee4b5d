//! Every call of the API: a file a resource. Routes are registered together with their
//! description, so none can be served and be missing from `/openapi.json`.

mod about;
mod approvals;
mod contacts;
mod conversations;
mod events;
mod files;
mod health;
mod inquiries;
mod mandates;
mod messages;
mod network;
mod personas;
mod proposals;
mod queue;
mod search;
mod session;
mod tasks;
mod tokens;

pub(crate) use events::LISTENERS_MAX;
pub use health::Readiness;

use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;

use crate::{limits::bounded, router::App};

/// All calls. Those that answer and are done work within the bounds of [`crate::limits`]; event
/// streams and the bytes of files have their own.
pub(crate) fn all(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(session::routes())
        .merge(personas::routes())
        .merge(mandates::routes())
        .merge(contacts::routes())
        .merge(conversations::routes())
        .merge(messages::routes())
        .merge(about::routes())
        .merge(search::routes())
        .merge(files::routes())
        .merge(proposals::routes())
        .merge(inquiries::routes())
        .merge(tasks::routes())
        .merge(approvals::routes())
        .merge(network::routes())
        .merge(queue::routes())
        .merge(tokens::routes())
        .layer(from_fn_with_state(app.clone(), bounded))
        .merge(files::transfers())
        .merge(health::routes())
        .merge(events::routes())
}
