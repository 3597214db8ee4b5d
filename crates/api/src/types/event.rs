//! Frames of the event streams.

use engine::{Event, EventBody, view::DeliveryState as Far};
use protocol::identity::{ConversationId, MessageId, PersonaId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    file::File,
    message::{DeliveryState, Held, Message},
    time::iso,
};

/// The version of what stands in `data`. It rises when a program that reads today's events could
/// misread tomorrow's; new fields do not raise it.
const SCHEMA: u16 = 1;

/// One event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventFrame {
    /// `event`.
    #[schema(example = "event")]
    r#type: &'static str,
    /// Where it stands in the stream; rises over restarts.
    cursor: u64,
    /// When it happened.
    #[schema(format = DateTime)]
    at: String,
    /// The same in milliseconds since the Unix epoch.
    at_ms: u64,
    /// What happened.
    #[schema(example = "message.persisted")]
    event: &'static str,
    /// The version of `data`.
    schema: u16,
    /// The id of what it is about; events of one matter share it.
    correlation: String,
    /// The persona of this node it happened to, where it concerns one.
    persona: Option<String>,
    /// The particulars; which ones depends on `event`.
    #[schema(value_type = Object)]
    data: Value,
}

impl EventFrame {
    pub(crate) fn new(cursor: u64, event: Event) -> Self {
        let name = event.body.name();
        let (correlation, data) = particulars(event.body);
        Self {
            r#type: "event",
            cursor,
            at: iso(event.at_ms),
            at_ms: event.at_ms,
            event: name,
            schema: SCHEMA,
            correlation,
            persona: event.persona.map(|id| id.to_string()),
            data,
        }
    }

    /// The frame as text.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a frame is a record of plain values")
    }
}

/// What the event is about, and its data.
fn particulars(body: EventBody) -> (String, Value) {
    match body {
        EventBody::PersonaUpdated(persona) => about_persona(persona, "persona"),
        EventBody::ContactUpdated(contact) => about_persona(contact, "contact"),
        EventBody::ConversationUpdated(conversation) => {
            let id = conversation.to_string();
            (id.clone(), json!({ "conversation": id }))
        }
        EventBody::MemberRejoined { conversation, persona } => {
            let (conversation, member) = (conversation.to_string(), persona.to_string());
            (conversation.clone(), json!({ "conversation": conversation, "member": member }))
        }
        EventBody::MessagePersisted(view) => {
            let message = Message::from(*view);
            (message.id.clone(), json!(message))
        }
        EventBody::MessageUpdated { message, conversation, about } => {
            let id = message.to_string();
            let conversation = conversation.to_string();
            let data =
                json!({ "message": id, "conversation": conversation, "about": about.name() });
            (id, data)
        }
        EventBody::FileUploaded(view) => {
            (view.id.to_string(), json!({ "file": File::from(*view) }))
        }
        EventBody::FileUpdated { file, messages } => {
            let said = |(message, conversation): (MessageId, ConversationId)| {
                let conversation = conversation.to_string();
                json!({ "message": message.to_string(), "conversation": conversation })
            };
            let messages: Vec<_> = messages.into_iter().map(said).collect();
            let id = file.id.to_string();
            (id, json!({ "file": File::from(*file), "messages": messages }))
        }
        EventBody::MessageDelivery { message, conversation, recipient, state } => {
            delivery(message, conversation, recipient, state)
        }
        EventBody::ProposalUpdated { proposal, conversation, phase } => {
            let id = proposal.to_string();
            let conversation = conversation.to_string();
            (id.clone(), json!({ "proposal": id, "conversation": conversation, "phase": phase }))
        }
        EventBody::VoteMissing { proposal, conversation, question, deadline_ms } => {
            let id = proposal.to_string();
            let data = json!({
                "proposal": id,
                "conversation": conversation.to_string(),
                "question": question,
                "deadline": iso(deadline_ms),
                "deadline_ms": deadline_ms,
            });
            (id, data)
        }
        EventBody::InquiryUpdated { inquiry, conversation, phase } => {
            let id = inquiry.to_string();
            let conversation = conversation.to_string();
            (id.clone(), json!({ "inquiry": id, "conversation": conversation, "phase": phase }))
        }
        EventBody::TaskUpdated(task) => {
            let id = task.to_string();
            (id.clone(), json!({ "task": id }))
        }
        EventBody::ApprovalsChanged => ("approvals".to_owned(), json!({})),
        EventBody::PresenceChanged { contact, online } => {
            let id = contact.to_string();
            (id.clone(), json!({ "contact": id, "online": online }))
        }
    }
}

fn about_persona(persona: PersonaId, field: &str) -> (String, Value) {
    let id = persona.to_string();
    (id.clone(), json!({ field: id }))
}

fn delivery(
    message: MessageId,
    conversation: ConversationId,
    recipient: PersonaId,
    state: Far,
) -> (String, Value) {
    let id = message.to_string();
    let data = json!({
        "message": id,
        "conversation": conversation.to_string(),
        "recipient": recipient.to_string(),
        "state": DeliveryState::from(state),
        "mailboxes": Held::of(state),
    });
    (id, data)
}

/// A frame of the server that is no event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ControlFrame {
    /// The stream has begun: events after this cursor follow.
    Ready {
        /// Resume from here after a break.
        cursor: u64,
    },
    /// Events were missed. Fetch everything anew; events after this cursor follow, in this
    /// connection or, when it is closed after the frame, in the next.
    Resync {
        /// Resume from here.
        cursor: u64,
    },
}

impl ControlFrame {
    /// The frame as text.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a frame is a record of plain values")
    }
}

/// The frame a client sends: pages must, first of all; programs may, to resume.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hello {
    /// `hello`.
    #[expect(dead_code, reason = "reading it is what checks it")]
    r#type: HelloType,
    /// The session's CSRF secret. Programs with the token leave it out.
    pub(crate) csrf: Option<String>,
    /// The last cursor seen, to get what was missed; absent or null for news only.
    pub(crate) cursor: Option<u64>,
}

/// The one type of frame clients send.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HelloType {
    /// Begins the stream.
    Hello,
}

/// Where to resume.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// The last cursor seen, to get what was missed.
    pub(crate) cursor: Option<u64>,
}
