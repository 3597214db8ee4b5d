//! Typed questions and answers between personas.
//!
//! Alice's persona asks which of some slots fit (`AgentRequest`, content kind 16), Bob's answers
//! with indexes (`AgentResponse`, kind 17). Neither carries free text that would be acted upon:
//! the title and the summary are shown to owners, nothing more. Both start with their schema
//! number, so that a later layout is recognised before it is read.

use protocol::wire::{self, DecodeError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{settings::Settings, text, time::TimeRange};

/// The schema this version writes and reads.
pub const SCHEMA: u16 = 1;

/// Most slots in a request.
pub const SLOTS_MAX: usize = 64;

/// Most bytes of a title.
pub const TITLE_BYTES_MAX: usize = 200;

/// Most bytes of a summary.
pub const SUMMARY_BYTES_MAX: usize = 500;

/// Most bytes of an encoded request or response.
pub const BYTES_MAX: usize = 4096;

/// How much a request presses. A stranger's urgency counts for nothing.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// When there is nothing else to do.
    Low,
    /// As usual.
    #[default]
    Medium,
    /// Before others.
    High,
    /// At once.
    Urgent,
}

/// A question from one persona to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRequest {
    /// [`SCHEMA`].
    pub schema: u16,
    /// The task it belongs to; random, the same for all requests and answers of the task.
    pub session: [u8; 16],
    /// This question; random, repeated by its answer.
    pub correlation: [u8; 16],
    /// How much it presses.
    pub priority: Priority,
    /// What is asked.
    pub body: AgentRequestBody,
}

/// What a persona may ask of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentRequestBody {
    /// Which of these slots would be free?
    Availability {
        /// What the meeting is, for the owner. At most [`TITLE_BYTES_MAX`] bytes.
        title: String,
        /// How long it lasts.
        minutes: u16,
        /// The slots, in order; at most [`SLOTS_MAX`], each as long as the meeting or longer.
        slots: Vec<TimeRange>,
        /// The answer is of no use after this, milliseconds since the Unix epoch.
        reply_by_ms: u64,
    },
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// The body answers it.
    Answered,
    /// The owner, or a rule of the owner, says no.
    Declined,
    /// The owner has been asked; an answer may follow.
    NeedsOwner,
}

/// The answer to an [`AgentRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentResponse {
    /// [`SCHEMA`].
    pub schema: u16,
    /// As in the request.
    pub session: [u8; 16],
    /// As in the request.
    pub correlation: [u8; 16],
    /// What became of it.
    pub status: Status,
    /// The answer itself.
    pub body: AgentResponseBody,
    /// A sentence for the owner of the asking persona. At most [`SUMMARY_BYTES_MAX`] bytes.
    pub summary: String,
    /// How long the answer took, milliseconds.
    pub elapsed_ms: u64,
}

/// What a persona may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentResponseBody {
    /// Nothing, because the status says it all.
    Nothing,
    /// Indexes of the request's slots that fit, rising. May be empty.
    Feasible(Vec<u16>),
}

/// Why a request or response was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContractError {
    /// Not the bytes of such a message.
    #[error("not a message between personas: {0}")]
    Decode(#[from] DecodeError),
    /// Written by a version this one does not understand.
    #[error("schema {0} is not known here")]
    Schema(u16),
    /// A field breaks its rules.
    #[error("{field}: {reason}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// The rule it breaks.
        reason: &'static str,
    },
}

impl AgentRequest {
    /// Asks which of these slots are free.
    ///
    /// # Errors
    /// [`ContractError::Field`] when the question would be refused by its receiver.
    pub fn availability(
        session: [u8; 16],
        correlation: [u8; 16],
        title: &str,
        minutes: u16,
        slots: Vec<TimeRange>,
        reply_by_ms: u64,
    ) -> Result<Self, ContractError> {
        let title = text::tidy(title, TITLE_BYTES_MAX);
        let body = AgentRequestBody::Availability { title, minutes, slots, reply_by_ms };
        let priority = Priority::default();
        let request = Self { schema: SCHEMA, session, correlation, priority, body };
        request.check()?;
        Ok(request)
    }

    /// The request's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a request and checks every field.
    ///
    /// # Errors
    /// [`ContractError`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ContractError> {
        let request: Self = decode(bytes)?;
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), ContractError> {
        check_schema(self.schema)?;
        let AgentRequestBody::Availability { title, minutes, slots, .. } = &self.body;
        check_text("title", title, TITLE_BYTES_MAX)?;
        require(!title.is_empty(), "title", "it is empty")?;
        require(
            (1..=Settings::MEETING_MINUTES_MAX).contains(minutes),
            "minutes",
            "a meeting lasts 1 to 720 minutes",
        )?;
        require(!slots.is_empty(), "slots", "there are none")?;
        require(slots.len() <= SLOTS_MAX, "slots", "there are more than 64")?;
        let long_enough = |slot: &TimeRange| slot.minutes() >= u64::from(*minutes);
        require(slots.iter().all(long_enough), "slots", "one is shorter than the meeting")?;
        require(
            slots.windows(2).all(|pair| pair[0] < pair[1]),
            "slots",
            "they are not in order, each once",
        )
    }
}

impl AgentResponse {
    /// An answer to a request.
    pub fn to(request: &AgentRequest, status: Status, body: AgentResponseBody) -> Self {
        Self {
            schema: SCHEMA,
            session: request.session,
            correlation: request.correlation,
            status,
            body,
            summary: String::new(),
            elapsed_ms: 0,
        }
    }

    /// The response's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a response and checks every field that can be checked without its request.
    ///
    /// # Errors
    /// [`ContractError`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ContractError> {
        let response: Self = decode(bytes)?;
        response.check()?;
        Ok(response)
    }

    /// Whether this answers that request and names only slots the request had.
    ///
    /// # Errors
    /// [`ContractError::Field`] names what does not belong together.
    pub fn check_against(&self, request: &AgentRequest) -> Result<(), ContractError> {
        require(self.session == request.session, "session", "it is of another task")?;
        require(self.correlation == request.correlation, "correlation", "nobody asked this")?;
        let AgentRequestBody::Availability { slots, .. } = &request.body;
        let AgentResponseBody::Feasible(indexes) = &self.body else { return Ok(()) };
        let exists = |index: &u16| usize::from(*index) < slots.len();
        require(indexes.iter().all(exists), "feasible", "it names a slot that was not offered")
    }

    fn check(&self) -> Result<(), ContractError> {
        check_schema(self.schema)?;
        check_text("summary", &self.summary, SUMMARY_BYTES_MAX)?;
        let answered = self.status == Status::Answered;
        match &self.body {
            AgentResponseBody::Nothing => require(!answered, "body", "an answer is missing"),
            AgentResponseBody::Feasible(indexes) => {
                require(answered, "body", "there is an answer that was not given")?;
                require(indexes.len() <= SLOTS_MAX, "feasible", "there are more than 64")?;
                require(
                    indexes.windows(2).all(|pair| pair[0] < pair[1]),
                    "feasible",
                    "the indexes do not rise",
                )
            }
        }
    }
}

/// Reads the schema number first: a later schema may have any layout behind it.
fn decode<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, ContractError> {
    if let Some(&[low, high]) = bytes.first_chunk::<2>() {
        check_schema(u16::from_le_bytes([low, high]))?;
    }
    Ok(wire::decode(bytes, BYTES_MAX)?)
}

fn check_schema(schema: u16) -> Result<(), ContractError> {
    if schema == SCHEMA { Ok(()) } else { Err(ContractError::Schema(schema)) }
}

fn check_text(field: &'static str, value: &str, bytes_max: usize) -> Result<(), ContractError> {
    require(value.len() <= bytes_max, field, "it is too long")?;
    require(!value.chars().any(text::is_unsafe), field, "it has characters that do not show")
}

fn require(holds: bool, field: &'static str, reason: &'static str) -> Result<(), ContractError> {
    if holds { Ok(()) } else { Err(ContractError::Field { field, reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn slots(count: u64) -> Vec<TimeRange> {
        (0..count).map(|n| TimeRange::starting(n * HOUR_MS, 60)).collect()
    }

    fn request(count: u64) -> Result<AgentRequest, ContractError> {
        AgentRequest::availability([1; 16], [2; 16], "Dinner", 60, slots(count), 7)
    }

    fn field<T>(result: Result<T, ContractError>) -> &'static str {
        match result {
            Err(ContractError::Field { field, .. }) => field,
            Err(other) => panic!("another error: {other}"),
            Ok(_) => panic!("accepted"),
        }
    }

    #[test]
    fn a_request_and_its_answer_come_back_as_sent() {
        let request = request(64).unwrap();
        let bytes = request.to_bytes();
        assert_eq!(bytes[..2], [1, 0], "the schema number comes first");
        assert_eq!(AgentRequest::from_bytes(&bytes), Ok(request.clone()));
        let body = AgentResponseBody::Feasible((0..64).collect());
        let response = AgentResponse::to(&request, Status::Answered, body);
        assert_eq!(AgentResponse::from_bytes(&response.to_bytes()), Ok(response.clone()));
        assert_eq!(response.check_against(&request), Ok(()));
    }

    #[test]
    fn the_bytes_of_a_request_stay_what_they_are() {
        let bytes = request(1).unwrap().to_bytes();
        let mut expected = vec![1, 0];
        expected.extend([1; 16]);
        expected.extend([2; 16]);
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([6, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(b"Dinner");
        expected.extend([60, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0; 8]);
        expected.extend(HOUR_MS.to_le_bytes());
        expected.extend([7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_request_that_breaks_a_rule_is_refused_by_name() {
        assert_eq!(field(request(0)), "slots");
        assert_eq!(field(request(65)), "slots");
        let make = |title, minutes, slots| {
            AgentRequest::availability([0; 16], [0; 16], title, minutes, slots, 0)
        };
        assert_eq!(field(make("", 60, slots(1))), "title");
        assert_eq!(field(make("Dinner", 0, slots(1))), "minutes");
        assert_eq!(field(make("Dinner", 721, slots(1))), "minutes");
        assert_eq!(field(make("Dinner", 61, slots(1))), "slots");
        assert_eq!(field(make("Dinner", 60, slots(2).into_iter().rev().collect())), "slots");
    }

    #[test]
    fn a_title_with_hidden_characters_is_refused_from_the_wire() {
        let mut hostile = request(1).unwrap();
        let AgentRequestBody::Availability { title, .. } = &mut hostile.body;
        *title = "Dinner\u{202e}".into();
        assert_eq!(field(AgentRequest::from_bytes(&hostile.to_bytes())), "title");
    }

    #[test]
    fn another_schema_is_recognised_before_its_layout_is_read() {
        assert_eq!(AgentRequest::from_bytes(&[9, 0, 255]), Err(ContractError::Schema(9)));
        assert_eq!(AgentResponse::from_bytes(&[0, 1]), Err(ContractError::Schema(256)));
        assert!(matches!(AgentResponse::from_bytes(&[1]), Err(ContractError::Decode(_))));
    }

    #[test]
    fn an_answer_must_fit_its_question() {
        let request = request(3).unwrap();
        let answer = |status, body| AgentResponse::to(&request, status, body);
        let feasible = |indexes: &[u16]| AgentResponseBody::Feasible(indexes.to_vec());
        let reread = |response: AgentResponse| AgentResponse::from_bytes(&response.to_bytes());
        assert_eq!(field(reread(answer(Status::Answered, AgentResponseBody::Nothing))), "body");
        assert_eq!(field(reread(answer(Status::Declined, feasible(&[0])))), "body");
        assert_eq!(field(reread(answer(Status::Answered, feasible(&[1, 1])))), "feasible");
        let outside = answer(Status::Answered, feasible(&[3]));
        assert_eq!(field(outside.check_against(&request)), "feasible");
        let other = AgentResponse { correlation: [9; 16], ..outside };
        assert_eq!(field(other.check_against(&request)), "correlation");
    }
}
