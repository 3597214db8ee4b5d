//! A running `conclave up`, to be killed and started again at will.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use tokio::{process::Child, time::timeout};

use crate::{
    World, binaries,
    rest::Api,
    until::{PATIENCE, until},
};

/// How a node is started.
#[derive(Debug, Clone)]
pub struct Setup {
    /// `sqlite` or `sled`.
    pub ledger: &'static str,
    /// The rendezvous it is told of; none for a node that lives on invites.
    pub bootstrap: Vec<String>,
    /// What it logs.
    pub log: &'static str,
    /// Speak to it through the program `curl` instead of a library.
    pub curl: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { ledger: "sqlite", bootstrap: Vec::new(), log: "info", curl: false }
    }
}

/// A node as a process of its own; it is killed when this value is dropped.
pub struct Node {
    setup: Setup,
    folder: PathBuf,
    child: Option<Child>,
    api: Api,
}

impl Node {
    /// Starts a node in a new folder of the world and waits until it says it is ready.
    ///
    /// # Errors
    /// It does not start; the message has the last line of its log.
    pub async fn start(world: &World, name: &str, setup: Setup) -> anyhow::Result<Self> {
        let folder = world.path(name);
        fs::create_dir_all(&folder)?;
        let mut node = Self { setup, folder, child: None, api: Api::nowhere() };
        node.run().await?;
        Ok(node)
    }

    /// Its local API, as long as this run of it lasts.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Everything of it: its data folder, and what it wrote to its standard streams.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Another node with the same keys and the same memory, in a new folder of the world. It does
    /// not run yet.
    ///
    /// # Errors
    /// This node runs, or the disk's.
    pub fn copy(&self, world: &World, name: &str) -> anyhow::Result<Self> {
        ensure!(self.child.is_none(), "a running node cannot be copied");
        let folder = world.path(name);
        copy_folder(&self.data(), &folder.join("data"))?;
        Ok(Self { setup: self.setup.clone(), folder, child: None, api: Api::nowhere() })
    }

    /// Ends it as a power cut does, with SIGKILL.
    ///
    /// # Errors
    /// It was not running.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the node is not running")?;
        child.kill().await.context("it ended on its own before it was killed")?;
        Ok(())
    }

    /// Asks it to end, as its parent does by going away, and waits until it has.
    ///
    /// # Errors
    /// It was not running, or does not end.
    pub async fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        let mut child = self.child.take().context("the node is not running")?;
        drop(child.stdin.take());
        Ok(timeout(PATIENCE, child.wait()).await.context("the node does not stop")??)
    }

    /// Starts it again after it was killed or stopped.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn run(&mut self) -> anyhow::Result<()> {
        let data = self.data();
        // A file of an earlier run would be taken for this one's.
        let _ = fs::remove_file(data.join("api-address"));
        let stream = |name: &str| -> anyhow::Result<File> {
            let path = self.folder.join(name);
            File::options().create(true).append(true).open(path).context("its log")
        };
        let mut command = binaries::command(binaries::conclave()?);
        command
            .args([
                "up",
                "--api",
                "127.0.0.1:0",
                "--mdns",
                "false",
                "--upnp",
                "false",
                "--with-parent",
            ])
            .args(["--listen", "/ip4/127.0.0.1/udp/0/quic-v1", "--listen", "/ip4/127.0.0.1/tcp/0"])
            .args(["--ledger", self.setup.ledger, "--log", self.setup.log, "--data-dir"])
            .arg(&data)
            .stdin(Stdio::piped())
            .stdout(stream("output.log")?)
            .stderr(stream("node.log")?)
            .kill_on_drop(true);
        for address in &self.setup.bootstrap {
            command.args(["--bootstrap", address]);
        }
        let mut child = command.spawn().context("cannot start a node")?;
        let began = Instant::now();
        let log = self.folder.join("node.log");
        self.api = until("a node that is ready", async || {
            if let Some(status) = child.try_wait()? {
                let log = fs::read_to_string(&log).unwrap_or_default();
                let last = log.lines().last().unwrap_or("nothing logged").to_owned();
                bail!("the node ended after {:?} ({status}): {last}", began.elapsed());
            }
            let read = |name: &str| fs::read_to_string(data.join(name)).ok();
            // The token is written before the address, but either may be half there.
            let (Some(base), Some(token)) = (read("api-address"), read("api-token")) else {
                return Ok(None);
            };
            let api = Api::new(base.trim(), token.trim(), self.setup.curl)?;
            let ready = api.get("/health/ready").await;
            Ok(ready.is_ok_and(|answer| answer.status == 200).then_some(api))
        })
        .await?;
        self.child = Some(child);
        Ok(())
    }
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
