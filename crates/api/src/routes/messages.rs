//! Saying things, and reading what was said.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
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
        message::{Accepted, Message, Messages, MessagesQuery, NewMessage},
    },
};

/// The header that makes sending again safe.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

const PAGE: usize = 50;
const PAGE_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send, list)).routes(routes!(get))
}

/// Says something. It is on disk before the answer comes, and will be delivered. The same key
/// with the same text is the same message; with another text it is a conflict.
#[utoipa::path(post, path = "/v1/conversations/{id}/messages",
    operation_id = "send_message", tag = "messages",
    request_body = NewMessage,
    params(("id" = String, Path, description = "The conversation"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Makes sending again safe; at most 128 visible characters")),
    responses((status = 202, description = "On disk, on its way", body = Accepted), Refusals))]
async fn send(
    State(node): State<Node>,
    PathId(conversation): PathId<ConversationId>,
    headers: HeaderMap,
    Body(new): Body<NewMessage>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    let request = Request::Send {
        conversation,
        persona: bare_option(new.persona),
        text: new.text,
        reply_to: bare_option(new.reply_to),
        idempotency_key: idempotency_key(&headers)?,
    };
    expect_reply!(node.ask(request).await?,
        Reply::Accepted { message } => (StatusCode::ACCEPTED, Json(message.into())))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty());
    match text {
        Some(text) if text.len() <= IDEMPOTENCY_KEY_BYTES_MAX && values.next().is_none() => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(ApiError::malformed(
            IDEMPOTENCY_KEY,
            format!("one value of 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters"),
        )),
    }
}

/// A page of a conversation, newest first.
#[utoipa::path(get, path = "/v1/conversations/{id}/messages",
    operation_id = "list_messages", tag = "messages",
    params(("id" = String, Path, description = "The conversation"), MessagesQuery),
    responses((status = 200, description = "The page", body = Messages), Refusals))]
async fn list(
    State(node): State<Node>,
    PathId(conversation): PathId<ConversationId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<Messages>, ApiError> {
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("1 to {PAGE_MAX}")));
    }
    let before = query_id("before", query.before.as_deref())?;
    let request = Request::ListMessages { conversation, before, limit };
    expect_reply!(node.ask(request).await?, Reply::Messages { messages, next } => {
        Json(Messages {
            messages: messages.into_iter().map(Message::from).collect(),
            next: next.map(|id| id.to_string()),
        })
    })
}

/// One message, with what became of it for every recipient.
#[utoipa::path(get, path = "/v1/messages/{id}",
    operation_id = "get_message", tag = "messages",
    params(("id" = String, Path, description = "The message")),
    responses((status = 200, description = "As it is now", body = Message), Refusals))]
async fn get(
    State(node): State<Node>,
    PathId(id): PathId<MessageId>,
) -> Result<Json<Message>, ApiError> {
    expect_reply!(node.ask(Request::GetMessage(id)).await?,
        Reply::Message(view) => Json(view.into()))
}
