//! Events as server-sent events, for programs that speak no WebSocket.
//!
//! A listener costs nothing while it is slow: the log keeps no copy for it, and the connection
//! holds one event at a time. One that falls behind gets `resync` and the end of the stream; its
//! next connection goes on from there.

use std::convert::Infallible;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};

use super::place;
use crate::{
    auth::Caller,
    error::ApiError,
    events::Next,
    extract::Query,
    router::App,
    types::{
        Refusals,
        event::{ControlFrame, EventFrame, EventsQuery},
    },
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Everything that happens, as server-sent events. The data of each is a frame as on the
/// WebSocket, its id the cursor, so that a browser resumes by itself.
#[utoipa::path(get, path = "/v1/events/stream",
    operation_id = "stream_events", tag = "events",
    params(EventsQuery, ("Last-Event-ID" = Option<u64>, Header,
        description = "As `cursor`; what a browser sends when it comes back")),
    responses((status = 200, description = "The stream", body = EventFrame,
        content_type = "text/event-stream"), Refusals))]
pub(super) async fn stream(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let place = place(&app)?;
    // A browser that comes back repeats the URL it began with; the header is newer.
    let cursor = last_event_id(&headers)?.or(query.cursor);
    let listener = app.node.events().listen(cursor);
    let reached = listener.reached();
    let ready = frame(reached, ControlFrame::Ready { cursor: reached }.to_json());
    let rest = stream::unfold(Some((listener, true)), move |state| {
        // Moved in, so that the place is given back when the stream ends.
        let _place = &place;
        let (app, caller) = (app.clone(), caller);
        async move {
            let (mut listener, fresh) = state?;
            let next = listener.next().await;
            if !app.credentials.still_good(caller) {
                return None;
            }
            match next {
                Next::Event(told) => {
                    Some((frame(told.cursor, told.json.clone()), Some((listener, false))))
                }
                Next::Resync(cursor) => {
                    let resync = frame(cursor, ControlFrame::Resync { cursor }.to_json());
                    Some((resync, fresh.then_some((listener, false))))
                }
                Next::Closed => None,
            }
        }
    });
    let all = futures::StreamExt::chain(stream::iter([ready]), rest);
    Ok(Sse::new(futures::StreamExt::map(all, Ok)).keep_alive(KeepAlive::default()))
}

fn frame(cursor: u64, json: String) -> Event {
    Event::default().id(cursor.to_string()).data(json)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| ApiError::malformed("Last-Event-ID", "not a cursor"))
}
