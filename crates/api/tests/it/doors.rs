//! The two doors: every combination of who, from where and how, and the few that pass.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Harness, Page};

const OURS: &str = "127.0.0.1:7777";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Nobody,
    WrongToken,
    NoScheme,
    WrongTokenWithGoodSession,
    ExpiredSession,
    UnknownSession,
    Session,
    SessionWithoutCsrf,
    SessionWithWrongCsrf,
    Token,
}

const WHO: [Who; 10] = [
    Who::Nobody,
    Who::WrongToken,
    Who::NoScheme,
    Who::WrongTokenWithGoodSession,
    Who::ExpiredSession,
    Who::UnknownSession,
    Who::Session,
    Who::SessionWithoutCsrf,
    Who::SessionWithWrongCsrf,
    Who::Token,
];

impl Who {
    fn headers(self, harness: &Harness, good: &Page, expired: &Page) -> Vec<(String, String)> {
        let bearer = |token: &str| ("authorization".into(), format!("Bearer {token}"));
        let cookie = |page: &Page| ("cookie".into(), page.cookie.clone());
        let csrf = |page: &Page| ("x-conclave-csrf".into(), page.csrf.clone());
        let wrong = "0".repeat(64);
        match self {
            Self::Nobody => vec![],
            Self::WrongToken => vec![bearer(&wrong)],
            Self::NoScheme => vec![("authorization".into(), harness.token.clone())],
            Self::WrongTokenWithGoodSession => vec![bearer(&wrong), cookie(good), csrf(good)],
            Self::ExpiredSession => vec![cookie(expired), csrf(expired)],
            Self::UnknownSession => {
                let name = good.cookie.split('=').next().unwrap();
                vec![("cookie".into(), format!("{name}={wrong}")), csrf(good)]
            }
            Self::Session => vec![cookie(good), csrf(good)],
            Self::SessionWithoutCsrf => vec![cookie(good)],
            Self::SessionWithWrongCsrf => vec![cookie(good), csrf(expired)],
            Self::Token => vec![bearer(&harness.token)],
        }
    }

    fn may_read(self) -> bool {
        self.may_write() || matches!(self, Self::SessionWithoutCsrf | Self::SessionWithWrongCsrf)
    }

    fn may_write(self) -> bool {
        matches!(self, Self::Session | Self::Token)
    }
}

/// Values of `Host`, and whether one of them is ours alone.
fn hosts(ours: &str) -> Vec<(Vec<String>, bool)> {
    let list = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect();
    let bare = ours.split(':').next().unwrap();
    vec![
        (list(&[ours]), true),
        (list(&[]), false),
        (list(&[""]), false),
        (list(&["evil.example"]), false),
        (list(&[&format!("localhost.evil.example:{}", ours.rsplit(':').next().unwrap())]), false),
        (list(&[bare]), false),
        (list(&[ours, "evil.example"]), false),
        (list(&[ours, ours]), false),
    ]
}

/// Values of `Origin`, and whether they are our page or no page at all.
fn origins(ours: &str) -> Vec<(Vec<String>, bool)> {
    let one = |origin: &str| vec![origin.to_owned()];
    let own = format!("http://{ours}");
    vec![
        (vec![], true),
        (one(&own), true),
        (one("null"), false),
        (one("http://evil.example"), false),
        (one("file://"), false),
        (one("chrome-extension://abcdefghijklmnop"), false),
        (one(&format!("https://{ours}")), false),
        (one("http://localhost:7777"), false),
        (one(&format!("{own}.evil.example")), false),
        (vec![own.clone(), own], false),
    ]
}

const SITES: [(Option<&str>, bool); 5] = [
    (None, true),
    (Some("same-origin"), true),
    (Some("none"), true),
    (Some("same-site"), false),
    (Some("cross-site"), false),
];

#[derive(Clone, Copy, Debug)]
enum How {
    Get,
    PostJson,
    PostForm,
    PostText,
    Options,
}

impl How {
    fn parts(self) -> (Method, &'static str, Option<&'static str>) {
        match self {
            Self::Get => (Method::GET, "/v1/session", None),
            Self::PostJson => (Method::POST, "/v1/personas", Some("application/json")),
            Self::PostForm => {
                (Method::POST, "/v1/personas", Some("application/x-www-form-urlencoded"))
            }
            Self::PostText => (Method::POST, "/v1/personas", Some("text/plain")),
            Self::Options => (Method::OPTIONS, "/v1/personas", None),
        }
    }

    fn permitted(self, who: Who) -> bool {
        match self {
            Self::Get => who.may_read(),
            Self::PostJson => who.may_write(),
            Self::PostForm | Self::PostText | Self::Options => false,
        }
    }
}

async fn expired_page(harness: &Harness) -> Page {
    let page = harness.page().await;
    harness.pass_time(Duration::from_secs(12 * 3600));
    page
}

#[tokio::test]
async fn only_the_permitted_cells_of_the_matrix_are_answered() {
    let harness = Harness::new();
    let expired = expired_page(&harness).await;
    let good = harness.page().await;
    let mut permitted_count = 0;
    for who in WHO {
        for (hosts, host_ours) in hosts(OURS) {
            for (origins, origin_ours) in origins(OURS) {
                for (site, site_ours) in SITES {
                    for how in [How::Get, How::PostJson, How::PostForm, How::PostText, How::Options]
                    {
                        harness.pass_time(Duration::from_millis(10));
                        let (method, path, content_type) = how.parts();
                        let mut request = axum::http::Request::builder().method(method).uri(path);
                        for host in &hosts {
                            request = request.header(header::HOST, host);
                        }
                        for origin in &origins {
                            request = request.header(header::ORIGIN, origin);
                        }
                        if let Some(site) = site {
                            request = request.header("sec-fetch-site", site);
                        }
                        if let Some(content_type) = content_type {
                            request = request.header(header::CONTENT_TYPE, content_type);
                        }
                        for (name, value) in who.headers(&harness, &good, &expired) {
                            request = request.header(name, value);
                        }
                        let request = request.body(Body::from(r#"{"name": "Maya"}"#)).unwrap();
                        let answer = harness.send(request).await;
                        let permitted = host_ours && origin_ours && site_ours && how.permitted(who);
                        let cell = format!("{who:?} {hosts:?} {origins:?} {site:?} {how:?}");
                        assert_eq!(
                            answer.status.is_success(),
                            permitted,
                            "{cell}: {}",
                            answer.text
                        );
                        assert!(
                            !answer
                                .headers
                                .keys()
                                .any(|n| n.as_str().starts_with("access-control")),
                            "{cell}"
                        );
                        permitted_count += usize::from(permitted);
                    }
                }
            }
        }
    }
    // 1 host, 2 origins, 3 sites; 4 who may read and 2 of them write.
    assert_eq!(permitted_count, 2 * 3 * (4 + 2));
}

#[tokio::test]
async fn only_the_permitted_cells_get_a_websocket() {
    let (harness, _stop, _server) = Harness::served().await;
    let expired = expired_page(&harness).await;
    let good = harness.page().await;
    let mut permitted_count = 0;
    for who in WHO {
        for (hosts, host_ours) in hosts(&harness.host) {
            for (origins, origin_ours) in origins(&harness.host) {
                harness.pass_time(Duration::from_millis(10));
                let mut head = "GET /v1/events HTTP/1.1\r\nConnection: Upgrade\r\n\
                    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    .to_owned();
                for host in &hosts {
                    head.push_str(&format!("Host: {host}\r\n"));
                }
                for origin in &origins {
                    head.push_str(&format!("Origin: {origin}\r\n"));
                }
                for (name, value) in who.headers(&harness, &good, &expired) {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let status = raw_status(&harness.host, &format!("{head}\r\n")).await;
                // A page's CSRF secret is asked for in its first frame, not here.
                let permitted = host_ours && origin_ours && who.may_read();
                assert_eq!(
                    status == Some(101),
                    permitted,
                    "{who:?} {hosts:?} {origins:?}: {status:?}"
                );
                assert!(permitted || status.is_none_or(|s| s >= 400), "{status:?}");
                permitted_count += usize::from(permitted);
            }
        }
    }
    assert_eq!(permitted_count, 2 * 4);
}

#[tokio::test]
async fn other_spellings_of_a_request_get_nowhere() {
    let (harness, _stop, _server) = Harness::served().await;
    let (host, token) = (harness.host.clone(), harness.token.clone());
    let auth = format!("Authorization: Bearer {token}\r\n");
    let get = |target: &str, version: &str, host: &str| {
        format!("GET {target} HTTP/{version}\r\nHost: {host}\r\n{auth}\r\n")
    };
    let status = async |text: String| raw_status(&host, &text).await;
    assert_eq!(status(get("/v1/session", "1.1", &host)).await, Some(200));
    assert_eq!(status(get(&format!("http://{host}/v1/session"), "1.1", &host)).await, Some(200));
    assert_eq!(status(get("http://evil.example/v1/session", "1.1", &host)).await, Some(403));
    assert_eq!(status(get("/v1/session", "1.0", "evil.example")).await, Some(403));
    assert_eq!(status(format!("GET /v1/session HTTP/1.0\r\n{auth}\r\n")).await, Some(403));
    // A trailing dot is another spelling, and nobody who means us uses it.
    assert_eq!(status(get("/v1/session", "1.1", &format!("{host}."))).await, Some(403));
    let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned();
    assert!(status(http2).await.is_none_or(|status| status >= 400));
}

#[tokio::test]
async fn every_401_is_the_same_to_the_last_byte() {
    let harness = Harness::new();
    let expired = expired_page(&harness).await;
    let good = harness.page().await;
    let mut seen = Vec::new();
    for who in WHO.into_iter().filter(|who| !who.may_read()) {
        for path in ["/v1/session", "/v1/personas", "/v1/nothing", "/v1/tasks/zz"] {
            let mut request = harness.request(Method::GET, path);
            for (name, value) in who.headers(&harness, &good, &expired) {
                request = request.header(name, value);
            }
            let answer = harness.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{who:?} {path}");
            let mut headers: Vec<_> =
                answer.headers.iter().map(|(k, v)| format!("{k}: {v:?}")).collect();
            headers.sort();
            seen.push((answer.text, headers));
        }
    }
    let login = harness.login("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").await;
    assert_eq!((login.status, &login.text), (StatusCode::UNAUTHORIZED, &seen[0].0));
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[tokio::test]
async fn another_port_of_this_machine_may_link_to_the_page_but_not_call() {
    let harness = Harness::new();
    let status = async |path: &str| {
        let request = harness
            .request(Method::GET, path)
            .header("sec-fetch-site", "same-site")
            .header(header::AUTHORIZATION, format!("Bearer {}", harness.token));
        harness.send(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(status("/").await, StatusCode::OK);
    assert_eq!(status("/v1/session").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn refusals_carry_the_protective_headers_too() {
    let harness = Harness::new();
    for path in ["/v1/session", "/nothing", "/", "/health/live"] {
        let request = harness.request(Method::GET, path).body(Body::empty()).unwrap();
        let answer = harness.send(request).await;
        let csp = answer.header("content-security-policy").unwrap();
        assert!(csp.starts_with("default-src 'self'; frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
    let answer = harness.get("/v1/session").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// The status of the answer to these bytes; `None` when the server hangs up instead.
async fn raw_status(host: &str, text: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while head.len() < 12 {
        let mut chunk = [0; 64];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => head.extend_from_slice(&chunk[..count]),
        }
    }
    std::str::from_utf8(&head[9..12]).ok()?.parse().ok()
}
