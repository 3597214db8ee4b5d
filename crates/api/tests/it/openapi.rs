//! The description agrees with what is served, and with the copy in the repository.

use std::{collections::BTreeSet, env, fs, path::Path};

use axum::{
    body::Body,
    http::{Method, StatusCode},
};

use crate::harness::Harness;

/// Every call there is.
const CALLS: [(&str, &str); 62] = [
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/openapi.json"),
    ("get", "/v1/approvals"),
    ("post", "/v1/approvals/{id}"),
    ("get", "/v1/audit"),
    ("get", "/v1/contacts"),
    ("post", "/v1/contacts"),
    ("get", "/v1/conversations"),
    ("post", "/v1/conversations"),
    ("get", "/v1/conversations/{id}"),
    ("post", "/v1/conversations/{id}/members"),
    ("delete", "/v1/conversations/{id}/members/{persona}"),
    ("post", "/v1/conversations/{id}/rejoin"),
    ("get", "/v1/conversations/{id}/messages"),
    ("post", "/v1/conversations/{id}/messages"),
    ("post", "/v1/conversations/{id}/proposals"),
    ("post", "/v1/conversations/{id}/files"),
    ("post", "/v1/files"),
    ("get", "/v1/files/{id}"),
    ("delete", "/v1/files/{id}"),
    ("get", "/v1/files/{id}/content"),
    ("post", "/v1/files/{id}/fetch"),
    ("post", "/v1/conversations/{id}/inquiries"),
    ("get", "/v1/inquiries"),
    ("get", "/v1/inquiries/{id}"),
    ("post", "/v1/inquiries/{id}/answers"),
    ("get", "/v1/discover"),
    ("get", "/v1/events"),
    ("get", "/v1/events/stream"),
    ("post", "/v1/invites"),
    ("post", "/v1/login"),
    ("post", "/v1/login-codes"),
    ("post", "/v1/logout"),
    ("get", "/v1/messages/{id}"),
    ("patch", "/v1/messages/{id}"),
    ("delete", "/v1/messages/{id}"),
    ("get", "/v1/messages/{id}/edits"),
    ("post", "/v1/messages/{id}/reactions"),
    ("get", "/v1/network"),
    ("get", "/v1/personas"),
    ("post", "/v1/personas"),
    ("patch", "/v1/personas/{id}"),
    ("get", "/v1/personas/{id}/mandates"),
    ("post", "/v1/personas/{id}/mandates"),
    ("delete", "/v1/personas/{id}/mandates/{number}"),
    ("post", "/v1/personas/{id}/tasks"),
    ("get", "/v1/proposals"),
    ("get", "/v1/proposals/{pid}"),
    ("post", "/v1/proposals/{pid}/ballots"),
    ("get", "/v1/proposals/{pid}/certificate"),
    ("get", "/v1/queue"),
    ("post", "/v1/queue/{persona}/retry"),
    ("post", "/v1/messages/{id}/cancel"),
    ("get", "/v1/search"),
    ("get", "/v1/session"),
    ("get", "/v1/tokens"),
    ("post", "/v1/tokens"),
    ("delete", "/v1/tokens/{id}"),
    ("get", "/v1/tasks"),
    ("get", "/v1/tasks/{id}"),
    ("get", "/"),
];

#[tokio::test]
async fn the_description_lists_every_call_and_nothing_else() {
    let harness = Harness::new();
    let request = harness.request(Method::GET, "/openapi.json").body(Body::empty()).unwrap();
    let answer = harness.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "it needs no token");
    let description = answer.json();
    let paths = description["paths"].as_object().unwrap();
    let described: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(|method| (method.as_str(), path.as_str()))
        })
        .collect();
    // The page itself is no call.
    let expected = CALLS.into_iter().filter(|(_, path)| *path != "/").collect();
    assert_eq!(described, expected);
}

#[tokio::test]
async fn every_described_call_is_served() {
    let harness = Harness::new();
    // Else the stream of events would never end.
    harness.log.close();
    for (method, path) in CALLS {
        let method: Method = method.to_uppercase().parse().unwrap();
        // No id at all and no body: each call refuses in its own way, but none is a wrong method.
        let path = path.replace(['{', '}'], "");
        let body = (method == Method::POST).then(|| serde_json::json!({}));
        let answer = harness.call(method.clone(), &path, body).await;
        assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert!(!answer.text.contains("the path not found"), "{method} {path}");
    }
}

#[tokio::test]
async fn every_call_says_what_it_is_for() {
    let harness = Harness::new();
    let description = harness.get("/openapi.json").await.json();
    let mut names = BTreeSet::new();
    for (method, path) in CALLS.into_iter().filter(|(_, path)| *path != "/") {
        let operation = &description["paths"][path][method];
        assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{method} {path}");
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name), "{method} {path} has the name of another call");
        let open = operation["security"] == serde_json::json!([{}]);
        let expected = !path.starts_with("/v1") || path == "/v1/login";
        assert_eq!(open, expected, "{method} {path}: {}", operation["security"]);
    }
}

/// Run with `UPDATE_OPENAPI=1` to write the copy anew after a change of the API.
#[tokio::test]
async fn the_copy_in_the_repository_is_the_description() {
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let served = Harness::new().get("/openapi.json").await.text;
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&copy, format!("{served}\n")).unwrap();
    }
    let committed = fs::read_to_string(&copy).unwrap_or_default();
    assert!(committed.trim_end() == served, "it differs; run again with UPDATE_OPENAPI=1");
}
