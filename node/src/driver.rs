//! The node's event loop: one task owns the engine.
//!
//! A turn takes one thing that happened, and whatever else is already waiting, hands each to the
//! engine, writes everything the engine wants stored in one batch, and only then lets out what
//! depends on it. Under load many messages share one flush; when idle each has its own.

use std::{collections::BTreeMap, future::Future, time::Duration};

use api::{Call, EventLog, Readiness};
use engine::{Effect, Engine, Input, Reply, Request, RequestError, RequestId, Write};
use mailbox::{Failed, Role};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::{Interval, MissedTickBehavior},
};

use crate::{clock::Clock, perform::Outside, ports::Ports, post::Post, space::Space};

/// Things taken in one turn before their effects are carried out; it bounds how long the first of
/// them waits for its flush.
const TURN_MAX: usize = 128;

/// How often the disk is looked at. In this time no node writes what is kept back for it.
const SPACE_EVERY: Duration = Duration::from_secs(1);

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
    /// A mailbox has something to say, or is lost.
    Post(Input),
    /// The mailbox served here cannot go on.
    MailboxFailed(Failed),
    /// It is time to look at the disk.
    Space,
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
    /// The way to mailboxes.
    pub(crate) post: Post,
    /// The mailbox served here, if one is.
    pub(crate) role: Role,
    pub(crate) completions: mpsc::Receiver<Completion>,
    pub(crate) ready: watch::Sender<Readiness>,
    pub(crate) space: Space,
    pub(crate) clock: Clock,
    pub(crate) ports: Ports,
    pub(crate) pending: BTreeMap<RequestId, Answer>,
    pub(crate) next_request: u64,
}

impl Driver {
    /// Runs until `shutdown` completes. What was accepted before that is on disk.
    ///
    /// # Errors
    /// The ledger could not be written, for the node itself or for the mailbox it serves: the node
    /// must stop, for it can no longer promise anything.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::pin!(shutdown);
        // What loading left to be done comes before anything new.
        self.carry_out().await?;
        self.outside.dial_known();
        self.space.look();
        self.ready.send_replace(self.readiness());
        let mut looks = tokio::time::interval(SPACE_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.next_event(shutdown.as_mut(), &mut looks).await {
                Event::Shutdown => break,
                Event::MailboxFailed(failed) => return Err(failed.into()),
                event => self.take(event).await,
            }
            self.take_waiting().await;
            self.carry_out().await?;
        }
        self.ready.send_replace(Readiness::Starting);
        self.role.log_counts();
        self.role.stop().await?;
        self.post.close().await;
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        if self.space.is_low() { Readiness::ReadOnly } else { Readiness::Ready }
    }

    async fn next_event(
        &mut self,
        shutdown: impl Future<Output = ()>,
        looks: &mut Interval,
    ) -> Event {
        let timeout = match self.engine.poll_timeout() {
            Some(at_ms) => Duration::from_millis(at_ms.saturating_sub(self.clock.now_ms())),
            None => Duration::from_secs(3600),
        };
        tokio::select! {
            biased;
            () = shutdown => Event::Shutdown,
            Some(completion) = self.completions.recv() => Event::Outside(completion),
            _ = looks.tick() => Event::Space,
            () = tokio::time::sleep(timeout) => Event::Timeout,
            Some(call) = self.calls.recv() => Event::Request(call),
            Some(event) = self.network_events.next() => Event::Network(event),
            input = self.post.next() => Event::Post(input),
            failed = self.role.failed() => Event::MailboxFailed(failed),
            else => Event::Shutdown,
        }
    }

    /// Takes what is waiting already, so that it shares the flush.
    async fn take_waiting(&mut self) {
        for _ in 0..TURN_MAX {
            if let Ok(completion) = self.completions.try_recv() {
                self.take(Event::Outside(completion)).await;
            } else if let Ok(call) = self.calls.try_recv() {
                self.take(Event::Request(call)).await;
            } else if let Some(event) = self.network_events.try_next() {
                self.take(Event::Network(event)).await;
            } else if let Some(input) = self.post.try_next() {
                self.take(Event::Post(input)).await;
            } else {
                break;
            }
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            // These end the loop, they are not taken.
            Event::Shutdown | Event::MailboxFailed(_) => {}
            Event::Outside(Completion::Input(input)) => {
                self.engine.handle(input, self.clock.now_ms());
            }
            Event::Outside(Completion::Network(status, answer)) => {
                let view = crate::perform::network_view(&self.engine, status);
                // The asker may have gone away; nobody is harmed.
                let _ = answer.send(Ok(Reply::Network(view)));
            }
            Event::Timeout => {
                self.engine.handle(Input::Timeout, self.clock.now_ms());
                for mailbox in self.post.renew_key() {
                    self.engine.handle(Input::MailboxLost(mailbox), self.clock.now_ms());
                }
            }
            Event::Request(call) => self.on_call(call),
            Event::Network(event) => {
                // What is for the mailbox served here is no business of the personas.
                if let Some(event) = self.role.hear(event).await {
                    self.on_network(event);
                }
            }
            // As with frames: a mailbox keeps what it has told until that is acknowledged.
            Event::Post(Input::FromMailbox { .. }) if self.space.is_low() => {}
            Event::Post(input) => self.engine.handle(input, self.clock.now_ms()),
            Event::Space => {
                if self.space.look() {
                    self.ready.send_replace(self.readiness());
                }
            }
        }
    }

    fn on_call(&mut self, Call { request, by, reply }: Call) {
        if let Request::GetNetwork = request {
            return self.outside.ask_network(reply);
        }
        if let Some(result) = self.engine.query(&request, &self.outside.reader) {
            let _ = reply.send(result);
            return;
        }
        if let Some(refusal) = self.space.refusal() {
            let _ = reply.send(Err(refusal));
            return;
        }
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.pending.insert(id, reply);
        self.engine.handle(Input::Request { id, request, by }, self.clock.now_ms());
    }

    fn on_network(&mut self, event: network::Event) {
        let input = match event {
            network::Event::Listening { address } => {
                tracing::info!(%address, "listening");
                if self.ports.note(&address) {
                    self.outside.remember_ports(&self.ports);
                }
                return;
            }
            network::Event::Addresses { addresses } => Input::Listening(addresses),
            network::Event::Connected { node, address, path } => {
                self.outside.note_address(&node, &address);
                let relayed = path == network::Path::Relayed;
                self.engine.handle(Input::Path { node, relayed }, self.clock.now_ms());
                Input::Connected(node)
            }
            network::Event::PathChanged { node, address, path } => {
                self.outside.note_address(&node, &address);
                Input::Path { node, relayed: path == network::Path::Relayed }
            }
            network::Event::Disconnected { node } => Input::Disconnected(node),
            // Nothing could be kept of it. Whoever sent it does, and sends it again.
            network::Event::Frame { .. } if self.space.is_low() => return,
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
        self.engine.handle(input, self.clock.now_ms());
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
                self.engine.handle(Input::Stored, self.clock.now_ms());
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
            Effect::DialMailbox { node, addresses } => {
                if !self.post.dial(node, addresses) {
                    self.engine.handle(Input::MailboxLost(node), self.clock.now_ms());
                }
            }
            Effect::ToMailbox { node, request } => {
                if !self.post.say(node, request) {
                    self.engine.handle(Input::MailboxLost(node), self.clock.now_ms());
                }
            }
            other => self.outside.perform(other),
        }
    }
}
