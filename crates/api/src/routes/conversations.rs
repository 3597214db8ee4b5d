//! Conversations and who is in them.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::{Reply, Request};
use protocol::identity::{ConversationId, PersonaId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId, PathIds},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        conversation::{Conversation, Conversations, NewConversation, NewMembers, NewRejoin},
        id::{Id, bare},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open, list))
        .routes(routes!(get))
        .routes(routes!(add))
        .routes(routes!(remove))
        .routes(routes!(rejoin))
}

/// Opens a direct or group conversation with contacts.
#[utoipa::path(post, path = "/v1/conversations",
    operation_id = "open_conversation", tag = "conversations",
    request_body = NewConversation,
    responses((status = 201, description = "It is open", body = Conversation), Refusals))]
async fn open(
    State(node): State<Node>,
    Body(new): Body<NewConversation>,
) -> Result<(StatusCode, Json<Conversation>), ApiError> {
    let Id(persona) = new.persona;
    let request = Request::OpenConversation {
        persona,
        kind: new.kind.into(),
        members: bare(new.members),
        title: new.title,
    };
    expect_reply!(node.ask(request).await?,
        Reply::Conversation(view) => (StatusCode::CREATED, Json(view.into())))
}

/// All conversations.
#[utoipa::path(get, path = "/v1/conversations",
    operation_id = "list_conversations", tag = "conversations",
    responses((status = 200, description = "All of them", body = Conversations), Refusals))]
async fn list(State(node): State<Node>) -> Result<Json<Conversations>, ApiError> {
    let reply = node.ask(Request::ListConversations).await?;
    expect_reply!(reply, Reply::Conversations(views) => {
        Json(Conversations { conversations: views.into_iter().map(Conversation::from).collect() })
    })
}

/// One conversation.
#[utoipa::path(get, path = "/v1/conversations/{id}",
    operation_id = "get_conversation", tag = "conversations",
    params(("id" = String, Path, description = "The conversation")),
    responses((status = 200, description = "As it is now", body = Conversation), Refusals))]
async fn get(
    State(node): State<Node>,
    PathId(id): PathId<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    expect_reply!(node.ask(Request::GetConversation(id)).await?,
        Reply::Conversation(view) => Json(view.into()))
}

/// Adds contacts to a group. Its sequencer, its admins, or anyone while the sequencer is gone.
#[utoipa::path(post, path = "/v1/conversations/{id}/members",
    operation_id = "add_members", tag = "conversations",
    request_body = NewMembers, params(("id" = String, Path, description = "The conversation")),
    responses((status = 200, description = "As it is now", body = Conversation),
        (status = 204, description = "Done; events will show it"), Refusals))]
async fn add(
    State(node): State<Node>,
    PathId(conversation): PathId<ConversationId>,
    Body(new): Body<NewMembers>,
) -> Result<Response, ApiError> {
    let request = Request::AddMembers { conversation, members: bare(new.members) };
    changed(node.ask(request).await?)
}

/// Removes a member of a group. Its sequencer, its admins, or anyone while the sequencer is gone.
#[utoipa::path(delete, path = "/v1/conversations/{id}/members/{persona}",
    operation_id = "remove_member", tag = "conversations",
    params(("id" = String, Path, description = "The conversation"),
        ("persona" = String, Path, description = "The member's did:key")),
    responses((status = 200, description = "As it is now", body = Conversation),
        (status = 204, description = "Done; events will show it"), Refusals))]
async fn remove(
    State(node): State<Node>,
    PathIds(conversation, member): PathIds<ConversationId, PersonaId>,
) -> Result<Response, ApiError> {
    changed(node.ask(Request::RemoveMember { conversation, member }).await?)
}

/// Asks the others to let a persona of this node back in that was locked out by another copy of
/// it, or removed. That other copy is locked out then.
#[utoipa::path(post, path = "/v1/conversations/{id}/rejoin",
    operation_id = "rejoin_conversation", tag = "conversations",
    request_body = NewRejoin, params(("id" = String, Path, description = "The conversation")),
    responses((status = 202, description = "The others are asked", body = Conversation),
        Refusals))]
async fn rejoin(
    State(node): State<Node>,
    PathId(conversation): PathId<ConversationId>,
    Body(new): Body<NewRejoin>,
) -> Result<(StatusCode, Json<Conversation>), ApiError> {
    let persona = new.persona.map(|Id(persona)| persona);
    expect_reply!(node.ask(Request::Rejoin { conversation, persona }).await?,
        Reply::Conversation(view) => (StatusCode::ACCEPTED, Json(view.into())))
}

fn changed(reply: Reply) -> Result<Response, ApiError> {
    expect_reply!(reply,
        Reply::Conversation(view) => Json(Conversation::from(view)).into_response(),
        Reply::Done => StatusCode::NO_CONTENT.into_response(),
    )
}
