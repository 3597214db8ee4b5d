//! Reactions, edits, deletions: what the engine is asked, and what is refused before that.

use axum::http::{Method, StatusCode};
use engine::{Reply, Request};
use serde_json::json;

use crate::{
    harness::Harness,
    table::{self, MESSAGE, T, bob, maya},
};

fn at(path: &str) -> String {
    format!("/v1/messages/{MESSAGE}{path}")
}

#[tokio::test]
async fn a_message_shows_what_was_said_about_it() {
    let message = Harness::new().get(&at("")).await.json();
    assert_eq!(message["reactions"], json!([{ "emoji": "👍", "by": [bob().to_string()] }]));
    assert_eq!(message["quoted"]["text"], "hi");
    assert_eq!(message["reply_to"], "09".repeat(16));
    assert_eq!(message["edited_at_ms"], T + 5);
    assert!(message["deleted_at"].is_null());
    let edits = Harness::new().get(&at("/edits")).await.json();
    assert_eq!(edits["edits"][0]["text"], "helo");
}

#[tokio::test]
async fn a_reaction_is_added_to_those_the_persona_has_there() {
    let answer = |request| match request {
        Request::GetMessage(_) => {
            let mut view = table::message("hello");
            view.reactions[0].by.push(maya());
            Ok(Reply::Message(view))
        }
        other => table::answer(other),
    };
    let harness = Harness::answering(answer);
    let react = async |body| harness.call(Method::POST, &at("/reactions"), Some(body)).await;
    let added = react(json!({"emoji": "🎉"})).await;
    assert_eq!(added.status, StatusCode::ACCEPTED, "{}", added.text);
    let asked = format!("{:?}", harness.asked().last().unwrap());
    assert!(asked.contains(r#"emoji: ["🎉", "👍"]"#), "{asked}");
    let removed = react(json!({"emoji": "👍", "on": false, "persona": maya().to_string()})).await;
    assert_eq!(removed.status, StatusCode::ACCEPTED);
    assert!(format!("{:?}", harness.asked().last().unwrap()).contains("emoji: []"));
    let again = react(json!({"emoji": "👍"})).await;
    assert_eq!((again.status, &again.text[..]), (StatusCode::NO_CONTENT, ""));
    for (body, status) in [
        (json!({"emoji": "ok"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"emoji": "👍".repeat(20)}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"emoji": ""}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({}), StatusCode::BAD_REQUEST),
    ] {
        let refused = react(body.clone()).await;
        assert_eq!(refused.status, status, "{body}");
        assert_eq!(refused.json()["field"], "emoji", "{body}");
    }
}

#[tokio::test]
async fn only_what_one_wrote_oneself_is_edited_or_deleted() {
    let harness = Harness::new();
    let text = Some(json!({"text": "hello!"}));
    let edited = harness.call(Method::PATCH, &at(""), text.clone()).await;
    assert_eq!(edited.status, StatusCode::ACCEPTED, "{}", edited.text);
    let asked = format!("{:?}", harness.asked().last().unwrap());
    assert!(asked.contains("EditMessage") && asked.contains("seq: 7"), "{asked}");
    let deleted = harness.call(Method::DELETE, &at(""), None).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED, "{}", deleted.text);
    assert!(format!("{:?}", harness.asked().last().unwrap()).contains("DeleteMessage"));

    type Change = fn(&mut engine::view::MessageView);
    let cases: [(Change, StatusCode); 3] = [
        (|view| view.ours = false, StatusCode::FORBIDDEN),
        (|view| view.kind = "ballot", StatusCode::FORBIDDEN),
        (|view| view.deleted_at_ms = Some(T), StatusCode::CONFLICT),
    ];
    for (change, status) in cases {
        let harness = Harness::answering(move |request| match request {
            Request::GetMessage(_) => {
                let mut view = table::message("hello");
                change(&mut view);
                Ok(Reply::Message(view))
            }
            other => table::answer(other),
        });
        for (method, body) in [(Method::PATCH, text.clone()), (Method::DELETE, None)] {
            assert_eq!(harness.call(method, &at(""), body).await.status, status);
            assert_eq!(
                harness.asked().len(),
                harness
                    .asked()
                    .iter()
                    .filter(|request| { matches!(request, Request::GetMessage(_)) })
                    .count()
            );
        }
    }
}
