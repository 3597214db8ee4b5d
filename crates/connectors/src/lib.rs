//! The outside world of a persona.
//!
//! Personas decide in pure functions; a connector lets one of them reach something outside of
//! the node. Every connector is a folder with the same files: `client` does the work, `error`
//! says what can go wrong, `tests` runs it against the real thing.
//!
//! | module | reaches |
//! | --- | --- |
//! | [`calendar`] | an iCalendar file on this machine |
//! | [`caldav`] | calendars on a CalDAV server |

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub mod caldav;
pub mod calendar;
