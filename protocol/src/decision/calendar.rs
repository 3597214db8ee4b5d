//! Milliseconds as people write them.

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A moment in UTC as ISO 8601 writes it, like `2031-05-09T18:00:00.000Z`.
pub(super) fn iso8601(ms: u64) -> String {
    let (year, month, day) = civil(ms / DAY_MS);
    let rest = ms % DAY_MS;
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Whether this is a span of time as options of a proposal name it: two moments in UTC, to the
/// second, like `2031-05-09T18:00:00Z/2031-05-09T20:00:00Z`, the first before the second.
pub(super) fn is_time_span(text: &str) -> bool {
    let Some((start, end)) = text.split_once('/') else { return false };
    // Of one length and in one order of digits, moments sort as their texts do.
    is_moment(start) && is_moment(end) && start < end
}

/// Whether this is a moment between the years 1970 and 9999 as [`iso8601`] writes it, without the
/// milliseconds.
fn is_moment(text: &str) -> bool {
    const PATTERN: &[u8; 20] = b"0000-00-00T00:00:00Z";
    let shaped = text.len() == PATTERN.len()
        && text.bytes().zip(PATTERN).all(|(byte, pattern)| match pattern {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        });
    let number = |range| text.get(range).and_then(|digits: &str| digits.parse::<u64>().ok());
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let (Some(hour), Some(minute), Some(second)) = (number(11..13), number(14..16), number(17..19))
    else {
        return false;
    };
    let leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leaps => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    shaped && year >= 1970 && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60
}

/// Year, month and day of the `days`th day after 1970-01-01.
///
/// Counts in eras of 400 years and in years that begin in March, so that the leap day is the last
/// of its year and the lengths of months follow one line.
fn civil(days: u64) -> (u64, u64, u64) {
    const MARCH_0000_TO_1970: u64 = 719_468;
    const ERA_DAYS: u64 = 146_097;
    let days = days + MARCH_0000_TO_1970;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_right() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso8601(ms), text);
        }
    }

    #[test]
    fn only_spans_written_in_the_one_way_are_spans() {
        let is = is_time_span;
        assert!(is("2031-05-09T18:00:00Z/2031-05-09T20:00:00Z"));
        assert!(is("2028-02-29T23:59:59Z/2028-03-01T00:00:00Z"));
        for other in [
            "",
            "Friday",
            "/",
            "2031-05-09T18:00:00Z",
            "2031-05-09T20:00:00Z/2031-05-09T18:00:00Z",
            "2031-05-09T18:00:00Z/2031-05-09T18:00:00Z",
            "2031-05-09T18:00:00Z/2031-05-09T20:00:00Z/",
            "2031-05-09T18:00:00.000Z/2031-05-09T20:00:00.000Z",
            "2031-05-09T18:00:00+00:00/2031-05-09T20:00:00+00:00",
            "2031-02-29T18:00:00Z/2031-03-09T20:00:00Z",
            "2031-13-09T18:00:00Z/2031-14-09T20:00:00Z",
            "2031-05-09T24:00:00Z/2031-05-10T20:00:00Z",
            "1969-05-09T18:00:00Z/2031-05-09T20:00:00Z",
            "2031-05-09t18:00:00z/2031-05-09t20:00:00z",
            "+031-05-09T18:00:00Z/2031-05-09T20:00:00Z",
            "２031-05-09T18:00Z/2031-05-09T20:00:00Z",
        ] {
            assert!(!is(other), "{other}");
        }
        // Every moment that is written is read.
        for day in 0..40_000 {
            let (one, next) = (iso8601(day * DAY_MS), iso8601((day + 1) * DAY_MS - 1000));
            let span = format!("{}Z/{}Z", &one[..19], &next[..19]);
            assert!(is(&span), "{span}");
        }
    }

    #[test]
    fn the_largest_number_does_not_overflow() {
        assert!(iso8601(u64::MAX).ends_with('Z'));
    }
}
