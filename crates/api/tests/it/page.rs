//! The page's files.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};

use crate::harness::{Answer, Harness};

async fn fetch(harness: &Harness, method: Method, path: &str, tag: Option<&str>) -> Answer {
    let mut request = harness.request(method, path);
    if let Some(tag) = tag {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    harness.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_page_is_served_at_the_root_and_at_the_login_link() {
    let harness = Harness::new();
    for path in ["/", "/login", "/index.html"] {
        let answer = fetch(&harness, Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(answer.text.to_lowercase().starts_with("<!doctype html>"), "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_has_the_file_is_told_so() {
    let harness = Harness::new();
    let first = fetch(&harness, Method::GET, "/", None).await;
    let tag = first.header("etag").unwrap();
    let again = fetch(&harness, Method::GET, "/", Some(tag)).await;
    assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(again.header("etag"), Some(tag));
    let other = fetch(&harness, Method::GET, "/", Some("\"0123\"")).await;
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(other.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn there_is_nothing_beside_the_files() {
    let harness = Harness::new();
    for path in ["/nothing.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/style", "/style/", "//"] {
        let answer = fetch(&harness, Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = fetch(&harness, Method::POST, "/index.html", None).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}
