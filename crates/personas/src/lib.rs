//! The personal assistants, as pure functions.
//!
//! A persona knows its owner's [`Settings`] and calendar, and decides. Nothing here performs
//! anything: the time comes in as milliseconds, calendars come in as text, and what is to be said
//! or booked goes out as values. What other personas say is data; only the owner's own words reach
//! [`understand`].
//!
//! | module | answers |
//! | --- | --- |
//! | [`settings`] | what the owner wants and allows |
//! | [`trust`], [`policy`] | may the persona do this, must it ask, or is it forbidden? |
//! | [`brain`] | what did the owner ask for? |
//! | [`calendar`] | when is the owner busy, and how is a meeting written down? |
//! | [`slots`], [`ballot`] | which times to offer, which ones fit, how to vote on them |
//! | [`contract`] | the typed questions and answers between personas |
//! | [`reply`] | what the persona tells its owner |
//!
//! Alice says "dinner this week with Bob": [`understand`] turns it into a [`MeetingRequest`],
//! [`candidates`] picks evenings that are free in her calendar, an [`AgentRequest`] carries them
//! to Bob's persona, which answers with [`feasible`] once [`decide`] allowed it to. After the
//! vote, both call [`book`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod ballot;
pub mod brain;
pub mod calendar;
pub mod contract;
pub mod policy;
pub mod reply;
pub mod settings;
pub mod slots;
mod text;
pub mod time;
pub mod trust;

pub use ballot::{approvals, ranking};
pub use brain::{Context, Group, MeetingRequest, Participants, Understanding, understand};
pub use calendar::{Booking, Calendar, CalendarError, book};
pub use contract::{
    AgentRequest, AgentRequestBody, AgentResponse, AgentResponseBody, ContractError, Priority,
    Status,
};
pub use policy::{Action, Verdict, decide};
pub use reply::Reply;
pub use settings::{PrivacyLevel, ResponseStyle, Settings};
pub use slots::{candidates, feasible, rank, shortlist};
pub use time::TimeRange;
pub use trust::Tier;
