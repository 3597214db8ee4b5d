//! The page: files compiled into the binary, so that there is nothing to install or to tamper with.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{auth::checks::is_guarded, error::ApiError};

#[derive(RustEmbed)]
#[folder = "ui/"]
struct Files;

/// Answers every path that is no call of the API: with a file of the page, or with 404.
///
/// The login link is `/#login=<code>`; what follows the `#` stays in the browser, where the page
/// reads it.
pub(crate) async fn page(
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let not_found = || ApiError::NotFound("the path".to_owned());
    let name = match uri.path() {
        path if is_guarded(path) => return Err(not_found()),
        "/" | "/login" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let file = Files::get(name).ok_or_else(not_found)?;
    if method != Method::GET && method != Method::HEAD {
        return Err(ApiError::MethodNotAllowed);
    }
    Ok(respond(name, &file, &headers))
}

/// The file, or 304 when the browser has this very version.
fn respond(name: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&file.metadata.sha256_hash()[..16]));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type(name))], file.data.clone()).into_response()
    };
    let headers = response.headers_mut();
    // The next start may serve another version, so the browser asks each time; the tag makes
    // that cheap.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn content_type(name: &str) -> String {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    let essence = guess.essence_str();
    if guess.type_() == mime_guess::mime::TEXT || essence == "application/json" {
        format!("{essence}; charset=utf-8")
    } else {
        essence.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_those_browsers_insist_on() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("style/base.css", "text/css; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
            ("unknown.zzz", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected);
        }
    }
}
