//! What a token may do, and what each call needs.

use std::fmt;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::mcp;

/// One kind of thing a token may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// See everything the owner sees.
    Read,
    /// Say things in conversations, and open them.
    Send,
    /// Put questions, cast ballots, give tasks: decide in the owner's name, within the policy.
    Vote,
    /// Everything: personas, contacts, members, approvals, tokens. It holds the others.
    Admin,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Vote => "vote",
            Self::Admin => "admin",
        })
    }
}

/// What the calls that change something need. Reading needs [`Scope::Read`]; what stands in no
/// row needs [`Scope::Admin`], so that a new call is closed until somebody opens it. Some need
/// no more than some token.
const TABLE: [(&str, &str, Option<Scope>); 23] = [
    ("POST", "/v1/conversations", Some(Scope::Send)),
    ("POST", "/v1/conversations/{id}/messages", Some(Scope::Send)),
    ("POST", "/v1/files", Some(Scope::Send)),
    ("POST", "/v1/files/{id}/fetch", Some(Scope::Send)),
    ("DELETE", "/v1/files/{id}", Some(Scope::Send)),
    ("POST", "/v1/conversations/{id}/files", Some(Scope::Send)),
    ("POST", "/v1/messages/{id}/cancel", Some(Scope::Send)),
    ("POST", "/v1/messages/{id}/reactions", Some(Scope::Send)),
    ("POST", "/v1/conversations/{id}/inquiries", Some(Scope::Send)),
    ("POST", "/v1/inquiries/{id}/answers", Some(Scope::Send)),
    ("PATCH", "/v1/messages/{id}", Some(Scope::Send)),
    ("DELETE", "/v1/messages/{id}", Some(Scope::Send)),
    ("POST", "/v1/queue/{persona}/retry", Some(Scope::Send)),
    ("POST", "/v1/conversations/{id}/proposals", Some(Scope::Vote)),
    ("POST", "/v1/proposals/{pid}/ballots", Some(Scope::Vote)),
    ("POST", "/v1/personas/{id}/tasks", Some(Scope::Vote)),
    // Whoever has a token may ask who it is, and has nothing to log out of.
    ("GET", "/v1/session", None),
    ("POST", "/v1/logout", None),
    // Each tool asks for its own.
    ("POST", mcp::PATH, None),
    ("GET", mcp::PATH, None),
    ("DELETE", mcp::PATH, None),
    // Who else may do what is the owner's business.
    ("GET", "/v1/tokens", Some(Scope::Admin)),
    ("GET", "/v1/audit", Some(Scope::Admin)),
];

/// The scope a call needs, if it needs one; `path` is the route as it is written, with its parameters in braces.
pub(crate) fn needed(method: &Method, path: &str) -> Option<Scope> {
    let row = TABLE.iter().find(|(m, p, _)| *m == method.as_str() && *p == path);
    match row {
        Some((_, _, scope)) => *scope,
        None if matches!(*method, Method::GET | Method::HEAD) => Some(Scope::Read),
        None => Some(Scope::Admin),
    }
}

/// Whether these scopes are enough for one that is needed.
pub(crate) fn allows(scopes: &[Scope], needed: Scope) -> bool {
    scopes.iter().any(|scope| *scope == needed || *scope == Scope::Admin)
}
