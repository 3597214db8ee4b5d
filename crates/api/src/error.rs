//! How the API says no: problem details (RFC 9457) that name the field at fault.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::RequestError;
use rand::Rng;
use thiserror::Error;

use crate::{auth::scope::Scope, types::Problem};

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ApiError {
    /// 400: the request cannot be read.
    #[error("{detail}")]
    Malformed {
        /// Which part of it, where that is known.
        field: Option<String>,
        /// What is wrong with it.
        detail: String,
    },
    /// 401: no credentials, unknown ones, expired ones. Always the same words.
    #[error("the API token or a session is needed")]
    Unauthorized,
    /// 403: whoever asks may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// 403: a token may not do this.
    #[error("this needs the scope {needed}, which {who} does not have")]
    Scope {
        /// Which would be enough.
        needed: Scope,
        /// Whose token it is.
        who: String,
    },
    /// 404: no such thing.
    #[error("{0} not found")]
    NotFound(String),
    /// 405: the path exists, the verb does not.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    /// 409: it contradicts what is already there.
    #[error("{0}")]
    Conflict(String),
    /// 413: more than the body may hold.
    #[error("the body has more than {} bytes", crate::router::BODY_BYTES_MAX)]
    TooLarge,
    /// 415: not JSON, or, where a file is added, not octets.
    #[error("the body must be application/json; that of a file application/octet-stream")]
    UnsupportedMediaType,
    /// 422: readable, but a field breaks its rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: String,
        /// The rule it breaks.
        reason: String,
    },
    /// 429: asked too often.
    #[error("too many requests; try again in a second")]
    TooManyRequests,
    /// 503: may work later.
    #[error("{0}")]
    Unavailable(String),
    /// 500: a bug of this node. The reason goes to the log, not to the caller.
    #[error("{0}")]
    Internal(String),
}

impl ApiError {
    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::Forbidden(detail.to_owned())
    }

    pub(crate) fn malformed(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Malformed { field: Some(field.into()), detail: detail.into() }
    }

    pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// The status, the last part of the problem's type, and its title.
    fn class(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed { .. } => {
                (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read")
            }
            Self::Unauthorized => {
                (StatusCode::UNAUTHORIZED, "unauthorized", "Credentials are needed")
            }
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::Scope { .. } => (StatusCode::FORBIDDEN, "scope", "The token may not do this"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "No such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "No such method here")
            }
            Self::Conflict(_) => {
                (StatusCode::CONFLICT, "conflict", "It contradicts what is already there")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "JSON is needed")
            }
            Self::Invalid { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field breaks its rule")
            }
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
            }
            Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now")
            }
            Self::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of this node")
            }
        }
    }

    fn problem(&self) -> Problem {
        let (status, slug, title) = self.class();
        let field = match self {
            Self::Malformed { field, .. } => field.clone(),
            Self::Invalid { field, .. } => Some(field.clone()),
            _ => None,
        };
        let detail = match self {
            Self::Internal(_) => "the log of the node says more under this instance".to_owned(),
            other => other.to_string(),
        };
        // Unknown and wrong credentials must look alike to the last byte, so a 401 is unnumbered.
        let instance = (*self != Self::Unauthorized)
            .then(|| format!("urn:conclave:request:{:016x}", rand::thread_rng().r#gen::<u64>()));
        Problem {
            r#type: format!("urn:conclave:problem:{slug}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            field,
            instance,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let instance = problem.instance.as_deref().unwrap_or_default();
        match &self {
            Self::Internal(reason) => tracing::error!(instance, reason, "request failed"),
            _ => tracing::debug!(instance, status = problem.status, "request refused"),
        }
        let (status, _, _) = self.class();
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooManyRequests | Self::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotFound { what } => Self::NotFound(what.to_owned()),
            RequestError::Invalid { field, reason } => Self::invalid(as_asked(field), reason),
            RequestError::Conflict { reason } => Self::Conflict(reason),
            RequestError::Forbidden { reason } => Self::Forbidden(reason),
            RequestError::Unavailable { reason } => Self::Unavailable(reason),
            RequestError::Internal { reason } => Self::Internal(reason),
        }
    }
}

/// A field as requests spell it. What is checked deep inside comes back under the name it has in
/// the signed formats.
fn as_asked(field: &'static str) -> &'static str {
    match field {
        "deadline_ms" => "deadline",
        "grace_ms" => "grace_seconds",
        "decide_within_ms" => "decide_within_seconds",
        "open_ms" => "open_seconds",
        "turn_ms" => "turn_seconds",
        "rule.num" => "rule.share",
        "rule.reveal_ms" => "reveal_seconds",
        other => other,
    }
}
