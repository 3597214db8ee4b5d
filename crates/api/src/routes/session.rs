//! Logging in, logging out, and who one is.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Caller, guard::cookie_name},
    error::ApiError,
    extract::Body,
    router::App,
    types::{
        Refusals,
        session::{Login, LoginCode, Session},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(session))
        .routes(routes!(login_code))
}

/// Trades the code of a login link for a session. A code works once, within ten minutes.
#[utoipa::path(post, path = "/v1/login", tag = "session", request_body = Login,
    security(()),
    responses((status = 200, description = "The session; its id is in the cookie", body = Session,
        headers(("set-cookie" = String, description = "HttpOnly, SameSite=Strict"))), Refusals))]
async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    Body(Login { code }): Body<Login>,
) -> Result<impl IntoResponse, ApiError> {
    let (opened, view) = app.credentials.open_session(&code).ok_or(ApiError::Unauthorized)?;
    let age = view.expires_in.as_secs();
    let cookie = set_cookie(&headers, &opened.id, age);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(Session::from(view))))
}

/// Ends the session. For holders of the token there is nothing to end.
#[utoipa::path(post, path = "/v1/logout", tag = "session",
    responses((status = 204, description = "Ended"), Refusals))]
async fn logout(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> impl IntoResponse {
    if let Caller::Session(id) = caller {
        app.credentials.close_session(&id);
    }
    (StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, set_cookie(&headers, "", 0))]))
}

/// Who the caller is. A page gets its CSRF secret back here after a reload.
#[utoipa::path(get, path = "/v1/session",
    operation_id = "get_session", tag = "session",
    responses((status = 200, description = "The caller", body = Session), Refusals))]
async fn session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Session>, ApiError> {
    match caller {
        Caller::Token | Caller::Granted(_) => {
            let standing = app.credentials.standing(caller).ok_or(ApiError::Unauthorized)?;
            Ok(Json(Session::token(standing)))
        }
        Caller::Session(id) => {
            let view = app.credentials.session(&id).ok_or(ApiError::Unauthorized)?;
            Ok(Json(view.into()))
        }
    }
}

/// Makes a fresh one-time login code, for holders of the token.
#[utoipa::path(post, path = "/v1/login-codes", tag = "session",
    responses((status = 201, description = "The code", body = LoginCode), Refusals))]
async fn login_code(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<impl IntoResponse, ApiError> {
    match caller {
        Caller::Token => {
            Ok((StatusCode::CREATED, Json(LoginCode { code: app.credentials.login_code() })))
        }
        Caller::Session(_) | Caller::Granted(_) => Err(ApiError::Forbidden(
            "only a holder of the owner's token makes login codes; run `conclave login`".to_owned(),
        )),
    }
}

fn set_cookie(headers: &HeaderMap, value: &str, age_seconds: u64) -> String {
    let name = cookie_name(headers);
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_seconds}")
}
