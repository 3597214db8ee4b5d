//! `conclave bench`: how fast direct messages are, beside what this machine can do at all.
//!
//! Two nodes run in this process, each with its own folder, ledger, swarm and loopback sockets.
//! A message counts when its sender has the recipient's signed receipt: it was encrypted, flushed
//! to the sender's disk, sent, decrypted and flushed to the recipient's disk.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use engine::{
    EventBody, Reply, Request,
    request::{ContactSource, ConversationKind},
};
use protocol::identity::{ConversationId, Domain, MessageId, PersonaId, PersonaKey};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    config::{Config, Layer},
    running::{self, Running},
};

/// How to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Messages in each run
    #[arg(long, default_value_t = 2_000)]
    pub messages: usize,
    /// Bytes of text in each message
    #[arg(long, default_value_t = 1_024)]
    pub bytes: usize,
    /// What keeps the ledger: sqlite or sled
    #[arg(long, default_value = "sqlite")]
    pub ledger: String,
    /// Where the data folders are made [default: the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<std::path::PathBuf>,
}

/// How long one run may take before it has failed.
const RUN_TIME_MAX: Duration = Duration::from_secs(120);
/// Rounds of each raw measurement.
const RAW_ROUNDS: u32 = 2_000;
/// Rounds of the flush measurement, which is the slowest.
const FLUSH_ROUNDS: u32 = 500;

/// Measures and prints a table.
///
/// # Errors
/// A node could not be started, or messages were lost.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let base = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = base.join(format!("conclave-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = measure(&options, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    result?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(options: &Options, folder: &Path) -> anyhow::Result<()> {
    let flush = flushes_per_second(folder)?;
    let crypto = crypto_per_second(options.bytes)?;
    let round_trip = round_trips_per_second(options.bytes).await?;
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
    async fn start(options: &Options, folder: &Path) -> anyhow::Result<Self> {
        let alice = start_node(options, &folder.join("alice")).await?;
        let bob = start_node(options, &folder.join("bob")).await?;
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

async fn start_node(options: &Options, folder: &Path) -> anyhow::Result<Running> {
    let flags = Layer {
        data_dir: Some(folder.to_owned()),
        api: Some(([127, 0, 0, 1], 0).into()),
        listen: Some(vec!["/ip4/127.0.0.1/tcp/0".into()]),
        mdns: Some(false),
        upnp: Some(false),
        ledger: Some(options.ledger.clone()),
        ..Layer::default()
    };
    running::start(&Config::load(flags, None, |_| None)?).await
}

async fn persona(node: &Running, name: &str) -> anyhow::Result<PersonaId> {
    let request = Request::CreatePersona {
        name: name.to_owned(),
        handle: None,
        settings: None,
        calendar: None,
    };
    let began = Instant::now();
    let Reply::Persona(view) = call(node, request).await? else { bail!("no persona") };
    // The card is made when the node knows its own address.
    while !is_published(node, view.id).await? {
        ensure!(began.elapsed() < RUN_TIME_MAX, "the node has no address");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(view.id)
}

async fn is_published(node: &Running, id: PersonaId) -> anyhow::Result<bool> {
    let Reply::Personas(views) = call(node, Request::ListPersonas).await? else { bail!("none") };
    Ok(views.iter().any(|view| view.id == id && view.published))
}

async fn call(node: &Running, request: Request) -> anyhow::Result<Reply> {
    Ok(node.call(request).await?)
}

/// How often a second 4 KiB can be made durable.
fn flushes_per_second(folder: &Path) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(folder.join("flush"))?;
    let block = [7u8; 4096];
    let began = Instant::now();
    for _ in 0..FLUSH_ROUNDS {
        file.write_all(&block)?;
        file.sync_data()?;
    }
    Ok(f64::from(FLUSH_ROUNDS) / began.elapsed().as_secs_f64())
}

/// How often a second one core can do the cryptography one message needs at the least, on both
/// sides.
fn crypto_per_second(bytes: usize) -> anyhow::Result<f64> {
    let key = PersonaKey::from_seed(&[1; 32]);
    let cipher = ChaCha20Poly1305::new(&[2; 32].into());
    let text = vec![3u8; bytes];
    let failed = |_| anyhow::anyhow!("the cipher failed");
    let began = Instant::now();
    for _ in 0..RAW_ROUNDS {
        let signature = key.sign(Domain::Receipt, &text);
        let sealed = cipher.encrypt(&[0; 12].into(), &text[..]).map_err(failed)?;
        let opened = cipher.decrypt(&[0; 12].into(), &sealed[..]).map_err(failed)?;
        key.id().verify(Domain::Receipt, &opened, &signature).context("the signature failed")?;
    }
    Ok(f64::from(RAW_ROUNDS) / began.elapsed().as_secs_f64())
}

/// How often a second the same bytes can go over loopback TCP and be answered with one byte.
async fn round_trips_per_second(bytes: usize) -> anyhow::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; bytes];
        for _ in 0..RAW_ROUNDS {
            stream.read_exact(&mut buffer).await?;
            stream.write_all(&[1]).await?;
        }
        std::io::Result::Ok(())
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let block = vec![7; bytes];
    let began = Instant::now();
    for _ in 0..RAW_ROUNDS {
        stream.write_all(&block).await?;
        stream.read_exact(&mut [0]).await?;
    }
    let rate = f64::from(RAW_ROUNDS) / began.elapsed().as_secs_f64();
    answering.await??;
    Ok(rate)
}
