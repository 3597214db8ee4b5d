//! Proposals and ballots.

use engine::view::{EvidenceView, ProposalView, VoterView};
use protocol::{
    decision::{self, Caster},
    identity::PersonaId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    id::Id,
    mandate::MandateSeen,
    rule::{Choice, Rule, plain},
    time::{Moment, iso},
};

/// A question to put to a conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProposal {
    /// At most 1 KiB.
    pub(crate) question: String,
    /// At most 16 of at most 256 bytes; none for yes or no.
    #[serde(default)]
    pub(crate) options: Vec<String>,
    /// How it is decided. When absent: 7/10 of the electorate for yes or no; with options, the
    /// most approved one that half of the voters approve of.
    pub(crate) rule: Option<Rule>,
    /// When voting ends: ISO-8601 with a zone, or milliseconds since the Unix epoch. Ten minutes
    /// from now when absent.
    #[schema(value_type = Option<String>, example = "2026-11-20T18:00:00Z")]
    pub(crate) deadline: Option<Moment>,
    /// How long ballots cast in time may still arrive; two minutes when absent.
    pub(crate) grace_seconds: Option<u64>,
    /// Whether voting ends as soon as the outcome cannot change any more; true when absent.
    pub(crate) early_close: Option<bool>,
    /// Whether others see a vote at once; `open` when absent.
    #[serde(default)]
    pub(crate) secrecy: Secrecy,
    /// How long voters may reveal when a hidden vote is over; ten minutes when absent. They do so
    /// without their owners, as soon as their nodes are awake.
    pub(crate) reveal_seconds: Option<u64>,
    /// Which of the node's personas asks, where several are members.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}

/// When others see how one voted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Secrecy {
    /// At once.
    #[default]
    Open,
    /// When voting is over: until then members have only a commitment.
    Hidden,
}

/// Which proposals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProposalsQuery {
    /// Only those of this conversation.
    pub(crate) conversation: Option<String>,
}

/// A vote in the owner's name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBallot {
    /// What the owner says.
    pub(crate) choice: Choice,
    /// Who decided so; the owner when absent.
    #[serde(default)]
    pub(crate) by: NewCaster,
    /// Which of the node's personas votes, where several are electors.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}

/// Who decides a ballot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NewCaster {
    /// The owner.
    #[default]
    Owner,
    /// The persona, by a program that votes for it. Without a mandate the owner is asked.
    Persona,
}

/// A proposal as one of our personas sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Proposal {
    /// Which.
    id: String,
    /// Where.
    conversation: String,
    /// Our persona in it.
    persona: String,
    /// Who asked.
    proposer: String,
    /// The question.
    question: String,
    /// The options; empty for yes or no.
    options: Vec<String>,
    /// How it is decided.
    rule: Rule,
    /// When others see how one voted.
    secrecy: Secrecy,
    /// How long voters may reveal when a hidden vote is over.
    reveal_seconds: Option<u64>,
    /// When voting began.
    #[schema(format = DateTime)]
    opens_at: String,
    /// The same in milliseconds since the Unix epoch.
    opens_at_ms: u64,
    /// When voting ends.
    #[schema(format = DateTime)]
    deadline: String,
    /// The same in milliseconds since the Unix epoch.
    deadline_ms: u64,
    /// Whether voting ends as soon as the outcome cannot change any more.
    early_close: bool,
    /// `open`, `closing`, `deciding`, `decided` or `forked`; of a hidden vote also `revealing`.
    phase: String,
    /// What it waits for, in words.
    waiting: String,
    /// Who may vote and what is known of their vote.
    voters: Vec<Voter>,
    /// Votes per option (or yes, no, abstain), provisional until decided.
    tally: Vec<u32>,
    /// Ballots counted so far.
    cast: u32,
    /// The outcome in words, when decided.
    outcome: Option<String>,
    /// Indexes of the options that won, when decided.
    winners: Vec<u16>,
    /// Whether an option that did not win has as many votes as one that did.
    tie: bool,
    /// Whether the certificate can be fetched.
    certified: bool,
    /// How many of the members who count signed that they hold our ballot; absent when we have not
    /// voted.
    receipts: Option<u16>,
    /// With this many receipts our ballot is counted, or somebody is proved to have lied.
    receipts_needed: u16,
    /// Who contradicted itself under its own signature.
    evidence: Vec<Evidence>,
    /// Whether the owner was reminded to vote and still may.
    reminded: bool,
    /// What the owner is asked about it, by its id among the approvals: to vote, or to book.
    approval: Option<String>,
}

/// Somebody who signed two things of which an honest member signs one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Evidence {
    /// Who.
    persona: String,
    /// What it calls itself.
    name: String,
    /// What it did: `two_ballots`, `lists`, `two_notarizations`, `two_finalizations`,
    /// `notarized_and_finalized`, `nullified_and_finalized` or `two_confirmations`.
    offence: String,
}

/// A voter and what is known of its vote.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Voter {
    /// Who.
    persona: String,
    /// What it calls itself.
    name: String,
    /// Whether it is a persona of this node.
    ours: bool,
    /// Whether it has voted and its choice cannot be seen: not yet, or never, if the vote was
    /// hidden and is decided.
    hidden: bool,
    /// Its ballot, once seen.
    choice: Option<Choice>,
    /// Who decided the ballot: `owner`, or `persona` when it voted by itself under a mandate. Absent
    /// without a ballot.
    #[schema(example = "persona")]
    by: Option<&'static str>,
    /// The mandate of a persona that voted by itself.
    mandate: Option<MandateSeen>,
    /// Whether it signed two different ballots, which voids both.
    void: bool,
}

impl From<VoterView> for Voter {
    fn from(view: VoterView) -> Self {
        Self {
            persona: view.persona.to_string(),
            name: view.name,
            ours: view.ours,
            hidden: view.hidden,
            choice: view.choice.and_then(plain),
            by: view.by.as_ref().map(Caster::name),
            mandate: view.by.as_ref().and_then(Caster::mandate).map(MandateSeen::from),
            void: view.void,
        }
    }
}

impl From<ProposalView> for Proposal {
    fn from(view: ProposalView) -> Self {
        Self {
            id: view.id.to_string(),
            conversation: view.conversation.to_string(),
            persona: view.persona.to_string(),
            proposer: view.proposer.to_string(),
            question: view.question,
            options: view.options,
            secrecy: if view.rule.is_hidden() { Secrecy::Hidden } else { Secrecy::Open },
            reveal_seconds: match view.rule {
                decision::Rule::Hidden { reveal_ms, .. } => Some(reveal_ms / 1000),
                _ => None,
            },
            rule: view.rule.into(),
            opens_at: iso(view.opens_at_ms),
            opens_at_ms: view.opens_at_ms,
            deadline: iso(view.deadline_ms),
            deadline_ms: view.deadline_ms,
            early_close: view.early_close,
            phase: view.phase.to_owned(),
            waiting: view.waiting,
            voters: view.voters.into_iter().map(Voter::from).collect(),
            tally: view.tally,
            cast: view.cast,
            outcome: view.outcome,
            winners: view.winners,
            tie: view.tie,
            certified: view.certified,
            receipts: view.receipts,
            receipts_needed: view.receipts_needed,
            evidence: view.evidence.into_iter().map(Evidence::from).collect(),
            reminded: view.reminded,
            approval: view.approval.map(|id| id.to_string()),
        }
    }
}

impl From<EvidenceView> for Evidence {
    fn from(view: EvidenceView) -> Self {
        Self {
            persona: view.persona.to_string(),
            name: view.name,
            offence: view.offence.to_owned(),
        }
    }
}

/// All proposals, or those of one conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Proposals {
    /// In no special order.
    pub(crate) proposals: Vec<Proposal>,
}
