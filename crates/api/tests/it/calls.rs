//! Every call that goes well: what the engine is asked, and what comes back.

use api::Readiness;
use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use protocol::decision::{Method as Deciding, Methods};
use serde_json::{Value, json};

use crate::{
    harness::Harness,
    table::{APPROVAL, CERTIFICATE, CONVERSATION, MESSAGE, PROPOSAL, T, TASK, bob, maya},
};

const ISO: &str = "2026-11-20T18:00:00.120Z";

#[tokio::test]
async fn reading_answers_with_ids_as_text_and_times_twice() {
    let harness = Harness::new();
    let (maya_id, bob_id) = (maya().to_string(), bob().to_string());
    let cases: Vec<(String, &str, Value)> = vec![
        ("/v1/personas".into(), "/personas/0/id", json!(maya_id)),
        ("/v1/personas".into(), "/personas/0/created_at", json!(ISO)),
        ("/v1/personas".into(), "/personas/0/created_at_ms", json!(T)),
        ("/v1/personas".into(), "/personas/0/settings/privacy", json!("moderate")),
        (format!("/v1/discover?persona={bob_id}"), "/persona", json!(bob_id)),
        (format!("/v1/discover?persona={bob_id}"), "/expires_at", json!(ISO)),
        ("/v1/contacts".into(), "/contacts/0/state", json!("established")),
        ("/v1/contacts".into(), "/contacts/0/last_seen", json!(ISO)),
        ("/v1/conversations".into(), "/conversations/0/kind", json!("group")),
        (format!("/v1/conversations/{CONVERSATION}"), "/members/0/persona", json!(bob_id)),
        (format!("/v1/conversations/{CONVERSATION}"), "/id", json!("01".repeat(16))),
        (format!("/v1/messages/{MESSAGE}"), "/state", json!("accepted")),
        (format!("/v1/messages/{MESSAGE}"), "/deliveries/0/state", json!("delivered")),
        (format!("/v1/messages/{MESSAGE}"), "/deliveries/1/state", json!("queued")),
        (format!("/v1/messages/{MESSAGE}"), "/deliveries/1/at", json!(ISO)),
        (format!("/v1/conversations/{CONVERSATION}/messages"), "/next", json!(MESSAGE.to_string())),
        ("/v1/proposals".into(), "/proposals/0/rule/share", json!("7/10")),
        (format!("/v1/proposals/{PROPOSAL}"), "/voters/0/choice", json!("yes")),
        (format!("/v1/proposals/{PROPOSAL}"), "/voters/1/choice", Value::Null),
        (format!("/v1/proposals/{PROPOSAL}"), "/voters/0/by", json!("persona")),
        (format!("/v1/proposals/{PROPOSAL}"), "/voters/0/mandate/number", json!(3)),
        (format!("/v1/proposals/{PROPOSAL}"), "/voters/1/by", Value::Null),
        (format!("/v1/proposals/{PROPOSAL}"), "/reminded", json!(true)),
        (format!("/v1/personas/{maya_id}/mandates"), "/mandates/0/granted_at", json!(ISO)),
        (format!("/v1/personas/{maya_id}/mandates"), "/mandates/0/methods", json!(["approval"])),
        (
            format!("/v1/personas/{maya_id}/mandates"),
            "/mandates/0/conversation",
            json!(CONVERSATION.to_string()),
        ),
        (format!("/v1/proposals/{PROPOSAL}"), "/opens_at", json!(ISO)),
        (format!("/v1/proposals/{PROPOSAL}"), "/secrecy", json!("open")),
        ("/v1/inquiries".into(), "/inquiries/0/participation", json!(0.5)),
        (format!("/v1/inquiries/{MESSAGE}"), "/binding", json!(false)),
        (format!("/v1/inquiries/{MESSAGE}"), "/enough", json!("7/10")),
        (format!("/v1/inquiries/{MESSAGE}"), "/asked/0/text", json!("Soup")),
        ("/v1/tasks".into(), "/tasks/0/steps/0/at", json!(ISO)),
        (format!("/v1/tasks/{TASK}"), "/slot/start", json!(ISO)),
        (format!("/v1/tasks/{TASK}"), "/slot/end_ms", json!(T + 60_000)),
        ("/v1/approvals".into(), "/approvals/0/from", json!(bob_id)),
        ("/v1/network".into(), "/peers/0/rtt_ms", json!(120)),
        ("/v1/network".into(), "/peers/0/path", json!("relayed")),
        ("/v1/network".into(), "/findings/0/level", json!("note")),
        ("/v1/queue".into(), "/recipients/0/stored", json!(2)),
        ("/v1/queue".into(), "/messages/0/waiting/0", json!(bob_id)),
        ("/v1/audit".into(), "/entries/0/action", json!("availability.answered")),
    ];
    for (path, pointer, expected) in cases {
        let answer = harness.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.json().pointer(pointer), Some(&expected), "{path} {pointer}");
    }
}

#[tokio::test]
async fn writing_asks_the_engine_for_what_the_body_says() {
    let harness = Harness::new();
    let (me, you) = (maya(), bob());
    let (my, your) = (me.to_string(), you.to_string());
    let at = |path: &str| format!("/v1/conversations/{CONVERSATION}{path}");
    let cases: Vec<(String, Value, u16, Vec<String>)> = vec![
        (
            "/v1/personas".into(),
            json!({"name": "Maya", "handle": "maya", "settings": {"zone": "Asia/Tokyo"}}),
            201,
            vec![r#"handle: Some("maya")"#.into(), r#"zone: "Asia/Tokyo""#.into()],
        ),
        ("/v1/invites".into(), json!({"persona": my}), 201, vec!["CreateInvite".into()]),
        (
            "/v1/contacts".into(),
            json!({"persona": my, "invite": "conclave:invite:abc"}),
            201,
            vec![r#"Invite("conclave:invite:abc")"#.into()],
        ),
        (
            "/v1/contacts".into(),
            json!({"persona": my, "contact": your}),
            201,
            vec![format!("peer: Persona({you:?})")],
        ),
        (
            "/v1/conversations".into(),
            json!({"persona": my, "kind": "group", "members": [your], "title": "Dinner"}),
            201,
            vec!["kind: Group".into(), format!("members: [{you:?}]"), r#"Some("Dinner")"#.into()],
        ),
        (at("/members"), json!({"members": [your]}), 200, vec!["AddMembers".into()]),
        (at("/rejoin"), json!({"persona": my}), 202, vec![format!("Some({me:?})")]),
        (
            at("/proposals"),
            json!({"question": "Pizza?", "deadline": ISO}),
            201,
            vec![
                "Threshold { num: 7, den: 10, base: Electorate, quorum: 1 }".into(),
                format!("deadline_ms: Some({T})"),
                "grace_ms: 120000".into(),
                "early_close: true".into(),
            ],
        ),
        (
            at("/proposals"),
            json!({"question": "Which?", "options": ["a", "b"], "deadline": T,
                "grace_seconds": 3, "persona": my,
                "rule": {"method": "approval", "winners": 1, "minimum": "1/1", "quorum": 1}}),
            201,
            vec![
                "Approval { winners: 1, minimum: Fraction { num: 1, den: 1 }, quorum: 1 }".into(),
                "grace_ms: 3000".into(),
                format!("persona: Some({me:?})"),
            ],
        ),
        (
            at("/proposals"),
            json!({"question": "Anybody against?", "early_close": false,
                "rule": {"method": "consent"}}),
            201,
            vec![
                "Consent { quorum: 1 }".into(),
                "deadline_ms: None".into(),
                "early_close: false".into(),
            ],
        ),
        (
            at("/proposals"),
            json!({"question": "Who leads?", "secrecy": "hidden"}),
            201,
            vec!["Hidden { rule: Threshold {".into(), "reveal_ms: 600000".into()],
        ),
        (
            at("/inquiries"),
            json!({"question": "What shall we cook?"}),
            201,
            vec![
                "way: Broadcast".into(),
                "at_most: 20".into(),
                "open_ms: None".into(),
                "enough: Fraction { num: 7, den: 10 }".into(),
            ],
        ),
        (
            at("/inquiries"),
            json!({"question": "?", "way": "sequential", "turn_seconds": 60, "at_most": 900}),
            201,
            vec!["way: Sequential".into(), "turn_ms: Some(60000)".into(), "at_most: 900".into()],
        ),
        (
            format!("/v1/inquiries/{MESSAGE}/answers"),
            json!({"text": "Soup"}),
            201,
            vec!["Answer".into(), "Some(\"Soup\")".into()],
        ),
        (
            format!("/v1/proposals/{PROPOSAL}/ballots"),
            json!({"choice": "no"}),
            201,
            vec!["choice: No".into(), "alone: false".into()],
        ),
        (
            format!("/v1/proposals/{PROPOSAL}/ballots"),
            json!({"choice": "no", "by": "persona"}),
            202,
            vec!["choice: No".into(), "alone: true".into()],
        ),
        (
            format!("/v1/personas/{my}/mandates"),
            json!({"conversation": CONVERSATION.to_string(), "topic": "any", "methods": ["consent"],
                "expires_at": ISO}),
            201,
            vec![
                format!("conversation: Some({CONVERSATION:?})"),
                "topic: Any".into(),
                format!("methods: {:?}", Methods::from_iter([Deciding::Consent])),
                format!("expires_at_ms: Some({T})"),
            ],
        ),
        (
            format!("/v1/personas/{my}/mandates"),
            json!({}),
            201,
            vec!["topic: Times".into(), "conversation: None".into(), "expires_at_ms: None".into()],
        ),
        (
            format!("/v1/proposals/{PROPOSAL}/ballots"),
            json!({"choice": [1, 0]}),
            201,
            vec!["choice: Approve([0, 1])".into()],
        ),
        (
            format!("/v1/personas/{my}/tasks"),
            json!({"text": "dinner", "decide_within_seconds": 60}),
            201,
            vec!["decide_within_ms: Some(60000)".into(), format!("persona: {me:?}")],
        ),
        (format!("/v1/queue/{your}/retry"), json!({}), 204, vec![format!("{you:?}")]),
        (format!("/v1/messages/{MESSAGE}/cancel"), json!({}), 204, vec!["CancelMessage".into()]),
        (
            format!("/v1/approvals/{APPROVAL}"),
            json!({"decision": "allow"}),
            204,
            vec!["allow: true".into()],
        ),
        (
            format!("/v1/approvals/{APPROVAL}"),
            json!({"decision": "deny"}),
            204,
            vec!["allow: false".into()],
        ),
    ];
    for (path, body, status, parts) in cases {
        let answer = harness.post(&path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
        let asked = harness.last_asked();
        for part in parts {
            assert!(asked.contains(&part), "{path}: {part} not in {asked}");
        }
    }
}

#[tokio::test]
async fn a_message_is_accepted_under_its_idempotency_key() {
    let harness = Harness::new();
    let path = format!("/v1/conversations/{CONVERSATION}/messages");
    let send = async |key: Option<&str>| {
        let mut request = harness
            .request(Method::POST, &path)
            .header(header::AUTHORIZATION, format!("Bearer {}", harness.token))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        harness.send(request.body(Body::from(r#"{"text": "hello"}"#)).unwrap()).await
    };
    let answer = send(Some("k-1")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.json(), json!({"id": MESSAGE.to_string(), "state": "accepted"}));
    assert!(harness.last_asked().contains(r#"idempotency_key: Some("k-1")"#));
    assert_eq!(send(None).await.status, StatusCode::ACCEPTED);
    assert!(harness.last_asked().contains("idempotency_key: None"));
    for bad in ["", &"k".repeat(129)] {
        let answer = send(Some(bad)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["field"], "Idempotency-Key");
    }
}

#[tokio::test]
async fn changing_one_setting_keeps_the_others() {
    let harness = Harness::new();
    let before = harness.get("/v1/personas").await.json()["personas"][0]["settings"].clone();
    let path = format!("/v1/personas/{}", maya());
    let body = json!({"settings": {"auto_vote": true, "working_days": [true, true, true, true,
        true, true, false]}, "calendar": "/tmp/maya.ics"});
    let answer = harness.call(Method::PATCH, &path, Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let asked = harness.last_asked();
    assert!(asked.contains("auto_vote: true") && asked.contains("maya.ics"), "{asked}");
    let zone = format!("zone: {}", before["zone"]);
    assert!(asked.contains(&zone), "{zone} not in {asked}");
}

#[tokio::test]
async fn settings_that_are_read_can_be_written_back_whole() {
    let harness = Harness::new();
    let settings = harness.get("/v1/personas").await.json()["personas"][0]["settings"].clone();
    let path = format!("/v1/personas/{}", maya());
    let body = json!({"settings": settings});
    let answer = harness.call(Method::PATCH, &path, Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "a field is missing here: {}", answer.text);
    let described = harness.get("/openapi.json").await.json();
    let known = described["components"]["schemas"]["Settings"]["properties"].as_object().unwrap();
    let served = settings.as_object().unwrap();
    assert!(known.keys().eq(served.keys()), "{known:?} and {served:?}");
}

#[tokio::test]
async fn a_member_is_removed_without_a_body() {
    let harness = Harness::new();
    let path = format!("/v1/conversations/{CONVERSATION}/members/{}", bob());
    let answer = harness.call(Method::DELETE, &path, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    assert!(harness.last_asked().contains(&format!("member: {:?}", bob())));
}

#[tokio::test]
async fn a_mandate_is_revoked_by_its_number() {
    let harness = Harness::new();
    let path = format!("/v1/personas/{}/mandates", maya());
    let answer = harness.call(Method::DELETE, &format!("{path}/3"), None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["number"], 3);
    assert!(harness.last_asked().contains("number: 3"));
    let answer = harness.call(Method::DELETE, &format!("{path}/4"), None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let body = Some(json!({"topic": "everything"}));
    let answer = harness.call(Method::POST, &path, body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["field"], "topic");
}

#[tokio::test]
async fn pages_of_a_conversation_are_asked_for_as_the_query_says() {
    let harness = Harness::new();
    let path = format!("/v1/conversations/{CONVERSATION}/messages");
    harness.get(&path).await;
    assert!(harness.last_asked().contains("before: None, limit: 50"));
    harness.get(&format!("{path}?before={MESSAGE}&limit=7")).await;
    assert!(harness.last_asked().contains(&format!("before: Some({MESSAGE:?}), limit: 7")));
}

#[tokio::test]
async fn a_handle_is_found_with_its_sign_escaped() {
    let harness = Harness::new();
    let answer = harness.get("/v1/discover?handle=maya%234f2k").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(harness.last_asked().contains("Handle"));
}

#[tokio::test]
async fn a_certificate_comes_as_a_file_byte_for_byte() {
    let harness = Harness::new();
    let answer = harness.get(&format!("/v1/proposals/{PROPOSAL}/certificate")).await;
    assert_eq!(answer.text, CERTIFICATE);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let disposition = answer.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"conclave-0303030303030303.json\"");
}

#[tokio::test]
async fn health_says_one_word_and_needs_no_token() {
    let harness = Harness::new();
    let ask = async |path: &str| {
        let request = harness.request(Method::GET, path).body(Body::empty()).unwrap();
        let answer = harness.send(request).await;
        (answer.status, answer.json())
    };
    assert_eq!(ask("/health/live").await, (StatusCode::OK, json!({"status": "live"})));
    assert_eq!(ask("/health/ready").await, (StatusCode::OK, json!({"status": "ready"})));
    harness.ready.send(Readiness::ReadOnly).unwrap();
    assert_eq!(ask("/health/ready").await, (StatusCode::OK, json!({"status": "read-only"})));
    harness.ready.send(Readiness::Starting).unwrap();
    let starting = (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "starting"}));
    assert_eq!(ask("/health/ready").await, starting);
}
