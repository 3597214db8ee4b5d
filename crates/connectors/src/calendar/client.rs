//! Reading and replacing the file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use personas::{Booking, book, calendar::BYTES_MAX};

use super::error::{BookError, ReadError};

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = BYTES_MAX as u64;

/// How often a booking starts over when others change the file meanwhile.
const ATTEMPTS_MAX: u32 = 50;

/// Bookings of this process take turns: they would only undo each other's work.
static TURN: Mutex<()> = Mutex::new(());

/// Makes the names of temporary files distinct within this process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// An iCalendar file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcsFile {
    path: PathBuf,
}

/// What became of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// The meeting has been written and is on the disk.
    Written,
    /// An event with its UID was there already; nothing was changed.
    AlreadyThere,
}

impl IcsFile {
    /// The calendar at this path, whether or not it exists yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of the calendar; empty when there is no file. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] for anything but a readable, regular UTF-8 file of bearable length.
    pub fn read(&self) -> Result<String, ReadError> {
        let io = |source| ReadError::Io { path: self.path.clone(), source };
        let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        // Looked at before it is opened, because opening a pipe would wait for its other end.
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(ReadError::NotAFile(self.path.clone())),
            Err(error) if is_missing(&error) => return Ok(String::new()),
            Err(error) => return Err(io(error)),
        }
        let file = match File::open(&self.path) {
            Err(error) if is_missing(&error) => return Ok(String::new()),
            opened => opened.map_err(io)?,
        };
        // What was opened may be another file than what was looked at, and may still grow.
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(ReadError::NotAFile(self.path.clone()));
        }
        let too_large = || ReadError::TooLarge { path: self.path.clone(), max: FILE_BYTES_MAX };
        if metadata.len() > FILE_BYTES_MAX {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
            return Err(too_large());
        }
        String::from_utf8(bytes).map_err(|_| ReadError::NotText(self.path.clone()))
    }

    /// Writes a meeting into the calendar, and the file if there is none. Blocks until it is on
    /// the disk. Booking the same UID again changes nothing.
    ///
    /// # Errors
    /// [`BookError`]; the meeting is then not in the file.
    pub fn book(&self, booking: &Booking) -> Result<Booked, BookError> {
        self.book_noticing(booking, &mut || {})
    }

    /// [`IcsFile::read`] on a blocking thread of the runtime.
    ///
    /// # Errors
    /// As [`IcsFile::read`].
    pub async fn read_async(&self) -> Result<String, ReadError> {
        let (file, path) = (self.clone(), self.path.clone());
        let read = tokio::task::spawn_blocking(move || file.read()).await;
        read.unwrap_or_else(|error| Err(ReadError::Io { path, source: io::Error::other(error) }))
    }

    /// [`IcsFile::book`] on a blocking thread of the runtime. A booking that has begun is
    /// finished even if its caller is gone.
    ///
    /// # Errors
    /// As [`IcsFile::book`].
    pub async fn book_async(&self, booking: Booking) -> Result<Booked, BookError> {
        let (file, path) = (self.clone(), self.path.clone());
        let booked = tokio::task::spawn_blocking(move || file.book(&booking)).await;
        booked.unwrap_or_else(|error| Err(BookError::Io { path, source: io::Error::other(error) }))
    }

    /// Books, calling `before_replacing` between reading and replacing the file.
    pub(super) fn book_noticing(
        &self,
        booking: &Booking,
        before_replacing: &mut dyn FnMut(),
    ) -> Result<Booked, BookError> {
        // A thread that panicked while it held its turn has left nothing half done in memory.
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Through a link the file it names is replaced, not the link.
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let target = Self { path: target };
        let io = |source| BookError::Io { path: target.path.clone(), source };
        let (_lock, alone) = target.lock().map_err(io)?;
        if alone {
            target.remove_leftovers();
        }
        for _ in 0..ATTEMPTS_MAX {
            let text = target.read()?;
            let booked = book(&text, booking)?;
            if booked == text {
                return Ok(Booked::AlreadyThere);
            }
            let temporary = target.write_temporary(&booked).map_err(io)?;
            before_replacing();
            if target.read()? == text {
                fs::rename(temporary.path(), &target.path).map_err(io)?;
                temporary.keep();
                sync_folder(&target.path).map_err(io)?;
                tracing::debug!(uid = %booking.uid, "booked into the calendar file");
                return Ok(Booked::Written);
            }
            tracing::debug!("the calendar file changed while it was being written; starting over");
        }
        Err(BookError::Contended { path: self.path.clone(), attempts: ATTEMPTS_MAX })
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    fn hidden_name(&self, ending: &str) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.folder().join(format!(".{name}.conclave{ending}"))
    }

    /// Keeps other processes of this program out while one books, and says whether it could.
    /// The system lets go of the lock when its holder dies. Programs that do not know the lock
    /// are noticed because the text has changed.
    fn lock(&self) -> io::Result<(File, bool)> {
        let path = self.hidden_name("-lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.lock() {
            Ok(()) => Ok((file, true)),
            // Some network file systems have no locks; comparing the text must do there.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok((file, false)),
            Err(error) => Err(error),
        }
    }

    /// The text in a new file beside the calendar, on the disk and with the calendar's mode.
    fn write_temporary(&self, text: &str) -> io::Result<Temporary> {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = self.hidden_name(&format!("-{}-{number}.tmp", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            // Until it has the calendar's own mode nobody else may read it.
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(&path)?;
        let temporary = Temporary(Some(path));
        file.write_all(text.as_bytes())?;
        match fs::metadata(&self.path) {
            Ok(metadata) => file.set_permissions(metadata.permissions())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        file.sync_all()?;
        Ok(temporary)
    }

    /// Removes what a booking that was killed has left. The lock is held: nobody is writing one.
    fn remove_leftovers(&self) {
        let prefix = self.hidden_name("-");
        let Some(prefix) = prefix.file_name().and_then(|name| name.to_str()) else { return };
        let Ok(entries) = fs::read_dir(self.folder()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(prefix)
                && name.ends_with(".tmp")
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::warn!(%error, "a leftover of an earlier booking cannot be removed");
            }
        }
    }
}

/// A temporary file, removed unless it is kept.
struct Temporary(Option<PathBuf>);

impl Temporary {
    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(%error, "a temporary calendar file cannot be removed");
        }
    }
}

/// Puts the new name of the file on the disk too. Folders cannot be opened on every system.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = IcsFile::new(path);
    if cfg!(unix) { File::open(folder.folder())?.sync_all() } else { Ok(()) }
}
