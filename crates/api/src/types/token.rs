//! Tokens for programs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{Moment, iso};
use crate::auth::{Grant, scope::Scope};

/// A token to make for a program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// For people, and for the audit log; 1 to 64 bytes, unlike any other.
    pub(crate) name: String,
    /// What it may do; at least one.
    pub(crate) scopes: Vec<Scope>,
    /// When it stops working; never where absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Moment>,
}

/// A token for a program, without the token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    /// Names it for revoking.
    id: String,
    /// For people.
    name: String,
    /// What it may do.
    scopes: Vec<Scope>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// The same in milliseconds since the Unix epoch.
    created_at_ms: u64,
    /// When it stops working.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// The same in milliseconds since the Unix epoch.
    expires_at_ms: Option<u64>,
}

impl From<Grant> for Token {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id,
            name: grant.name,
            scopes: grant.scopes,
            created_at: iso(grant.created_at_ms),
            created_at_ms: grant.created_at_ms,
            expires_at: grant.expires_at_ms.map(iso),
            expires_at_ms: grant.expires_at_ms,
        }
    }
}

/// A token just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub(crate) kept: Token,
    /// The token itself: shown this once, kept nowhere.
    pub(crate) token: String,
}

/// All tokens for programs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// Oldest first.
    pub(crate) tokens: Vec<Token>,
}
