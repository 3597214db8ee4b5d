//! Tokens for programs: what each may do, who it is in the audit log, and when it ends.

use std::{fs, path::Path};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Harness},
    table::{CONVERSATION, MESSAGE, maya},
};

/// Makes a token with these scopes and returns its id and itself.
async fn make(harness: &Harness, name: &str, scopes: &[&str]) -> (String, String) {
    let body = json!({"name": name, "scopes": scopes});
    let made = harness.call(Method::POST, "/v1/tokens", Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let text = |field: &str| made.json()[field].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

async fn ask(
    harness: &Harness,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let method: Method = method.to_uppercase().parse().unwrap();
    let request = harness
        .request(method, path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    harness.send(request.body(body).unwrap()).await
}

/// The calls under `/v1` and the scope that is just enough for each. What is not here yet may be
/// called by `read` if it only shows something, by `admin` alone if not.
const NEEDS: [(&str, &str, &str); 58] = [
    ("get", "/v1/approvals", "read"),
    ("post", "/v1/approvals/{id}", "admin"),
    ("get", "/v1/audit", "admin"),
    ("get", "/v1/contacts", "read"),
    ("post", "/v1/contacts", "admin"),
    ("get", "/v1/conversations", "read"),
    ("post", "/v1/conversations", "send"),
    ("get", "/v1/conversations/{id}", "read"),
    ("post", "/v1/conversations/{id}/members", "admin"),
    ("delete", "/v1/conversations/{id}/members/{persona}", "admin"),
    ("post", "/v1/conversations/{id}/rejoin", "admin"),
    ("get", "/v1/conversations/{id}/messages", "read"),
    ("post", "/v1/conversations/{id}/messages", "send"),
    ("post", "/v1/conversations/{id}/proposals", "vote"),
    ("post", "/v1/conversations/{id}/files", "send"),
    ("post", "/v1/files", "send"),
    ("get", "/v1/files/{id}", "read"),
    ("delete", "/v1/files/{id}", "send"),
    ("get", "/v1/files/{id}/content", "read"),
    ("post", "/v1/files/{id}/fetch", "send"),
    ("post", "/v1/conversations/{id}/inquiries", "send"),
    ("get", "/v1/inquiries", "read"),
    ("get", "/v1/inquiries/{id}", "read"),
    ("post", "/v1/inquiries/{id}/answers", "send"),
    ("get", "/v1/discover", "read"),
    ("get", "/v1/events", "read"),
    ("get", "/v1/events/stream", "read"),
    ("post", "/v1/invites", "admin"),
    ("post", "/v1/login-codes", "admin"),
    ("post", "/v1/logout", ""),
    ("get", "/v1/messages/{id}", "read"),
    ("patch", "/v1/messages/{id}", "send"),
    ("delete", "/v1/messages/{id}", "send"),
    ("get", "/v1/messages/{id}/edits", "read"),
    ("post", "/v1/messages/{id}/reactions", "send"),
    ("post", "/v1/messages/{id}/cancel", "send"),
    ("get", "/v1/network", "read"),
    ("get", "/v1/personas", "read"),
    ("post", "/v1/personas", "admin"),
    ("patch", "/v1/personas/{id}", "admin"),
    ("get", "/v1/personas/{id}/mandates", "read"),
    ("post", "/v1/personas/{id}/mandates", "admin"),
    ("delete", "/v1/personas/{id}/mandates/{number}", "admin"),
    ("post", "/v1/personas/{id}/tasks", "vote"),
    ("get", "/v1/proposals", "read"),
    ("get", "/v1/proposals/{pid}", "read"),
    ("post", "/v1/proposals/{pid}/ballots", "vote"),
    ("get", "/v1/proposals/{pid}/certificate", "read"),
    ("get", "/v1/queue", "read"),
    ("post", "/v1/queue/{persona}/retry", "send"),
    ("get", "/v1/search", "read"),
    ("get", "/v1/session", ""),
    ("get", "/v1/tasks", "read"),
    ("get", "/v1/tasks/{id}", "read"),
    ("get", "/v1/tokens", "admin"),
    ("post", "/v1/tokens", "admin"),
    ("delete", "/v1/tokens/{id}", "admin"),
    ("post", "/v1/login", ""),
];

#[tokio::test]
async fn every_call_lets_exactly_those_through_who_have_its_scope() {
    let description = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json")).unwrap();
    let description: Value = serde_json::from_slice(&description).unwrap();
    let harness = Harness::new();
    // Else the stream of events would never end.
    harness.log.close();
    let mut tokens = Vec::new();
    for scope in ["read", "send", "vote", "admin"] {
        tokens.push((scope, make(&harness, scope, &[scope]).await.1));
    }
    for (path, calls) in description["paths"].as_object().unwrap() {
        for method in calls.as_object().unwrap().keys().filter(|_| path.starts_with("/v1")) {
            let row = NEEDS.iter().find(|(m, p, _)| m == method && p == path);
            // A call nobody has thought about is for the owner alone, or only shows something.
            let guess = if method == "get" { "read" } else { "admin" };
            let needed = row.map_or(guess, |(_, _, scope)| scope);
            if path == "/v1/login" {
                continue;
            }
            for (scope, token) in &tokens {
                let bare = path.replace(['{', '}'], "");
                let body = (method != "get").then(|| json!({}));
                let answer = ask(&harness, token, method, &bare, body).await;
                let refused = answer.status == StatusCode::FORBIDDEN
                    && answer.json()["type"] == "urn:conclave:problem:scope";
                let may = needed.is_empty() || *scope == needed || *scope == "admin";
                assert_eq!(refused, !may, "{method} {path} with {scope}: {}", answer.text);
                if refused {
                    let named = format!("the scope {needed}");
                    assert!(answer.text.contains(&named), "{}", answer.text);
                }
            }
        }
    }
    for (method, path, _) in NEEDS {
        assert!(description["paths"][path][method].is_object(), "{method} {path} is gone");
    }
}

#[tokio::test]
async fn a_token_acts_in_its_name_until_it_is_revoked() {
    let harness = Harness::new();
    let (id, token) = make(&harness, "bot", &["send", "read"]).await;
    let who = ask(&harness, &token, "get", "/v1/session", None).await.json();
    assert_eq!((&who["name"], &who["scopes"]), (&json!("token \"bot\""), &json!(["read", "send"])));
    let messages = format!("/v1/conversations/{CONVERSATION}/messages");
    let said = ask(&harness, &token, "post", &messages, Some(json!({"text": "hi"}))).await;
    assert_eq!(said.status, StatusCode::ACCEPTED, "{}", said.text);
    assert_eq!(harness.by().as_deref(), Some("token \"bot\""));
    harness.call(Method::POST, &messages, Some(json!({"text": "hi"}))).await;
    assert_eq!(harness.by().as_deref(), Some("the owner's token"));

    let listed = harness.get("/v1/tokens").await;
    assert!(!listed.text.contains(&token), "the token itself is told once");
    assert_eq!(listed.json()["tokens"][0]["name"], "bot");
    let revoked = harness.call(Method::DELETE, &format!("/v1/tokens/{id}"), None).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert!(format!("{:?}", harness.asked().last().unwrap()).contains("token.revoked"));
    let after = ask(&harness, &token, "get", "/v1/session", None).await;
    let unknown = ask(&harness, "wrong", "get", "/v1/session", None).await;
    assert_eq!((after.status, after.text), (StatusCode::UNAUTHORIZED, unknown.text));
    let again = harness.call(Method::DELETE, &format!("/v1/tokens/{id}"), None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_token_may_be_is_checked_field_by_field() {
    let harness = Harness::new();
    make(&harness, "taken", &["read"]).await;
    let cases = [
        (json!({"name": "", "scopes": ["read"]}), StatusCode::UNPROCESSABLE_ENTITY, "name"),
        (json!({"name": "a", "scopes": []}), StatusCode::UNPROCESSABLE_ENTITY, "scopes"),
        (json!({"name": "a", "scopes": ["root"]}), StatusCode::BAD_REQUEST, "scopes[0]"),
        (json!({"name": "a"}), StatusCode::BAD_REQUEST, "scopes"),
        (
            json!({"name": "a", "scopes": ["read"], "expires_at": 5}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "expires_at",
        ),
    ];
    for (body, status, field) in cases {
        let refused = harness.call(Method::POST, "/v1/tokens", Some(body.clone())).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text);
        assert_eq!(refused.json()["field"], field, "{body}");
    }
    let body = json!({"name": "taken", "scopes": ["read"]});
    let twice = harness.call(Method::POST, "/v1/tokens", Some(body)).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_admin_token_makes_no_sessions_and_a_sender_reads_nothing() {
    let harness = Harness::new();
    let (_, admin) = make(&harness, "admin", &["admin"]).await;
    let code = ask(&harness, &admin, "post", "/v1/login-codes", Some(json!({}))).await;
    assert_eq!(code.status, StatusCode::FORBIDDEN, "a session would outlive the token");
    let (_, sender) = make(&harness, "sender", &["send"]).await;
    for path in ["/v1/personas", "/v1/events", &format!("/v1/messages/{MESSAGE}")] {
        let answer = ask(&harness, &sender, "get", path, None).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!answer.text.contains(&maya().to_string()));
    }
}
