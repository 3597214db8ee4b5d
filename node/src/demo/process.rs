//! A node of the demo: a child process running `conclave up`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::client::Client;

/// How long a node may take to be ready; the machine may be busy.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a node may take to stop after it was asked to.
const STOP_TIME_MAX: Duration = Duration::from_secs(15);
/// Between two looks at a node that is starting.
const POLL: Duration = Duration::from_millis(25);

/// One running node and a client of it.
pub(super) struct Process {
    child: Child,
    /// To speak to it.
    pub(super) client: Client,
}

impl Process {
    /// Starts a node on a data folder and waits until it says it is ready. `settings` go on the
    /// command line.
    pub(super) async fn start(folder: &Path, settings: &[String]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        // A file of an earlier run would be taken for this one's.
        let _ = std::fs::remove_file(folder.join("api-address"));
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("node.log"))
            .context("node.log")?;
        let mut command = Command::new(program()?);
        command
            .arg("up")
            .arg("--data-dir")
            .arg(folder)
            .args(["--api", "127.0.0.1:0", "--mdns", "false", "--upnp", "false", "--with-parent"])
            .args(["--listen", "/ip4/127.0.0.1/udp/0/quic-v1"])
            .args(["--listen", "/ip4/127.0.0.1/tcp/0"])
            .args(settings);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a node")?;
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                let log = std::fs::read_to_string(folder.join("node.log")).unwrap_or_default();
                bail!(
                    "a node ended at once ({status}): {}",
                    log.lines().last().unwrap_or("no log")
                );
            }
            if folder.join("api-address").exists()
                && let Ok(client) = Client::for_folder(folder)
                && client.is_ready().await
            {
                return Ok(Self { child, client });
            }
            if began.elapsed() > START_TIME_MAX {
                bail!("a node did not become ready; see {}", folder.join("node.log").display());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks the node to stop by closing its standard input, and waits until it has.
    pub(super) async fn stop(mut self) {
        drop(self.child.stdin.take());
        if tokio::time::timeout(STOP_TIME_MAX, self.child.wait()).await.is_err() {
            // It would be killed when dropped anyway.
            let _ = self.child.start_kill();
        }
    }
}

fn program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find this program to start nodes with")
}
