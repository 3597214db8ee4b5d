//! Finding messages: what is asked of the engine, step by step, and what comes back.

use axum::http::StatusCode;
use engine::Request;
use serde_json::json;

use crate::{
    harness::Harness,
    table::{CONVERSATION, MESSAGE, maya},
};

#[tokio::test]
async fn what_was_found_comes_in_pieces_with_the_words_marked() {
    let harness = Harness::new();
    let path = format!("/v1/search?q=some%20sou&conversation={CONVERSATION}&persona={}", maya());
    let answer = harness.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let found = answer.json();
    assert_eq!(found["next"], json!(null));
    assert_eq!(found["results"].as_array().unwrap().len(), 2);
    let first = &found["results"][0];
    assert_eq!(first["message"], MESSAGE.to_string());
    assert_eq!(
        first["excerpt"],
        json!([{"text": "some ", "hit": false}, {"text": "soup", "hit": true}])
    );
    match &harness.asked()[..] {
        [Request::Search { persona, conversation, question, before: None, limit: 20 }] => {
            assert_eq!((*persona, *conversation), (Some(maya()), Some(CONVERSATION)));
            assert_eq!(question, "some sou");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn looking_goes_on_until_there_is_enough_or_nothing_left() {
    let harness = Harness::new();
    let found = harness.get("/v1/search?q=far&limit=3").await.json();
    // Nothing in the first step, two in the second, one in the third.
    assert_eq!(found["results"].as_array().unwrap().len(), 3);
    assert_eq!(found["next"], json!(null));
    let places = harness.asked().into_iter().map(|request| match request {
        Request::Search { before, limit, .. } => (before, limit),
        other => panic!("{other:?}"),
    });
    assert_eq!(places.collect::<Vec<_>>(), [(None, 3), (Some(40), 3), (Some(7), 1)]);
    let further = harness.get("/v1/search?q=soup&limit=1&before=12").await.json();
    assert_eq!((further["results"].as_array().unwrap().len(), &further["next"]), (1, &json!(7)));
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_by_its_field() {
    let harness = Harness::new();
    for (query, field) in [
        ("", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=51", "limit"),
        ("q=a&before=x", "before"),
        ("q=a&conversation=x", "conversation"),
        ("q=a&persona=x", "persona"),
        ("q=a&order=up", "order"),
    ] {
        let answer = harness.get(&format!("/v1/search?{query}")).await;
        assert!(answer.status.is_client_error(), "{query}: {}", answer.text);
        assert_eq!(answer.json()["field"], field, "{query}: {}", answer.text);
    }
    assert_eq!(harness.asked_count(), 0);
}
