//! Calendars as text: when somebody is busy, and how a meeting is written down.
//!
//! The format is iCalendar (RFC 5545). `calcard` takes the text apart; what the properties mean
//! is decided here, because a persona must get it right in three places where readers differ:
//! repeated events keep their hour on the wall when clocks change, zones may be known by name or
//! come with the file, and a calendar from elsewhere must not be able to keep the node busy.
//! Whatever is too fine, too much or unreadable is refused with the event's name; an event that
//! was ignored would make its owner look free.

mod book;
mod busy;
mod days;
mod error;
mod expand;
mod moment;
mod parse;
mod rule;
mod zone;

pub use book::{Booking, book};
pub use busy::{Calendar, WINDOW_DAYS_MAX};
pub use error::CalendarError;
pub use parse::{BYTES_MAX, EVENTS_MAX};
