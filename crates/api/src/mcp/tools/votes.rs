//! Putting questions, and answering them for good.
//!
//! A program votes as the persona, never as its owner: under a mandate the owner signed, or not at
//! all until the owner says yes to exactly this choice.

use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AsTool, Effect, decisions::Decision};
use crate::mcp::{
    desk::{Desk, id, read},
    door::Refusal,
    schema,
    told::Told,
};

/// Putting a question.
pub(super) struct ProposeDecision;

/// The question.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Question {
    /// The conversation's id. Its members vote.
    conversation: String,
    /// At most 1 KiB.
    #[schemars(length(min = 1, max = 1024))]
    question: String,
    /// At most 16 of at most 256 bytes; none for yes or no.
    #[serde(default)]
    #[schemars(length(max = 16))]
    options: Vec<String>,
    /// When voting ends: ISO-8601 with a zone. Ten minutes from now when absent.
    deadline: Option<String>,
    /// Whether votes stay hidden until voting ends; false when absent.
    #[serde(default)]
    hidden: bool,
    /// How it is decided, such as {"method": "ranked"}; the other methods are threshold, approval,
    /// score, suitability, consent and veto, with their fields as POST
    /// /v1/conversations/{id}/proposals takes them. When absent: 7/10 of all for yes or no, the most
    /// approved option otherwise.
    #[schemars(schema_with = "schema::object")]
    #[serde(default)]
    rule: Option<Value>,
}

impl AsTool for ProposeDecision {
    const NAME: &'static str = "propose_decision";
    const TITLE: &'static str = "Propose a decision";
    const WHAT: &'static str = "Puts a question to the vote of a conversation, in the owner's name. \
        What comes out binds and is certified. It does not vote.";
    const EFFECT: Effect = Effect::Tells;
    type Input = Question;
    type Output = Decision;

    async fn call(desk: &Desk, input: Question) -> Result<Told<Decision>, Refusal> {
        let path =
            format!("/v1/conversations/{}/proposals", id("conversation", &input.conversation)?);
        let body = json!({
            "question": input.question,
            "options": input.options,
            "deadline": input.deadline,
            "secrecy": if input.hidden { "hidden" } else { "open" },
            "rule": input.rule,
            "persona": desk.actor().await?,
        });
        let decision: Decision = read(desk.post(&path, body).await?.body)?;
        let line = decision.in_words();
        Ok(Told::new(decision, "The vote is open.").with([line]))
    }
}

/// Answering one.
pub(super) struct Vote;

/// The answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct NewBallot {
    /// The proposal's id.
    proposal: String,
    /// What to say.
    #[schemars(schema_with = "schema::choice")]
    choice: Value,
}

/// What became of a vote.
#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Voted {
    /// Whether the ballot is cast. If not, it waits for approval.
    cast: bool,
    /// cast, or waiting for approval.
    state: &'static str,
    /// What waits for the owner's approval, by its id in list_approvals; null when cast.
    approval: Option<String>,
}

impl AsTool for Vote {
    const NAME: &'static str = "vote";
    const TITLE: &'static str = "Vote";
    const WHAT: &'static str = "Casts the persona's ballot, once and for good, where the owner's \
        mandate covers the question. Where none does, the owner is asked to approve exactly this \
        choice, and nothing is cast until then.";
    const EFFECT: Effect = Effect::Binds;
    type Input = NewBallot;
    type Output = Voted;

    async fn call(desk: &Desk, input: NewBallot) -> Result<Told<Voted>, Refusal> {
        let path = format!("/v1/proposals/{}/ballots", id("proposal", &input.proposal)?);
        let persona = desk.actor().await?;
        let body = json!({ "choice": input.choice, "by": "persona", "persona": persona });
        let answer = desk.post(&path, body).await?;
        if !answer.is_asked() {
            let voted = Voted { cast: true, state: "cast", approval: None };
            return Ok(Told::new(voted, "The ballot is cast, under the owner's mandate."));
        }
        let decision: Decision = read(answer.body)?;
        let words = format!("Not cast.{}", decision.waiting_for_owner());
        let state = "waiting for approval";
        Ok(Told::new(Voted { cast: false, state, approval: decision.approval }, words))
    }
}
