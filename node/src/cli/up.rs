//! `conclave up`: run a node until it is told to stop.

use std::process::ExitCode;

use crate::{config::Config, logging, running, shutdown};

pub(super) async fn run(config: Config, with_parent: bool) -> anyhow::Result<ExitCode> {
    logging::start(&config.log);
    let running = running::start(&config).await?;
    println!("conclave {} is up", env!("CARGO_PKG_VERSION"));
    println!("  node       {}", running.node);
    println!("  data       {}", config.data_dir.display());
    println!("  your page  {}", running.login_link());
    println!("The link works once, within ten minutes; `conclave login` prints a new one.");
    if config.bootstrap.is_empty() {
        println!("No --bootstrap node is set: only invites and the local network lead to others.");
    }
    running.until(shutdown::requested(with_parent)).await?;
    Ok(ExitCode::SUCCESS)
}
