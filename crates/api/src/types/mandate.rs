//! What personas may vote on by themselves.

use engine::view::MandateView;
use protocol::{
    decision::{Mandate as Signed, Method, Reach, SignedMandate, Topic as About},
    identity::ConversationId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    id::Id,
    time::{Moment, iso},
};

/// What a persona may vote on by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mandate {
    /// Names it among the mandates of the persona; rises.
    number: u64,
    /// Whose.
    persona: String,
    /// In which conversation; absent for one that is wider or narrower.
    conversation: Option<String>,
    /// On which question alone; absent for one that is wider.
    proposal: Option<String>,
    /// `times` or `any`.
    topic: Topic,
    /// On questions decided by these methods.
    methods: Vec<&'static str>,
    /// All of this in words.
    #[schema(example = "times, by approval, in every conversation")]
    covers: String,
    /// From when.
    #[schema(format = DateTime)]
    granted_at: String,
    /// The same in milliseconds since the Unix epoch.
    granted_at_ms: u64,
    /// Until when.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The same in milliseconds since the Unix epoch.
    expires_at_ms: u64,
    /// When its owner took it back.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// The same in milliseconds since the Unix epoch.
    revoked_at_ms: Option<u64>,
    /// `standing`, `expired` or `revoked`.
    #[schema(example = "standing")]
    state: &'static str,
}

impl From<MandateView> for Mandate {
    fn from(view: MandateView) -> Self {
        let Signed { number, reach, topic, methods, granted_at_ms, expires_at_ms } = view.mandate;
        let (conversation, proposal) = match reach {
            Reach::Everywhere => (None, None),
            Reach::Conversation(conversation) => (Some(conversation.to_string()), None),
            Reach::Proposal(proposal) => (None, Some(proposal.to_string())),
        };
        Self {
            number,
            persona: view.persona.to_string(),
            conversation,
            proposal,
            topic: match topic {
                About::Times => Topic::Times,
                About::Any => Topic::Any,
            },
            methods: methods.iter().map(Method::name).collect(),
            covers: view.covers,
            granted_at: iso(granted_at_ms),
            granted_at_ms,
            expires_at: iso(expires_at_ms),
            expires_at_ms,
            revoked_at: view.revoked_at_ms.map(iso),
            revoked_at_ms: view.revoked_at_ms,
            state: view.state,
        }
    }
}

/// The mandate a ballot was cast under.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MandateSeen {
    /// Its number among those of its persona.
    number: u64,
    /// What it covers, in words.
    covers: String,
    /// Until when.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The same in milliseconds since the Unix epoch.
    expires_at_ms: u64,
}

impl From<&SignedMandate> for MandateSeen {
    fn from(signed: &SignedMandate) -> Self {
        let mandate = signed.mandate();
        Self {
            number: mandate.number,
            covers: mandate.in_words(),
            expires_at: iso(mandate.expires_at_ms),
            expires_at_ms: mandate.expires_at_ms,
        }
    }
}

/// The mandates of a persona.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mandates {
    /// The newest first; those that ended are remembered for a while.
    pub(crate) mandates: Vec<Mandate>,
}

/// What a persona is to be allowed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMandate {
    /// Only in this conversation; everywhere when absent.
    #[schema(value_type = Option<String>)]
    pub(crate) conversation: Option<Id<ConversationId>>,
    /// `times` when absent.
    #[serde(default)]
    pub(crate) topic: Topic,
    /// On questions decided by these methods; by approval alone when absent.
    pub(crate) methods: Option<Vec<MethodName>>,
    /// Until when, at most 366 days from now; 90 days when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Moment>,
}

/// What questions are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Topic {
    /// Questions whose options are all times.
    #[default]
    Times,
    /// Any question.
    Any,
}

/// How questions are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MethodName {
    /// Yes or no, by a share.
    Threshold,
    /// As many options as suit.
    Approval,
    /// Points for options.
    Score,
    /// Yes, if need be, or no for each option.
    Suitability,
    /// Options in order.
    Ranked,
    /// Yes unless somebody objects.
    Consent,
    /// A share, and some who can refuse.
    Veto,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Threshold => Self::Threshold,
            MethodName::Approval => Self::Approval,
            MethodName::Score => Self::Score,
            MethodName::Suitability => Self::Suitability,
            MethodName::Ranked => Self::Ranked,
            MethodName::Consent => Self::Consent,
            MethodName::Veto => Self::Veto,
        }
    }
}

impl From<Topic> for About {
    fn from(topic: Topic) -> Self {
        match topic {
            Topic::Times => Self::Times,
            Topic::Any => Self::Any,
        }
    }
}
