//! Who may ask, and from where.
//!
//! A server on loopback is reachable by every page in every browser of the machine. So a request
//! passes two doors. The first ([`checks`]) asks *where from*: the `Host` must be one of our own
//! names (a rebound DNS name is not), an `Origin` must be our own page, and a browser must not
//! call it cross-site. The second ([`guard`]) asks *who*: everything under `/v1` except the login
//! needs the bearer token, or the cookie of a session and, for writes, its CSRF secret.
//!
//! The token's file and a session may do everything. A token the owner made for a program may do
//! what its scopes say; which call needs which stands in one table ([`scope`]).
//!
//! Cookies do not tell ports apart: the browser shows ours to other servers on the same address.
//! That is why the cookie's name carries our port, and why programs use the token instead.

pub(crate) mod checks;
mod credentials;
mod grants;
pub(crate) mod guard;
mod rate;
pub(crate) mod scope;
mod session;
mod token;

pub use credentials::{Clock, Credentials};
pub use token::TOKEN_FILE;

pub(crate) use credentials::{Caller, Standing};
pub(crate) use grants::{Grant, GrantError};
pub(crate) use session::SessionView;
pub(crate) use token::Fingerprint;
