//! `conclave demo`: the product in one command.
//!
//! A rendezvous, three mailboxes and several nodes run on this machine, each node its own process with its own data
//! folder, keys, ledger and sockets, started by the same `conclave up` anyone would type. The demo
//! only does what owners do: it speaks to each node's local API. What the personas find, say, vote
//! and book is up to them and to the calendars, which differ with the seed.

mod calendars;
mod owner;
mod process;
mod report;
mod sleep;
mod story;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;

use report::Report;

/// How to run the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many nodes take part, 2 to 20
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=20))]
    pub nodes: u8,
    /// End when the story is told; exit 0 only if all of it held
    #[arg(long)]
    pub once: bool,
    /// Where certificate.json and the calendars are written [default: a new temporary folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What fills the calendars; the same seed and date give the same ones
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print what happened as JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// Tells the story.
///
/// # Errors
/// A node could not be started or a step of the story did not hold; the message says which.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let temporary = std::env::temp_dir().join(format!("conclave-demo-{}", std::process::id()));
    let out = options.out.clone().unwrap_or(temporary);
    std::fs::create_dir_all(&out)
        .with_context(|| format!("cannot use {} for the results", out.display()))?;
    let out = out.canonicalize()?;
    let mut report = Report::new(options.json);
    let cast = story::tell(&options, &out, &mut report).await?;
    report.end();
    if options.once {
        cast.stop().await;
        return Ok(ExitCode::SUCCESS);
    }
    report.links(&cast.links().await?);
    tokio::signal::ctrl_c().await?;
    cast.stop().await;
    Ok(ExitCode::SUCCESS)
}
