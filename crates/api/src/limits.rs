//! Bounds on requests that are answered and done: how many at once, and how long each.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::{error::ApiError, router::App};

/// Requests worked on at once. More are told to come back, because a queue would only hide it.
pub(crate) const REQUESTS_MAX: usize = 256;

/// The longest a request may take, its body included.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Works on a request within both bounds.
pub(crate) async fn bounded(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let _slot = app
        .requests
        .try_acquire()
        .map_err(|_| ApiError::Unavailable("the node is busy".to_owned()))?;
    tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await.map_err(|_| {
        let seconds = REQUEST_TIME_MAX.as_secs();
        ApiError::Unavailable(format!("no answer within {seconds} seconds"))
    })
}
