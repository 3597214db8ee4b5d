//! What can go wrong with a calendar server.

use std::{io, path::PathBuf};

use personas::CalendarError;
use thiserror::Error;

/// Why a calendar server could not be used. No message holds a password.
#[derive(Debug, Error)]
pub enum CaldavError {
    /// The address is none that a calendar can be reached at safely.
    #[error("url: {0}")]
    Address(&'static str),
    /// A field of the registry or an account is missing or malformed.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The server cannot be reached, or broke off.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// The server.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The user name or password is wrong.
    #[error("the server does not accept the user name or password")]
    Unauthorised,
    /// The server refuses this.
    #[error("the server refuses {what} with status {status}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Its answer.
        status: u16,
    },
    /// The server refers to another origin, where the password must not go.
    #[error("the server refers to {0}; give that address if it is yours")]
    OtherOrigin(String),
    /// The answer is longer than anything a calendar needs.
    #[error("the server's answer to {what} is longer than {max} bytes")]
    TooLarge {
        /// What was asked.
        what: &'static str,
        /// Bytes allowed.
        max: usize,
    },
    /// The answer cannot be read.
    #[error("the server's answer to {what} cannot be read: {reason}")]
    Malformed {
        /// What was asked.
        what: &'static str,
        /// Where it went wrong.
        reason: String,
    },
    /// No calendar lies behind the address.
    #[error("no calendar is found at {0}")]
    NoCalendar(String),
    /// All calendars may only be read.
    #[error("none of these calendars may be written")]
    ReadOnly,
    /// Somebody else changed the event since we last saw it.
    #[error("the event was changed or removed by somebody else")]
    Changed,
    /// The meeting cannot be written down.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A file on this machine cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
