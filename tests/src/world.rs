//! The folder everything of one test happens in.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder for nodes, their logs, and calendars. It is kept for a look when the variable
/// `CONCLAVE_KEEP` is `true`.
pub struct World {
    folder: Option<TempDir>,
}

impl World {
    /// A new, empty one.
    ///
    /// # Errors
    /// The disk's.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: Some(tempfile::Builder::new().prefix("conclave-test-").tempdir()?) })
    }

    /// A path inside it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        let folder = self.folder.as_ref().expect("taken only when dropped");
        folder.path().join(name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let kept = std::env::var("CONCLAVE_KEEP").is_ok_and(|keep| keep == "true");
        if let Some(folder) = self.folder.take().filter(|_| kept) {
            eprintln!("kept for a look: {}", folder.keep().display());
        }
    }
}
