//! Questions that bind nobody, and the answers.

use engine::{
    request::NewInquiry as Asked,
    view::{AskedView, InquiryView},
};
use protocol::{decision::Fraction, identity::PersonaId, wire};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{id::Id, rule::Share, time::iso};

/// A question to ask without putting it to a vote.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInquiry {
    /// At most 4 KiB.
    question: String,
    /// To all at once, or one after another; `broadcast` when absent.
    #[serde(default)]
    way: Way,
    /// Whom, in the order of their turns; all other members when absent or empty.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    asked: Vec<Id<PersonaId>>,
    /// With more than so many it is refused, so that a slip does not bother a crowd; 20 when
    /// absent, at most 1000.
    at_most: Option<usize>,
    /// How long answers count, in seconds, at most 31 days. When absent ten minutes, or where
    /// members are asked one after another as long as all turns.
    open_seconds: Option<u64>,
    /// How long one turn is, in seconds, where members are asked one after another; ten minutes
    /// when absent.
    turn_seconds: Option<u64>,
    /// The share of those asked whose answers are enough; 7/10 when absent.
    #[schema(value_type = Option<String>, example = "7/10")]
    enough: Option<Share>,
    /// Which of the node's personas asks, where several are members.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}

/// In which way members are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// All at once.
    #[default]
    Broadcast,
    /// One after another, each knowing the answers before.
    Sequential,
}

impl From<NewInquiry> for Asked {
    fn from(new: NewInquiry) -> Self {
        let ms = |seconds: Option<u64>| seconds.map(|seconds| seconds.saturating_mul(1000));
        Self {
            way: match new.way {
                Way::Broadcast => wire::Way::Broadcast,
                Way::Sequential => wire::Way::Sequential,
            },
            question: new.question,
            asked: new.asked.into_iter().map(|id| id.0).collect(),
            at_most: new.at_most.unwrap_or(Self::AT_MOST),
            open_ms: ms(new.open_seconds),
            turn_ms: ms(new.turn_seconds),
            enough: new.enough.map_or(Self::ENOUGH, Fraction::from),
        }
    }
}

/// Which inquiries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InquiriesQuery {
    /// Only those of this conversation.
    pub(crate) conversation: Option<String>,
}

/// An answer in the owner's name. There is no second thought.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAnswer {
    /// At most 4 KiB; null or absent for nothing to say.
    pub(crate) text: Option<String>,
    /// Which of the node's personas answers, where several are asked.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}

/// A question that binds nobody, and what was answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Inquiry {
    /// Which: the message that asked.
    id: String,
    /// Where.
    conversation: String,
    /// Who asked.
    asker: String,
    /// What it calls itself.
    asker_name: String,
    /// `broadcast` or `sequential`.
    way: String,
    /// Always false: what comes of it is no decision.
    binding: bool,
    /// The question.
    question: String,
    /// When it was asked.
    #[schema(format = DateTime)]
    asked_at: String,
    /// The same in milliseconds since the Unix epoch.
    asked_at_ms: u64,
    /// Until when answers count.
    #[schema(format = DateTime)]
    deadline: String,
    /// The same in milliseconds since the Unix epoch.
    deadline_ms: u64,
    /// How long one turn is, in seconds, where members are asked one after another.
    turn_seconds: Option<u64>,
    /// When the turn passes that is on now.
    #[schema(format = DateTime)]
    turn_ends_at: Option<String>,
    /// The same in milliseconds since the Unix epoch.
    turn_ends_at_ms: Option<u64>,
    /// The share of those asked whose answers are enough.
    #[schema(value_type = String, example = "7/10")]
    enough: Share,
    /// `open`; `complete` when all have answered; `enough` or `too_few` when the time is over.
    phase: String,
    /// What it waits for or what came of it, in words.
    waiting: String,
    /// How many have answered in time.
    answered: usize,
    /// Their share of those asked, 0 to 1.
    participation: f64,
    /// Who was asked, in the order of their turns.
    asked: Vec<Answered>,
}

/// Somebody who was asked.
#[derive(Debug, Serialize, ToSchema)]
struct Answered {
    /// Who.
    persona: String,
    /// What it calls itself.
    name: String,
    /// Whether it is a persona of this node.
    ours: bool,
    /// `answered`, `late`, `due` (may answer now), `next` (its turn comes), `passed` (its turn is
    /// over, it may still answer) or `silent`.
    standing: String,
    /// What it answered, if it had anything to say.
    text: Option<String>,
    /// When, by its own clock.
    #[schema(format = DateTime)]
    answered_at: Option<String>,
    /// The same in milliseconds since the Unix epoch.
    answered_at_ms: Option<u64>,
    /// Whose answers it had then.
    had_seen: Vec<String>,
}

/// All inquiries, or those of one conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Inquiries {
    /// The newest first.
    pub(crate) inquiries: Vec<Inquiry>,
}

impl From<AskedView> for Answered {
    fn from(view: AskedView) -> Self {
        Self {
            persona: view.persona.to_string(),
            name: view.name,
            ours: view.ours,
            standing: view.standing.to_owned(),
            text: view.text,
            answered_at: view.answered_at_ms.map(iso),
            answered_at_ms: view.answered_at_ms,
            had_seen: view.had_seen.iter().map(PersonaId::to_string).collect(),
        }
    }
}

impl From<InquiryView> for Inquiry {
    fn from(view: InquiryView) -> Self {
        let share = |part: usize, all: usize| {
            let number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            if all == 0 { 0.0 } else { number(part) / number(all) }
        };
        Self {
            id: view.id.to_string(),
            conversation: view.conversation.to_string(),
            asker: view.asker.to_string(),
            asker_name: view.asker_name,
            way: view.way.to_owned(),
            binding: false,
            question: view.question,
            asked_at: iso(view.asked_at_ms),
            asked_at_ms: view.asked_at_ms,
            deadline: iso(view.deadline_ms),
            deadline_ms: view.deadline_ms,
            turn_seconds: (view.turn_ms > 0).then_some(view.turn_ms / 1000),
            turn_ends_at: view.turn_ends_at_ms.map(iso),
            turn_ends_at_ms: view.turn_ends_at_ms,
            enough: view.enough.into(),
            phase: view.phase.to_owned(),
            waiting: view.waiting,
            answered: view.answered,
            participation: share(view.answered, view.asked.len()),
            asked: view.asked.into_iter().map(Answered::from).collect(),
        }
    }
}
