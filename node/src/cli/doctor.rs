//! `conclave doctor`: says in words what is in the way, and what to do about it.
//!
//! Where a node runs, it is asked. Where none does, its settings are tried out: the folder is
//! written to, the ports are taken for a moment, and the bootstrap nodes are called under a key
//! that is forgotten afterwards.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use network::{Finding, Level};
use protocol::identity::NodeKey;
use rand::RngCore;
use serde_json::{Value, json};

use crate::{client::Client, config::Config};

/// How long bootstrap nodes may take to answer, and AutoNAT after them.
const TRIAL_MAX: Duration = Duration::from_secs(12);
/// The first moment of 2026, before which this program did not exist: in seconds.
const CLOCK_MIN_S: u64 = 1_767_225_600;

pub(super) async fn run(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut findings = vec![clock(), disk(&config.data_dir)];
    let running = match Client::for_folder(&config.data_dir) {
        Ok(client) => client.get("/v1/network").await.ok(),
        Err(_) => None,
    };
    match running {
        Some(network) => {
            findings.push(finding(Level::Good, "node", "A node runs on this folder.", None));
            findings.extend(network["findings"].as_array().into_iter().flatten().map(from_json));
        }
        None => {
            let start = Some("Start one with `conclave up`.".to_owned());
            let words = "No node runs on this folder; its settings are tried out instead.";
            findings.push(finding(Level::Note, "node", words, start));
            findings.extend(try_out(config).await);
        }
    }
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Good);
    if as_json {
        let list: Vec<Value> = findings.iter().map(to_json).collect();
        println!("{:#}", json!({ "worst": worst.as_str(), "findings": list }));
    } else {
        findings.iter().for_each(print);
    }
    Ok(if worst == Level::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn finding(
    level: Level,
    about: &'static str,
    words: impl Into<String>,
    remedy: Option<String>,
) -> Finding {
    Finding { level, about, words: words.into(), remedy }
}

fn clock() -> Finding {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if now.as_secs() >= CLOCK_MIN_S {
        return finding(Level::Good, "clock", "The clock shows a time that can be.", None);
    }
    let remedy = "Set it, and let it be kept: signatures, cards and votes carry times.";
    let words = "The clock shows a time before this program was made.";
    finding(Level::Problem, "clock", words, Some(remedy.to_owned()))
}

/// Writes a small file as the ledger would be written: flushed.
fn disk(folder: &Path) -> Finding {
    let file = folder.join("doctor.tmp");
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        let mut to = std::fs::File::create(&file)?;
        std::io::Write::write_all(&mut to, &[0; 64 * 1024])?;
        to.sync_all()?;
        std::fs::remove_file(&file)
    });
    match written {
        Ok(()) => {
            let words = format!("{} can be written to.", folder.display());
            finding(Level::Good, "disk", words, None)
        }
        Err(error) => finding(
            Level::Problem,
            "disk",
            format!("{} cannot be written to: {error}.", folder.display()),
            Some("Make room, or choose another folder with --data-dir.".to_owned()),
        ),
    }
}

async fn try_out(config: &Config) -> Vec<Finding> {
    let mut seed = [0; 32];
    rand::rngs::OsRng.fill_bytes(&mut seed);
    let settings = network::Config {
        listen: config.listen.clone(),
        external: config.external.clone(),
        bootstrap: config.bootstrap.clone(),
        upnp: config.upnp,
        ..network::Config::default()
    };
    let (handle, mut events) = match network::start(&NodeKey::from_seed(&seed), settings) {
        Ok(started) => started,
        Err(error) => {
            let remedy = "Correct the setting it names, or choose another port with --listen.";
            let words = format!("The network does not start: {error}.");
            return vec![finding(Level::Problem, "listen", words, Some(remedy.to_owned()))];
        }
    };
    let settled = async {
        while events.next().await.is_some() {
            let status = handle.status().await;
            let all = status.bootstrap.iter().all(|node| node.connected);
            if all && status.reachability != network::Reachability::Unknown {
                return;
            }
        }
    };
    // Whatever is not known by then is said not to be known.
    let _ = tokio::time::timeout(TRIAL_MAX, settled).await;
    let findings = network::explain(&handle.status().await);
    handle.shutdown().await;
    findings
}

fn from_json(value: &Value) -> Finding {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let level = match value["level"].as_str() {
        Some("good") => Level::Good,
        Some("note") => Level::Note,
        _ => Level::Problem,
    };
    let about = match value["about"].as_str() {
        Some("listen") => "listen",
        Some("bootstrap") => "bootstrap",
        Some("reachability") => "reachability",
        Some("router") => "router",
        Some("peers") => "peers",
        _ => "network",
    };
    finding(level, about, text("words").unwrap_or_default(), text("remedy"))
}

fn to_json(finding: &Finding) -> Value {
    json!({
        "level": finding.level.as_str(),
        "about": finding.about,
        "words": finding.words,
        "remedy": finding.remedy,
    })
}

fn print(finding: &Finding) {
    let mark = match finding.level {
        Level::Good => "ok  ",
        Level::Note => "note",
        Level::Problem => "BAD ",
    };
    println!("{mark}  {:<13} {}", finding.about, finding.words);
    if let Some(remedy) = &finding.remedy {
        println!("                    {remedy}");
    }
}
