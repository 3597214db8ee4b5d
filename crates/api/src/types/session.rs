//! Logging in, and who one is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{SessionView, Standing, scope::Scope};

/// The code of a login link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// What stands behind `#login=`.
    pub(crate) code: String,
}

/// A code for a login link.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginCode {
    /// Goes behind `#login=`; works once, within ten minutes.
    pub(crate) code: String,
}

/// How the caller is known to the node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// By its token or by its session.
    kind: SessionKind,
    /// What the audit log calls it.
    name: String,
    /// What it may do.
    scopes: Vec<Scope>,
    /// What a page sends as `X-Conclave-Csrf` with every write; null for holders of the token.
    csrf: Option<String>,
    /// Seconds until the session ends if it is not used; null for holders of the token.
    expires_in_seconds: Option<u64>,
}

/// How a caller is known.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionKind {
    /// A program that shows the bearer token.
    Token,
    /// A page that shows a session's cookie.
    Session,
}

impl Session {
    /// A holder of a token.
    pub(crate) fn token(Standing { name, scopes }: Standing) -> Self {
        let kind = SessionKind::Token;
        Self { kind, name, scopes, csrf: None, expires_in_seconds: None }
    }
}

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        Self {
            kind: SessionKind::Session,
            name: "the page".to_owned(),
            scopes: vec![Scope::Admin],
            csrf: Some(view.csrf),
            expires_in_seconds: Some(view.expires_in.as_secs()),
        }
    }
}
