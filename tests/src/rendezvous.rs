//! A running `conclave-bootstrap`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};

use crate::{World, binaries, until::PATIENCE};

/// A rendezvous as a process of its own; it ends with this value.
pub struct Rendezvous {
    /// The addresses to give to nodes as `--bootstrap`.
    pub addresses: Vec<String>,
    folder: PathBuf,
    child: Child,
}

impl Rendezvous {
    /// Starts one on loopback, over QUIC and TCP, and waits for its two addresses.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(world: &World) -> anyhow::Result<Self> {
        Self::named(world, "rendezvous").await
    }

    /// Starts another one, in a folder of this name.
    ///
    /// # Errors
    /// It does not start.
    pub async fn named(world: &World, name: &str) -> anyhow::Result<Self> {
        let folder = world.path(name);
        std::fs::create_dir_all(&folder)?;
        let log = std::fs::File::create(folder.join("rendezvous.log"))?;
        let mut child = binaries::command(binaries::conclave_bootstrap()?)
            .args(["--listen", "/ip4/127.0.0.1/udp/0/quic-v1", "--listen", "/ip4/127.0.0.1/tcp/0"])
            .arg("--data-dir")
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start conclave-bootstrap")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut addresses = Vec::new();
        while addresses.len() < 2 {
            let line = timeout(PATIENCE, lines.next_line()).await.context("no address")??;
            addresses.push(line.context("conclave-bootstrap ended")?);
        }
        Ok(Self { addresses, folder, child })
    }

    /// Ends it as a power cut does, with SIGKILL, for good.
    ///
    /// # Errors
    /// It was not running.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("it ended on its own before it was killed")
    }

    /// Everything of it: its data folder, and its log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}
