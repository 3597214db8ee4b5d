//! What handlers take out of a request, with refusals that name the field.

use std::{error::Error, fmt::Display, str::FromStr};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::BytesRejection},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        parse(&bytes).map(Self)
    }
}

fn unreadable(rejection: BytesRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Malformed { field: None, detail: "the body broke off".to_owned() },
    }
}

/// Reads a JSON object; an error says where it stands.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Serde would also take a list of the fields in order, which nobody means to send.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::Malformed { field: None, detail: "not a JSON object".to_owned() });
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let detail = error.inner().to_string();
        let field = if error.inner().is_data() {
            field_of(&error.path().to_string(), &detail)
        } else {
            None
        };
        ApiError::Malformed { field, detail }
    })?;
    json.end().map_err(|error| ApiError::Malformed { field: None, detail: error.to_string() })?;
    Ok(value)
}

/// The field an error of serde is about: its path, and for a missing or unknown field also the
/// name that only the message has.
fn field_of(path: &str, message: &str) -> Option<String> {
    let named = ["missing field `", "unknown field `"].iter().find_map(|start| {
        let rest = message.strip_prefix(start)?;
        rest.split_once('`').map(|(name, _)| name)
    });
    match (path, named) {
        ("." | "?", None) => None,
        ("." | "?", Some(name)) => Some(name.to_owned()),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            Some(format!("{path}.{name}"))
        }
        (path, _) => Some(path.to_owned()),
    }
}

/// The query of the URL.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                // The innermost error is serde's, spelled "path: message" or just "message".
                let text = rejection.source().map_or_else(String::new, ToString::to_string);
                let (path, message) = text.split_once(": ").unwrap_or((".", &text));
                let field = field_of(path, message);
                Err(ApiError::Malformed { field, detail: message.to_owned() })
            }
        }
    }
}

/// The one id in the path. What cannot be an id names nothing, so it is simply not found.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = path::<String, S>(parts, state).await?;
        path_id(&text).map(Self)
    }
}

/// The two ids in the path.
pub(crate) struct PathIds<A, B>(pub(crate) A, pub(crate) B);

impl<A: FromStr, B: FromStr, S: Send + Sync> FromRequestParts<S> for PathIds<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path((a, b)) = path::<(String, String), S>(parts, state).await?;
        Ok(Self(path_id(&a)?, path_id(&b)?))
    }
}

async fn path<T: DeserializeOwned + Send, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<Path<T>, ApiError> {
    let not_found = |_| ApiError::NotFound("the path".to_owned());
    Path::from_request_parts(parts, state).await.map_err(not_found)
}

fn path_id<T: FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound("what the path names was".to_owned()))
}

/// Parses an id of the query, which unlike one in the path is a malformed request when wrong.
pub(crate) fn query_id<T: FromStr<Err: Display>>(
    field: &str,
    text: Option<&str>,
) -> Result<Option<T>, ApiError> {
    text.map(|text| text.parse().map_err(|e: T::Err| ApiError::malformed(field, e.to_string())))
        .transpose()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the refusals are looked at")]
    struct Outer {
        number: u16,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the refusals are looked at")]
    struct Inner {
        flag: bool,
    }

    #[test]
    fn the_field_at_fault_is_named() {
        for (json, field) in [
            (r#"{"number": "x"}"#, Some("number")),
            (r#"{"number": 70000}"#, Some("number")),
            (r#"{}"#, Some("number")),
            (r#"{"number": 1, "else": 2}"#, Some("else")),
            (r#"{"number": 1, "inner": [{"flag": true}, {"flag": 1}]}"#, Some("inner[1].flag")),
            (r#"{"number": 1, "inner": [{}]}"#, Some("inner[0].flag")),
            (r#"{"number": 1, "inner": [{"flag": true, "x": 1}]}"#, Some("inner[0].x")),
            (r#"{"number": 1"#, None),
            (r#"{"number": 1} {}"#, None),
            (r#"[1, []]"#, None),
            ("", None),
        ] {
            match parse::<Outer>(json.as_bytes()) {
                Err(ApiError::Malformed { field: found, .. }) => {
                    assert_eq!(found.as_deref(), field, "{json}");
                }
                other => panic!("{json}: {other:?}"),
            }
        }
    }
}
