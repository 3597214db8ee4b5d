//! The bearer token: 256 random bits in a file only the owner can read, new at every start.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use rand::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Name of the token's file inside the data folder.
pub const TOKEN_FILE: &str = "api-token";

/// A secret as it is kept for comparing: only its hash, so that neither memory nor timing tells
/// anything about the secret itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a presented secret.
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether two secrets are the same, in constant time.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        hash.map(Self).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// A fresh secret of 256 bits, in hexadecimal.
pub(super) fn secret() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}

/// A fresh one-time code: 160 bits in letters and digits that survive copying by hand.
pub(super) fn code() -> String {
    let mut bytes = [0; 20];
    OsRng.fill_bytes(&mut bytes);
    data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}

/// Makes a token, replaces the file with it and returns its fingerprint.
///
/// The new file is written beside and renamed, so that a reader sees the old token or the new
/// one, and so that an older file with laxer permissions cannot lend them to the new token.
pub(super) fn rotate(dir: &Path) -> io::Result<Fingerprint> {
    let token = secret();
    let beside = dir.join(format!("{TOKEN_FILE}.new"));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, dir.join(TOKEN_FILE))?;
    Ok(Fingerprint::of(&token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_has_another_token_and_the_file_holds_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let first = rotate(dir.path()).unwrap();
        let second = rotate(dir.path()).unwrap();
        assert!(!first.same(&second));
        let text = fs::read_to_string(dir.path().join(TOKEN_FILE)).unwrap();
        assert_eq!(text.len(), 64);
        assert!(Fingerprint::of(&text).same(&second));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_the_owner_only_even_where_an_open_one_stood_before() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOKEN_FILE);
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        rotate(dir.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
