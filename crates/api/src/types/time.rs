//! Times as people and programs read them: ISO-8601 in UTC with milliseconds.

use std::fmt;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// The text of a time given in milliseconds since the Unix epoch. Times past the year 9999 show
/// its end.
pub(crate) fn iso(ms: u64) -> String {
    let timestamp = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX);
    format!("{timestamp:.3}")
}

/// A time in a request: ISO-8601 text with a zone, or milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) u64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"2026-11-20T18:00:00Z\", or milliseconds since the Unix epoch")
    }

    fn visit_u64<E: Error>(self, ms: u64) -> Result<Moment, E> {
        Ok(Moment(ms))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
        let timestamp: Timestamp = text.parse().map_err(E::custom)?;
        u64::try_from(timestamp.as_millisecond())
            .map(Moment)
            .map_err(|_| E::custom("a time before 1970 makes no sense here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_795_197_600_120), "2026-11-20T18:00:00.120Z");
        assert!(iso(u64::MAX).starts_with("9999-12-3"));
    }

    #[test]
    fn times_are_read_from_text_of_any_zone_and_from_numbers() {
        let read = |json| serde_json::from_str::<Moment>(json).map(|moment| moment.0).ok();
        assert_eq!(read(r#""2026-11-20T18:00:00.120Z""#), Some(1_795_197_600_120));
        assert_eq!(read(r#""2026-11-20T19:00:00.120+01:00""#), Some(1_795_197_600_120));
        assert_eq!(read("1795197600120"), Some(1_795_197_600_120));
        for json in ["-1", "1.5", r#""soon""#, r#""1969-01-01T00:00:00Z""#, "null", "[]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
