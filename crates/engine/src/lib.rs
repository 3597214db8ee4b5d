//! The heart of a node: one state, [`Input`] in, [`Effect`] out.
//!
//! The engine decides what the node does next and performs nothing. It reads no clock, opens no
//! socket and touches no disk: time comes in with every input, randomness comes from one seed, and
//! what is to be stored, sent, read or told leaves as an effect, in an order that is safe to
//! perform: what must be on disk first comes first.
//!
//! ```text
//!  request, frame, connected, stored, timeout          persist, send, dial, publish, reply, emit
//!  ------------------ Input ------------------>  Engine  ----------------- Effect -------------->
//! ```
//!
//! Where to look:
//!
//! | question | file |
//! | --- | --- |
//! | where is a message sent and received? | `messages.rs`, `log.rs` |
//! | what of replies, reactions, edits and deletions? | `about.rs` |
//! | what of files and pictures? | `files/` |
//! | how does an envelope get there? | `mail.rs`, `outbox.rs`, `tags.rs` |
//! | how do two personas meet? | `contacts/`, `seek.rs` |
//! | how does a group come to be? | `conversations/` |
//! | how is a vote run? | `decisions/` |
//! | and a question that binds nobody? | `inquiries/` |
//! | what may a persona vote on by itself? | `mandates.rs` |
//! | how does "find a dinner slot" become a calendar entry? | `tasks/`, `questions.rs`, `agent.rs` |
//! | what stands on disk? | `rows.rs` |
//! | what of it belongs in a backup? | `backup.rs` |
//! | what does a screen show? | `query.rs`, `view.rs` |

mod about;
mod agent;
mod approvals;
pub mod backup;
mod contacts;
mod conversations;
mod decisions;
pub mod effect;
pub mod event;
mod files;
mod input;
mod inquiries;
mod log;
mod mail;
mod mailboxes;
mod mandates;
mod messages;
mod outbox;
mod peers;
mod persona;
mod query;
mod questions;
mod queue;
pub mod request;
mod requests;
pub mod rows;
pub mod search;
mod seek;
mod state;
mod tags;
mod tasks;
pub mod view;

pub use decisions::outcome_in_words;
pub use effect::{Change, Effect, Ledger, RequestId, Table, Ticket, Write};
pub use event::{About, Event, EventBody};
pub use input::{FileLimits, FileNews, Input};
/// The persona types that requests and views are made of.
pub use personas;
pub use request::{Reply, Request, RequestError};
pub use state::{Engine, LoadError};
