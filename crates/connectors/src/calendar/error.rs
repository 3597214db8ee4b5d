//! What can go wrong with a calendar file.

use std::{io, path::PathBuf};

use personas::CalendarError;
use thiserror::Error;

/// Why a calendar file could not be read. A file that does not exist is no error.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The path leads to a folder, a device or something else that is no file.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// The file is longer than a calendar may be.
    #[error("{path} is longer than {max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        max: u64,
    },
    /// The file is not text in UTF-8.
    #[error("{0} is not UTF-8 text")]
    NotText(PathBuf),
    /// The system does not let it be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a meeting could not be booked. The file is as it was, unless someone else changed it.
#[derive(Debug, Error)]
pub enum BookError {
    /// The calendar could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The meeting cannot be written into this calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// Others changed the file again and again while it was being written.
    #[error("{path} changed {attempts} times while it was being written")]
    Contended {
        /// The file.
        path: PathBuf,
        /// How often it was tried.
        attempts: u32,
    },
    /// The system does not let it be written.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
