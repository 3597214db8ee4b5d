//! The way to the node: requests go in through a channel, answers come back one by one.

use std::sync::Arc;

use engine::{Reply, Request, RequestError};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::ApiError,
    events::EventLog,
    files::{Files, Shelf},
};

/// A request on its way to whoever owns the engine, with the place its answer goes to.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// Who asks, for the audit log.
    pub by: Option<String>,
    /// Where the answer goes. Nobody may be waiting any more; that is no error.
    pub reply: oneshot::Sender<Result<Reply, RequestError>>,
}

tokio::task_local! {
    /// Who the HTTP request being worked on comes from.
    static WHO: String;
}

/// Works on a request of somebody, whose name goes with whatever the node is asked.
pub(crate) async fn asked_by<T>(who: String, work: impl Future<Output = T>) -> T {
    WHO.scope(who, work).await
}

/// A cheap handle of the node. The task that owns the engine holds the other end.
#[derive(Debug, Clone)]
pub struct Node {
    requests: mpsc::Sender<Call>,
    events: EventLog,
    files: Shelf,
}

impl Node {
    /// A handle that asks through `requests` and tells what is pushed to `events`.
    pub fn new(requests: mpsc::Sender<Call>, events: EventLog) -> Self {
        Self { requests, events, files: Shelf::default() }
    }

    /// The same with whoever keeps its files.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn Files>) -> Self {
        Self { files: Shelf(Some(files)), ..self }
    }

    pub(crate) fn files(&self) -> Option<&dyn Files> {
        self.files.0.as_deref()
    }

    /// Asks and waits for the answer. A full channel makes the caller wait, within the time
    /// limit of its HTTP request.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, ApiError> {
        let gone = || ApiError::Unavailable("the node is shutting down".to_owned());
        let (reply, answer) = oneshot::channel();
        let by = WHO.try_with(Clone::clone).ok();
        self.requests.send(Call { request, by, reply }).await.map_err(|_| gone())?;
        Ok(answer.await.map_err(|_| gone())??)
    }

    pub(crate) fn events(&self) -> &EventLog {
        &self.events
    }
}

/// Takes the expected kind of reply out of [`Node::ask`]'s answer, or blames the engine.
macro_rules! expect_reply {
    ($reply:expr, $($pattern:pat => $value:expr),+ $(,)?) => {
        match $reply {
            $($pattern => Ok($value),)+
            other => Err($crate::error::ApiError::Internal(format!(
                "the engine answered something else: {other:?}"
            ))),
        }
    };
}

pub(crate) use expect_reply;
