//! Everything put together: routes inside, doors around them, headers on every answer.

use std::{future::Future, io, ops::Deref, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, FromRef, Request},
    http::{HeaderName, HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, Semaphore, oneshot, watch},
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    auth::{Credentials, checks::same_place, guard::known_caller},
    error::ApiError,
    limits::{REQUESTS_MAX, bounded},
    mcp,
    node::Node,
    openapi::{Description, Served, openapi_json},
    routes::{self, Readiness},
    ui,
};

/// The largest body of a request: 1 MiB. The largest message has 64 KiB.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a shutdown waits for requests that are being worked on.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// What every handler can reach.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) node: Node,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) authorities: Vec<String>,
    pub(crate) ready: watch::Receiver<Readiness>,
    pub(crate) requests: Semaphore,
    /// Held while what a persona thinks of a message changes from what was read.
    pub(crate) reacting: Mutex<()>,
    pub(crate) listeners: Arc<Semaphore>,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Node {
    fn from_ref(app: &App) -> Self {
        app.node.clone()
    }
}

/// The whole API and the page, as one router.
///
/// `authorities` are the names this server may be called by, exactly as they stand in a `Host`
/// header (`127.0.0.1:7777`, `localhost:7777`, `[::1]:7777`); requests under any other name are
/// refused. `ready` says what `/health/ready` answers.
pub fn app(
    node: Node,
    credentials: Arc<Credentials>,
    authorities: Vec<String>,
    ready: watch::Receiver<Readiness>,
) -> Router {
    let app = App(Arc::new(Parts {
        node,
        credentials,
        authorities,
        ready,
        requests: Semaphore::new(REQUESTS_MAX),
        reacting: Mutex::new(()),
        listeners: Arc::new(Semaphore::new(routes::LISTENERS_MAX)),
    }));
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(routes::all(&app))
        .split_for_parts();
    let router = router
        .route("/openapi.json", get(openapi_json))
        .layer(Extension(Served::from(description)))
        .fallback(ui::page)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed);
    // Tools ask what any program may ask, through the same doors.
    let tools = mcp::service(behind_doors(router.clone(), &app));
    let tools = Router::new().route_service(mcp::PATH, tools);
    let tools = tools.layer(from_fn_with_state(app.clone(), bounded));
    behind_doors(router.merge(tools), &app)
}

/// Routes with what stands before all of them.
fn behind_doors(routes: Router<App>, app: &App) -> Router {
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(app.clone(), known_caller))
        .layer(from_fn_with_state(app.clone(), same_place))
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::Internal("a handler panicked".to_owned()).into_response()
        }))
        .layer(from_fn(with_headers))
        .with_state(app.clone())
}

/// What the page may load: its own files and nothing else.
const CSP: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'none'; object-src 'none'; img-src 'self' data: blob:";

/// Headers that stand on every answer, refusals included. None of them is a CORS header.
async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Only the page's files say otherwise.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Serves the router until `shutdown` completes, then lets requests finish for five seconds.
/// Close the [`crate::EventLog`] with it, so that event streams end at once.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (begin, begun) = oneshot::channel();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // Nobody listens when the server has failed already.
        let _ = begin.send(());
    });
    let overdue = async {
        if begun.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN_TIME_MAX).await;
    };
    tokio::select! {
        result = server.into_future() => result,
        () = overdue => Ok(()),
    }
}
