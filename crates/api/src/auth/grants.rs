//! The tokens an owner gives to programs: each with a name, what it may do, and until when.
//!
//! They live in one file beside the bearer token. It holds their hashes and never a token: what
//! has 256 random bits needs no slow hash. A change is on disk before anybody hears of it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    scope::Scope,
    token::{self, Fingerprint},
};

/// Name of the file inside the data folder.
const FILE: &str = "api-grants.json";
/// More programs than an owner has.
const GRANTS_MAX: usize = 64;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// The largest file this could write, and then some.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A token, without the token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    /// Names it for revoking.
    pub(crate) id: String,
    /// Names it for people; no two have the same.
    pub(crate) name: String,
    /// What it may do; rising, at least one.
    pub(crate) scopes: Vec<Scope>,
    /// Milliseconds since the Unix epoch.
    pub(crate) created_at_ms: u64,
    /// When it stops working, milliseconds since the Unix epoch.
    pub(crate) expires_at_ms: Option<u64>,
    /// SHA-256 of the token.
    hash: Fingerprint,
}

/// Why a token was not made.
#[derive(Debug, Error)]
pub(crate) enum GrantError {
    /// A field breaks its rule.
    #[error("{0}: {1}")]
    Invalid(&'static str, String),
    /// There is one of this name.
    #[error("a token of this name exists")]
    Exists,
    /// There is no room.
    #[error("there are {GRANTS_MAX} tokens; revoke one first")]
    Full,
    /// It could not be written.
    #[error("the file of tokens could not be written: {0}")]
    Io(#[from] io::Error),
}

/// All tokens.
pub(super) struct Grants {
    path: PathBuf,
    all: Vec<Grant>,
}

impl Grants {
    /// Reads the file, if there is one.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        let text = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, all: Vec::new() });
            }
            Err(error) => return Err(error),
            Ok(file) if file.len() > FILE_BYTES_MAX => {
                return Err(damaged(&path, "it is too large"));
            }
            Ok(_) => fs::read(&path)?,
        };
        let all = serde_json::from_slice(&text).map_err(|error| damaged(&path, error))?;
        Ok(Self { path, all })
    }

    /// Makes a token and returns it with what is kept of it.
    pub(super) fn create(
        &mut self,
        name: String,
        mut scopes: Vec<Scope>,
        expires_at_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<(String, Grant), GrantError> {
        self.all.retain(|grant| !grant.is_over(now_ms));
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let reason = format!("1 to {NAME_BYTES_MAX} bytes without control characters");
            return Err(GrantError::Invalid("name", reason));
        }
        scopes.sort();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(GrantError::Invalid("scopes", "at least one".into()));
        }
        if expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            return Err(GrantError::Invalid("expires_at", "in the future".into()));
        }
        if self.all.iter().any(|grant| grant.name == name) {
            return Err(GrantError::Exists);
        }
        if self.all.len() >= GRANTS_MAX {
            return Err(GrantError::Full);
        }
        let mut id = [0; 8];
        OsRng.fill_bytes(&mut id);
        let token = token::secret();
        let grant = Grant {
            id: data_encoding::HEXLOWER.encode(&id),
            name,
            scopes,
            created_at_ms: now_ms,
            expires_at_ms,
            hash: Fingerprint::of(&token),
        };
        let mut all = self.all.clone();
        all.push(grant.clone());
        self.replace(all)?;
        Ok((token, grant))
    }

    /// Takes a token back. `None` when there is none of this id.
    pub(super) fn revoke(&mut self, id: &str) -> io::Result<Option<Grant>> {
        let Some(index) = self.all.iter().position(|grant| grant.id == id) else {
            return Ok(None);
        };
        let mut all = self.all.clone();
        let grant = all.remove(index);
        self.replace(all)?;
        Ok(Some(grant))
    }

    /// Those that work now.
    pub(super) fn list(&self, now_ms: u64) -> Vec<Grant> {
        self.all.iter().filter(|grant| !grant.is_over(now_ms)).cloned().collect()
    }

    /// The one with this hash, if it works now.
    pub(super) fn find(&self, hash: &Fingerprint, now_ms: u64) -> Option<&Grant> {
        // All are compared, so that time does not tell which one came close.
        let mut found = None;
        for grant in &self.all {
            if grant.hash.same(hash) {
                found = Some(grant);
            }
        }
        found.filter(|grant| !grant.is_over(now_ms))
    }

    fn replace(&mut self, all: Vec<Grant>) -> io::Result<()> {
        let beside = self.path.with_extension("json.new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(&all)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        // The new name must survive a power cut too.
        if let Some(dir) = self.path.parent() {
            fs::File::open(dir)?.sync_all()?;
        }
        self.all = all;
        Ok(())
    }
}

impl Grant {
    fn is_over(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
    }
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> io::Error {
    let words = format!("{} cannot be read ({why}); remove it to start without", path.display());
    io::Error::new(io::ErrorKind::InvalidData, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &tempfile::TempDir) -> Grants {
        Grants::open(dir.path()).unwrap()
    }

    #[test]
    fn tokens_survive_a_restart_as_hashes_in_a_private_file() {
        let dir = tempfile::tempdir().unwrap();
        let (token, grant) =
            open(&dir).create("bot".into(), vec![Scope::Send, Scope::Read], None, 5).unwrap();
        assert_eq!(grant.scopes, [Scope::Read, Scope::Send]);
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!text.contains(&token), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let mut again = open(&dir);
        assert_eq!(again.find(&Fingerprint::of(&token), 6).unwrap().name, "bot");
        assert!(again.find(&Fingerprint::of("other"), 6).is_none());
        assert!(again.revoke(&grant.id).unwrap().is_some());
        assert!(again.revoke(&grant.id).unwrap().is_none());
        assert!(open(&dir).find(&Fingerprint::of(&token), 6).is_none());
    }

    #[test]
    fn a_token_ends_when_it_was_said_to() {
        let dir = tempfile::tempdir().unwrap();
        let mut grants = open(&dir);
        let (token, _) = grants.create("brief".into(), vec![Scope::Read], Some(10), 5).unwrap();
        assert!(grants.find(&Fingerprint::of(&token), 9).is_some());
        assert!(grants.find(&Fingerprint::of(&token), 10).is_none());
        assert!(grants.list(10).is_empty());
        assert!(grants.create("brief".into(), vec![Scope::Read], None, 10).is_ok(), "it is over");
    }

    #[test]
    fn names_scopes_and_numbers_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let mut grants = open(&dir);
        let mut make = |name: &str, scopes| grants.create(name.into(), scopes, None, 5).map(|_| ());
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(matches!(make(name, vec![Scope::Read]), Err(GrantError::Invalid("name", _))));
        }
        assert!(matches!(make("a", vec![]), Err(GrantError::Invalid("scopes", _))));
        assert!(make("a", vec![Scope::Read]).is_ok());
        assert!(matches!(make("a", vec![Scope::Read]), Err(GrantError::Exists)));
        for index in 1..GRANTS_MAX {
            assert!(make(&format!("bot {index}"), vec![Scope::Read]).is_ok());
        }
        assert!(matches!(make("one more", vec![Scope::Read]), Err(GrantError::Full)));
    }

    #[test]
    fn a_damaged_file_is_no_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "[{").unwrap();
        assert!(Grants::open(dir.path()).is_err());
    }
}
