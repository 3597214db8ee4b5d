//! Codes, sessions, cookies and their CSRF secrets.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};

use crate::harness::{Harness, Page};

async fn session_of(harness: &Harness, page: &Page) -> StatusCode {
    let request = harness.request(Method::GET, "/v1/session").header(header::COOKIE, &page.cookie);
    harness.send(request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn a_code_works_once() {
    let harness = Harness::new();
    let code = harness.credentials.login_code();
    assert_eq!(harness.login(&code).await.status, StatusCode::OK);
    assert_eq!(harness.login(&code).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_code_works_for_ten_minutes() {
    let harness = Harness::new();
    let (early, late) = (harness.credentials.login_code(), harness.credentials.login_code());
    harness.pass_time(Duration::from_secs(599));
    assert_eq!(harness.login(&early).await.status, StatusCode::OK);
    harness.pass_time(Duration::from_secs(1));
    assert_eq!(harness.login(&late).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let harness = Harness::new();
    let answer = harness.login(&harness.credentials.login_code()).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("conclave-session-7777="), "{cookie}");
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let id = cookie.split(['=', ';']).nth(1).unwrap();
    assert_eq!(id.len(), 64);
    assert!(!answer.text.contains(id), "the page must not see the id");
}

#[tokio::test]
async fn a_page_gets_its_csrf_secret_again_after_a_reload() {
    let harness = Harness::new();
    let page = harness.page().await;
    let request = harness.request(Method::GET, "/v1/session").header(header::COOKIE, &page.cookie);
    let answer = harness.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["csrf"], page.csrf.as_str());
    assert_eq!(answer.json()["kind"], "session");
    let program = harness.get("/v1/session").await.json();
    assert_eq!(program["kind"], "token");
    assert!(program["csrf"].is_null());
}

#[tokio::test]
async fn logging_out_ends_the_session_and_clears_the_cookie() {
    let harness = Harness::new();
    let (page, other) = (harness.page().await, harness.page().await);
    let request = harness
        .request(Method::POST, "/v1/logout")
        .header(header::COOKIE, &page.cookie)
        .header("x-conclave-csrf", &page.csrf)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = harness.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(session_of(&harness, &page).await, StatusCode::UNAUTHORIZED);
    assert_eq!(session_of(&harness, &other).await, StatusCode::OK);
}

#[tokio::test]
async fn a_session_of_one_port_is_none_on_another() {
    let harness = Harness::new();
    let page = harness.page().await;
    let renamed = page.cookie.replace("7777", "7778");
    let page = Page { cookie: renamed, ..page };
    assert_eq!(session_of(&harness, &page).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_program_makes_codes_and_a_page_does_not() {
    let harness = Harness::new();
    let answer = harness.post("/v1/login-codes", serde_json::json!({})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let code = answer.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(harness.login(&code).await.status, StatusCode::OK);
    let page = harness.page().await;
    let request = harness
        .request(Method::POST, "/v1/login-codes")
        .header(header::COOKIE, &page.cookie)
        .header("x-conclave-csrf", &page.csrf)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = harness.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let harness = Harness::new();
    let mut slowed = 0;
    for _ in 0..40 {
        let status = harness.login("guess").await.status;
        slowed += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(slowed, 20);
}
