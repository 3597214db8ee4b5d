//! The mandate: what an owner lets the persona vote on by itself.
//!
//! Alice's persona may say yes to dinner times on its own, because Alice signed that once: until
//! when, where, on which kind of question, decided how. The mandate stands in every ballot cast
//! under it, so whoever reads the certificate sees that nobody looked at this very question, and
//! checks that the owner had allowed just that beforehand. A ballot that goes beyond its mandate
//! is no ballot.
//!
//! A mandate is signed with the persona's key, the only one an owner has. It proves what was
//! allowed, and by whom; it cannot prove who sat at the keyboard.

use serde::{Deserialize, Serialize};

use super::{Proposal, Rule, calendar::is_time_span};
use crate::{
    identity::{
        ConversationId, Domain, PersonaId, PersonaKey, ProposalId, Signature, SignatureError,
    },
    wire,
};

/// The longest a mandate runs, in milliseconds: 366 days.
pub const MANDATE_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1000;

/// Where a mandate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// In every conversation.
    Everywhere,
    /// In this one.
    Conversation(ConversationId),
    /// For this one question.
    Proposal(ProposalId),
}

/// What a mandate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topic {
    /// Questions whose options are all spans of time.
    Times,
    /// Any question.
    Any,
}

/// How a question is decided, whatever the numbers in its rule are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// [`Rule::Threshold`].
    Threshold,
    /// [`Rule::Approval`].
    Approval,
    /// [`Rule::Score`].
    Score,
    /// [`Rule::Suitability`].
    Suitability,
    /// [`Rule::Ranked`].
    Ranked,
    /// [`Rule::Consent`].
    Consent,
    /// [`Rule::Veto`].
    Veto,
}

impl Method {
    /// All of them, in the order of their rules' numbers.
    pub const ALL: [Self; 7] = [
        Self::Threshold,
        Self::Approval,
        Self::Score,
        Self::Suitability,
        Self::Ranked,
        Self::Consent,
        Self::Veto,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Approval => "approval",
            Self::Score => "score",
            Self::Suitability => "suitability",
            Self::Ranked => "ranked",
            Self::Consent => "consent",
            Self::Veto => "veto",
        }
    }

    /// The method of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Rule {
    /// By which method it decides; of a hidden vote in the end.
    pub fn method(&self) -> Method {
        match self {
            Self::Threshold { .. } => Method::Threshold,
            Self::Approval { .. } => Method::Approval,
            Self::Score { .. } => Method::Score,
            Self::Suitability { .. } => Method::Suitability,
            Self::Ranked { .. } => Method::Ranked,
            Self::Consent { .. } => Method::Consent,
            Self::Veto { .. } => Method::Veto,
            Self::Hidden { .. } | Self::Reveal(_) => self.plain().method(),
        }
    }
}

/// A set of methods: bit `i` stands for the rule with number `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Methods(u16);

impl Methods {
    /// Every method.
    pub fn all() -> Self {
        Method::ALL.into_iter().collect()
    }

    /// Whether a method is among them.
    pub fn contains(self, method: Method) -> bool {
        self.0 & method.bit() != 0
    }

    /// They, by rising number of their rule.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |method| self.contains(*method))
    }
}

impl FromIterator<Method> for Methods {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        Self(methods.into_iter().fold(0, |bits, method| bits | method.bit()))
    }
}

/// What an owner allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// Names it among the mandates of its persona; rises.
    pub number: u64,
    /// Where it holds.
    pub reach: Reach,
    /// On what.
    pub topic: Topic,
    /// Decided how; at least one.
    pub methods: Methods,
    /// From then on, milliseconds since the Unix epoch.
    pub granted_at_ms: u64,
    /// To this moment, milliseconds since the Unix epoch; at most [`MANDATE_MS_MAX`] later.
    pub expires_at_ms: u64,
}

/// The first thing about a vote that a mandate does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Uncovered {
    /// Its own fields make no sense: no method, an unknown one, or too long a time.
    #[error("the mandate breaks its own rules")]
    Malformed,
    /// Before it was granted, or after it expired.
    #[error("the mandate does not hold at this time")]
    Time,
    /// In another conversation, or on another question.
    #[error("the mandate does not reach this question")]
    Reach,
    /// Not about times.
    #[error("the mandate is for times only")]
    Topic,
    /// Decided by another method.
    #[error("the mandate is not for this method")]
    Method,
}

impl Mandate {
    /// Whether a vote cast at this time on this proposal is covered.
    ///
    /// # Errors
    /// [`Uncovered`] names the first thing that is not.
    pub fn covers(
        &self,
        id: ProposalId,
        proposal: &Proposal,
        cast_at_ms: u64,
    ) -> Result<(), Uncovered> {
        let need = |holds: bool, why| if holds { Ok(()) } else { Err(why) };
        need(self.is_sound(), Uncovered::Malformed)?;
        need((self.granted_at_ms..=self.expires_at_ms).contains(&cast_at_ms), Uncovered::Time)?;
        let reaches = match self.reach {
            Reach::Everywhere => true,
            Reach::Conversation(conversation) => conversation == proposal.group,
            Reach::Proposal(only) => only == id,
        };
        need(reaches, Uncovered::Reach)?;
        need(self.topic == Topic::Any || is_about_times(proposal), Uncovered::Topic)?;
        need(self.methods.contains(proposal.rule.method()), Uncovered::Method)
    }

    /// What it covers, in words: `times, by approval, in every conversation`.
    pub fn in_words(&self) -> String {
        let topic = match self.topic {
            Topic::Times => "times",
            Topic::Any => "any question",
        };
        let methods: Vec<_> = self.methods.iter().map(Method::name).collect();
        let methods = match methods.len() {
            all if all == Method::ALL.len() => "any method".to_owned(),
            _ => methods.join(" or "),
        };
        let reach = match self.reach {
            Reach::Everywhere => "in every conversation".to_owned(),
            Reach::Conversation(conversation) => format!("in conversation {conversation}"),
            Reach::Proposal(proposal) => format!("for proposal {proposal}"),
        };
        format!("{topic}, by {methods}, {reach}")
    }

    /// Whether its fields keep their own rules.
    pub fn is_sound(&self) -> bool {
        let known = Methods::all().0;
        self.methods.0 != 0
            && self.methods.0 & !known == 0
            && self.granted_at_ms <= self.expires_at_ms
            && self.expires_at_ms - self.granted_at_ms <= MANDATE_MS_MAX
    }

    fn body(&self, persona: &PersonaId) -> Vec<u8> {
        [persona.as_bytes(), &wire::encode(self)].concat()
    }
}

/// Whether all a proposal offers are spans of time, each written as
/// `2031-05-09T18:00:00Z/2031-05-09T20:00:00Z`.
pub fn is_about_times(proposal: &Proposal) -> bool {
    !proposal.options.is_empty() && proposal.options.iter().all(|option| is_time_span(option))
}

/// A mandate under its persona's signature. Whose it is, is said by where it stands: in a ballot
/// the voter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedMandate {
    mandate: Mandate,
    signature: Signature,
}

impl SignedMandate {
    /// Signs a mandate for the persona of this key.
    pub fn sign(mandate: Mandate, key: &PersonaKey) -> Self {
        let signature = key.sign(Domain::Mandate, &mandate.body(&key.id()));
        Self { mandate, signature }
    }

    /// What it says, whoever signed it.
    pub fn mandate(&self) -> &Mandate {
        &self.mandate
    }

    /// Checks that this persona's key signed it for this persona.
    ///
    /// # Errors
    /// [`SignatureError`]: it did not.
    pub fn verify(&self, persona: &PersonaId) -> Result<&Mandate, SignatureError> {
        persona.verify(Domain::Mandate, &self.mandate.body(persona), &self.signature)?;
        Ok(&self.mandate)
    }
}
