//! A believable fortnight for each owner, as an iCalendar file.
//!
//! Work in the owner's own time zone as a recurring event, evenings that are sometimes taken,
//! a whole day away now and then. The same seed, owner and day give the same file.

use std::fmt::Write;

use jiff::{ToSpan, Zoned, civil::Date};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;

use super::owner::Owner;

const EVENINGS: [(&str, i8, i8, i8); 8] = [
    ("Choir", 19, 30, 120),
    ("Climbing", 18, 30, 105),
    ("Cinema", 20, 0, 120),
    ("Parents' evening", 19, 0, 60),
    ("Swimming", 18, 0, 60),
    ("Book club", 20, 0, 90),
    ("Visit from the neighbours", 19, 0, 120),
    ("Late shift", 17, 0, 120),
];

/// How likely an evening is taken.
const EVENING_TAKEN: f64 = 0.22;
/// How likely somebody is away for a day or two in these weeks.
const AWAY: f64 = 0.3;

/// The calendar of one owner from today on.
pub(super) fn fortnight(owner: &Owner, index: usize, seed: u64, now: &Zoned) -> String {
    let mut random = ChaCha20Rng::seed_from_u64(seed.wrapping_mul(1_000_003) ^ (index as u64));
    let mut calendar = Writer::new(owner);
    let today = now.date();
    let monday = today
        .checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days())
        .unwrap_or(today);
    let starts = random.gen_range(8..=9);
    calendar.weekly("Work", monday, (starts, 0), (starts + 8, 30), "MO,TU,WE,TH,FR");
    if random.gen_bool(0.5) {
        calendar.weekly("Lunch run", monday, (12, 15), (13, 0), "TU,TH");
    }
    for day in 0..14i64 {
        let Ok(date) = today.checked_add(day.days()) else { continue };
        if random.gen_bool(EVENING_TAKEN)
            && let Some((title, hour, minute, minutes)) = EVENINGS.choose(&mut random)
        {
            calendar.once(title, date, (*hour, *minute), *minutes);
        }
    }
    if random.gen_bool(AWAY) {
        let from = random.gen_range(1..10i64);
        if let Ok(date) = today.checked_add(from.days()) {
            calendar.whole_days("Away", date, random.gen_range(1..=2));
        }
    }
    calendar.finish()
}

struct Writer<'a> {
    owner: &'a Owner,
    text: String,
    count: u32,
}

impl<'a> Writer<'a> {
    fn new(owner: &'a Owner) -> Self {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Conclave//demo//EN\r\n".to_owned();
        Self { owner, text, count: 0 }
    }

    fn weekly(&mut self, title: &str, first: Date, from: (i8, i8), to: (i8, i8), days: &str) {
        let zone = self.owner.zone;
        let from = first.at(from.0, from.1, 0, 0).strftime("%Y%m%dT%H%M%S").to_string();
        let to = first.at(to.0, to.1, 0, 0).strftime("%Y%m%dT%H%M%S").to_string();
        self.event(
            title,
            &format!(
                "DTSTART;TZID={zone}:{from}\r\nDTEND;TZID={zone}:{to}\r\n\
                 RRULE:FREQ=WEEKLY;BYDAY={days}\r\n"
            ),
        );
    }

    fn once(&mut self, title: &str, date: Date, at: (i8, i8), minutes: i8) {
        let zone = self.owner.zone;
        let start = date.at(at.0, at.1, 0, 0);
        let end = start.checked_add(i64::from(minutes).minutes()).unwrap_or(start);
        let (start, end) = (start.strftime("%Y%m%dT%H%M%S"), end.strftime("%Y%m%dT%H%M%S"));
        self.event(title, &format!("DTSTART;TZID={zone}:{start}\r\nDTEND;TZID={zone}:{end}\r\n"));
    }

    fn whole_days(&mut self, title: &str, date: Date, days: i64) {
        let end = date.checked_add(days.days()).unwrap_or(date);
        let (start, end) = (date.strftime("%Y%m%d"), end.strftime("%Y%m%d"));
        self.event(title, &format!("DTSTART;VALUE=DATE:{start}\r\nDTEND;VALUE=DATE:{end}\r\n"));
    }

    fn event(&mut self, title: &str, when: &str) {
        self.count += 1;
        // Writing to a string cannot fail.
        let _ = write!(
            self.text,
            "BEGIN:VEVENT\r\nUID:{}-{}@demo\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:{title}\r\n\
             {when}END:VEVENT\r\n",
            self.owner.name.to_lowercase(),
            self.count,
        );
    }

    fn finish(mut self) -> String {
        self.text.push_str("END:VCALENDAR\r\n");
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::owner::owners;

    #[test]
    fn the_same_seed_gives_the_same_calendar_and_another_seed_another() {
        let now: Zoned = "2026-11-23T09:00[Europe/London]".parse().unwrap();
        let owner = &owners(1)[0];
        assert_eq!(fortnight(owner, 0, 7, &now), fortnight(owner, 0, 7, &now));
        assert_ne!(fortnight(owner, 0, 7, &now), fortnight(owner, 0, 8, &now));
    }

    #[test]
    fn a_persona_can_read_every_calendar() {
        let now: Zoned = "2026-11-23T09:00[Europe/London]".parse().unwrap();
        for (index, owner) in owners(20).iter().enumerate() {
            for seed in 0..5 {
                let text = fortnight(owner, index, seed, &now);
                let calendar = personas::Calendar::parse(&text).unwrap();
                let start = u64::try_from(now.timestamp().as_millisecond()).unwrap();
                let window = personas::TimeRange { start_ms: start, end_ms: start + 604_800_000 };
                let busy = calendar.busy(window, owner.zone).unwrap();
                assert!(busy.len() >= 5, "a week has at least its working days");
            }
        }
    }
}
