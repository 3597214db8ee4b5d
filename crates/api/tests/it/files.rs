//! Files: what is taken, what is handed out, and how it is labelled.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use engine::{Reply, view::FileState};
use serde_json::json;

use crate::{
    harness::{Answer, Harness},
    table::{self, BYTES, CONVERSATION, FILE},
};

const OCTETS: &str = "application/octet-stream";

async fn add(harness: &Harness, query: &str, content_type: &str, body: Vec<u8>) -> Answer {
    let request = harness
        .request(Method::POST, &format!("/v1/files?{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", harness.token))
        .header(header::CONTENT_TYPE, content_type);
    harness.send(request.body(Body::from(body)).unwrap()).await
}

async fn content(
    harness: &Harness,
    range: Option<&str>,
) -> (StatusCode, header::HeaderMap, Vec<u8>) {
    use tower::ServiceExt;
    let mut request = harness
        .request(Method::GET, &format!("/v1/files/{FILE}/content"))
        .header(header::AUTHORIZATION, format!("Bearer {}", harness.token));
    if let Some(range) = range {
        request = request.header(header::RANGE, range);
    }
    let request: Request<Body> = request.body(Body::empty()).unwrap();
    let response = harness.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, bytes.to_vec())
}

#[tokio::test]
async fn a_file_is_taken_above_the_limit_of_other_bodies_and_under_a_clean_name() {
    let harness = Harness::new();
    let query = "name=..%2F..%2Fcat%0A.png&type=Image%2FPNG%3B%20x%3D1";
    let added = add(&harness, query, OCTETS, vec![1; 2 * 1024 * 1024]).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let file = added.json();
    assert_eq!((&file["name"], &file["media_type"]), (&json!("cat.png"), &json!("image/png")));
    assert_eq!((&file["size"], &file["state"]), (&json!(2 * 1024 * 1024), &json!("here")));
    let refused = add(&harness, "name=a", OCTETS, vec![1; 4 * 1024 * 1024]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["field"], "file");
    for (query, status) in [
        ("name=a&type=html", StatusCode::UNPROCESSABLE_ENTITY),
        ("type=text%2Fplain", StatusCode::BAD_REQUEST),
        ("name=a&else=1", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(add(&harness, query, OCTETS, vec![1]).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn what_a_form_of_another_page_can_send_is_no_file() {
    let harness = Harness::new();
    for content_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json",
    ] {
        let answer = add(&harness, "name=a", content_type, vec![1]).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    // Nor does octets open any other door.
    let request = harness
        .request(Method::POST, "/v1/personas")
        .header(header::AUTHORIZATION, format!("Bearer {}", harness.token))
        .header(header::CONTENT_TYPE, OCTETS);
    let answer = harness.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_page_needs_its_secret_to_add_a_file() {
    let harness = Harness::new();
    let page = harness.page().await;
    for (csrf, status) in
        [(Some(page.csrf.as_str()), StatusCode::CREATED), (None, StatusCode::FORBIDDEN)]
    {
        let mut request = harness
            .request(Method::POST, "/v1/files?name=a")
            .header(header::COOKIE, &page.cookie)
            .header(header::CONTENT_TYPE, OCTETS);
        if let Some(csrf) = csrf {
            request = request.header("x-conclave-csrf", csrf);
        }
        let answer = harness.send(request.body(Body::from("a")).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn bytes_are_handed_out_to_be_saved_and_are_what_they_are() {
    let harness = Harness::new();
    let (status, headers, bytes) = content(&harness, None).await;
    assert_eq!((status, &bytes[..]), (StatusCode::OK, BYTES));
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "image/png", "by the bytes; its sender said text/html");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"s__.png\"; filename*=UTF-8''s%C3%BC%C3%9F.png"
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("accept-ranges"), "bytes");
    let (status, headers, bytes) = content(&harness, Some("bytes=1-3")).await;
    assert_eq!((status, &bytes[..]), (StatusCode::PARTIAL_CONTENT, &b"PNG"[..]));
    let all = BYTES.len();
    assert_eq!(headers["content-range"], format!("bytes 1-3/{all}"));
    let (status, headers, _) = content(&harness, Some("bytes=999-")).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers["content-range"], format!("bytes */{all}"));
}

#[tokio::test]
async fn a_file_that_is_not_here_is_not_handed_out() {
    let harness = Harness::answering(|request| match request {
        engine::Request::GetFile(_) => {
            let view = engine::view::FileView { state: FileState::Fetching, ..table::file_view() };
            Ok(Reply::File { view: view.into(), content: table::file().into() })
        }
        other => table::answer(other),
    });
    assert_eq!(content(&harness, None).await.0, StatusCode::CONFLICT);
    let file = harness.get(&format!("/v1/files/{FILE}")).await.json();
    assert_eq!(file["state"], "fetching");
    assert!(!file.to_string().contains("key"), "a key is nobody's business: {file}");
}

#[tokio::test]
async fn sharing_hands_the_engine_the_chunks_of_a_small_file() {
    let harness = Harness::new();
    let path = format!("/v1/conversations/{CONVERSATION}/files");
    let body = json!({ "file": FILE.to_string(), "caption": "look" });
    let shared = harness.post(&path, body).await;
    assert_eq!(shared.status, StatusCode::ACCEPTED, "{}", shared.text);
    let asked = harness.last_asked();
    assert!(asked.contains("SendFile") && asked.contains("parts: [[1]]"), "{asked}");
    let unknown = harness.post(&path, json!({ "file": "07".repeat(32) })).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
