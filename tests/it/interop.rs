//! Other implementations of libp2p speak with ours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use network::{Config, Event, Verdict};
use protocol::identity::NodeKey;
use tests::skip;
use tokio::{process::Command, time::timeout};

const TEST: &str = "interop::js_libp2p_identifies_pings_finds_and_gossips_with_us";
const TOPIC: &str = "/conclave/lobby/interop/1";
const FILES: [&str; 4] = ["package.json", "package-lock.json", "old-node.mjs", "peer.mjs"];
/// Fetching a hundred small packages.
const NPM_MAX: Duration = Duration::from_secs(240);
/// Everything the other one does has a minute.
const PEER_MAX: Duration = Duration::from_secs(120);

/// Installs js-libp2p below the target folder, once.
async fn installed() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(3).context("the test is not in a target folder")?;
    let folder = target.join("interop");
    fs::create_dir_all(&folder)?;
    for name in FILES {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name);
        fs::copy(from, folder.join(name))?;
    }
    let lock = folder.join("package-lock.json");
    let done = folder.join("installed.json");
    if fs::read(&done).ok() == Some(fs::read(&lock)?) {
        return Ok(folder);
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
        .arg(&folder)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(NPM_MAX, npm).await.context("npm takes too long")??;
    ensure!(output.status.success(), "npm: {}", String::from_utf8_lossy(&output.stderr));
    fs::copy(&lock, &done)?;
    Ok(folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_libp2p_identifies_pings_finds_and_gossips_with_us() -> anyhow::Result<()> {
    if !skip::has("node") || !skip::has("npm") {
        return skip::skipped(TEST, "sudo apt-get install --yes nodejs npm");
    }
    let folder = match installed().await {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("{error:#}");
            return skip::skipped(TEST, "npm ci --prefix target/interop, with a network");
        }
    };
    let listen = vec!["/ip4/127.0.0.1/tcp/0".to_owned()];
    let config = Config { listen, ..Config::rendezvous() };
    let (handle, mut events) = network::start(&NodeKey::from_seed(&[77; 32]), config)?;
    handle.subscribe(TOPIC.to_owned());
    let address = loop {
        if let Some(Event::Listening { address }) = events.next().await {
            break address;
        }
    };
    let peer = Command::new("node")
        .args(["peer.mjs", &address, TOPIC])
        .current_dir(&folder)
        .kill_on_drop(true)
        .output();
    let answering = async {
        while let Some(event) = events.next().await {
            if let Event::Gossip { topic, data, id } = event {
                handle.report_gossip(id, Verdict::Accept);
                handle.publish(topic, [b"heard: ", &data[..]].concat());
            }
        }
    };
    let output = tokio::select! {
        output = timeout(PEER_MAX, peer) => output.context("js-libp2p takes too long")??,
        () = answering => anyhow::bail!("our network ended"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for what in ["identify conclave/", "ping ", "find ", "gossip heard: hello from js"] {
        ensure!(said.lines().any(|line| line.starts_with(what)), "no {what}: {said}");
    }
    Ok(())
}
