//! The local API: what the owner, the owner's programs and the owner's page ask of a node.
//!
//! [`app`] makes a router of everything below, [`serve`] serves it on a loopback address. Requests
//! become [`engine::Request`]s and go through a [`Node`] to the task that owns the engine; events
//! come from it through an [`EventLog`]. [`Credentials`] say who may ask: see `auth` for the two
//! doors each request passes.
//!
//! | call | meaning |
//! | --- | --- |
//! | `POST /v1/login` · `POST /v1/logout` · `GET /v1/session` | a page's session |
//! | `POST /v1/login-codes` | a code for the next login link; with the token only |
//! | `POST /v1/tokens` · `GET /v1/tokens` · `DELETE /v1/tokens/{id}` | tokens for programs |
//! | `POST /v1/personas` · `GET /v1/personas` · `PATCH /v1/personas/{id}` | make, list, change |
//! | `GET /v1/discover?handle=` · `?persona=` | find a persona through the network |
//! | `POST /v1/invites` · `POST /v1/contacts` · `GET /v1/contacts` | meet |
//! | `POST /v1/conversations` · `GET /v1/conversations` · `GET /v1/conversations/{id}` | open, read |
//! | `POST /v1/conversations/{id}/members` · `DELETE .../members/{persona}` | membership |
//! | `POST /v1/conversations/{id}/messages` · `GET .../messages` · `GET /v1/messages/{id}` | talk |
//! | `GET /v1/search?q=` | find messages by their words |
//! | `POST /v1/files` · `POST /v1/conversations/{id}/files` | add a file, share it |
//! | `GET /v1/files/{id}` · `GET .../content` · `POST .../fetch` · `DELETE ...` | read, fetch, stop |
//! | `POST /v1/messages/{id}/reactions` · `PATCH /v1/messages/{id}` · `DELETE ...` · `GET .../edits` | about what was said |
//! | `POST /v1/conversations/{id}/proposals` · `GET /v1/proposals` · `GET /v1/proposals/{pid}` | ask |
//! | `POST /v1/conversations/{id}/inquiries` · `GET /v1/inquiries` · `GET /v1/inquiries/{id}` | ask, binding nobody |
//! | `POST /v1/inquiries/{id}/answers` | answer |
//! | `POST /v1/proposals/{pid}/ballots` · `GET /v1/proposals/{pid}/certificate` | vote, result |
//! | `POST /v1/personas/{id}/tasks` · `GET /v1/tasks` · `GET /v1/tasks/{id}` | have things done |
//! | `GET /v1/approvals` · `POST /v1/approvals/{id}` | the owner's word |
//! | `GET /v1/network` · `GET /v1/audit` | who is connected; what was done in the owner's name |
//! | `GET /v1/events` (WebSocket) · `GET /v1/events/stream` (server-sent events) | what happens |
//! | `POST /mcp` | the Model Context Protocol, see [`mcp`] |
//! | `GET /health/live` · `GET /health/ready` · `GET /openapi.json` · `GET /` | open to all |
//!
//! `/openapi.json` describes each in full. A program sends `Authorization: Bearer` with the text
//! of the file `api-token`; a page logs in with a one-time code and sends its cookie and, with
//! writes, `X-Conclave-Csrf`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod auth;
mod error;
mod events;
mod extract;
mod files;
mod limits;
pub mod mcp;
mod node;
mod openapi;
mod router;
mod routes;
mod types;
mod ui;

pub use auth::{Clock, Credentials, TOKEN_FILE};
pub use events::EventLog;
pub use files::{Chunks, Files, NewFile};
pub use node::{Call, Node};
pub use router::{app, serve};
pub use routes::Readiness;
