//! How fast direct messages are.
//!
//! A message counts when its sender has the recipient's signed receipt: it was encrypted, flushed
//! to the sender's disk, sent, decrypted and flushed to the recipient's disk.

use std::{collections::BTreeMap, path::Path, time::Instant};

use anyhow::{bail, ensure};
use engine::{
    EventBody, Reply, Request,
    request::{ContactSource, ConversationKind},
};
use protocol::identity::{ConversationId, MessageId};

use super::{Messages, RUN_TIME_MAX, call, limits, persona, start_node};
use crate::running::Running;

pub(super) async fn measure(options: &Messages, folder: &Path) -> anyhow::Result<()> {
    let flush = limits::flushes_per_second(folder)?;
    let crypto = limits::crypto_per_second(options.bytes)?;
    let round_trip = limits::round_trips_per_second(options.bytes).await?;
    let pair = Pair::start(options, folder).await?;
    println!(
        "direct messages between two nodes on loopback, {} B of text, ledger {}, {} processors",
        options.bytes,
        options.ledger,
        std::thread::available_parallelism().map(usize::from).unwrap_or(1),
    );
    println!("{:<44} {:>10} {:>10} {:>10}", "", "per second", "p50 ms", "p99 ms");
    let mut best = 0.0f64;
    for in_flight in [1, 16, 64] {
        let count = if in_flight == 1 { options.messages / 4 } else { options.messages };
        let rate = pair.round(count.max(10), in_flight, options.bytes).await?;
        best = best.max(rate);
    }
    pair.stop().await?;
    println!("limits of this machine, measured in the same run");
    let row = |name: &str, rate: f64| {
        println!("{name:<44} {rate:>10.0}   (best message rate is {:.3} of it)", best / rate);
    };
    row("loopback TCP round trips, same bytes", round_trip);
    row("ed25519 sign + ChaCha20-Poly1305 seal, open, verify", crypto);
    row("flushes to disk (write 4 KiB, fdatasync)", flush);
    Ok(())
}

/// Two nodes whose personas know each other and share a direct conversation.
struct Pair {
    alice: Running,
    bob: Running,
    conversation: ConversationId,
}

impl Pair {
    async fn start(options: &Messages, folder: &Path) -> anyhow::Result<Self> {
        let alice = start_node(&options.ledger, &folder.join("alice")).await?;
        let bob = start_node(&options.ledger, &folder.join("bob")).await?;
        let anna = persona(&alice, "Alice").await?;
        let berta = persona(&bob, "Bob").await?;
        let mut told = alice.told();
        let Reply::Invite { link, .. } =
            call(&alice, Request::CreateInvite { persona: anna }).await?
        else {
            bail!("no invite");
        };
        let peer = ContactSource::Invite(link);
        call(&bob, Request::AddContact { persona: berta, peer }).await?;
        tokio::time::timeout(RUN_TIME_MAX, async {
            while let Ok(event) = told.recv().await {
                if matches!(event.body, EventBody::ContactUpdated(_)) {
                    return Ok(());
                }
            }
            bail!("the node stopped")
        })
        .await??;
        let open = Request::OpenConversation {
            persona: anna,
            kind: ConversationKind::Direct,
            members: vec![berta],
            title: None,
        };
        let Reply::Conversation(view) = call(&alice, open).await? else { bail!("no conversation") };
        Ok(Self { alice, bob, conversation: view.id })
    }

    /// Sends messages, so many at a time, and prints a row; returns the rate.
    async fn round(&self, count: usize, in_flight: usize, bytes: usize) -> anyhow::Result<f64> {
        let text = "x".repeat(bytes);
        let mut told = self.alice.told();
        let mut sent: BTreeMap<MessageId, Instant> = BTreeMap::new();
        let mut early: BTreeMap<MessageId, Instant> = BTreeMap::new();
        let mut times = Vec::with_capacity(count);
        let began = Instant::now();
        let mut posted = 0;
        let (done_in, mut done) = tokio::sync::mpsc::channel(in_flight);
        while times.len() < count {
            ensure!(began.elapsed() < RUN_TIME_MAX, "messages were lost or took too long");
            while posted < count && posted - times.len() < in_flight {
                posted += 1;
                let (caller, done) = (self.alice.caller(), done_in.clone());
                let request = Request::Send {
                    conversation: self.conversation,
                    persona: None,
                    text: text.clone(),
                    reply_to: None,
                    idempotency_key: None,
                };
                let at = Instant::now();
                tokio::spawn(async move {
                    let reply = caller.call(request).await;
                    let _ = done.send((at, reply)).await;
                });
            }
            tokio::select! {
                Some((at, reply)) = done.recv() => {
                    let Reply::Accepted { message } = reply? else { bail!("not accepted") };
                    match early.remove(&message) {
                        Some(delivered) => times.push(delivered - at),
                        None => {
                            sent.insert(message, at);
                        }
                    }
                }
                event = told.recv() => {
                    let event = event?;
                    if let EventBody::MessageDelivery { message, .. } = event.body {
                        match sent.remove(&message) {
                            Some(at) => times.push(at.elapsed()),
                            None => {
                                early.insert(message, Instant::now());
                            }
                        }
                    }
                }
            }
        }
        let rate = count as f64 / began.elapsed().as_secs_f64();
        times.sort();
        let ms = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        let name = format!("delivered with receipt, {in_flight} in flight");
        println!("{name:<44} {rate:>10.0} {:>10.2} {:>10.2}", ms(50), ms(99));
        Ok(rate)
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.alice.until(async {}).await?;
        self.bob.until(async {}).await
    }
}
