//! What is refused, with which status, and how the field is named.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use engine::{Reply, RequestError};
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Harness},
    table::{APPROVAL, CONVERSATION, PROPOSAL, bob, maya},
};

async fn post_text(harness: &Harness, path: &str, text: impl Into<Body>) -> Answer {
    let request = harness
        .request(Method::POST, path)
        .header(header::AUTHORIZATION, format!("Bearer {}", harness.token))
        .header(header::CONTENT_TYPE, "application/json");
    harness.send(request.body(text.into()).unwrap()).await
}

#[track_caller]
fn assert_problem(answer: &Answer, status: StatusCode, field: Option<&str>) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["field"].as_str(), field, "{problem}");
    for key in ["type", "title", "detail"] {
        assert!(problem[key].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    }
    assert!(problem["instance"].as_str().unwrap().starts_with("urn:conclave:request:"));
}

#[tokio::test]
async fn malformed_json_names_the_field() {
    let harness = Harness::new();
    let conversations = "/v1/conversations";
    let proposals = format!("/v1/conversations/{CONVERSATION}/proposals");
    let ballots = format!("/v1/proposals/{PROPOSAL}/ballots");
    let approvals = format!("/v1/approvals/{APPROVAL}");
    let (me, you) = (maya().to_string(), bob().to_string());
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/v1/personas", json!({}), "name"),
        ("/v1/personas", json!({"name": 1}), "name"),
        ("/v1/personas", json!({"name": "x", "nmae": 1}), "nmae"),
        ("/v1/personas", json!({"name": "x", "settings": {"zoen": 1}}), "settings.zoen"),
        ("/v1/personas", json!({"name": "x", "settings": {"privacy": "loud"}}), "settings.privacy"),
        ("/v1/invites", json!({"persona": "maya"}), "persona"),
        ("/v1/contacts", json!({"persona": me}), "invite"),
        ("/v1/contacts", json!({"persona": me, "invite": "x", "contact": you}), "invite"),
        (conversations, json!({"persona": me, "kind": "loud", "members": []}), "kind"),
        (
            conversations,
            json!({"persona": me, "kind": "group", "members": [you, "did:key:zzz"]}),
            "members[1]",
        ),
        (&proposals, json!({"question": "?", "deadline": "soon"}), "deadline"),
        (&proposals, json!({"deadline": 1}), "question"),
        (&proposals, json!({"question": "?", "secrecy": "total"}), "secrecy"),
        (&proposals, json!({"question": "?", "early_close": "yes"}), "early_close"),
        (&ballots, json!({"choice": "maybe"}), "choice"),
        (&approvals, json!({"decision": "maybe"}), "decision"),
    ];
    for (path, body, field) in cases {
        let answer = harness.post(path, body).await;
        assert_problem(&answer, StatusCode::BAD_REQUEST, Some(field));
    }
    assert_eq!(harness.asked_count(), 0, "the engine was bothered");
}

#[tokio::test]
async fn a_rule_that_cannot_be_is_refused_with_its_field() {
    let harness = Harness::new();
    let path = format!("/v1/conversations/{CONVERSATION}/proposals");
    for rule in [
        json!({"method": "threshold", "share": "0.7"}),
        json!({"method": "threshold", "share": "11/10"}),
        json!({"method": "dice"}),
        json!({"method": "threshold", "winners": 2}),
        json!({"share": "7/10"}),
    ] {
        let body = json!({"question": "?", "deadline": 1, "rule": rule});
        let answer = harness.post(&path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{rule}");
        let problem = answer.json();
        assert!(problem["field"].as_str().unwrap().starts_with("rule"), "{rule}: {problem}");
    }
}

#[tokio::test]
async fn broken_json_is_malformed_without_a_field() {
    let harness = Harness::new();
    for text in ["", "{", "{\"name\": \"x\"} trailing", "\u{feff}{}", "[[[["] {
        let answer = post_text(&harness, "/v1/personas", text).await;
        assert_problem(&answer, StatusCode::BAD_REQUEST, None);
    }
    let deep = format!(r#"{{"name": {}"#, "[".repeat(100_000));
    let answer = post_text(&harness, "/v1/personas", deep).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_above_one_mebibyte_is_too_large_and_one_of_it_is_not() {
    let harness = Harness::new();
    let body = |bytes: usize| {
        let frame = r#"{"name": ""}"#;
        format!(r#"{{"name": "{}"}}"#, "x".repeat(bytes - frame.len()))
    };
    let answer = post_text(&harness, "/v1/personas", body(1024 * 1024)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let answer = post_text(&harness, "/v1/personas", body(1024 * 1024 + 1)).await;
    assert_problem(&answer, StatusCode::PAYLOAD_TOO_LARGE, None);

    // Nor does it help not to say how long it is.
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>("x".repeat(64 * 1024)));
    let endless = Body::from_stream(futures::stream::iter(chunks));
    let answer = post_text(&harness, "/v1/personas", endless).await;
    assert_problem(&answer, StatusCode::PAYLOAD_TOO_LARGE, None);
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let harness = Harness::new();
    for content_type in [None, Some("text/plain"), Some("multipart/form-data; boundary=x")] {
        let mut request = harness
            .request(Method::POST, "/v1/personas")
            .header(header::AUTHORIZATION, format!("Bearer {}", harness.token));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let body = Body::from(r#"{"name": "Maya"}"#);
        let answer = harness.send(request.body(body).unwrap()).await;
        assert_problem(&answer, StatusCode::UNSUPPORTED_MEDIA_TYPE, None);
    }
}

#[tokio::test]
async fn unknown_ids_are_not_found_whether_they_could_be_ids_or_not() {
    let harness = Harness::new();
    let (hex16, hex32) = ("09".repeat(16), "09".repeat(32));
    for path in [
        format!("/v1/conversations/{hex16}"),
        format!("/v1/messages/{hex16}"),
        format!("/v1/proposals/{hex32}"),
        format!("/v1/proposals/{hex32}/certificate"),
        format!("/v1/tasks/{hex16}"),
        "/v1/conversations/zz".to_owned(),
        "/v1/messages/%ff".to_owned(),
        "/v1/proposals/..".to_owned(),
        "/v1/nothing".to_owned(),
        "/v1".to_owned(),
    ] {
        assert_problem(&harness.get(&path).await, StatusCode::NOT_FOUND, None);
    }
    let body = json!({"settings": {"zone": "Europe/Berlin"}});
    let answer = harness.call(Method::PATCH, &format!("/v1/personas/{}", bob()), Some(body)).await;
    assert_problem(&answer, StatusCode::NOT_FOUND, None);
}

#[tokio::test]
async fn the_engines_refusals_have_their_own_statuses() {
    let harness = Harness::new();
    let me = maya().to_string();
    let messages = format!("/v1/conversations/{CONVERSATION}/messages");
    let answer = harness.post("/v1/personas", json!({"name": ""})).await;
    assert_problem(&answer, StatusCode::UNPROCESSABLE_ENTITY, Some("name"));
    let answer = harness.post(&messages, json!({"text": "again"})).await;
    assert_problem(&answer, StatusCode::CONFLICT, None);
    let body = json!({"persona": bob().to_string(), "contact": me});
    let answer = harness.post("/v1/contacts", body).await;
    assert_problem(&answer, StatusCode::FORBIDDEN, None);
    let body = json!({"persona": me, "kind": "direct", "members": []});
    let answer = harness.post("/v1/conversations", body).await;
    assert_problem(&answer, StatusCode::SERVICE_UNAVAILABLE, None);
    let answer = harness.post(&messages, json!({"text": "bug"})).await;
    assert_problem(&answer, StatusCode::INTERNAL_SERVER_ERROR, None);
    assert!(!answer.text.contains("secret detail"), "{}", answer.text);
}

#[tokio::test]
async fn a_field_refused_deep_inside_is_named_as_the_request_names_it() {
    let path = format!("/v1/conversations/{CONVERSATION}/proposals");
    for (inside, asked) in [
        ("deadline_ms", "deadline"),
        ("grace_ms", "grace_seconds"),
        ("rule.num", "rule.share"),
        ("rule.reveal_ms", "reveal_seconds"),
        ("open_ms", "open_seconds"),
        ("turn_ms", "turn_seconds"),
        ("question", "question"),
    ] {
        let harness = Harness::answering(move |_| {
            Err(RequestError::Invalid { field: inside, reason: "breaks its rule".into() })
        });
        let answer = harness.post(&path, json!({"question": "?", "deadline": 1})).await;
        assert_problem(&answer, StatusCode::UNPROCESSABLE_ENTITY, Some(asked));
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_is_a_fault_of_the_node() {
    let harness = Harness::answering(|_| Ok(Reply::Done));
    assert_problem(&harness.get("/v1/personas").await, StatusCode::INTERNAL_SERVER_ERROR, None);
}

#[tokio::test]
async fn wrong_queries_name_the_parameter() {
    let harness = Harness::new();
    let messages = format!("/v1/conversations/{CONVERSATION}/messages");
    for (path, status, field) in [
        (format!("{messages}?limit=0"), 422, "limit"),
        (format!("{messages}?limit=201"), 422, "limit"),
        (format!("{messages}?limit=ten"), 400, "limit"),
        (format!("{messages}?before=zz"), 400, "before"),
        (format!("{messages}?after=1"), 400, "after"),
        ("/v1/discover".to_owned(), 400, "handle"),
        ("/v1/discover?handle=maya".to_owned(), 400, "handle"),
        (format!("/v1/discover?handle=maya%234f2k&persona={}", maya()), 400, "handle"),
        ("/v1/contacts?persona=maya".to_owned(), 400, "persona"),
        ("/v1/events/stream?cursor=-1".to_owned(), 400, "cursor"),
    ] {
        let answer = harness.get(&path).await;
        assert_problem(&answer, StatusCode::from_u16(status).unwrap(), Some(field));
    }
}

#[tokio::test]
async fn a_path_with_other_methods_says_so() {
    let harness = Harness::new();
    let answer = harness.call(Method::PUT, "/v1/personas", Some(json!({}))).await;
    assert_problem(&answer, StatusCode::METHOD_NOT_ALLOWED, None);
    let answer = harness.call(Method::OPTIONS, "/v1/personas", None).await;
    assert_problem(&answer, StatusCode::METHOD_NOT_ALLOWED, None);
}

#[tokio::test]
async fn a_node_that_is_gone_is_unavailable() {
    let harness = Harness::answering(|_| -> Result<Reply, RequestError> { panic!("gone") });
    let answer = harness.get("/v1/personas").await;
    assert_problem(&answer, StatusCode::SERVICE_UNAVAILABLE, None);
    assert_eq!(answer.header("retry-after"), Some("1"));
}
