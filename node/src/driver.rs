//! The node's event loop: one task owns the engine.
//!
//! A turn takes one thing that happened, and whatever else is already waiting, hands each to the
//! engine, writes everything the engine wants stored in one batch, and only then lets out what
//! depends on it. Under load many messages share one flush; when idle each has its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use api::{Call, EventLog};
use engine::{Effect, Engine, Input, Reply, Request, RequestError, RequestId, Write};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{perform::Outside, ports::Ports};

/// Things taken in one turn before their effects are carried out; it bounds how long the first of
/// them waits for its flush.
const TURN_MAX: usize = 128;

/// Answers a request of the local API.
pub(crate) type Answer = oneshot::Sender<Result<Reply, RequestError>>;

/// Everything that can wake the node.
enum Event {
    /// It is time to stop.
    Shutdown,
    /// Something the outside world was asked has an answer.
    Outside(Completion),
    /// A time the engine waits for has come.
    Timeout,
    /// The owner wants something.
    Request(Call),
    /// The network has something to say.
    Network(network::Event),
}

/// An answer from the outside world.
pub(crate) enum Completion {
    /// For the engine.
    Input(Input),
    /// What the network looks like, for a request.
    Network(network::Status, Answer),
}

/// The task that owns the engine.
pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) outside: Outside,
    pub(crate) events: EventLog,
    /// The same events for listeners in this process.
    pub(crate) told: broadcast::Sender<engine::Event>,
    pub(crate) calls: mpsc::Receiver<Call>,
    pub(crate) network_events: network::Events,
    pub(crate) completions: mpsc::Receiver<Completion>,
    pub(crate) ready: watch::Sender<bool>,
    pub(crate) ports: Ports,
    pub(crate) addresses: BTreeSet<String>,
    pub(crate) pending: BTreeMap<RequestId, Answer>,
    pub(crate) next_request: u64,
}

impl Driver {
    /// Runs until `shutdown` completes. What was accepted before that is on disk.
    ///
    /// # Errors
    /// The ledger could not be written: the node must stop, for it can no longer promise anything.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::pin!(shutdown);
        // What loading left to be done comes before anything new.
        self.carry_out().await?;
        self.outside.dial_known();
        self.ready.send_replace(true);
        loop {
            match self.next_event(shutdown.as_mut()).await {
                Event::Shutdown => break,
                event => self.take(event),
            }
            self.take_waiting();
            self.carry_out().await?;
        }
        self.ready.send_replace(false);
        Ok(())
    }

    async fn next_event(&mut self, shutdown: impl Future<Output = ()>) -> Event {
        let timeout = match self.engine.poll_timeout() {
            Some(at_ms) => Duration::from_millis(at_ms.saturating_sub(now_ms())),
            None => Duration::from_secs(3600),
        };
        tokio::select! {
            biased;
            () = shutdown => Event::Shutdown,
            Some(completion) = self.completions.recv() => Event::Outside(completion),
            () = tokio::time::sleep(timeout) => Event::Timeout,
            Some(call) = self.calls.recv() => Event::Request(call),
            Some(event) = self.network_events.next() => Event::Network(event),
            else => Event::Shutdown,
        }
    }

    /// Takes what is waiting already, so that it shares the flush.
    fn take_waiting(&mut self) {
        for _ in 0..TURN_MAX {
            if let Ok(completion) = self.completions.try_recv() {
                self.take(Event::Outside(completion));
            } else if let Ok(call) = self.calls.try_recv() {
                self.take(Event::Request(call));
            } else if let Some(event) = self.network_events.try_next() {
                self.take(Event::Network(event));
            } else {
                break;
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Shutdown => {}
            Event::Outside(Completion::Input(input)) => self.engine.handle(input, now_ms()),
            Event::Outside(Completion::Network(status, answer)) => {
                let view = crate::perform::network_view(&self.engine, status);
                // The asker may have gone away; nobody is harmed.
                let _ = answer.send(Ok(Reply::Network(view)));
            }
            Event::Timeout => self.engine.handle(Input::Timeout, now_ms()),
            Event::Request(call) => self.on_call(call),
            Event::Network(event) => self.on_network(event),
        }
    }

    fn on_call(&mut self, Call { request, reply }: Call) {
        if let Request::GetNetwork = request {
            return self.outside.ask_network(reply);
        }
        if let Some(result) = self.engine.query(&request, &self.outside.reader) {
            let _ = reply.send(result);
            return;
        }
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.pending.insert(id, reply);
        self.engine.handle(Input::Request { id, request }, now_ms());
    }

    fn on_network(&mut self, event: network::Event) {
        let input = match event {
            network::Event::Listening { address } => {
                tracing::info!(%address, "listening");
                if self.ports.note(&address) {
                    self.outside.remember_ports(&self.ports);
                }
                self.addresses.insert(crate::perform::without_peer(&address));
                Input::Listening(self.addresses.iter().cloned().collect())
            }
            network::Event::Connected { node, address } => {
                self.outside.note_address(&node, &address);
                Input::Connected(node)
            }
            network::Event::Disconnected { node } => Input::Disconnected(node),
            network::Event::Frame { node, frame } => Input::Frame { node, frame },
            network::Event::SendFailed { node, frames, reason } => {
                tracing::debug!(?node, frames, ?reason, "frames were not sent; they stay queued");
                return;
            }
            network::Event::Gossip { id, .. } => {
                // Nothing is published on topics in this version, so nothing is passed on.
                return self.outside.network.report_gossip(id, network::Verdict::Ignore);
            }
            network::Event::Published { key, ok } => {
                tracing::debug!(?key, ok, "record published");
                return;
            }
            network::Event::BootstrapDone => {
                tracing::info!("found the network");
                return;
            }
        };
        self.engine.handle(input, now_ms());
    }

    /// Carries out what the engine wants: stores first, lets out after.
    async fn carry_out(&mut self) -> anyhow::Result<()> {
        loop {
            let mut writes: Vec<Write> = Vec::new();
            let mut outward = Vec::new();
            while let Some(effect) = self.engine.poll_effect() {
                match effect {
                    Effect::Persist(rows) => writes.extend(rows),
                    other => outward.push(other),
                }
            }
            if writes.is_empty() && outward.is_empty() {
                return Ok(());
            }
            let stored = !writes.is_empty();
            if stored {
                self.outside.commit(writes).await?;
                self.engine.handle(Input::Stored, now_ms());
            }
            for effect in outward {
                self.let_out(effect);
            }
        }
    }

    fn let_out(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { request, result } => {
                if let Some(answer) = self.pending.remove(&request) {
                    let _ = answer.send(result);
                }
            }
            Effect::Emit(event) => {
                // Nobody need listen within the process.
                let _ = self.told.send(event.clone());
                self.events.push(event);
            }
            other => self.outside.perform(other),
        }
    }
}

/// The clock of the node, milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
