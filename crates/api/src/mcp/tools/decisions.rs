//! What is being decided and what was.

use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AsTool, Effect};
use crate::mcp::{
    desk::{Desk, id, page},
    door::Refusal,
    schema,
    told::Told,
};

/// A proposal: a question put to a conversation.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Decision {
    /// Which; other tools take it as `proposal`.
    id: String,
    /// The conversation it was put to.
    conversation: String,
    /// The persona of this node that is asked.
    persona: String,
    /// Who asked, by did:key.
    proposer: String,
    /// The question, in its proposer's words.
    question: String,
    /// The options, by index; empty for yes or no.
    options: Vec<String>,
    /// How it is decided.
    #[schemars(schema_with = "schema::object")]
    rule: Value,
    /// open, or hidden until voting ends.
    secrecy: String,
    /// open, closing, deciding, decided or forked; of a hidden vote also revealing.
    phase: String,
    /// What it waits for, in words.
    waiting: String,
    /// When voting ends.
    deadline: String,
    /// Votes per option (or yes, no, abstain), provisional until decided.
    tally: Vec<u32>,
    /// Ballots counted so far.
    cast: u32,
    /// The outcome in words, when decided.
    outcome: Option<String>,
    /// Indexes of the options that won, when decided.
    winners: Vec<u16>,
    /// Whether there is a certificate, for get_certificate.
    pub(super) certified: bool,
    /// Who may vote and what is known of their votes.
    voters: Vec<Voter>,
    /// What waits for the owner's approval about it, by its id in list_approvals.
    pub(super) approval: Option<String>,
}

/// Who may vote.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Voter {
    /// Its did:key.
    persona: String,
    /// What it calls itself.
    name: String,
    /// Whether it is a persona of this node.
    ours: bool,
    /// Its ballot, once seen.
    #[schemars(schema_with = "schema::said")]
    choice: Value,
    /// Who decided the ballot: owner or persona; null without one.
    by: Option<String>,
}

/// Proposals.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Decisions {
    /// One page of them, the latest deadline first.
    proposals: Vec<Decision>,
    /// The offset of the next page; null at the end.
    #[serde(default)]
    next_offset: Option<usize>,
}

impl Decision {
    pub(super) fn in_words(&self) -> String {
        let options = match self.options.is_empty() {
            true => "yes or no".to_owned(),
            false => {
                let each = self.options.iter().enumerate();
                each.map(|(i, option)| format!("{i}: {option}")).collect::<Vec<_>>().join("; ")
            }
        };
        let so_far = match &self.outcome {
            Some(outcome) => format!("decided: {outcome}"),
            None => format!("{}, until {}; {}", self.phase, self.deadline, self.waiting),
        };
        format!("{} \"{}\" ({options}): {so_far}", self.id, self.question)
    }

    /// What waits for the owner, in this node's words.
    pub(super) fn waiting_for_owner(&self) -> String {
        match &self.approval {
            Some(approval) => {
                format!(" It waits for approval by the owner, as {approval} in list_approvals.")
            }
            None => String::new(),
        }
    }
}

impl Desk {
    /// A proposal as this persona sees it.
    pub(super) async fn decision(&self, proposal: &str) -> Result<Decision, Refusal> {
        let path = format!("/v1/proposals/{}", id("proposal", proposal)?);
        let (found, me) = (self.get::<Decision>(&path).await?, self.me().await?);
        if found.persona == me.id {
            return Ok(found);
        }
        // Another persona of this node sees it too.
        let all = self.decisions(None).await?;
        let found = all.into_iter().find(|one| one.id == proposal);
        found.ok_or_else(|| Refusal::about("proposal", "the persona knows none of this id"))
    }

    /// What this persona sees being decided, the latest deadline first.
    async fn decisions(&self, conversation: Option<&str>) -> Result<Vec<Decision>, Refusal> {
        let me = self.me().await?;
        let path = match conversation {
            Some(one) => format!("/v1/proposals?conversation={}", id("conversation", one)?),
            None => "/v1/proposals".to_owned(),
        };
        let Decisions { mut proposals, .. } = self.get(&path).await?;
        proposals.retain(|one| one.persona == me.id);
        proposals.sort_by(|a, b| b.deadline.cmp(&a.deadline).then_with(|| a.id.cmp(&b.id)));
        Ok(proposals)
    }
}

/// All of them.
pub(super) struct ListDecisions;

/// Which.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Which {
    /// Only those of this conversation.
    conversation: Option<String>,
    /// True for those that are decided, false for those that are not; all when absent.
    decided: Option<bool>,
    /// How many, 1 to 100; 20 when absent.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// How many to leave out first; none when absent.
    offset: Option<usize>,
}

impl AsTool for ListDecisions {
    const NAME: &'static str = "list_decisions";
    const TITLE: &'static str = "List decisions";
    const WHAT: &'static str =
        "Lists what the persona's conversations are deciding and what they decided.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Which;
    type Output = Decisions;

    async fn call(desk: &Desk, input: Which) -> Result<Told<Decisions>, Refusal> {
        let mut all = desk.decisions(input.conversation.as_deref()).await?;
        all.retain(|one| input.decided.is_none_or(|decided| decided == one.certified));
        let total = all.len();
        let (proposals, next_offset) = page(all, input.limit, input.offset)?;
        let words = format!("{} of {total} proposals.", proposals.len());
        let lines: Vec<String> = proposals.iter().map(Decision::in_words).collect();
        Ok(Told::new(Decisions { proposals, next_offset }, words).with(lines))
    }
}

/// One of them.
pub(super) struct GetDecision;

/// Which proposal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct OneProposal {
    /// The proposal's id.
    pub(super) proposal: String,
}

impl AsTool for GetDecision {
    const NAME: &'static str = "get_decision";
    const TITLE: &'static str = "See a decision";
    const WHAT: &'static str = "Shows one proposal: who voted how as far as that is known, what it waits for, its outcome.";
    const EFFECT: Effect = Effect::Reads;
    type Input = OneProposal;
    type Output = Decision;

    async fn call(desk: &Desk, input: OneProposal) -> Result<Told<Decision>, Refusal> {
        let decision = desk.decision(&input.proposal).await?;
        let words = format!(
            "{}, {} of {} voted.{}",
            if decision.certified { "Decided, with a certificate" } else { "Not decided yet" },
            decision.cast,
            decision.voters.len(),
            decision.waiting_for_owner()
        );
        let line = decision.in_words();
        Ok(Told::new(decision, words).with([line]))
    }
}

/// The proof of one.
pub(super) struct GetCertificate;

/// A certificate.
#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Certificate {
    /// The file's content, which `conclave verify` checks anywhere.
    #[schemars(schema_with = "schema::object")]
    certificate: Value,
}

impl AsTool for GetCertificate {
    const NAME: &'static str = "get_certificate";
    const TITLE: &'static str = "Get the certificate of a decision";
    const WHAT: &'static str =
        "Gives the certificate of a decided proposal, which anyone can verify offline.";
    const EFFECT: Effect = Effect::Reads;
    type Input = OneProposal;
    type Output = Certificate;

    async fn call(desk: &Desk, input: OneProposal) -> Result<Told<Certificate>, Refusal> {
        let decision = desk.decision(&input.proposal).await?;
        let path = format!("/v1/proposals/{}/certificate", input.proposal);
        let certificate: Value = desk.get(&path).await?;
        let file = certificate.to_string();
        let words = "Save the JSON between the marks, in one line, to a file for conclave verify.";
        let line = decision.in_words();
        Ok(Told::new(Certificate { certificate }, words).with([line, file]))
    }
}
