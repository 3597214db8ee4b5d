//! Programs from PyPI, in virtual environments inside the target folder, installed once for all
//! tests.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::skip;

/// What a machine needs, in one command.
const INSTALL: &str =
    "sudo apt-get install --yes python3-venv, with pypi.org in reach of python3 -m pip";

/// The python of an environment that holds a package, given as `name==version`. `None` where this
/// machine cannot install it: then the test says so by name.
///
/// # Errors
/// It cannot be installed, in CI.
pub async fn python_with(package: &str, test: &str) -> anyhow::Result<Option<PathBuf>> {
    match installed(package).await {
        Ok(python) => Ok(Some(python)),
        Err(error) => {
            eprintln!("{package} cannot be installed: {error:#}");
            skip::skipped(test, INSTALL)?;
            Ok(None)
        }
    }
}

async fn installed(package: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    // <target>/<profile>/deps/<test>
    let target = test.ancestors().nth(3).context("the test is not in a target folder")?;
    let name = package.split('=').next().unwrap_or(package);
    let folder = target.join(format!("{name}-venv"));
    fs::create_dir_all(&folder)?;
    let python = folder.join("bin/python");
    let ready = folder.join(package);
    let lock = File::create(folder.join("lock"))?;
    // Tests run side by side; the first of them installs.
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    if !ready.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", package])).await?;
        fs::write(&ready, "")?;
    }
    drop(lock);
    Ok(python)
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().await?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{words}");
    Ok(())
}
