//! A ledger in a folder of its own, opened and reopened.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
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

    /// The folder around the ledger.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
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

/// A sled ledger's database, opened behind the ledger's back.
///
/// Its lock may be held for a moment after the ledger was dropped: by sled's own threads, and by a
/// process that another test is just starting, which has a copy of it until it runs its program.
pub(crate) fn raw_sled(ledger: &Path) -> ::sled::Db {
    let path = ledger.join("ledger.sled/generation-1");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let config = ::sled::Config::new().path(&path).segment_size(8 * 1024 * 1024);
        match config.open() {
            Err(::sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock")
                    && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(20));
            }
            opened => return opened.expect("opens"),
        }
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let (path, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            std::fs::copy(&path, &to)?;
        }
    }
    Ok(())
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

/// A `strace` to give arguments to. On a machine that has none, or lets nobody trace, the test
/// says so and is not run; where `CI` is `true` that is an error, because nobody reads there what
/// was skipped.
pub(crate) fn strace() -> anyhow::Result<Option<Command>> {
    let mut probe = Command::new("strace");
    probe.args(["-qq", "-e", "trace=none", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    if probe.status().is_ok_and(|status| status.success()) {
        return Ok(Some(Command::new("strace")));
    }
    anyhow::ensure!(
        !env::var("CI").is_ok_and(|ci| ci == "true"),
        "strace is missing, or not allowed"
    );
    eprintln!("skipped, not run: strace is missing, or not allowed");
    Ok(None)
}
