//! What a refusal looks like.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// Why a request was refused (RFC 9457, `application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The kind of problem, such as `urn:conclave:problem:not-found`.
    pub(crate) r#type: String,
    /// The kind in words; always the same for one type.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What happened this time.
    pub(crate) detail: String,
    /// The field at fault, such as `members[1]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// Names this one refusal in the log of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<String>,
}

/// How every call under `/v1` may refuse.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes responses to the OpenAPI generator")]
pub(crate) enum Refusals {
    /// 400 cannot be read, 401 no good credentials, 403 another origin, a missing CSRF header or
    /// policy, 404 no such thing, 409 contradicts what is there, 413 above 1 MiB, 415 not JSON,
    /// 422 a field breaks its rule, 429 above 200 requests a second. `field` names the field.
    #[response(status = "4XX", content_type = "application/problem+json")]
    Caller(Problem),
    /// 503 may work later; 500 is a fault of the node, whose log says more under `instance`.
    #[response(status = "5XX", content_type = "application/problem+json")]
    Node(Problem),
}
