//! The key everything at rest is encrypted under.
//!
//! It lies in a file of its own, so that the data folder can be copied or backed up without it.
//! What it is used for each gets a key derived from it, so that no two uses can be confused.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac};
use rand::{RngCore, rngs::OsRng};
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::folder;

const KEY_BYTES: usize = 32;

/// 32 secret bytes. Wiped from memory when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKey([u8; KEY_BYTES]);

/// Why there is no root key.
#[derive(Debug, Error)]
pub enum RootKeyError {
    /// Others on this machine can read the file.
    #[error(
        "{path} has mode {mode:04o}: others on this machine can read the root key; if none of \
         them may have, run: chmod 600 {path}"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a root key.
    #[error("{path} is no root key: not a file of exactly {KEY_BYTES} bytes")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read or created.
    #[error("{path}: {source}")]
    Io {
        /// The file, or the folder it lies in.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RootKey {
    /// A key from bytes kept elsewhere.
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A new key from the system's random numbers.
    pub fn generate() -> Self {
        let mut bytes = [0; KEY_BYTES];
        OsRng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Reads the key from a file, creating both if the file does not exist.
    ///
    /// A new file appears under its name only when it is complete and on the disk, readable by
    /// its owner alone; of two processes that create it at once, both end up with the same key.
    ///
    /// # Errors
    /// [`RootKeyError`], in particular when group or others can read the file.
    pub fn load_or_create(path: &Path) -> Result<Self, RootKeyError> {
        let failed = |source| RootKeyError::Io { path: path.to_owned(), source };
        match File::open(path) {
            Ok(file) => return Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let key = Self::generate();
        match key.create(path) {
            Ok(()) => Ok(key),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(path, File::open(path).map_err(failed)?)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn read(path: &Path, mut file: File) -> Result<Self, RootKeyError> {
        let failed = |source| RootKeyError::Io { path: path.to_owned(), source };
        let metadata = file.metadata().map_err(failed)?;
        // Asked of the open file, so that what was checked is what is read.
        if let Some(mode) = folder::exposed_mode(&metadata) {
            return Err(RootKeyError::Exposed { path: path.to_owned(), mode });
        }
        if !metadata.is_file() || metadata.len() != KEY_BYTES as u64 {
            return Err(RootKeyError::Malformed { path: path.to_owned() });
        }
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        file.read_exact(bytes.as_mut_slice()).map_err(failed)?;
        Ok(Self(*bytes))
    }

    /// Creates the file with a name of its own first, and gives it the real name in one step
    /// that fails when the name is taken: a kill in between leaves no half key under that name.
    fn create(&self, path: &Path) -> io::Result<()> {
        let mut suffix = [0; 8];
        OsRng.fill_bytes(&mut suffix);
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{:016x}.new", u64::from_be_bytes(suffix)));
        let temporary = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        folder::owner_only(&mut options);
        let written = options.open(&temporary).and_then(|mut file| {
            file.write_all(&self.0)?;
            file.sync_all()?;
            std::fs::hard_link(&temporary, path)
        });
        let removed = std::fs::remove_file(&temporary);
        written?;
        removed?;
        folder::sync_parent(path)
    }

    /// The key for one use, which is a constant of the program.
    pub(crate) fn derive(&self, purpose: &'static str) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_created_once_and_then_read() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("root.key");
        let first = RootKey::load_or_create(&path).expect("creates");
        let second = RootKey::load_or_create(&path).expect("reads");
        assert_eq!(first.0, second.0);
        assert_ne!(first.0, [0; 32]);
        let names: Vec<_> = std::fs::read_dir(dir.path()).expect("lists").collect();
        assert_eq!(names.len(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("root.key");
        RootKey::load_or_create(&path).expect("creates");
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for mode in [0o640, 0o604] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("sets");
            let error = RootKey::load_or_create(&path).expect_err("refuses");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_file_of_another_length_is_no_key() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("root.key");
        RootKey::load_or_create(&path).expect("creates");
        let short = OpenOptions::new().write(true).open(&path).expect("opens");
        short.set_len(31).expect("shortens");
        assert!(matches!(RootKey::load_or_create(&path), Err(RootKeyError::Malformed { .. })));
    }

    #[test]
    fn uses_have_different_keys_and_none_is_printed() {
        let key = RootKey::from_bytes([1; 32]);
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_eq!(format!("{key:?}"), "RootKey(..)");
    }

    #[test]
    fn two_that_create_at_once_get_the_same_key() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("root.key");
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let creators: Vec<_> =
                (0..8).map(|_| scope.spawn(|| RootKey::load_or_create(&path))).collect();
            creators.into_iter().map(|c| c.join().expect("joins").expect("creates").0).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }
}
