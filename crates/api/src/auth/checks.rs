//! The first door: where a request comes from.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Uri, header},
    middleware::Next,
    response::Response,
};

use crate::{error::ApiError, mcp, router::App};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests that do not come from our own page or from a program on this machine.
pub(crate) async fn same_place(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let host = our_host(&app.authorities, request.headers(), request.uri())?;
    our_origin(host, request.headers())?;
    our_site(request.headers(), request.uri().path())?;
    Ok(next.run(request).await)
}

/// Exactly one `Host`, and it is one of our names; an absolute request target must agree.
fn our_host<'a>(
    authorities: &'a [String],
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<&'a str, ApiError> {
    let refused = || ApiError::forbidden("this is not a name of this node's API");
    let host = single(headers, &header::HOST).map_err(|_| refused())?.ok_or_else(refused)?;
    let ours = authorities.iter().find(|ours| ours.as_bytes() == host).ok_or_else(refused)?;
    match uri.authority() {
        Some(target) if target.as_str() != ours => Err(refused()),
        _ => Ok(ours),
    }
}

/// No `Origin` (a program, or a plain page load), or exactly the page served under this host.
fn our_origin(host: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = || ApiError::forbidden("requests from other origins are refused");
    match single(headers, &header::ORIGIN).map_err(|_| refused())? {
        None => Ok(()),
        Some(origin) if origin.strip_prefix(b"http://") == Some(host.as_bytes()) => Ok(()),
        Some(_) => Err(refused()),
    }
}

/// What the browser says about the site a request comes from. Another port of this machine is
/// the "same site" to a browser, yet not our page: it may link to the page but not call the API.
fn our_site(headers: &HeaderMap, path: &str) -> Result<(), ApiError> {
    let refused = || ApiError::forbidden("requests from other sites are refused");
    match single(headers, &SEC_FETCH_SITE).map_err(|_| refused())? {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(b"same-site") if !is_guarded(path) && path != LOGIN => Ok(()),
        Some(_) => Err(refused()),
    }
}

/// The one call under `/v1` that needs no credentials, because it hands them out.
pub(crate) const LOGIN: &str = "/v1/login";

/// Whether a path needs credentials. Everything under `/v1` does unless it is the login, so that
/// a new route is closed until somebody opens it; and so does what programs use the persona by.
pub(crate) fn is_guarded(path: &str) -> bool {
    (path.starts_with("/v1") && path != LOGIN) || path.starts_with(mcp::PATH)
}

/// A header that may stand once at most.
struct Repeated;

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first.map(|value| value.as_bytes())),
        _ => Err(Repeated),
    }
}
