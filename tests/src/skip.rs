//! Tests that cannot run here say so by name, with the command that would let them.

use anyhow::bail;

/// Reports that a test cannot run on this machine. Where `CI` is `true` that is a failure, because
/// nobody reads there what was skipped.
///
/// # Errors
/// In CI.
pub fn skipped(test: &str, command: &str) -> anyhow::Result<()> {
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!("{test} cannot be skipped in CI: run {command}");
    }
    // Straight to the stream: what tests print in the usual way is only shown when they fail.
    use std::io::Write;
    writeln!(std::io::stderr(), "skipped: {test}: run {command}")?;
    Ok(())
}

/// Whether a program is installed.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
