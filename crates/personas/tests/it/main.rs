//! What a persona understands and decides, seen from outside. A file a behaviour.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod bookings;
mod busy_times;
mod hostile_calendars;
mod injection;
mod never_panics;
mod phrase_tables;
mod phrases;
mod recurrence;
mod slot_choice;
mod times;
