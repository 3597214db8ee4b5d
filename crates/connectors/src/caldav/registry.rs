//! Which calendars a persona has, and the secrets to reach them: one file that only the owner
//! can read.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use personas::Booking;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroize;

use super::{
    account::{Account, Password},
    discover::Found,
    error::CaldavError,
    mirror::Mirror,
};

/// What a persona's calendar setting begins with when it names a set of calendars on servers.
pub const SCHEME: &str = "caldav:";

/// The longest registry.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Most calendars of one persona.
const ENTRIES_MAX: usize = 32;

/// A calendar of a persona.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The persona, as a did:key.
    pub persona: String,
    /// What the owner calls the calendar.
    pub name: String,
    /// Where it is.
    pub url: Url,
    /// Whether meetings may be written into it.
    pub writable: bool,
    /// The user name at the server.
    pub user: String,
    /// The password at the server.
    password: String,
}

impl Entry {
    /// A calendar that was found, as one of a persona's.
    pub fn new(persona: &str, account: &Account, found: &Found) -> Self {
        Self {
            persona: persona.to_owned(),
            name: found.name.clone(),
            url: found.url.clone(),
            writable: found.writable,
            user: account.user().to_owned(),
            password: account.password().expose().to_owned(),
        }
    }

    fn open(&self) -> Result<super::client::Collection, CaldavError> {
        let password = Password::new(self.password.clone());
        let account = Account::new(self.url.as_str(), &self.user, password)?;
        let (url, name) = (self.url.clone(), self.name.clone());
        account.open(&Found { url, name, writable: self.writable })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.as_str();
        write!(f, "Entry({} {url} writable: {})", self.name, self.writable)
    }
}

/// The calendars of all personas of a node.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// In the order in which they were added; meetings go into the first that may be written.
    #[serde(default)]
    pub calendars: Vec<Entry>,
}

impl Registry {
    /// Reads the file; no file is an empty registry. Blocks.
    ///
    /// # Errors
    /// [`CaldavError::Io`], and [`CaldavError::Invalid`] when others may read the file or it is
    /// no registry.
    pub fn load(path: &Path) -> Result<Self, CaldavError> {
        let io = |source| CaldavError::Io { path: path.to_owned(), source };
        let invalid = |reason: &str| CaldavError::Invalid {
            field: "calendars file",
            reason: format!("{}: {reason}", path.display()),
        };
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            metadata => metadata.map_err(io)?,
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if metadata.permissions().mode() & 0o077 != 0 {
                return Err(invalid("others may read it; chmod 600 mends that"));
            }
        }
        if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
            return Err(invalid("it is no regular file of bearable length"));
        }
        let mut text = fs::read_to_string(path).map_err(io)?;
        // The parser's own message would show the line, and the line may hold a password.
        let registry: Result<Self, _> = toml::from_str(&text);
        text.zeroize();
        let registry = registry.map_err(|_| invalid("it is not a list of calendars"))?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &registry.calendars {
            *counts.entry(&entry.persona).or_default() += 1;
        }
        if counts.values().any(|count| *count > ENTRIES_MAX) {
            return Err(invalid("a persona has too many calendars"));
        }
        Ok(registry)
    }

    /// Replaces the file whole, readable by its owner alone. Blocks until it is on the disk.
    ///
    /// # Errors
    /// [`CaldavError::Io`]; the old file is then still there.
    pub fn save(&self, path: &Path) -> Result<(), CaldavError> {
        let io = |source| CaldavError::Io { path: path.to_owned(), source };
        let mut text = toml::to_string(self).map_err(|error| io(io::Error::other(error)))?;
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let write = || {
            let mut file = options.open(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        let written = write();
        text.zeroize();
        written.map_err(|source| {
            // Without it the next attempt makes a new one.
            let _ = fs::remove_file(&temporary);
            io(source)
        })
    }

    fn of(&self, persona: &str) -> impl Iterator<Item = &Entry> {
        self.calendars.iter().filter(move |entry| entry.persona == persona)
    }
}

/// The calendars of a node's personas, with copies that are brought up to date when they are
/// read. The registry is read every time, so that a change counts at once.
#[derive(Debug, Clone)]
pub struct Calendars {
    file: PathBuf,
    mirrors: Arc<StdMutex<BTreeMap<Key, Arc<Mutex<Mirror>>>>>,
}

/// User and address: what a copy is a copy of.
type Key = (String, String);

impl Calendars {
    /// The calendars registered in a file.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), mirrors: Arc::default() }
    }

    /// All calendars of a persona as one text.
    ///
    /// # Errors
    /// [`CaldavError`]: a calendar that cannot be read is never taken for an empty one.
    pub async fn read(&self, persona: &str) -> Result<String, CaldavError> {
        let registry = self.registry().await?;
        let mut entries: Vec<&Entry> = Vec::new();
        for entry in registry.of(persona) {
            // One registered twice is read once.
            if !entries.iter().any(|known| known.url == entry.url && known.user == entry.user) {
                entries.push(entry);
            }
        }
        if entries.is_empty() {
            return Err(CaldavError::NoCalendar(format!("{SCHEME}{persona}")));
        }
        let mut copies = Vec::with_capacity(entries.len());
        for (entry, copy) in entries.iter().zip(self.copies(&registry, &entries)) {
            let calendar = entry.open()?;
            // Nobody else waits for a slow server: every calendar has a lock of its own.
            let mut copy = copy.lock_owned().await;
            let changes = copy.sync(&calendar).await?;
            tracing::debug!(calendar = %entry.url, changes, "calendar read");
            copies.push(copy);
        }
        Mirror::text(copies.iter().map(|copy| &**copy))
    }

    /// The copies of some calendars; those of calendars that are registered no more are dropped.
    fn copies(&self, registry: &Registry, entries: &[&Entry]) -> Vec<Arc<Mutex<Mirror>>> {
        let key = |entry: &Entry| (entry.user.clone(), entry.url.to_string());
        // A thread that panicked while it held the map has left nothing half done in it.
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        mirrors.retain(|known, _| registry.calendars.iter().any(|entry| key(entry) == *known));
        entries.iter().map(|entry| Arc::clone(mirrors.entry(key(entry)).or_default())).collect()
    }

    /// Writes a meeting into the first calendar of a persona that may be written.
    ///
    /// # Errors
    /// [`CaldavError`]; the meeting is then in none of them.
    pub async fn book(&self, persona: &str, booking: &Booking) -> Result<(), CaldavError> {
        let registry = self.registry().await?;
        let entry = registry.of(persona).find(|entry| entry.writable);
        entry.ok_or(CaldavError::ReadOnly)?.open()?.book(booking).await
    }

    async fn registry(&self) -> Result<Registry, CaldavError> {
        let file = self.file.clone();
        let loaded = tokio::task::spawn_blocking(move || Registry::load(&file)).await;
        loaded.unwrap_or_else(|error| {
            Err(CaldavError::Io { path: self.file.clone(), source: io::Error::other(error) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        let account =
            Account::new("https://dav.example.org/", "alice", Password::new("horse".into()));
        let url = Url::parse("https://dav.example.org/alice/home/").unwrap();
        let found = Found { url, name: "Home".into(), writable: true };
        Registry { calendars: vec![Entry::new("did:key:z6MkA", &account.unwrap(), &found)] }
    }

    #[test]
    fn what_is_saved_is_loaded_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calendars.toml");
        assert!(Registry::load(&path).unwrap().calendars.is_empty());
        registry().save(&path).unwrap();
        let loaded = Registry::load(&path).unwrap();
        assert_eq!(loaded.of("did:key:z6MkA").count(), 1);
        assert_eq!(loaded.calendars[0].password, "horse");
        assert!(!format!("{loaded:?}").contains("horse"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            let refused = Registry::load(&path).unwrap_err().to_string();
            assert!(refused.contains("others may read it"), "{refused}");
        }
    }

    #[test]
    fn a_damaged_registry_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calendars.toml");
        registry().save(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap() + "\npassword = \"horse";
        fs::write(&path, text).unwrap();
        let refused = Registry::load(&path).unwrap_err().to_string();
        assert!(!refused.contains("horse"), "{refused}");
    }
}
