//! A ledger in a folder of its own, opened and reopened.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use store::{LedgerEngine, OpenError, RootKey, Store, open_ledger};
use tempfile::TempDir;

/// Runs each test of a list on each engine.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(store::LedgerEngine::Sqlite) })+
        }
        mod sled {
            $(#[test] fn $name() { super::$name(store::LedgerEngine::Sled) })+
        }
    };
}
pub(crate) use on_both_engines;

/// The root key of all tests.
pub(crate) fn key() -> RootKey {
    RootKey::from_bytes([42; 32])
}

/// A folder for a ledger, removed in the end.
pub(crate) struct Place {
    pub(crate) engine: LedgerEngine,
    root: TempDir,
}

impl Place {
    pub(crate) fn new(engine: LedgerEngine) -> Self {
        Self { engine, root: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The ledger's folder; it exists once it was opened.
    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("ledger")
    }

    /// A path beside the ledger.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn try_open(&self) -> Result<Arc<dyn Store>, OpenError> {
        open_ledger(&self.dir(), self.engine, &key())
    }

    pub(crate) fn open(&self) -> Arc<dyn Store> {
        self.try_open().expect("the ledger opens")
    }
}

/// Every file in a folder and below.
pub(crate) fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("lists") {
        let path = entry.expect("lists").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Whether any file in a folder contains these bytes.
pub(crate) fn found_in_files(dir: &Path, needle: &[u8]) -> bool {
    files_in(dir).iter().any(|path| {
        let bytes = std::fs::read(path).expect("reads");
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

/// Bytes that look random and can be made again.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
