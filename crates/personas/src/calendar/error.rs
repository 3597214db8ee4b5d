//! Why a calendar could not be read or written.

use thiserror::Error;

/// Why a calendar could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// The text is longer than a calendar may be.
    #[error("the calendar has {bytes} bytes, at most {max} are read")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// More events, or other components, than a calendar may have.
    #[error("the calendar has more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
    /// The text is not iCalendar.
    #[error("this is not an iCalendar file: {0}")]
    NotACalendar(&'static str),
    /// A property of an event cannot be read.
    #[error("event {uid}: its {property} cannot be read")]
    Unreadable {
        /// The event's UID.
        uid: String,
        /// The property's name.
        property: &'static str,
    },
    /// An event repeats in a way that is refused.
    #[error("event {uid} repeats in a way that is not supported: {reason}")]
    Rule {
        /// The event's UID, or the zone's TZID.
        uid: String,
        /// What about the rule is refused.
        reason: &'static str,
    },
    /// Working out the repeated events would take too long.
    #[error("the repeated events of this calendar are too many to work out")]
    TooMuchWork,
    /// The busy times of a longer time were asked for than are worked out at once.
    #[error("busy times are worked out for at most {days_max} days at once")]
    WindowTooLong {
        /// Days allowed.
        days_max: u64,
    },
    /// The zone in which times without a zone are meant is not known.
    #[error("the time zone {0} is not known")]
    UnknownZone(String),
    /// A field of a booking cannot be written.
    #[error("the booking's {field}: {reason}")]
    Booking {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}
