//! The programs under test: where they are, and that they are the ones of this source.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, ensure};

/// Says where the binaries are instead of building them, for tests of a packaged program.
const FOLDER: &str = "CONCLAVE_BIN_DIR";

static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);

/// The path of `conclave`.
///
/// # Errors
/// It could not be built.
pub fn conclave() -> anyhow::Result<PathBuf> {
    Ok(folder()?.join("conclave"))
}

/// The path of `conclave-bootstrap`.
///
/// # Errors
/// It could not be built.
pub fn conclave_bootstrap() -> anyhow::Result<PathBuf> {
    Ok(folder()?.join("conclave-bootstrap"))
}

/// A command without the caller's `CONCLAVE_*` variables, which would change what is tested.
pub fn command(program: PathBuf) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONCLAVE_")) {
        command.env_remove(name);
    }
    command
}

/// The folder of both binaries. Building the tests does not build the binaries of other packages,
/// so the first caller asks cargo to, which does nothing when they are fresh.
fn folder() -> anyhow::Result<PathBuf> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = &*built {
        return Ok(folder.clone());
    }
    let folder = match std::env::var_os(FOLDER) {
        Some(folder) => PathBuf::from(folder),
        None => build()?,
    };
    for name in ["conclave", "conclave-bootstrap"] {
        ensure!(folder.join(name).is_file(), "{} has no {name}", folder.display());
    }
    *built = Some(folder.clone());
    Ok(folder)
}

/// Builds into the target folder and with the profile of the running test.
fn build() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("cannot find the running test")?;
    let deps = test.parent().context("the test is in no folder")?;
    // <target>/<profile>/deps/<test>
    let folder = deps.parent().context("the test is not in a target folder")?;
    let target = folder.parent().context("the test is not in a target folder")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--package", "node", "--package", "bootstrap", "--bins"])
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cargo could not build the binaries");
    Ok(folder.to_path_buf())
}
