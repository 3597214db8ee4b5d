//! Listening to everything that crosses some ports of this machine, as a spy on the wire would.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    skip,
    until::{PATIENCE, until},
};

/// A running `tcpdump`.
pub struct Capture {
    file: PathBuf,
    child: Child,
    /// Where the control words go.
    control: TcpListener,
}

/// Whether this machine lets us listen, after installing `tcpdump` where we may.
///
/// # Errors
/// Why not, as the command that would change it.
pub async fn possible() -> Result<(), &'static str> {
    const INSTALL: &str = "sudo apt-get install tcpdump, then the tests as root";
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    });
    if !is_root {
        return Err(INSTALL);
    }
    if !skip::has("tcpdump") && skip::has("apt-get") {
        let mut command = Command::new("apt-get");
        command.args(["install", "--yes", "--no-install-recommends", "tcpdump"]);
        // Whether it worked is looked at below.
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    }
    if skip::has("tcpdump") { Ok(()) } else { Err(INSTALL) }
}

impl Capture {
    /// Begins to listen on loopback; returns when nothing more can be missed.
    ///
    /// # Errors
    /// `tcpdump` does not work here.
    pub async fn start(file: &Path, ports: &[u16]) -> anyhow::Result<Self> {
        let control = TcpListener::bind("127.0.0.1:0").await?;
        let mut all = ports.to_vec();
        all.push(control.local_addr()?.port());
        let ports: Vec<String> = all.iter().map(|port| format!("port {port}")).collect();
        let mut child = Command::new("tcpdump")
            .args(["-i", "lo", "-n", "-U", "--immediate-mode", "-s", "0", "-B", "65536", "-w"])
            .arg(file)
            .arg(ports.join(" or "))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("tcpdump")?;
        let stderr = child.stderr.take().context("its errors are piped")?;
        let mut lines = BufReader::new(stderr).lines();
        loop {
            let line =
                timeout(PATIENCE, lines.next_line()).await.context("tcpdump is silent")??;
            let line = line.context("tcpdump ended; may this user capture?")?;
            if line.contains("listening on") {
                break;
            }
        }
        let mut capture = Self { file: file.to_owned(), child, control };
        capture.hear("control words at the beginning").await?;
        Ok(capture)
    }

    /// Sends words in the clear and waits until the capture has them.
    async fn hear(&mut self, words: &str) -> anyhow::Result<()> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut sender = TcpStream::connect(self.control.local_addr()?).await?;
        let (mut receiver, _) = self.control.accept().await?;
        sender.write_all(words.as_bytes()).await?;
        sender.shutdown().await?;
        let mut heard = String::new();
        receiver.read_to_string(&mut heard).await?;
        ensure!(heard == words, "loopback does not work");
        let file = self.file.clone();
        until("the capture having heard the control words", async || {
            let bytes = std::fs::read(&file)?;
            let found = bytes.windows(words.len()).any(|window| window == words.as_bytes());
            Ok(found.then_some(()))
        })
        .await
    }

    /// Everything that was said until now, as `tcpdump` wrote it. The words sent in the clear, to
    /// show that what is said in the clear is found, are the last.
    ///
    /// # Errors
    /// `tcpdump` lost something or ended early.
    pub async fn finish(mut self, words: &str) -> anyhow::Result<Vec<u8>> {
        // Packets are written in order, so with these words everything before is in the file.
        self.hear(words).await?;
        ensure!(self.child.try_wait()?.is_none(), "tcpdump ended early");
        self.child.kill().await?;
        Ok(std::fs::read(&self.file)?)
    }
}

/// The packets of a capture that have one of some ports at either end, and how many bytes they
/// hold, headers included.
///
/// # Errors
/// It is no capture of loopback in the classic format.
pub fn traffic(capture: &[u8], ports: &[u16]) -> anyhow::Result<(usize, usize)> {
    const FILE_HEADER: usize = 24;
    const PACKET_HEADER: usize = 16;
    const ETHERNET_HEADER: usize = 14;
    ensure!(capture.get(..4) == Some(&[0xd4, 0xc3, 0xb2, 0xa1]), "not a capture of this machine");
    let (mut packets, mut bytes) = (0, 0);
    let mut rest = capture.get(FILE_HEADER..).context("no header")?;
    while let Some((header, after)) = rest.split_at_checked(PACKET_HEADER) {
        let length = u32::from_le_bytes(header[8..12].try_into()?);
        let Some((packet, after)) = after.split_at_checked(usize::try_from(length)?) else { break };
        rest = after;
        let Some(ip) = packet.get(ETHERNET_HEADER..) else { continue };
        let Some(first) = ip.first() else { continue };
        let transport = usize::from(first & 0x0f) * 4;
        let Some(ends) = ip.get(transport..transport + 4) else { continue };
        let port = |at: usize| u16::from_be_bytes([ends[at], ends[at + 1]]);
        if ports.contains(&port(0)) || ports.contains(&port(2)) {
            packets += 1;
            bytes += packet.len();
        }
    }
    Ok((packets, bytes))
}
