//! The node key, kept so that the address stays the same.
//!
//! One file of 32 secret bytes, readable by its owner alone. A file that others can read is
//! refused rather than quietly mended: whoever can read it can be this node.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use protocol::identity::NodeKey;
use rand::{RngCore, rngs::OsRng};
use thiserror::Error;
use zeroize::Zeroizing;

/// Its name in the data folder.
pub const NAME: &str = "node.key";

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The folder or the file cannot be made, read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not 32 bytes long.
    #[error("{} is not a node key", .0.display())]
    Malformed(PathBuf),
    /// Others than the owner may read or write the file.
    #[error("{} is open to others; make it yours alone with chmod 600", .0.display())]
    TooOpen(PathBuf),
}

/// Reads the key in a folder, or makes folder and key if there are none.
///
/// # Errors
/// [`KeyFileError`] when the file is there and cannot be trusted, or cannot be made.
pub fn load_or_create(dir: &Path) -> Result<NodeKey, KeyFileError> {
    let path = dir.join(NAME);
    match File::open(&path) {
        Ok(file) => load(file, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(dir, &path),
        Err(error) => Err(KeyFileError::Io { path, error }),
    }
}

fn load(mut file: File, path: &Path) -> Result<NodeKey, KeyFileError> {
    let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
    let metadata = file.metadata().map_err(failed)?;
    if is_open_to_others(&metadata) {
        return Err(KeyFileError::TooOpen(path.to_owned()));
    }
    let mut seed = Zeroizing::new([0; 32]);
    if metadata.len() != 32 || file.read_exact(&mut *seed).is_err() {
        return Err(KeyFileError::Malformed(path.to_owned()));
    }
    Ok(NodeKey::from_seed(&seed))
}

fn create(dir: &Path, path: &Path) -> Result<NodeKey, KeyFileError> {
    let failed_at = |path: &Path| {
        let path = path.to_owned();
        move |error| KeyFileError::Io { path, error }
    };
    fs::create_dir_all(dir).map_err(failed_at(dir))?;
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *seed);
    // Written aside and renamed, so that a crash leaves no half of a key behind.
    let aside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    make_private(&mut options);
    let mut file = options.open(&aside).map_err(failed_at(&aside))?;
    file.write_all(&*seed).and_then(|()| file.sync_all()).map_err(failed_at(&aside))?;
    fs::rename(&aside, path).map_err(failed_at(path))?;
    sync_dir(dir).map_err(failed_at(dir))?;
    Ok(NodeKey::from_seed(&seed))
}

#[cfg(unix)]
fn make_private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Elsewhere the folder's own access rules apply.
#[cfg(not(unix))]
fn make_private(_: &mut OpenOptions) {}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let nested = dir.path().join("a/b");
        let made = load_or_create(&nested).unwrap();
        assert_eq!(load_or_create(&nested).unwrap().id(), made.id());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        load_or_create(dir.path()).unwrap();
        let path = dir.path().join(NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load_or_create(dir.path()), Err(KeyFileError::TooOpen(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_no_key_is_not_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        fs::write(&path, b"short").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(load_or_create(dir.path()), Err(KeyFileError::Malformed(_))));
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
