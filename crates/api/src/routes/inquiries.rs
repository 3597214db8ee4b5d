//! Asking a group something that binds nobody: all at once, or one after another.

use axum::{Json, extract::State, http::StatusCode};
use engine::{Reply, Request};
use protocol::identity::{ConversationId, MessageId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId, Query, query_id},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        id::bare_option,
        inquiry::{Inquiries, InquiriesQuery, Inquiry, NewAnswer, NewInquiry},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(inquire))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(answer))
}

/// Asks members of a conversation, all at once or one after another. What comes of it binds
/// nobody; to decide something put it to the vote.
#[utoipa::path(post, path = "/v1/conversations/{id}/inquiries", tag = "inquiries",
    request_body = NewInquiry, params(("id" = String, Path, description = "The conversation")),
    responses((status = 201, description = "Asked", body = Inquiry), Refusals))]
async fn inquire(
    State(node): State<Node>,
    PathId(conversation): PathId<ConversationId>,
    Body(mut new): Body<NewInquiry>,
) -> Result<(StatusCode, Json<Inquiry>), ApiError> {
    let persona = bare_option(new.persona.take());
    let request = Request::Inquire { conversation, persona, inquiry: new.into() };
    expect_reply!(node.ask(request).await?,
        Reply::Inquiry(view) => (StatusCode::CREATED, Json((*view).into())))
}

/// All inquiries, or those of one conversation. They are kept for 30 days after they end.
#[utoipa::path(get, path = "/v1/inquiries",
    operation_id = "list_inquiries", tag = "inquiries", params(InquiriesQuery),
    responses((status = 200, description = "All of them", body = Inquiries), Refusals))]
async fn list(
    State(node): State<Node>,
    Query(query): Query<InquiriesQuery>,
) -> Result<Json<Inquiries>, ApiError> {
    let conversation = query_id("conversation", query.conversation.as_deref())?;
    let reply = node.ask(Request::ListInquiries { conversation }).await?;
    expect_reply!(reply, Reply::Inquiries(views) => {
        Json(Inquiries { inquiries: views.into_iter().map(Inquiry::from).collect() })
    })
}

/// One inquiry.
#[utoipa::path(get, path = "/v1/inquiries/{id}",
    operation_id = "get_inquiry", tag = "inquiries",
    params(("id" = String, Path, description = "The inquiry")),
    responses((status = 200, description = "As it is now", body = Inquiry), Refusals))]
async fn get(
    State(node): State<Node>,
    PathId(id): PathId<MessageId>,
) -> Result<Json<Inquiry>, ApiError> {
    expect_reply!(node.ask(Request::GetInquiry(id)).await?,
        Reply::Inquiry(view) => Json((*view).into()))
}

/// Answers an inquiry in the owner's name, once.
#[utoipa::path(post, path = "/v1/inquiries/{id}/answers", tag = "inquiries",
    request_body = NewAnswer, params(("id" = String, Path, description = "The inquiry")),
    responses((status = 201, description = "Said; the inquiry as it is now", body = Inquiry),
        Refusals))]
async fn answer(
    State(node): State<Node>,
    PathId(inquiry): PathId<MessageId>,
    Body(new): Body<NewAnswer>,
) -> Result<(StatusCode, Json<Inquiry>), ApiError> {
    let persona = bare_option(new.persona);
    let request = Request::Answer { inquiry, persona, text: new.text };
    expect_reply!(node.ask(request).await?,
        Reply::Inquiry(view) => (StatusCode::CREATED, Json((*view).into())))
}
