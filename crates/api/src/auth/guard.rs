//! The second door: who asks.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::Response,
};

use super::{
    Caller, Fingerprint,
    checks::{LOGIN, is_guarded},
    scope,
};
use crate::{error::ApiError, mcp, node, router::App};

/// The header that carries a session's CSRF secret.
pub(crate) const CSRF: HeaderName = HeaderName::from_static("x-conclave-csrf");

/// The header in which a program that speaks for another names it, for the audit log.
pub(crate) const CLIENT: HeaderName = HeaderName::from_static("x-conclave-client");
const CLIENT_BYTES_MAX: usize = 64;

/// Lets a request under `/v1` through when its sender may ask; the handler finds the [`Caller`]
/// among the request's extensions.
pub(crate) async fn known_caller(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let path = request.uri().path();
    if path == LOGIN {
        if !app.credentials.admit_login() {
            return Err(ApiError::TooManyRequests);
        }
        writes_json(&request)?;
    } else if is_guarded(path) {
        let caller = caller(&app, request.headers()).ok_or(ApiError::Unauthorized)?;
        if !app.credentials.admit(caller) {
            return Err(ApiError::TooManyRequests);
        }
        if is_write(request.method()) {
            knows_csrf(&app, caller, request.headers())?;
        }
        let standing = app.credentials.standing(caller).ok_or(ApiError::Unauthorized)?;
        // What no route matches has no scope; it is not found by anybody.
        if let Some(route) = request.extensions().get::<MatchedPath>() {
            let needed = scope::needed(request.method(), route.as_str());
            if let Some(needed) = needed.filter(|needed| !scope::allows(&standing.scopes, *needed))
            {
                return Err(ApiError::Scope { needed, who: standing.name });
            }
        }
        writes_json(&request)?;
        if path.starts_with(mcp::PATH) && matches!(caller, Caller::Session(_)) {
            return Err(ApiError::forbidden("programs come with a token of their own"));
        }
        let who = match client(request.headers())? {
            Some(client) => format!("{} ({client})", standing.name),
            None => standing.name,
        };
        request.extensions_mut().insert(caller);
        return Ok(node::asked_by(who, next.run(request)).await);
    }
    Ok(next.run(request).await)
}

/// Who shows these headers. An `Authorization` that does not hold is never made good by a cookie.
fn caller(app: &App, headers: &HeaderMap) -> Option<Caller> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(value) = authorizations.next() {
        let token = value.to_str().ok()?.strip_prefix("Bearer ")?;
        return app.credentials.holder(token).filter(|_| authorizations.next().is_none());
    }
    let id = Fingerprint::of(cookie(headers, &cookie_name(headers))?);
    app.credentials.session(&id).map(|_| Caller::Session(id))
}

/// For whom the program says it speaks. It stands behind the token's name and can neither look like
/// one nor grow.
fn client(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(CLIENT).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '/');
    let text = value.to_str().ok().filter(|text| text.chars().all(plain));
    match text {
        Some(text) if (1..=CLIENT_BYTES_MAX).contains(&text.len()) && values.next().is_none() => {
            Ok(Some(text))
        }
        _ => Err(ApiError::malformed(
            "X-Conclave-Client",
            format!("one value of 1 to {CLIENT_BYTES_MAX} letters, digits, spaces or . _ - /"),
        )),
    }
}

/// Another page can make the browser send our cookie, but cannot know the session's secret.
fn knows_csrf(app: &App, caller: Caller, headers: &HeaderMap) -> Result<(), ApiError> {
    let presented = headers.get(CSRF).and_then(|value| value.to_str().ok());
    if csrf_holds(app, caller, presented) {
        return Ok(());
    }
    Err(ApiError::forbidden("the X-Conclave-Csrf header is missing or wrong"))
}

/// Whether the presented secret is the session's. Token holders need none: no browser adds an
/// `Authorization` header on its own.
pub(crate) fn csrf_holds(app: &App, caller: Caller, presented: Option<&str>) -> bool {
    let Caller::Session(id) = caller else { return true };
    match (app.credentials.session(&id), presented) {
        (Some(session), Some(presented)) => {
            Fingerprint::of(&session.csrf).same(&Fingerprint::of(presented))
        }
        _ => false,
    }
}

/// Where a body is a file.
const FILES: &str = "/v1/files";

/// A form of another page can post plain text or fields, but neither JSON nor octets, without
/// asking first.
fn writes_json(request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    if request.method() == Method::POST && request.uri().path() == FILES {
        return match is_type(headers, "application/octet-stream") {
            true => Ok(()),
            false => Err(ApiError::UnsupportedMediaType),
        };
    }
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    let needs_json = match *request.method() {
        Method::GET | Method::HEAD | Method::OPTIONS => false,
        Method::DELETE => has_body,
        _ => true,
    };
    if !needs_json || is_json(headers) {
        return Ok(());
    }
    Err(ApiError::UnsupportedMediaType)
}

fn is_json(headers: &HeaderMap) -> bool {
    is_type(headers, "application/json")
}

fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(wanted))
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The cookie of this node's sessions. Cookies are shared by all ports of an address, so nodes
/// side by side need different names; the port of the checked `Host` makes them so.
pub(crate) fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match host.rsplit_once(':') {
        Some((_, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            format!("conclave-session-{port}")
        }
        _ => "conclave-session".to_owned(),
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.clone(), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn nodes_on_different_ports_have_different_cookies() {
        let name = |host| cookie_name(&headers(&[(header::HOST, host)]));
        assert_eq!(name("127.0.0.1:7777"), "conclave-session-7777");
        assert_eq!(name("[::1]:7778"), "conclave-session-7778");
        assert_eq!(name("localhost"), "conclave-session");
    }

    #[test]
    fn a_cookie_is_found_among_others_and_by_its_whole_name() {
        let map = headers(&[(header::COOKIE, "xa=0; a=1;b=2")]);
        assert_eq!(cookie(&map, "a"), Some("1"));
        assert_eq!(cookie(&map, "b"), Some("2"));
        assert_eq!(cookie(&map, "c"), None);
    }

    #[test]
    fn json_may_carry_a_charset_and_nothing_else_passes_for_it() {
        for (value, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/jsonp", false),
            ("text/plain; application/json", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            assert_eq!(is_json(&headers(&[(header::CONTENT_TYPE, value)])), json, "{value}");
        }
    }
}
