//! Folders only their owner can look into, one owner at a time, and names that survive a power
//! cut.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

/// Makes the file that is about to be created readable and writable by its owner alone.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// The permission bits of a file that group or others may read, write or run.
pub(crate) fn exposed_mode(metadata: &Metadata) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o7777;
        (mode & 0o077 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// Creates a folder, with its parents, that only its owner can enter; an existing one is closed
/// to others.
pub(crate) fn create_private(dir: &Path) -> io::Result<()> {
    let existed = dir.is_dir();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)?;
    set_mode(dir, 0o700)?;
    if existed { Ok(()) } else { sync_parent(dir) }
}

/// Closes to others the files directly in a folder. For engines that create their own.
pub(crate) fn protect_files(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let mode = if entry.file_type()?.is_dir() { 0o700 } else { 0o600 };
        match set_mode(&entry.path(), mode) {
            // An engine may remove a file it no longer needs while we are looking.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (path, mode);
        Ok(())
    }
}

/// Makes the names in a folder durable: a file that is synced but not yet named is lost.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        File::open(dir)?.sync_all()
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        Ok(())
    }
}

/// [`sync_dir`] for the folder a path lies in.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// The sizes of all files in a folder and below, in bytes.
pub(crate) fn bytes_in(dir: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        total += if metadata.is_dir() { bytes_in(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}

/// Why a folder could not be locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Someone has it; who, as far as the lock file tells.
    Held(String),
    /// The lock file could not be used.
    Io(io::Error),
}

/// Exclusive use of a folder, for as long as this lives. The system releases it when the process
/// dies, however it dies.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// The name of the lock file.
    pub(crate) const NAME: &'static str = "lock";

    pub(crate) fn acquire(dir: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        owner_only(&mut options);
        let path: PathBuf = dir.join(Self::NAME);
        let mut file = options.open(path).map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let named = file.take(64).read_to_string(&mut holder).is_ok() && !holder.is_empty();
                let holder = if named { holder } else { "another process".into() };
                return Err(LockError::Held(holder));
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        // The lock is what counts; the name in it only helps whoever reads the refusal.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "process {}", std::process::id()));
        written.map_err(LockError::Io)?;
        Ok(Self { file })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process this one is just starting has a copy of it
        // until it runs its own program, and the copy would keep the lock.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_let_go_is_free_even_if_a_starting_process_still_has_a_copy() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let lock = FolderLock::acquire(dir.path()).expect("is free");
        assert!(matches!(FolderLock::acquire(dir.path()), Err(LockError::Held(_))));
        let copy = lock.file.try_clone().expect("copies");
        drop(lock);
        FolderLock::acquire(dir.path()).expect("is free again");
        drop(copy);
    }
}
