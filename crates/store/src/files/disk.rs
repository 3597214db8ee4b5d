//! The few things done to the disk, each a step at which a test can have the node die.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use crate::folder::{self, owner_only};

/// Ends the name of what is being written.
const UNFINISHED: &str = ".tmp";

/// The disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// How many steps are left before everything fails, as after a kill.
    #[cfg(test)]
    pub(super) steps: Option<std::sync::atomic::AtomicUsize>,
}

impl Disk {
    /// One more thing is about to be done.
    #[cfg_attr(not(test), expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests"))]
    pub(super) fn step(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(steps) = &self.steps {
            use std::sync::atomic::Ordering::Relaxed;
            if steps.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
                return Err(io::Error::other("killed"));
            }
        }
        Ok(())
    }

    pub(super) fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    /// Writes beside the name, flushes, renames.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let beside = path.with_extension(&UNFINISHED[1..]);
        self.step()?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        owner_only(&mut options);
        let mut file = options.open(&beside)?;
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(half)?;
        self.step()?;
        file.write_all(rest)?;
        self.step()?;
        file.sync_data()?;
        self.rename(&beside, path)
    }

    pub(super) fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > bytes_max {
            true => Err(io::Error::new(io::ErrorKind::InvalidData, "longer than it may be")),
            false => Ok(bytes),
        }
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        fs::rename(from, to)
    }

    pub(super) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        folder::sync_dir(dir)
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        fs::remove_file(path)
    }

    pub(super) fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Removes what was being written in a folder when the node last stopped.
    pub(super) fn remove_unfinished(&self, dir: &Path) -> io::Result<()> {
        for name in self.names(dir)? {
            if name.ends_with(UNFINISHED) {
                self.remove_file(&dir.join(name))?;
            }
        }
        Ok(())
    }

    pub(super) fn bytes_in(&self, dir: &Path) -> io::Result<u64> {
        folder::bytes_in(dir)
    }
}
