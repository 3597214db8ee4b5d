//! What is said about earlier messages: reactions, edits, deletions.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::{Reply, Request, view::MessageView};
use protocol::{
    identity::{MessageId, PersonaId},
    wire::{EMOJI_BYTES_MAX, REACTIONS_MAX, is_emoji},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        id::bare_option,
        message::{Accepted, Edit, Edits, NewReaction, NewText},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(react)).routes(routes!(edit, delete)).routes(routes!(edits))
}

/// Puts an emoji on a message, or takes it off again.
#[utoipa::path(post, path = "/v1/messages/{id}/reactions",
    operation_id = "react", tag = "messages", request_body = NewReaction,
    params(("id" = String, Path, description = "The message")),
    responses((status = 202, description = "On disk, on its way", body = Accepted),
        (status = 204, description = "Nothing changes"), Refusals))]
async fn react(
    State(app): State<App>,
    State(node): State<Node>,
    PathId(id): PathId<MessageId>,
    Body(new): Body<NewReaction>,
) -> Result<Response, ApiError> {
    if !is_emoji(&new.emoji) {
        let reason = format!("one emoji of at most {EMOJI_BYTES_MAX} bytes");
        return Err(ApiError::invalid("emoji", reason));
    }
    // What a persona thinks is said as a whole, so two changes must not start from the same.
    let _turn = app.reacting.lock().await;
    let message = message(&node, id).await?;
    if message.deleted_at_ms.is_some() {
        return Err(ApiError::Conflict("the message was deleted".to_owned()));
    }
    let persona = match bare_option(new.persona) {
        Some(persona) => persona,
        None => member(&node, &message).await?,
    };
    let theirs = message.reactions.into_iter().filter(|reaction| reaction.by.contains(&persona));
    let mut emoji: Vec<String> = theirs.map(|reaction| reaction.emoji).collect();
    let before = emoji.len();
    emoji.retain(|other| *other != new.emoji);
    if new.on.unwrap_or(true) {
        emoji.push(new.emoji);
    }
    emoji.sort();
    if emoji.len() > REACTIONS_MAX {
        let reason = format!("at most {REACTIONS_MAX} different ones of a persona on a message");
        return Err(ApiError::invalid("emoji", reason));
    }
    if emoji.len() == before {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let request =
        Request::React { conversation: message.conversation, persona, message: id, emoji };
    expect_reply!(node.ask(request).await?,
    Reply::Accepted { message } => {
        (StatusCode::ACCEPTED, Json(Accepted::from(message))).into_response()
    })
}

/// Gives a message of one's own another text. The texts before stay readable.
#[utoipa::path(patch, path = "/v1/messages/{id}",
    operation_id = "edit_message", tag = "messages", request_body = NewText,
    params(("id" = String, Path, description = "The message")),
    responses((status = 202, description = "On disk, on its way", body = Accepted), Refusals))]
async fn edit(
    State(node): State<Node>,
    PathId(id): PathId<MessageId>,
    Body(NewText { text }): Body<NewText>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    let message = own(&node, id).await?;
    if message.kind != "text" {
        return Err(ApiError::forbidden("only a text can be edited"));
    }
    let request = Request::EditMessage {
        conversation: message.conversation,
        persona: message.author,
        seq: message.seq,
        text,
    };
    expect_reply!(node.ask(request).await?,
        Reply::Accepted { message } => (StatusCode::ACCEPTED, Json(message.into())))
}

/// Deletes a message of one's own for everyone: the members' nodes are asked to forget it.
#[utoipa::path(delete, path = "/v1/messages/{id}",
    operation_id = "delete_message", tag = "messages",
    params(("id" = String, Path, description = "The message")),
    responses((status = 202, description = "Gone here, on its way", body = Accepted), Refusals))]
async fn delete(
    State(node): State<Node>,
    PathId(id): PathId<MessageId>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    let message = own(&node, id).await?;
    let request = Request::DeleteMessage {
        conversation: message.conversation,
        persona: message.author,
        seq: message.seq,
    };
    expect_reply!(node.ask(request).await?,
        Reply::Accepted { message } => (StatusCode::ACCEPTED, Json(message.into())))
}

/// What a message said before it was edited.
#[utoipa::path(get, path = "/v1/messages/{id}/edits",
    operation_id = "list_edits", tag = "messages",
    params(("id" = String, Path, description = "The message")),
    responses((status = 200, description = "Oldest first", body = Edits), Refusals))]
async fn edits(
    State(node): State<Node>,
    PathId(id): PathId<MessageId>,
) -> Result<Json<Edits>, ApiError> {
    expect_reply!(node.ask(Request::ListEdits(id)).await?, Reply::Edits(views) => {
        Json(Edits { edits: views.into_iter().map(Edit::from).collect() })
    })
}

async fn message(node: &Node, id: MessageId) -> Result<MessageView, ApiError> {
    expect_reply!(node.ask(Request::GetMessage(id)).await?, Reply::Message(view) => view)
}

/// A message whose words its author here may still change.
async fn own(node: &Node, id: MessageId) -> Result<MessageView, ApiError> {
    let message = message(node, id).await?;
    if !message.ours {
        return Err(ApiError::forbidden("only its author may change a message"));
    }
    if !matches!(message.kind, "text" | "file") {
        return Err(ApiError::forbidden("only what a person wrote can be changed"));
    }
    match message.deleted_at_ms {
        None => Ok(message),
        Some(_) => Err(ApiError::Conflict("the message was deleted".to_owned())),
    }
}

/// The persona of this node that reads a message, where there is only one.
async fn member(node: &Node, message: &MessageView) -> Result<PersonaId, ApiError> {
    let views = expect_reply!(node.ask(Request::ListConversations).await?,
        Reply::Conversations(views) => views)?;
    let mut here = views.into_iter().filter(|view| view.id == message.conversation);
    match (here.next(), here.next()) {
        (Some(only), None) => Ok(only.persona),
        (None, _) => Err(ApiError::NotFound("conversation".to_owned())),
        _ => {
            let reason = "several personas of this node are members; name one";
            Err(ApiError::invalid("persona", reason))
        }
    }
}
