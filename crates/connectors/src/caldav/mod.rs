//! The owner's calendars on a CalDAV server (RFC 4791).
//!
//! An [`Account`] finds its calendars by itself: from the address the owner types, through
//! `/.well-known/caldav` (RFC 6764), to the principal and the home of its calendars. A [`Mirror`]
//! follows one of them, asking only for what changed where the server can tell (RFC 6578), by
//! entity tags where it cannot. Writing is always conditional: a meeting is put only where there
//! is nothing yet, and replaced or deleted only while it is what we last saw.
//!
//! ```text
//! Alice's node                               her server
//!   PROPFIND /.well-known/caldav        ->   301, /dav/
//!   PROPFIND /dav/                      ->   principal, home, calendars
//!   REPORT sync-collection (token)      ->   what changed, and the next token
//!   PUT uid.ics, If-None-Match: *       ->   201: the hold stands, as TENTATIVE
//!   PUT uid.ics, If-Match: "etag"       ->   204: confirmed
//!   DELETE uid.ics, If-Match: "etag"    ->   204: released
//! ```
//!
//! Every answer is bounded before it is read, passwords are shown by no `Debug`, and they go only
//! to the origin they were given for: over TLS, or to this machine itself.

mod account;
mod client;
mod discover;
mod error;
mod http;
mod mirror;
mod registry;
mod xml;

pub use account::{Account, Password};
pub use client::{Collection, Held};
pub use discover::Found;
pub use error::CaldavError;
pub use mirror::Mirror;
pub use registry::{Calendars, Entry, Registry, SCHEME};
