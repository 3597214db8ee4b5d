//! Events over a WebSocket.
//!
//! A program shows the token when it asks for the upgrade and gets events at once, from `cursor`
//! in the URL on if it wants; a `hello` with a cursor moves it there. A page shows its cookie at
//! the upgrade, which any page can make a browser do, so its first frame must prove by the CSRF
//! secret that it is ours; until then it is told nothing.

use std::time::Duration;

use axum::{
    Extension,
    body::Bytes,
    extract::{
        State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    response::Response,
};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::place;
use crate::{
    auth::{Caller, guard::csrf_holds},
    error::ApiError,
    events::{Listener, Next},
    extract::{Query, parse},
    router::App,
    types::{
        Refusals,
        event::{ControlFrame, EventFrame, EventsQuery, Hello},
    },
};

/// A page says hello at once; whoever has not by then is not ours.
const HELLO_TIME_MAX: Duration = Duration::from_secs(10);

/// How often the other side is asked whether it still lives.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How long it may be silent. Every ping brings a pong, so this is three lost ones.
const SILENCE_MAX: Duration = Duration::from_secs(70);

/// How long one frame may take to leave. A reader slower than this is not reading.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);

/// The largest frame a client has reason to send is a hello.
const FRAME_BYTES_MAX: usize = 4096;

/// Everything that happens, over a WebSocket. Frames of the server are events, `ready` and
/// `resync`; the client's only frame is `hello`.
#[utoipa::path(get, path = "/v1/events",
    operation_id = "listen", tag = "events", params(EventsQuery),
    responses((status = 101, description = "Frames follow", body = EventFrame), Refusals))]
pub(super) async fn socket(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<EventsQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::Malformed {
        field: None,
        detail: "a WebSocket upgrade is needed; /v1/events/stream needs none".to_owned(),
    })?;
    let place = place(&app)?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut link = Link { app, caller, socket };
        if let Some((code, reason)) = link.talk(query.cursor).await {
            link.close(code, reason).await;
        }
        drop(place);
    }))
}

/// Why the server ends a conversation: a close code and a word. `None` when the other side is
/// gone already.
type End = Option<(u16, &'static str)>;

struct Link {
    app: App,
    caller: Caller,
    socket: WebSocket,
}

impl Link {
    /// Tells events until one side has enough.
    async fn talk(&mut self, cursor: Option<u64>) -> End {
        let cursor = match self.caller {
            Caller::Token | Caller::Granted(_) => cursor,
            Caller::Session(_) => match self.greeting().await {
                Ok(hello) => hello.cursor.or(cursor),
                Err(end) => return end,
            },
        };
        let mut listener = match self.begin(cursor).await {
            Ok(listener) => listener,
            Err(end) => return end,
        };
        let mut fresh = true;
        let mut heard = Instant::now();
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            let step = tokio::select! {
                next = listener.next() => {
                    let was_fresh = std::mem::replace(&mut fresh, false);
                    self.tell(next, was_fresh).await
                }
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match self.hear(message).await {
                        Ok(Some(moved)) => {
                            (listener, fresh) = (moved, true);
                            Ok(())
                        }
                        Ok(None) => Ok(()),
                        Err(end) => Err(end),
                    }
                }
                now = ping.tick() => {
                    if now.duration_since(heard) > SILENCE_MAX {
                        Err(None)
                    } else {
                        self.still_good().and(self.send(Message::Ping(Bytes::new())).await)
                    }
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// The first frame of a page, if it is what it must be.
    async fn greeting(&mut self) -> Result<Hello, End> {
        let refused = Err(Some((close_code::POLICY, "hello with the csrf secret comes first")));
        let Ok(message) = timeout(HELLO_TIME_MAX, self.socket.recv()).await else {
            return refused;
        };
        match message {
            Some(Ok(Message::Text(text))) => match parse::<Hello>(text.as_bytes()) {
                Ok(hello) if csrf_holds(&self.app, self.caller, hello.csrf.as_deref()) => Ok(hello),
                _ => refused,
            },
            Some(Ok(_)) => refused,
            Some(Err(_)) | None => Err(None),
        }
    }

    /// Listens from a cursor on and says so.
    async fn begin(&mut self, cursor: Option<u64>) -> Result<Listener, End> {
        let listener = self.app.node.events().listen(cursor);
        let ready = ControlFrame::Ready { cursor: listener.reached() };
        self.send(Message::text(ready.to_json())).await?;
        Ok(listener)
    }

    /// Passes on what the listener learnt. Who has to resync at the start goes on from there;
    /// who falls behind later is too slow and has to come back.
    async fn tell(&mut self, next: Next, fresh: bool) -> Result<(), End> {
        self.still_good()?;
        match next {
            Next::Event(told) => self.send(Message::text(told.json.clone())).await,
            Next::Resync(cursor) => {
                self.send(Message::text(ControlFrame::Resync { cursor }.to_json())).await?;
                if fresh { Ok(()) } else { Err(Some((close_code::AGAIN, "resync"))) }
            }
            Next::Closed => Err(Some((close_code::AWAY, "the node shuts down"))),
        }
    }

    /// Takes a frame of the client; a later hello with a cursor begins anew from there.
    async fn hear(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Listener>, End> {
        match message {
            Some(Ok(Message::Text(text))) => match parse::<Hello>(text.as_bytes()) {
                Ok(Hello { cursor: None, .. }) => Ok(None),
                Ok(hello) => self.begin(hello.cursor).await.map(Some),
                Err(_) => Err(Some((close_code::POLICY, "the only frame is hello"))),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Binary(_))) => Err(Some((close_code::UNSUPPORTED, "frames are text"))),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(None),
        }
    }

    fn still_good(&self) -> Result<(), End> {
        let ended = Err(Some((close_code::POLICY, "the session has ended")));
        if self.app.credentials.still_good(self.caller) { Ok(()) } else { ended }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_TIME_MAX, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        // Whether the other side still hears it makes no difference any more.
        let _ = self.send(Message::Close(Some(frame))).await;
    }
}
