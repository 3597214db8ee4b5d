//! A router in front of the table, with time moved by hand.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use api::{Call, Chunks, Credentials, EventLog, Files, NewFile, Node, Readiness};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header, request::Builder},
};
use engine::{RequestError, view::FileView};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use protocol::file::FileContent;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tower::ServiceExt;

use crate::table;

pub(crate) const BOOT_MS: u64 = 1_795_000_000_000;

pub(crate) struct Harness {
    pub(crate) router: Router,
    /// The name of the server, as in `Host`.
    pub(crate) host: String,
    pub(crate) token: String,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) log: EventLog,
    pub(crate) ready: watch::Sender<Readiness>,
    asked: Arc<Mutex<Vec<engine::Request>>>,
    by: Arc<Mutex<Vec<Option<String>>>>,
    clock: Arc<Mutex<Instant>>,
    _dir: TempDir,
}

/// A page that has logged in.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Keeps one file and takes any.
struct Shelf;

impl Files for Shelf {
    fn add(
        &self,
        new: NewFile,
        body: Chunks,
    ) -> BoxFuture<'static, Result<FileView, RequestError>> {
        async move {
            let read = body.try_fold(0, async |sum, bytes| Ok(sum + bytes.len() as u64)).await;
            let size =
                read.map_err(|error| RequestError::Unavailable { reason: error.to_string() })?;
            if size > 3 * 1024 * 1024 {
                return Err(RequestError::Invalid {
                    field: "file",
                    reason: "at most 3 MiB".into(),
                });
            }
            let NewFile { name, media_type, .. } = new;
            Ok(FileView { name, media_type, size, ..table::file_view() })
        }
        .boxed()
    }

    fn read(&self, _: FileContent, range: Range<u64>) -> Chunks {
        let at = |place: u64| usize::try_from(place).unwrap();
        let bytes = &table::BYTES[at(range.start)..at(range.end)];
        stream::iter([Ok(bytes.into())]).boxed()
    }

    fn parts(&self, _: FileContent) -> BoxFuture<'static, Result<Vec<Vec<u8>>, RequestError>> {
        async { Ok(vec![vec![1]]) }.boxed()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::named("127.0.0.1:7777", table::answer)
    }

    /// In front of an engine that answers otherwise.
    pub(crate) fn answering(
        answer: impl Fn(engine::Request) -> Result<engine::Reply, engine::RequestError> + Send + 'static,
    ) -> Self {
        Self::named("127.0.0.1:7777", answer)
    }

    /// A real server on a real socket, and the way to stop it.
    pub(crate) async fn served() -> (Self, oneshot::Sender<()>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let harness = Self::named(&host, table::answer);
        let (stop, stopped) = oneshot::channel::<()>();
        let router = harness.router.clone();
        let server = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            api::serve(listener, router, shutdown).await.unwrap();
        });
        (harness, stop, server)
    }

    fn named(
        host: &str,
        answer: impl Fn(engine::Request) -> Result<engine::Reply, engine::RequestError> + Send + 'static,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Mutex::new(Instant::now()));
        let read = Arc::clone(&clock);
        let credentials =
            Credentials::create_with_clock(dir.path(), Arc::new(move || *read.lock().unwrap()));
        let credentials = Arc::new(credentials.unwrap());
        let token = std::fs::read_to_string(dir.path().join(api::TOKEN_FILE)).unwrap();

        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let by = Arc::new(Mutex::new(Vec::new()));
        let named = Arc::clone(&by);
        let (requests, mut calls) = mpsc::channel::<Call>(16);
        tokio::spawn(async move {
            while let Some(Call { request, by, reply }) = calls.recv().await {
                noted.lock().unwrap().push(request.clone());
                named.lock().unwrap().push(by);
                // The caller may have gone.
                let _ = reply.send(answer(request));
            }
        });

        let log = EventLog::new(BOOT_MS);
        let (ready, is_ready) = watch::channel(Readiness::Ready);
        let authorities = vec![host.to_owned(), "localhost:7777".into(), "[::1]:7777".into()];
        let node = Node::new(requests, log.clone()).with_files(Arc::new(Shelf));
        let router = api::app(node, Arc::clone(&credentials), authorities, is_ready);
        let host = host.to_owned();
        Self { router, host, token, credentials, log, ready, asked, by, clock, _dir: dir }
    }

    pub(crate) fn pass_time(&self, time: Duration) {
        *self.clock.lock().unwrap() += time;
    }

    /// The last thing the engine was asked, for looking at.
    pub(crate) fn last_asked(&self) -> String {
        format!("{:?}", self.asked.lock().unwrap().last().expect("something was asked"))
    }

    /// Who asked last.
    pub(crate) fn by(&self) -> Option<String> {
        self.by.lock().unwrap().last().cloned().flatten()
    }

    /// What the engine was asked so far.
    pub(crate) fn asked(&self) -> Vec<engine::Request> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn asked_count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// A request under our name, without credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder().method(method).uri(path).header(header::HOST, &self.host)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A call of a program that has the token.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self
            .request(method, path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let body = match body {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Tries a login code.
    pub(crate) async fn login(&self, code: &str) -> Answer {
        let body = serde_json::json!({ "code": code }).to_string();
        let request = self
            .request(Method::POST, "/v1/login")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body));
        self.send(request.unwrap()).await
    }

    /// A page that has logged in.
    pub(crate) async fn page(&self) -> Page {
        let answer = self.login(&self.credentials.login_code()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Page { cookie, csrf: answer.json()["csrf"].as_str().unwrap().to_owned() }
    }
}
