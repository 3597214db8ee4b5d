//! `conclave bench`: how fast this is, beside what the machine can do at all.
//!
//! The nodes run in this process, each with its own folder, ledger, swarm and loopback sockets.

mod decisions;
mod limits;
mod messages;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use engine::{Reply, Request};
use protocol::identity::PersonaId;

use crate::{
    config::{Config, Layer},
    running::{self, Running},
};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    messages: Messages,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Measure how long a group takes from its last ballot to a certificate everyone has
    Decisions(Decisions),
}

/// How to measure messages.
#[derive(Debug, Clone, clap::Args)]
struct Messages {
    /// Messages in each run
    #[arg(long, default_value_t = 2_000)]
    messages: usize,
    /// Bytes of text in each message
    #[arg(long, default_value_t = 1_024)]
    bytes: usize,
    /// What keeps the ledger: sqlite or sled
    #[arg(long, default_value = "sqlite")]
    ledger: String,
    /// Where the data folders are made [default: the temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// How to measure decisions.
#[derive(Debug, Clone, clap::Args)]
struct Decisions {
    /// Sizes of the groups
    #[arg(long, value_delimiter = ',', default_values_t = [3, 10, 50, 100])]
    sizes: Vec<usize>,
    /// Decisions in each group
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// The most nodes; in a larger group several personas share one
    #[arg(long, default_value_t = 10)]
    nodes: usize,
    /// What keeps the ledger: sqlite or sled
    #[arg(long, default_value = "sqlite")]
    ledger: String,
    /// Where the data folders are made [default: the temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// How long one run may take before it has failed.
const RUN_TIME_MAX: Duration = Duration::from_secs(120);

/// Measures and prints a table.
///
/// # Errors
/// A node could not be started, or messages were lost.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let dir = match &options.what {
        Some(What::Decisions(decisions)) => &decisions.dir,
        None => &options.messages.dir,
    };
    let base = dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = base.join(format!("conclave-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = match &options.what {
        Some(What::Decisions(decisions)) => decisions::measure(decisions, &folder).await,
        None => messages::measure(&options.messages, &folder).await,
    };
    std::fs::remove_dir_all(&folder)?;
    result?;
    Ok(ExitCode::SUCCESS)
}

async fn start_node(ledger: &str, folder: &Path) -> anyhow::Result<Running> {
    let flags = Layer {
        data_dir: Some(folder.to_owned()),
        api: Some(([127, 0, 0, 1], 0).into()),
        listen: Some(vec!["/ip4/127.0.0.1/tcp/0".into()]),
        mdns: Some(false),
        upnp: Some(false),
        ledger: Some(ledger.to_owned()),
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
