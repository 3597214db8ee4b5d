//! `conclave verify` as a stranger runs it; used by other tests.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;
use tests::binaries;
use tokio::process::Command;

/// What the program said about a file.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// 0 valid, 1 invalid, 2 sound but vouched for by nobody.
    pub(crate) code: i32,
    pub(crate) output: String,
}

/// Runs `conclave verify` on a file with some trusted keys.
pub(crate) async fn verify(file: &Path, trust: &[&str]) -> anyhow::Result<Verdict> {
    let output = command(file, trust)?.output().await?;
    let text = [output.stdout, output.stderr].concat();
    Ok(Verdict {
        code: output.status.code().context("killed by a signal")?,
        output: String::from_utf8(text)?,
    })
}

/// The same for programs.
pub(crate) async fn verify_json(file: &Path, trust: &[&str]) -> anyhow::Result<Value> {
    let output = command(file, trust)?.arg("--json").output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
}

fn command(file: &Path, trust: &[&str]) -> anyhow::Result<Command> {
    let mut command = binaries::command(binaries::conclave()?);
    command.arg("verify").arg(file);
    for did in trust {
        command.args(["--trust", did]);
    }
    Ok(command)
}
