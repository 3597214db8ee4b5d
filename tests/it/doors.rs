//! The doors of a running node: who may come in, and what happens to nonsense.

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{
    Setup, World,
    people::Person,
    rest::{items, text},
};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

/// A request as an outsider might send it: credentials and places, each right or wrong.
struct Attempt {
    name: &'static str,
    headers: Vec<(header::HeaderName, String)>,
    refused: StatusCode,
}

/// Each is refused for one reason alone.
fn attempts(base: &str, token: &str) -> Vec<Attempt> {
    let bearer = |token: &str| (header::AUTHORIZATION, format!("Bearer {token}"));
    let good = || bearer(token);
    let attempt = |name, headers, refused| Attempt { name, headers, refused };
    let mut wrong = token.to_owned();
    // The last character alone is another one.
    let last = wrong.pop().unwrap_or_default();
    wrong.push(if last == 'a' { 'b' } else { 'a' });
    let port = base.rsplit(':').next().unwrap_or_default();
    let site = header::HeaderName::from_static("sec-fetch-site");
    vec![
        attempt("no token", vec![], StatusCode::UNAUTHORIZED),
        attempt("a wrong token", vec![bearer(&wrong)], StatusCode::UNAUTHORIZED),
        attempt(
            "half the token",
            vec![bearer(&token[..token.len() / 2])],
            StatusCode::UNAUTHORIZED,
        ),
        attempt(
            "the token as another scheme",
            vec![(header::AUTHORIZATION, format!("Basic {token}"))],
            StatusCode::UNAUTHORIZED,
        ),
        attempt(
            "a foreign host, as after DNS rebinding",
            vec![good(), (header::HOST, format!("evil.example:{port}"))],
            StatusCode::FORBIDDEN,
        ),
        attempt(
            "another port of this host",
            vec![good(), (header::HOST, "127.0.0.1:1".into())],
            StatusCode::FORBIDDEN,
        ),
        attempt(
            "a foreign origin",
            vec![good(), (header::ORIGIN, "https://evil.example".into())],
            StatusCode::FORBIDDEN,
        ),
        attempt(
            "an origin on another port",
            vec![good(), (header::ORIGIN, "http://127.0.0.1:1".into())],
            StatusCode::FORBIDDEN,
        ),
        attempt(
            "no origin to speak of",
            vec![good(), (header::ORIGIN, "null".into())],
            StatusCode::FORBIDDEN,
        ),
        attempt(
            "another site, by the browser's word",
            vec![good(), (site, "cross-site".into())],
            StatusCode::FORBIDDEN,
        ),
    ]
}

/// Everything the node shows its owner.
async fn state(person: &Person) -> anyhow::Result<Vec<Value>> {
    let mut seen = Vec::new();
    for path in [
        "/v1/personas",
        "/v1/contacts",
        "/v1/conversations",
        "/v1/proposals",
        "/v1/tasks",
        "/v1/approvals",
        "/v1/audit",
    ] {
        seen.push(person.get(path).await?);
    }
    for conversation in items(&seen[2].clone(), "conversations") {
        seen.extend(person.messages(&text(conversation, "id")?).await?);
    }
    Ok(seen)
}

/// The status of an upgrade to a WebSocket: 101, or why not.
async fn upgrade(url: &str, headers: &[(header::HeaderName, String)]) -> anyhow::Result<u16> {
    let mut request = url.replacen("http", "ws", 1).into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(name.clone(), value.parse()?);
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((_, response)) => Ok(response.status().as_u16()),
        Err(tungstenite::Error::Http(response)) => Ok(response.status().as_u16()),
        Err(error) => Err(error.into()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_the_token_or_from_elsewhere() -> anyhow::Result<()> {
    let world = World::new()?;
    let person = Person::new(&world, "Alice", Setup::default()).await?;
    let (base, token) = (person.api().base().to_owned(), person.api().token().to_owned());
    let before = state(&person).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let calls = [
        (Method::GET, "/v1/personas"),
        (Method::POST, "/v1/personas"),
        (Method::PATCH, "/v1/personas/x"),
        (Method::DELETE, "/v1/conversations/x/members/y"),
        (Method::GET, "/v1/events/stream"),
        (Method::GET, "/v1/no/such/path"),
    ];
    for attempt in attempts(&base, &token) {
        for (method, path) in &calls {
            let mut request = http.request(method.clone(), format!("{base}{path}"));
            for (name, value) in &attempt.headers {
                request = request.header(name, value);
            }
            let request = request.header(header::CONTENT_TYPE, "application/json");
            let response = request.body(r#"{"name":"Mallory"}"#).send().await?;
            let status = response.status();
            let body = response.text().await?;
            ensure!(status == attempt.refused, "{}: {method} {path}: {status}", attempt.name);
            ensure!(!body.contains("Alice") && !body.contains("did:key"), "it tells: {body}");
        }
        let status = upgrade(&format!("{base}/v1/events"), &attempt.headers).await?;
        ensure!(status == attempt.refused.as_u16(), "{}: WebSocket: {status}", attempt.name);
    }
    let in_query = upgrade(&format!("{base}/v1/events?token={token}"), &[]).await?;
    ensure!(in_query == 401, "a token in the address would end up in logs: {in_query}");
    ensure!(state(&person).await? == before, "something changed");

    // The same calls with the token and from here: it is the doors that refused.
    let bearer = [(header::AUTHORIZATION, format!("Bearer {token}"))];
    ensure!(upgrade(&format!("{base}/v1/events"), &bearer).await? == 101);
    let mallory = person.api().post("/v1/personas", json!({ "name": "Mallory" })).await?;
    ensure!(mallory.status == 201, "{}", mallory.text);
    Ok(())
}

/// A call that makes no sense, what it is answered, and the field it is answered about.
type Nonsense = (Method, String, String, u16, Option<&'static str>);

fn nonsense(did: &str, conversation: &str) -> Vec<Nonsense> {
    let unknown = "0".repeat(32);
    let unknown_proposal = "0".repeat(64);
    let stranger = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    let messages = format!("/v1/conversations/{conversation}/messages");
    let proposals = format!("/v1/conversations/{conversation}/proposals");
    let tasks = format!("/v1/personas/{did}/tasks");
    let post = |path: &str, body: Value, status, field| {
        (Method::POST, path.to_owned(), body.to_string(), status, field)
    };
    let raw = |path: &str, body: &str, status, field| {
        (Method::POST, path.to_owned(), body.to_owned(), status, field)
    };
    let get = |path: String, status, field| (Method::GET, path, String::new(), status, field);
    vec![
        // What cannot be read.
        raw("/v1/personas", "", 400, None),
        raw("/v1/personas", "{\"name\": \"x\"", 400, None),
        raw("/v1/personas", "[\"x\"]", 400, None),
        raw("/v1/personas", "{\"name\": \"\u{0}\"}", 400, None),
        post("/v1/personas", json!({}), 400, Some("name")),
        post("/v1/personas", json!({ "name": 7 }), 400, Some("name")),
        post("/v1/personas", json!({ "name": "x", "colour": "red" }), 400, Some("colour")),
        post(
            "/v1/personas",
            json!({ "name": "x", "settings": { "auto_vote": "yes" } }),
            400,
            Some("settings.auto_vote"),
        ),
        post("/v1/invites", json!({ "persona": "did:key:zzz" }), 400, Some("persona")),
        post(
            "/v1/conversations",
            json!({ "persona": did, "kind": "direct", "members": [stranger, "bob"] }),
            400,
            Some("members[1]"),
        ),
        post(&proposals, json!({ "question": "?", "deadline": "soon" }), 400, Some("deadline")),
        get(format!("{messages}?limit=many"), 400, Some("limit")),
        // What can be read and breaks a rule.
        post("/v1/personas", json!({ "name": "" }), 422, Some("name")),
        post("/v1/personas", json!({ "name": "x".repeat(65) }), 422, Some("name")),
        post(
            "/v1/personas",
            json!({ "name": "x", "settings": { "zone": "Mars/Olympus" } }),
            422,
            Some("zone"),
        ),
        post(
            "/v1/contacts",
            json!({ "persona": did, "invite": "conclave:invite:x" }),
            422,
            Some("invite"),
        ),
        post(&messages, json!({ "text": "" }), 422, Some("text")),
        post(&messages, json!({ "text": "x".repeat(64 * 1024 + 1) }), 422, Some("text")),
        post(&proposals, json!({ "question": "?", "deadline": 1 }), 422, Some("deadline")),
        post(&tasks, json!({ "text": "" }), 422, Some("text")),
        get(format!("{messages}?limit=0"), 422, Some("limit")),
        // More than is read at all.
        post(&messages, json!({ "text": "x".repeat(2 * 1024 * 1024) }), 413, None),
        // What is not there.
        get(format!("/v1/conversations/{unknown}"), 404, None),
        get(format!("/v1/messages/{unknown}"), 404, None),
        get(format!("/v1/proposals/{unknown_proposal}"), 404, None),
        get(format!("/v1/proposals/{unknown_proposal}/certificate"), 404, None),
        get(format!("/v1/tasks/{unknown}"), 404, None),
        get("/v1/tasks/..%2f..%2fetc".into(), 404, None),
        get(format!("{messages}?before={unknown}"), 404, None),
        post("/v1/invites", json!({ "persona": stranger }), 404, None),
        post(&format!("/v1/personas/{stranger}/tasks"), json!({ "text": "dinner" }), 404, None),
        post(
            &format!("/v1/conversations/{unknown}/messages"),
            json!({ "text": "hello" }),
            404,
            None,
        ),
        post(
            &format!("/v1/proposals/{unknown_proposal}/ballots"),
            json!({ "choice": "yes" }),
            404,
            None,
        ),
        post(&format!("/v1/approvals/{unknown}"), json!({ "decision": "allow" }), 404, None),
        (Method::PUT, "/v1/personas".into(), String::new(), 405, None),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_refused_by_name_and_changes_nothing() -> anyhow::Result<()> {
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let conversation = alice.open(&[&bob], None).await?;
    let messages = format!("/v1/conversations/{conversation}/messages");
    let hello = json!({ "text": "Hello" });
    let first = alice.api().post_once(&messages, hello.clone(), "one").await?;
    let hello_id = text(&first.body, "id")?;
    alice.delivered(&hello_id).await?;
    let before = state(&alice).await?;
    // A connection whose request was too large to be read ends with its answer, so each call has
    // a connection of its own.
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
    let call = async |method: Method, path: &str, kind: &str, body: String| {
        let url = format!("{}{path}", alice.api().base());
        let request = http.request(method, url).bearer_auth(alice.api().token());
        let response = request.header(header::CONTENT_TYPE, kind).body(body).send().await?;
        let status = response.status().as_u16();
        let kind = response.headers().get(header::CONTENT_TYPE).cloned();
        let kind = kind.context("an answer says what it is")?.to_str()?.to_owned();
        anyhow::Ok((status, kind, response.text().await?))
    };
    let json = "application/json";
    for (method, path, body, expected, field) in nonsense(&alice.did, &conversation) {
        let shown: String = body.chars().take(80).collect();
        let what = format!("{method} {path} {shown}");
        let (status, kind, answer) = call(method, &path, json, body).await?;
        ensure!(status == expected, "{what}: {status} {answer}");
        ensure!(kind == "application/problem+json", "{what}: {kind}");
        let problem: Value = serde_json::from_str(&answer)?;
        ensure!(problem["status"] == expected, "{what}: {answer}");
        ensure!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer}");
        ensure!(problem["field"] == json!(field), "{what}: {answer}");
    }
    let form = "application/x-www-form-urlencoded";
    let (status, ..) = call(Method::POST, "/v1/personas", form, "name=x".into()).await?;
    ensure!(status == 415, "{status}");

    let other = json!({ "text": "Something else" });
    let conflict = alice.api().post_once(&messages, other, "one").await?;
    ensure!(conflict.status == 409, "{}", conflict.text);
    let again = alice.api().post_once(&messages, hello, "one").await?;
    ensure!(again.status == 202 && again.body["id"] == *hello_id, "{}", again.text);

    ensure!(state(&alice).await? == before, "something changed");
    Ok(())
}
