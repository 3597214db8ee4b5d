//! Finding messages by their words.

use axum::{Json, extract::State};
use engine::{Reply, Request};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Query, query_id},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        search::{Found, Hit, SearchQuery},
    },
};

const PAGE: usize = 20;
const PAGE_MAX: usize = 50;
/// Steps of one answer, at most. In between the engine does what else waits for it, and the caller
/// hears from time to time.
const STEPS_MAX: usize = 40;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Messages that have all these words, newest first. Of very many messages some are looked at, and
/// `next` says where to go on. What was deleted, or edited away, is not found.
#[utoipa::path(get, path = "/v1/search", operation_id = "search", tag = "messages",
    params(SearchQuery),
    responses((status = 200, description = "What was found so far", body = Found), Refusals))]
async fn search(
    State(node): State<Node>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Found>, ApiError> {
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("1 to {PAGE_MAX}")));
    }
    let persona = query_id("persona", query.persona.as_deref())?;
    let conversation = query_id("conversation", query.conversation.as_deref())?;
    let (mut results, mut next) = (Vec::<Hit>::new(), query.before);
    for _ in 0..STEPS_MAX {
        let request = Request::Search {
            persona,
            conversation,
            question: query.q.clone(),
            before: next,
            limit: limit - results.len(),
        };
        let (hits, further) = expect_reply!(node.ask(request).await?,
            Reply::Found { hits, next } => (hits, next))?;
        results.extend(hits.into_iter().map(Hit::from));
        next = further;
        if next.is_none() || results.len() >= limit {
            break;
        }
    }
    Ok(Json(Found { results, next }))
}
