//! Invites and contacts.

use axum::{Json, extract::State, http::StatusCode};
use engine::{Reply, Request, request::ContactSource};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, Query, query_id},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals,
        contact::{Contact, Contacts, ContactsQuery, Invite, NewContact, NewInvite},
        id::Id,
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(invite)).routes(routes!(add, list))
}

/// Makes an invite link, good for one contact.
#[utoipa::path(post, path = "/v1/invites",
    operation_id = "create_invite", tag = "contacts", request_body = NewInvite,
    responses((status = 201, description = "The link", body = Invite), Refusals))]
async fn invite(
    State(node): State<Node>,
    Body(NewInvite { persona: Id(persona) }): Body<NewInvite>,
) -> Result<(StatusCode, Json<Invite>), ApiError> {
    expect_reply!(node.ask(Request::CreateInvite { persona }).await?,
    Reply::Invite { link, expires_at_ms } => {
        (StatusCode::CREATED, Json(Invite::new(link, expires_at_ms)))
    })
}

/// Asks another persona to become a contact.
#[utoipa::path(post, path = "/v1/contacts",
    operation_id = "add_contact", tag = "contacts", request_body = NewContact,
    responses((status = 201, description = "Asked, or already a contact", body = Contact),
        Refusals))]
async fn add(
    State(node): State<Node>,
    Body(new): Body<NewContact>,
) -> Result<(StatusCode, Json<Contact>), ApiError> {
    let peer = match (new.invite, new.contact) {
        (Some(link), None) => ContactSource::Invite(link),
        (None, Some(Id(persona))) => ContactSource::Persona(persona),
        _ => return Err(ApiError::malformed("invite", "exactly one of invite and contact")),
    };
    let Id(persona) = new.persona;
    expect_reply!(node.ask(Request::AddContact { persona, peer }).await?,
        Reply::Contact(view) => (StatusCode::CREATED, Json(view.into())))
}

/// Contacts of one persona, or of all.
#[utoipa::path(get, path = "/v1/contacts",
    operation_id = "list_contacts", tag = "contacts", params(ContactsQuery),
    responses((status = 200, description = "All of them", body = Contacts), Refusals))]
async fn list(
    State(node): State<Node>,
    Query(query): Query<ContactsQuery>,
) -> Result<Json<Contacts>, ApiError> {
    let persona = query_id("persona", query.persona.as_deref())?;
    expect_reply!(node.ask(Request::ListContacts { persona }).await?, Reply::Contacts(views) => {
        Json(Contacts { contacts: views.into_iter().map(Contact::from).collect() })
    })
}
