//! How tools reach the API.

use axum::http::{Method, StatusCode};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::error::ApiError;

/// A call of the API on behalf of a client.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path and query, such as `/v1/personas`.
    pub path: String,
    /// The body, of calls that have one.
    pub body: Option<Value>,
    /// The `Idempotency-Key`, of calls that have one.
    pub key: Option<String>,
    /// What the client calls itself, as a value of the header `X-Conclave-Client`.
    pub client: String,
}

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// A status of success.
    pub status: u16,
    /// The body; null where there is none.
    pub body: Value,
}

/// Why there is no such answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The field at fault, where one is.
    pub field: Option<String>,
    /// In words.
    pub detail: String,
}

/// A way to the API, with a token in hand.
pub trait Door: Send + Sync {
    /// Asks.
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Answer, Refusal>>;
}

impl Answer {
    /// Reads an answer of the API: its status, and its body as it came.
    ///
    /// # Errors
    /// The API refused, or it is not this API.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, Refusal> {
        let json = match body {
            [] => Ok(Value::Null),
            body => serde_json::from_slice(body),
        };
        if (200..300).contains(&status) {
            let body = json.map_err(|_| Refusal::new("the node answered something else"))?;
            return Ok(Self { status, body });
        }
        let problem = json.unwrap_or_default();
        let text = |name: &str| problem[name].as_str().map(str::to_owned);
        let detail = text("detail").or_else(|| text("title"));
        let detail = detail.unwrap_or_else(|| format!("the node refused with status {status}"));
        Err(Refusal { field: text("field"), detail })
    }

    /// Whether what was asked is not done, because the owner is asked first.
    pub(super) fn is_asked(&self) -> bool {
        self.status == StatusCode::ACCEPTED
    }
}

impl Refusal {
    /// One that is about no field.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { field: None, detail: detail.into() }
    }

    /// One about a field.
    pub(super) fn about(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), detail: detail.into() }
    }

    /// For whoever asked: the field first.
    pub(super) fn in_words(&self) -> String {
        match &self.field {
            Some(field) if !self.detail.starts_with(&format!("{field}:")) => {
                format!("{field}: {}", self.detail)
            }
            _ => self.detail.clone(),
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Malformed { field, detail } => Self { field, detail },
            ApiError::Invalid { field, reason } => Self { field: Some(field), detail: reason },
            other => Self::new(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_the_words_and_the_field_of_the_problem() {
        let problem = br#"{"detail": "text: at most 64 KiB", "field": "text", "status": 422}"#;
        let refusal = Answer::read(422, problem).unwrap_err();
        assert_eq!(refusal.field.as_deref(), Some("text"));
        assert_eq!(refusal.in_words(), "text: at most 64 KiB");
        assert_eq!(Refusal::about("limit", "1 to 200").in_words(), "limit: 1 to 200");
        for (status, body) in [(502, &b"<html>"[..]), (200, b"<html>"), (500, b"{}"), (404, b"")] {
            assert!(!Answer::read(status, body).unwrap_err().in_words().is_empty());
        }
        assert!(Answer::read(204, b"").unwrap().body.is_null());
    }
}
