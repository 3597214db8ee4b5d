//! The owner's calendar as a file.
//!
//! The file belongs to its owner, and other programs write it too. So it is read afresh every
//! time, replaced whole or not at all, and a change by someone else between reading and replacing
//! means that the booking starts over with the new text. A moment remains between the last look
//! and the replacing, shorter than a millisecond, in which a program that takes no lock could
//! lose what it saves; no file system offers a way to close it. All calls block: an async caller runs
//! them on a blocking thread, which [`IcsFile::read_async`] and [`IcsFile::book_async`] do.
//!
//! ```
//! use connectors::calendar::IcsFile;
//!
//! let folder = std::env::temp_dir();
//! let file = IcsFile::new(folder.join("a-calendar-that-does-not-exist.ics"));
//! assert_eq!(file.read().expect("no file is an empty calendar"), "");
//! ```

mod client;
mod error;
#[cfg(test)]
mod tests;

pub use client::{Booked, IcsFile};
pub use error::{BookError, ReadError};
