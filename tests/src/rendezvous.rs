//! A running `conclave-bootstrap`.

use std::process::Stdio;

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
    _child: Child,
}

impl Rendezvous {
    /// Starts one on loopback, over QUIC and TCP, and waits for its two addresses.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(world: &World) -> anyhow::Result<Self> {
        let folder = world.path("rendezvous");
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
        Ok(Self { addresses, _child: child })
    }
}
