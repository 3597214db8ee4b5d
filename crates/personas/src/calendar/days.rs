//! Days as numbers.
//!
//! Rules are worked out on the days since 1970-01-01 of the Gregorian calendar, because a rule
//! may have to look at a great many days, and whole numbers are quick. Times of day are added in
//! milliseconds: a *wall* is what a clock on some wall shows, in milliseconds since 1970 began on
//! that wall, whatever its zone.

/// Milliseconds of a day on the wall.
pub(super) const DAY: i64 = 86_400_000;

/// The year, month and day of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

/// The number of a day. Days and months past the end of their month or year run on.
///
/// The year is taken to begin in March, so that the leap day is its last; then months of 31 and
/// 30 days follow a straight line.
pub(super) fn number(civil: Civil) -> i64 {
    let month = civil.month - 1;
    let year = civil.year + month.div_euclid(12) - i64::from(month.rem_euclid(12) < 2);
    let month = (month.rem_euclid(12) + 10) % 12;
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + civil.day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The year, month and day of a number.
pub(super) fn civil(number: i64) -> Civil {
    let number = number + 719_468;
    let (era, day_of_era) = (number.div_euclid(146_097), number.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    Civil { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
}

/// The weekday of a number, Monday as 1 and Sunday as 7.
pub(super) fn weekday(number: i64) -> i64 {
    (number + 3).rem_euclid(7) + 1
}

/// The first day of a year.
pub(super) fn year_start(year: i64) -> i64 {
    number(Civil { year, month: 1, day: 1 })
}

/// The first day of a month; months past 12 are those of later years.
pub(super) fn month_start(year: i64, month: i64) -> i64 {
    number(Civil { year, month, day: 1 })
}

/// The last day on which a week began, for weeks that begin on this weekday.
pub(super) fn week_start(day: i64, first_weekday: i64) -> i64 {
    day - (weekday(day) - first_weekday).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};

    use super::*;

    #[test]
    fn days_agree_with_the_calendar_for_four_hundred_years() {
        let mut day: Date = date(1800, 1, 1);
        let mut at = number(Civil { year: 1800, month: 1, day: 1 });
        assert_eq!(number(Civil { year: 1970, month: 1, day: 1 }), 0);
        while day < date(2210, 1, 1) {
            let expected =
                Civil { year: day.year().into(), month: day.month().into(), day: day.day().into() };
            assert_eq!(civil(at), expected);
            assert_eq!(number(expected), at);
            assert_eq!(weekday(at), i64::from(day.weekday().to_monday_one_offset()));
            (day, at) = (day.tomorrow().unwrap(), at + 1);
        }
    }

    #[test]
    fn months_run_on_into_other_years() {
        assert_eq!(month_start(2026, 13), month_start(2027, 1));
        assert_eq!(month_start(2026, 0), month_start(2025, 12));
        assert_eq!(month_start(2026, 27), month_start(2028, 3));
    }
}
