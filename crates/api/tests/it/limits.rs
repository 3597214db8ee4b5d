//! Bounds: how often, how many at once, how long.

use std::{sync::mpsc, time::Duration};

use axum::http::StatusCode;
use engine::Reply;

use crate::harness::Harness;

#[tokio::test]
async fn one_token_may_ask_a_burst_and_then_so_many_a_second() {
    let harness = Harness::new();
    let admitted = async |count: usize| {
        let mut admitted = 0;
        for _ in 0..count {
            admitted += usize::from(harness.get("/v1/session").await.status == StatusCode::OK);
        }
        admitted
    };
    assert_eq!(admitted(500).await, 400);
    harness.pass_time(Duration::from_secs(1));
    assert_eq!(admitted(500).await, 200);
    let answer = harness.get("/v1/session").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), Some("1"));
    // A page has its own measure.
    let page = harness.page().await;
    let request = harness.request(axum::http::Method::GET, "/v1/session");
    let request = request.header("cookie", page.cookie).body(axum::body::Body::empty());
    assert_eq!(harness.send(request.unwrap()).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_beyond_the_bound_are_told_to_come_back() {
    // An engine that answers nothing until it is let go.
    let (go, gate) = mpsc::channel::<()>();
    let harness = Harness::answering(move |_| {
        // An end of the channel lets everything through.
        let _ = gate.recv();
        Ok(Reply::Personas(vec![]))
    });
    let calls = futures::future::join_all((0..300).map(|_| harness.get("/v1/personas")));
    let release = async {
        // All are under way after the first poll of each; the surplus is refused right then.
        tokio::task::yield_now().await;
        drop(go);
    };
    let (answers, ()) = tokio::join!(calls, release);
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(count(StatusCode::OK), 256);
    assert_eq!(count(StatusCode::SERVICE_UNAVAILABLE), 44);
    assert_eq!(harness.get("/v1/personas").await.status, StatusCode::OK);
}
