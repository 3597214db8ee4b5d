//! The harness's end of a probe: a program that is nothing but a node's network.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
};

use super::lab::Host;
use crate::until::until;

/// What a probe has said so far.
#[derive(Debug, Clone, Default)]
struct Said {
    listening: Vec<String>,
    addresses: Vec<String>,
    paths: BTreeMap<String, String>,
    answers: BTreeMap<String, Vec<u64>>,
    reachability: String,
}

/// A running probe. It ends with this value.
pub struct Probe {
    /// Its node id, in hexadecimal.
    pub node: String,
    said: Arc<Mutex<Said>>,
    stdin: ChildStdin,
    child: Child,
}

impl Probe {
    /// Starts a probe on a host.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(
        program: &Path,
        host: &Host,
        seed: u8,
        rendezvous: bool,
        listen: &[String],
        bootstrap: &[String],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &host.namespace]).arg(program).arg(seed.to_string());
        command.arg(if rendezvous { "rendezvous" } else { "node" });
        command.arg(listen.join(",")).arg(bootstrap.join(","));
        let log = std::env::var("CONCLAVE_PROBE_LOG").ok();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if log.is_some() { Stdio::inherit() } else { Stdio::null() })
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a probe")?;
        let stdin = child.stdin.take().context("its input is piped")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let first = lines.next_line().await?.context("the probe ended")?;
        let node = first.strip_prefix("node ").context("the probe does not say who it is")?;
        let said: Arc<Mutex<Said>> = Arc::default();
        let heard = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                heard.lock().unwrap_or_else(PoisonError::into_inner).hear(&line);
            }
        });
        Ok(Self { node: node.to_owned(), said, stdin, child })
    }

    /// Kills it, as a power cut does.
    ///
    /// # Errors
    /// It ended on its own.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("it ended before it was killed")
    }

    /// Where its sockets are, `/p2p` part included, once there are so many that others can dial.
    ///
    /// # Errors
    /// There never are.
    pub async fn listening(&self, number: usize) -> anyhow::Result<Vec<String>> {
        until("sockets to dial", async || {
            let mut listening = self.said().listening;
            listening.retain(|address| !address.contains("/127.0.0.1/"));
            Ok((listening.len() >= number).then_some(listening))
        })
        .await
    }

    /// The addresses it tells others, once they lead through so many relays.
    ///
    /// # Errors
    /// They never do.
    pub async fn addresses(&self, relays: usize) -> anyhow::Result<Vec<String>> {
        until("places at relays", async || {
            let addresses = self.said().addresses;
            let relay = |address: &&String| address.contains("/p2p-circuit");
            let relay_of = |address: &String| address.split("/p2p/").nth(1).map(str::to_owned);
            let held: std::collections::BTreeSet<_> =
                addresses.iter().filter(relay).filter_map(relay_of).collect();
            Ok((held.len() >= relays && !addresses.is_empty()).then_some(addresses))
        })
        .await
    }

    /// `direct`, `relayed`, or `none`.
    pub fn path_to(&self, other: &Self) -> String {
        self.said().paths.get(&other.node).cloned().unwrap_or_else(|| "none".to_owned())
    }

    /// Round trips of frames answered by another, in microseconds.
    pub fn answers_of(&self, other: &Self) -> Vec<u64> {
        self.said().answers.get(&other.node).cloned().unwrap_or_default()
    }

    /// What it thinks of its own reachability, as far as it has said.
    pub fn reachability(&self) -> String {
        self.said().reachability
    }

    /// Connects it with another.
    ///
    /// # Errors
    /// It has ended.
    pub async fn dial(&mut self, other: &Self, addresses: &[String]) -> anyhow::Result<()> {
        self.tell(&format!("dial {} {}\n", other.node, addresses.join(","))).await
    }

    /// Has it ask another one so many times, one after the other.
    ///
    /// # Errors
    /// It has ended.
    pub async fn ask(&mut self, other: &Self, times: usize) -> anyhow::Result<()> {
        self.tell(&format!("ask {} {times}\n", other.node)).await
    }

    async fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        self.stdin.write_all(line.as_bytes()).await.context("the probe has ended")
    }

    fn said(&self) -> Said {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Said {
    fn hear(&mut self, line: &str) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        match what {
            "listening" => self.listening.push(rest.to_owned()),
            "addresses" => self.addresses = rest.split(',').map(str::to_owned).collect(),
            "path" => drop(self.paths.insert(first.to_owned(), second.to_owned())),
            "reachability" => rest.clone_into(&mut self.reachability),
            "answer" => {
                if let Ok(micros) = second.parse() {
                    self.answers.entry(first.to_owned()).or_default().push(micros);
                }
            }
            _ => {}
        }
    }
}
