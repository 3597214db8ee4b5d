//! Putting questions to a conversation, voting, and the certificate that comes out.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{Reply, Request};
use protocol::identity::{ConversationId, ProposalId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId, Query, query_id},
    node::{Node, expect_reply},
    router::App,
    types::{
        Refusals, Rule,
        id::bare_option,
        proposal::{
            NewBallot, NewCaster, NewProposal, Proposal, Proposals, ProposalsQuery, Secrecy,
        },
    },
};

/// How long ballots cast in time may still arrive, when the proposer does not say.
const GRACE_SECONDS: u64 = 120;
/// How long voters may reveal when a hidden vote is over and its proposer does not say.
const REVEAL_SECONDS: u64 = 600;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(propose))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(vote))
        .routes(routes!(certificate))
}

/// Puts a question to a conversation.
#[utoipa::path(post, path = "/v1/conversations/{id}/proposals", tag = "proposals",
    request_body = NewProposal, params(("id" = String, Path, description = "The conversation")),
    responses((status = 201, description = "The vote is open", body = Proposal), Refusals))]
async fn propose(
    State(node): State<Node>,
    PathId(conversation): PathId<ConversationId>,
    Body(new): Body<NewProposal>,
) -> Result<(StatusCode, Json<Proposal>), ApiError> {
    let rule = new.rule.unwrap_or_else(|| Rule::usual(new.options.len()));
    let rule = match (new.secrecy, new.reveal_seconds) {
        (Secrecy::Open, None) => rule.into(),
        (Secrecy::Open, Some(_)) => {
            return Err(ApiError::invalid("reveal_seconds", "only hidden votes are revealed"));
        }
        (Secrecy::Hidden, seconds) => {
            let reveal_ms = seconds.unwrap_or(REVEAL_SECONDS).saturating_mul(1000);
            protocol::decision::Rule::Hidden { rule: Box::new(rule.into()), reveal_ms }
        }
    };
    let grace_seconds = new.grace_seconds.unwrap_or(GRACE_SECONDS);
    let request = Request::Propose {
        conversation,
        persona: bare_option(new.persona),
        question: new.question,
        options: new.options,
        rule,
        deadline_ms: new.deadline.map(|moment| moment.0),
        grace_ms: grace_seconds.saturating_mul(1000),
        early_close: new.early_close.unwrap_or(true),
    };
    expect_reply!(node.ask(request).await?,
        Reply::Proposal(view) => (StatusCode::CREATED, Json((*view).into())))
}

/// All proposals, or those of one conversation.
#[utoipa::path(get, path = "/v1/proposals",
    operation_id = "list_proposals", tag = "proposals", params(ProposalsQuery),
    responses((status = 200, description = "All of them", body = Proposals), Refusals))]
async fn list(
    State(node): State<Node>,
    Query(query): Query<ProposalsQuery>,
) -> Result<Json<Proposals>, ApiError> {
    let conversation = query_id("conversation", query.conversation.as_deref())?;
    let reply = node.ask(Request::ListProposals { conversation }).await?;
    expect_reply!(reply, Reply::Proposals(views) => {
        Json(Proposals { proposals: views.into_iter().map(Proposal::from).collect() })
    })
}

/// One proposal.
#[utoipa::path(get, path = "/v1/proposals/{pid}",
    operation_id = "get_proposal", tag = "proposals",
    params(("pid" = String, Path, description = "The proposal")),
    responses((status = 200, description = "As it is now", body = Proposal), Refusals))]
async fn get(
    State(node): State<Node>,
    PathId(id): PathId<ProposalId>,
) -> Result<Json<Proposal>, ApiError> {
    expect_reply!(node.ask(Request::GetProposal(id)).await?,
        Reply::Proposal(view) => Json((*view).into()))
}

/// Casts the owner's ballot, or the persona's own. A ballot is signed once; there is no second
/// thought. `by: persona` is for programs that vote for the persona: it needs a mandate, and without
/// one the owner is asked for exactly this choice.
#[utoipa::path(post, path = "/v1/proposals/{pid}/ballots", tag = "proposals",
    request_body = NewBallot, params(("pid" = String, Path, description = "The proposal")),
    responses((status = 201, description = "Cast; the proposal as it is now", body = Proposal),
        (status = 202, description = "Not cast: the owner is asked, see approvals", body = Proposal),
        (status = 204, description = "Cast; events will show it"), Refusals))]
async fn vote(
    State(node): State<Node>,
    PathId(proposal): PathId<ProposalId>,
    Body(new): Body<NewBallot>,
) -> Result<Response, ApiError> {
    let persona = bare_option(new.persona);
    let alone = new.by == NewCaster::Persona;
    let request = Request::Vote { proposal, persona, choice: new.choice.into(), alone };
    expect_reply!(node.ask(request).await?,
        Reply::Proposal(view) => (StatusCode::CREATED, Json(Proposal::from(*view))).into_response(),
        Reply::Asked(view) => (StatusCode::ACCEPTED, Json(Proposal::from(*view))).into_response(),
        Reply::Done => StatusCode::NO_CONTENT.into_response(),
    )
}

/// The certificate of a decided proposal: the file `conclave verify` reads.
#[utoipa::path(get, path = "/v1/proposals/{pid}/certificate",
    operation_id = "get_certificate", tag = "proposals",
    params(("pid" = String, Path, description = "The proposal")),
    responses((status = 200, description = "The file", body = Object,
        content_type = "application/json"), Refusals))]
async fn certificate(
    State(node): State<Node>,
    PathId(id): PathId<ProposalId>,
) -> Result<Response, ApiError> {
    expect_reply!(node.ask(Request::GetCertificate(id)).await?, Reply::Certificate(file) => {
        let short: String = id.to_string().chars().take(16).collect();
        let disposition = format!("attachment; filename=\"conclave-{short}.json\"");
        let content_type = "application/json".to_owned();
        ([(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, disposition)], file)
            .into_response()
    })
}
