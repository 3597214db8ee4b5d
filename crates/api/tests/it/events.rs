//! The two event streams: order, resuming, resync, and who is told what.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use engine::{Event, EventBody, request::LocalId, view::DeliveryState};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};
use tower::ServiceExt;

use crate::{
    harness::{BOOT_MS, Harness, Page},
    table::{CONVERSATION, MESSAGE, PROPOSAL, T, TASK, bob, maya, message},
};

pub(crate) const BASE: u64 = BOOT_MS * 1000;

pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn open(harness: &Harness, path: &str, headers: &[(&'static str, String)]) -> Self {
        let url = format!("ws://{}{path}", harness.host);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Self(connect_async(request).await.unwrap().0)
    }

    /// A program with the token.
    pub(crate) async fn program(harness: &Harness, path: &str) -> Self {
        let bearer = format!("Bearer {}", harness.token);
        Self::open(harness, path, &[("authorization", bearer)]).await
    }

    /// A page, before its hello.
    async fn page(harness: &Harness, page: &Page) -> Self {
        let origin = format!("http://{}", harness.host);
        let headers = [("cookie", page.cookie.clone()), ("origin", origin)];
        Self::open(harness, "/v1/events", &headers).await
    }

    async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame that is no ping.
    pub(crate) async fn hear(&mut self) -> Message {
        loop {
            match self.0.next().await.expect("the stream goes on").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    async fn frame(&mut self) -> Value {
        match self.hear().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn close_code(&mut self) -> CloseCode {
        match self.hear().await {
            Message::Close(Some(frame)) => frame.code,
            other => panic!("{other:?}"),
        }
    }
}

fn task_event() -> Event {
    Event { at_ms: T, persona: Some(maya()), body: EventBody::TaskUpdated(TASK) }
}

#[tokio::test]
async fn a_program_is_told_what_happens_from_now_on() {
    let (harness, _stop, _server) = Harness::served().await;
    harness.log.push(task_event());
    let mut client = Client::program(&harness, "/v1/events").await;
    assert_eq!(client.frame().await, json!({"type": "ready", "cursor": BASE + 1}));
    harness.log.push(task_event());
    let expected = json!({
        "type": "event", "cursor": BASE + 2, "at": "2026-11-20T18:00:00.120Z", "at_ms": T,
        "event": "task.updated", "schema": 1, "correlation": TASK.to_string(),
        "persona": maya().to_string(), "data": {"task": TASK.to_string()},
    });
    assert_eq!(client.frame().await, expected);
}

#[tokio::test]
async fn every_event_has_its_name_and_its_particulars() {
    let (harness, _stop, _server) = Harness::served().await;
    let mut client = Client::program(&harness, "/v1/events").await;
    client.frame().await;
    let bodies = vec![
        (EventBody::PersonaUpdated(maya()), "persona.updated", "persona", maya().to_string()),
        (EventBody::ContactUpdated(bob()), "contact.updated", "contact", bob().to_string()),
        (
            EventBody::ConversationUpdated(CONVERSATION),
            "conversation.updated",
            "conversation",
            CONVERSATION.to_string(),
        ),
        (
            EventBody::MessagePersisted(Box::new(message("hi"))),
            "message.persisted",
            "id",
            MESSAGE.to_string(),
        ),
        (
            EventBody::MessageDelivery {
                message: MESSAGE,
                conversation: CONVERSATION,
                recipient: bob(),
                state: DeliveryState::Delivered,
            },
            "message.delivery",
            "message",
            MESSAGE.to_string(),
        ),
        (
            EventBody::ProposalUpdated {
                proposal: PROPOSAL,
                conversation: CONVERSATION,
                phase: "open",
            },
            "proposal.updated",
            "proposal",
            PROPOSAL.to_string(),
        ),
        (
            EventBody::VoteMissing {
                proposal: PROPOSAL,
                conversation: CONVERSATION,
                question: "Pizza?".into(),
                deadline_ms: T,
            },
            "vote.missing",
            "proposal",
            PROPOSAL.to_string(),
        ),
        (
            EventBody::PresenceChanged { contact: bob(), online: true },
            "presence.user.joined",
            "contact",
            bob().to_string(),
        ),
        (
            EventBody::PresenceChanged { contact: bob(), online: false },
            "presence.user.left",
            "contact",
            bob().to_string(),
        ),
    ];
    for (body, name, field, id) in bodies {
        harness.log.push(Event { at_ms: T, persona: None, body });
        let frame = client.frame().await;
        assert_eq!(frame["event"], name);
        assert_eq!(frame["data"][field], id.as_str(), "{frame}");
        assert_eq!(frame["correlation"], id.as_str(), "{frame}");
        assert!(frame["persona"].is_null());
    }
}

#[tokio::test]
async fn a_cursor_resumes_where_it_stopped() {
    let (harness, _stop, _server) = Harness::served().await;
    for _ in 0..5 {
        harness.log.push(task_event());
    }
    let mut client = Client::program(&harness, &format!("/v1/events?cursor={}", BASE + 3)).await;
    assert_eq!(client.frame().await["type"], "ready");
    assert_eq!(client.frame().await["cursor"], BASE + 4);
    assert_eq!(client.frame().await["cursor"], BASE + 5);
    // A hello moves a program to another place.
    client.say(json!({"type": "hello", "cursor": BASE + 1})).await;
    assert_eq!(client.frame().await, json!({"type": "ready", "cursor": BASE + 1}));
    assert_eq!(client.frame().await["cursor"], BASE + 2);
}

#[tokio::test]
async fn a_cursor_of_an_earlier_start_leads_to_a_resync_and_on() {
    let (harness, _stop, _server) = Harness::served().await;
    harness.log.push(task_event());
    let mut client = Client::program(&harness, &format!("/v1/events?cursor={}", BASE - 7)).await;
    assert_eq!(client.frame().await["type"], "ready");
    assert_eq!(client.frame().await, json!({"type": "resync", "cursor": BASE + 1}));
    harness.log.push(task_event());
    assert_eq!(client.frame().await["cursor"], BASE + 2);
}

#[tokio::test]
async fn one_who_falls_behind_is_told_to_resync_and_let_go() {
    let (harness, _stop, _server) = Harness::served().await;
    let mut client = Client::program(&harness, "/v1/events").await;
    client.frame().await;
    harness.log.push(task_event());
    client.frame().await;
    // More than the log holds, before the server's task gets to run.
    for _ in 0..5000 {
        harness.log.push(task_event());
    }
    assert_eq!(client.frame().await, json!({"type": "resync", "cursor": BASE + 5001}));
    assert_eq!(client.close_code().await, CloseCode::Again);
}

#[tokio::test]
async fn one_who_does_not_read_does_not_hold_up_the_others() {
    let (harness, _stop, _server) = Harness::served().await;
    let mut sleeper = Client::program(&harness, "/v1/events").await;
    sleeper.frame().await;
    let mut reader = Client::program(&harness, "/v1/events").await;
    reader.frame().await;
    let big = "x".repeat(32 * 1024);
    for count in 1..=1200_u64 {
        let body = EventBody::MessagePersisted(Box::new(message(&big)));
        harness.log.push(Event { at_ms: T, persona: None, body });
        assert_eq!(reader.frame().await["cursor"], BASE + count);
    }
    // Of these 40 MB the sockets hold a few and the log 16 MiB. The sleeper finds what was on its
    // way without a gap, and then that it has to resync, or was cut off when it stood still.
    let mut last = BASE;
    while let Some(Ok(message)) = sleeper.0.next().await {
        let Message::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap();
        if frame["type"] == "resync" {
            assert_eq!(sleeper.close_code().await, CloseCode::Again);
            break;
        }
        last += 1;
        assert_eq!(frame["cursor"], last, "no gap before the resync");
    }
    assert!(last < BASE + 1200);
}

#[tokio::test]
async fn a_page_says_hello_with_its_secret_before_it_is_told_anything() {
    let (harness, _stop, _server) = Harness::served().await;
    let page = harness.page().await;
    let mut client = Client::page(&harness, &page).await;
    harness.log.push(task_event());
    client.say(json!({"type": "hello", "csrf": page.csrf, "cursor": null})).await;
    assert_eq!(client.frame().await["type"], "ready");
    harness.log.push(task_event());
    assert_eq!(client.frame().await["cursor"], BASE + 2);

    let mut client = Client::page(&harness, &page).await;
    client.say(json!({"type": "hello", "csrf": page.csrf, "cursor": BASE})).await;
    assert_eq!(client.frame().await["type"], "ready");
    assert_eq!(client.frame().await["cursor"], BASE + 1);
}

#[tokio::test]
async fn a_page_without_the_secret_is_let_go() {
    let (harness, _stop, _server) = Harness::served().await;
    let (page, other) = (harness.page().await, harness.page().await);
    for hello in [
        json!({"type": "hello"}),
        json!({"type": "hello", "csrf": null, "cursor": null}),
        json!({"type": "hello", "csrf": other.csrf, "cursor": null}),
        json!({"type": "goodbye", "csrf": page.csrf}),
        json!({"csrf": page.csrf}),
    ] {
        let mut client = Client::page(&harness, &page).await;
        client.say(hello.clone()).await;
        assert_eq!(client.close_code().await, CloseCode::Policy, "{hello}");
    }
}

#[tokio::test]
async fn a_page_that_has_logged_out_is_told_nothing_more() {
    let (harness, _stop, _server) = Harness::served().await;
    let page = harness.page().await;
    let mut client = Client::page(&harness, &page).await;
    client.say(json!({"type": "hello", "csrf": page.csrf})).await;
    assert_eq!(client.frame().await["type"], "ready");
    let logout = harness
        .request(Method::POST, "/v1/logout")
        .header(header::COOKIE, &page.cookie)
        .header("x-conclave-csrf", &page.csrf)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = harness.send(logout.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    harness.log.push(task_event());
    assert_eq!(client.close_code().await, CloseCode::Policy);
}

#[tokio::test]
async fn frames_other_than_hello_end_the_conversation() {
    let (harness, _stop, _server) = Harness::served().await;
    let mut client = Client::program(&harness, "/v1/events").await;
    client.frame().await;
    client.say(json!({"type": "shout"})).await;
    assert_eq!(client.close_code().await, CloseCode::Policy);
    let mut client = Client::program(&harness, "/v1/events").await;
    client.frame().await;
    client.0.send(Message::binary(vec![0; 8])).await.unwrap();
    assert_eq!(client.close_code().await, CloseCode::Unsupported);
}

#[tokio::test]
async fn a_shutdown_ends_the_streams_and_the_server() {
    let (harness, stop, server) = Harness::served().await;
    let mut client = Client::program(&harness, "/v1/events").await;
    client.frame().await;
    let stream = follow(&harness, "/v1/events/stream").await;
    harness.log.close();
    assert_eq!(client.close_code().await, CloseCode::Away);
    assert_eq!(stream.collect::<Vec<_>>().await.len(), 1, "ready, and then the end");
    drop(client);
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(4), server).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn listeners_are_bounded() {
    let harness = Harness::new();
    let mut streams = Vec::new();
    for _ in 0..64 {
        streams.push(follow(&harness, "/v1/events/stream").await);
    }
    let answer = harness.get("/v1/events/stream").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    streams.pop();
    streams.push(follow(&harness, "/v1/events/stream").await);
}

/// The data of server-sent events, with their ids, as long as the stream lasts.
async fn follow(
    harness: &Harness,
    path: &str,
) -> impl futures::Stream<Item = (String, Value)> + Unpin + use<> {
    let request = harness
        .request(Method::GET, path)
        .header(header::AUTHORIZATION, format!("Bearer {}", harness.token));
    let request = request.body(Body::empty()).unwrap();
    let response = harness.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    // One chunk an event, as the router hands them out.
    response.into_body().into_data_stream().map(|chunk| {
        let text = String::from_utf8(chunk.unwrap().to_vec()).unwrap();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} in {text}")).trim().to_owned()
        };
        (field("id:"), serde_json::from_str(&field("data:")).unwrap())
    })
}

#[tokio::test]
async fn server_sent_events_tell_the_same() {
    let harness = Harness::new();
    for _ in 0..3 {
        harness.log.push(task_event());
    }
    let path = format!("/v1/events/stream?cursor={}", BASE + 1);
    let mut stream = follow(&harness, &path).await;
    let (id, ready) = stream.next().await.unwrap();
    assert_eq!((id, &ready["type"]), ((BASE + 1).to_string(), &json!("ready")));
    for cursor in [BASE + 2, BASE + 3] {
        let (id, frame) = stream.next().await.unwrap();
        assert_eq!(id, cursor.to_string());
        assert_eq!((&frame["cursor"], &frame["event"]), (&json!(cursor), &json!("task.updated")));
    }
    let body = EventBody::TaskUpdated(LocalId([9; 16]));
    harness.log.push(Event { at_ms: T, persona: None, body });
    assert_eq!(stream.next().await.unwrap().1["data"]["task"], "09".repeat(16));
}

#[tokio::test]
async fn server_sent_events_resync_goes_on_at_the_start_and_ends_a_slow_stream() {
    let harness = Harness::new();
    harness.log.push(task_event());
    let mut stream = follow(&harness, "/v1/events/stream?cursor=5").await;
    assert_eq!(stream.next().await.unwrap().1["type"], "ready");
    assert_eq!(stream.next().await.unwrap().1["type"], "resync");
    for _ in 0..5000 {
        harness.log.push(task_event());
    }
    let (id, frame) = stream.next().await.unwrap();
    assert_eq!((id, &frame["type"]), ((BASE + 5001).to_string(), &json!("resync")));
    assert!(stream.next().await.is_none());
}
