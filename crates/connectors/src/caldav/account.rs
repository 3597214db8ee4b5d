//! Where an account is, and who may use it.

use std::fmt;

use data_encoding::BASE64;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::error::CaldavError;

/// Longest user name or password.
const CREDENTIAL_BYTES_MAX: usize = 512;

/// A password that no log and no `Debug` shows, and that is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the password over.
    pub fn new(password: String) -> Self {
        Self(Zeroizing::new(password))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// One account on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    url: Url,
    user: String,
    password: Password,
}

impl Account {
    /// An account at an address.
    ///
    /// # Errors
    /// [`CaldavError::Address`] where the password would travel in the clear: anything but https,
    /// and http to this machine itself. [`CaldavError::Invalid`] for a user name or password that
    /// cannot be sent.
    pub fn new(url: &str, user: &str, password: Password) -> Result<Self, CaldavError> {
        let url = Url::parse(url).map_err(|_| CaldavError::Address("it is not an address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(CaldavError::Address("give the password apart from the address"));
        }
        match (url.scheme(), url.host()) {
            ("https", Some(_)) => {}
            ("http", Some(host)) if is_this_machine(&host) => {}
            ("http", _) => {
                return Err(CaldavError::Address("only https keeps the password secret"));
            }
            _ => return Err(CaldavError::Address("it does not begin with https://")),
        }
        let sendable = |field, text: &str| {
            let fits = (1..=CREDENTIAL_BYTES_MAX).contains(&text.len());
            if fits && !text.chars().any(char::is_control) {
                return Ok(());
            }
            let reason = format!("1 to {CREDENTIAL_BYTES_MAX} bytes without control characters");
            Err(CaldavError::Invalid { field, reason })
        };
        sendable("user", user)?;
        sendable("password", password.expose())?;
        if user.contains(':') {
            let reason = "a colon cannot be sent in a user name".to_owned();
            return Err(CaldavError::Invalid { field: "user", reason });
        }
        Ok(Self { url, user: user.to_owned(), password })
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn password(&self) -> &Password {
        &self.password
    }

    /// The header that proves who asks. Wiped after use.
    pub(super) fn authorization(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{}:{}", self.user, self.password.expose()));
        Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())))
    }

    /// An address the server names, made absolute; only where the password may go.
    pub(super) fn resolve(&self, base: &Url, href: &str) -> Result<Url, CaldavError> {
        let url = base.join(href).map_err(|_| CaldavError::Malformed {
            what: "an address",
            reason: "it is not an address".into(),
        })?;
        if url.origin() != self.url.origin() {
            let origin = url.origin().ascii_serialization();
            return Err(CaldavError::OtherOrigin(origin));
        }
        Ok(url)
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(url: &str) -> Result<Account, CaldavError> {
        Account::new(url, "alice", Password::new("correct horse".into()))
    }

    #[test]
    fn passwords_go_over_tls_or_stay_on_this_machine() {
        for url in ["https://dav.example.org/", "http://127.0.0.1:5232/", "http://[::1]/x"] {
            assert!(account(url).is_ok(), "{url}");
        }
        for url in ["http://dav.example.org/", "http://127.0.0.1.example.org/", "file:///etc", "x"]
        {
            assert!(matches!(account(url), Err(CaldavError::Address(_))), "{url}");
        }
        assert!(account("https://alice:secret@dav.example.org/").is_err());
    }

    #[test]
    fn nothing_shows_the_password() {
        let account = account("https://dav.example.org/").unwrap();
        assert!(!format!("{account:?}").contains("horse"));
        assert!(format!("{account:?}").contains("Password(..)"));
    }

    #[test]
    fn no_other_origin_gets_the_password() {
        let account = account("https://dav.example.org/a/").unwrap();
        let base = account.url().clone();
        assert_eq!(account.resolve(&base, "../b/").unwrap().path(), "/b/");
        for href in ["https://evil.example/", "//evil.example/x", "http://dav.example.org/"] {
            let refused = account.resolve(&base, href);
            assert!(matches!(refused, Err(CaldavError::OtherOrigin(_))), "{href}");
        }
    }

    #[test]
    fn what_cannot_be_sent_names_its_field() {
        let new = |user, password: &str| {
            Account::new("https://x.example/", user, Password::new(password.into()))
        };
        assert!(new("", "x").unwrap_err().to_string().starts_with("user:"));
        assert!(new("a:b", "x").unwrap_err().to_string().starts_with("user:"));
        assert!(new("a", "x\r\ny").unwrap_err().to_string().starts_with("password:"));
    }
}
