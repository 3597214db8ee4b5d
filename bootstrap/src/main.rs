//! The binary `conclave-bootstrap`: parses, runs, stops on a signal.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use bootstrap::{Cli, Config};
use clap::Parser;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    match try_main(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conclave-bootstrap: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn try_main(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(cli)?;
    let filter =
        EnvFilter::try_new(&config.log).with_context(|| format!("log filter '{}'", config.log))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let stop = stop_signal()?;
    bootstrap::run(&config, print, stop).await?;
    Ok(())
}

/// Scripts read these lines, so each leaves at once. A reader that has gone is no reason to stop.
fn print(address: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{address}").and_then(|()| out.flush()) {
        tracing::warn!(%error, address, "nobody reads the addresses");
    }
}

/// Resolves on Ctrl-C or SIGTERM.
#[cfg(unix)]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves on Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a console there is nobody to press it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
