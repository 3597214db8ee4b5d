//! Who gets to the tools, from where, and with what.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};

use crate::{
    harness::Harness,
    mcp::{rpc, token, tool, words},
    table::CONVERSATION,
};

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "list_conversations", "arguments": {}}})
}

/// Headers, and what they come to.
type Case<'a> = (&'a str, Vec<(&'a str, String)>, StatusCode);

#[tokio::test]
async fn only_a_program_of_this_machine_with_a_token_gets_in() {
    let harness = Harness::new();
    let reader = token(&harness, "desk", &["read"]).await;
    let page = harness.page().await;
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let one = |name, value: &str| (name, value.to_owned());
    let cases: Vec<Case> = vec![
        ("a token", vec![bearer(&reader)], StatusCode::OK),
        ("the owner's", vec![bearer(&harness.token)], StatusCode::OK),
        ("nothing", vec![], StatusCode::UNAUTHORIZED),
        ("another token", vec![bearer(&"0".repeat(64))], StatusCode::UNAUTHORIZED),
        ("two tokens", vec![bearer(&reader), bearer(&reader)], StatusCode::UNAUTHORIZED),
        (
            "a page",
            vec![("cookie", page.cookie.clone()), ("x-conclave-csrf", page.csrf.clone())],
            StatusCode::FORBIDDEN,
        ),
        ("a page without its secret", vec![("cookie", page.cookie)], StatusCode::FORBIDDEN),
        (
            "another origin",
            vec![bearer(&reader), one("origin", "http://evil.example")],
            StatusCode::FORBIDDEN,
        ),
        ("a sandboxed page", vec![bearer(&reader), one("origin", "null")], StatusCode::FORBIDDEN),
        (
            "another site",
            vec![bearer(&reader), one("sec-fetch-site", "cross-site")],
            StatusCode::FORBIDDEN,
        ),
        (
            "another port",
            vec![bearer(&reader), one("sec-fetch-site", "same-site")],
            StatusCode::FORBIDDEN,
        ),
        ("another name", vec![bearer(&reader), one("host", "evil.example")], StatusCode::FORBIDDEN),
        (
            "a form",
            vec![bearer(&reader), one("content-type", "text/plain")],
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "an unspeakable client",
            vec![bearer(&reader), one("x-conclave-client", "a\" (the owner)")],
            StatusCode::BAD_REQUEST,
        ),
        (
            "an unknown revision",
            vec![bearer(&reader), one("mcp-protocol-version", "1999-01-01")],
            StatusCode::BAD_REQUEST,
        ),
        (
            "one that takes no JSON",
            vec![bearer(&reader), one("accept", "text/html")],
            StatusCode::NOT_ACCEPTABLE,
        ),
    ];
    for (who, headers, status) in cases {
        let before = harness.asked_count();
        let mut request = axum::http::Request::builder().method(Method::POST).uri("/mcp");
        for (name, usual) in [
            ("host", harness.host.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ] {
            if !headers.iter().any(|(given, _)| *given == name) {
                request = request.header(name, usual);
            }
        }
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let answer = harness.send(request.body(list().to_string().into()).unwrap()).await;
        assert_eq!(answer.status, status, "{who}: {}", answer.text);
        assert_eq!(harness.asked_count() > before, status == StatusCode::OK, "{who}");
        assert!(answer.header("access-control-allow-origin").is_none());
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{who}");
    }
}

#[tokio::test]
async fn what_is_no_message_of_the_protocol_is_refused_and_asked_of_nobody() {
    let harness = Harness::new();
    let reader = token(&harness, "desk", &["read"]).await;
    let before = harness.asked_count();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"vote","arguments":{deep}}}}}"#
    );
    for (what, body) in [
        ("nothing", String::new()),
        ("no JSON", "{".into()),
        ("no object", "[]".into()),
        ("a list", json!([list(), list()]).to_string()),
        ("not the version", list().to_string().replace("2.0", "1.0")),
        ("no method", json!({"jsonrpc": "2.0", "id": 1}).to_string()),
        ("deep", nested),
        ("no text", "\u{0}\u{1}".into()),
    ] {
        let request = harness
            .request(Method::POST, "/mcp")
            .header(header::AUTHORIZATION, format!("Bearer {reader}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream");
        let answer = harness.send(request.body(Body::from(body)).unwrap()).await;
        assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.text);
    }
    let huge = json!({"conversation": CONVERSATION.to_string(), "text": "x".repeat(1024 * 1024)});
    let params = json!({"name": "send_message", "arguments": huge});
    let answer = rpc(&harness, &reader, "tools/call", params).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);

    let unknown =
        rpc(&harness, &reader, "tools/call", json!({"name": "rm", "arguments": {}})).await;
    assert_eq!(unknown.json()["error"]["code"], -32602, "{}", unknown.text);
    assert!(unknown.text.contains("unknown tool"));
    let name = "n".repeat(100_000);
    let unknown = rpc(&harness, &reader, "tools/call", json!({"name": name})).await;
    assert!(unknown.text.len() < 1000, "what was sent does not come back whole");
    for (method, code) in [("resources/read", -32601), ("no/such", -32601)] {
        let refused = rpc(&harness, &reader, method, json!({"uri": "file:///etc/passwd"})).await;
        assert_eq!(refused.json()["error"]["code"], code, "{method}: {}", refused.text);
    }
    assert_eq!(harness.asked_count(), before);
}

#[tokio::test]
async fn there_are_no_sessions_to_keep_to_steal_or_to_outlive_a_token() {
    let harness = Harness::new();
    let reader = token(&harness, "desk", &["read"]).await;
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "probe", "version": "1"}});
    let greeted = rpc(&harness, &reader, "initialize", hello).await;
    assert_eq!(greeted.status, StatusCode::OK, "{}", greeted.text);
    assert!(greeted.header("mcp-session-id").is_none());
    assert_eq!(greeted.header("content-type"), Some("application/json"));
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let with = |method: Method| {
        harness
            .request(method, "/mcp")
            .header(header::AUTHORIZATION, format!("Bearer {reader}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("mcp-session-id", "somebody-else's")
    };
    let request = with(Method::POST).body(told.to_string().into()).unwrap();
    assert_eq!(harness.send(request).await.status, StatusCode::ACCEPTED);
    for method in [Method::GET, Method::DELETE] {
        let answer = harness.send(with(method.clone()).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    let request = with(Method::POST).body(list().to_string().into()).unwrap();
    assert_eq!(harness.send(request).await.status, StatusCode::OK, "it names nothing");

    let all = harness.get("/v1/tokens").await.json();
    let id = all["tokens"][0]["id"].as_str().unwrap();
    harness.call(Method::DELETE, &format!("/v1/tokens/{id}"), None).await;
    let after = rpc(&harness, &reader, "tools/list", json!({})).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tools_share_the_rate_of_their_token() {
    let harness = Harness::new();
    let (busy, calm) =
        (token(&harness, "busy", &["read"]).await, token(&harness, "calm", &["read"]).await);
    let mut refused = false;
    // Each is a request and the calls it makes.
    for _ in 0..400 {
        let answer = rpc(&harness, &busy, "tools/call", list()["params"].clone()).await;
        refused |= answer.status == StatusCode::TOO_MANY_REQUESTS
            || answer.text.contains("too many requests");
    }
    assert!(refused);
    let result = tool(&harness, &calm, "list_conversations", json!({})).await;
    assert_eq!(result["isError"], false, "{}", words(&result));
}
