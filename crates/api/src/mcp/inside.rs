//! `/mcp`: the protocol over HTTP, on the API itself.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, Request, header, request::Parts},
};
use futures::future::BoxFuture;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use tower::ServiceExt;

use super::{
    door::{Answer, Ask, Door, Refusal},
    server::Server,
};
use crate::{auth::guard::CLIENT, router::BODY_BYTES_MAX};

/// The largest answer of the API a tool reads. A page of 100 messages of 64 KiB is below.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The service behind `/mcp`; `api` answers the calls its tools make.
///
/// Nothing is kept between requests and every answer is one piece of JSON. Where a request comes
/// from and who asks has been looked at before it gets here, so the library's own checks, which
/// know only of host names, are off.
pub(crate) fn service(api: Router) -> StreamableHttpService<Server, NeverSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX)
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let serve = move || Ok(Server::inside(api.clone()));
    StreamableHttpService::new(serve, Arc::default(), config)
}

/// The API from inside, with the credentials of the request that is being answered.
pub(super) struct Inside {
    api: Router,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl Inside {
    pub(super) fn new(api: Router, request: &Parts) -> Option<Self> {
        let header = |name| request.headers.get(name).cloned();
        let (host, authorization) = (header(header::HOST)?, header(header::AUTHORIZATION)?);
        Some(Self { api, host, authorization })
    }

    fn request(&self, ask: Ask) -> Result<Request<Body>, axum::http::Error> {
        let mut request = Request::builder()
            .method(ask.method)
            .uri(ask.path)
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, &self.authorization)
            .header(CLIENT, ask.client);
        if let Some(key) = ask.key {
            request = request.header("Idempotency-Key", key);
        }
        match ask.body {
            None => request.body(Body::empty()),
            Some(json) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(json.to_string())),
        }
    }
}

impl Door for Inside {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Answer, Refusal>> {
        // Only a key that no header may carry gets this far and no further.
        let request = self.request(ask);
        Box::pin(async move {
            let request = request.map_err(|_| Refusal::about("key", "visible ASCII characters"))?;
            let response = match self.api.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await;
            let body = body.map_err(|_| Refusal::new("the answer is too large"))?;
            Answer::read(status, &body)
        })
    }
}
