//! Virtual calendars: one iCalendar text per persona, with what its owner had planned before.

use engine::personas::{Booking, TimeRange};
use rand::Rng;
use rand_chacha::ChaCha20Rng;

use crate::clock::START_MS;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A persona's calendar, on a disk that no crash of the node harms.
#[derive(Debug)]
pub(crate) struct Diary {
    pub(crate) text: String,
    /// What was in it before anybody booked anything.
    pub(crate) busy: Vec<TimeRange>,
    pub(crate) booked: Vec<Booking>,
}

impl Diary {
    /// A calendar with some evenings and lunches of the coming week taken.
    pub(crate) fn new(rng: &mut ChaCha20Rng) -> Self {
        let midnight = START_MS - START_MS % DAY_MS;
        let mut busy = Vec::new();
        for day in 0..14 {
            for hour in [9, 12, 15, 18, 20] {
                if rng.gen_bool(0.3) {
                    let start_ms = midnight + day * DAY_MS + hour * HOUR_MS;
                    busy.push(TimeRange { start_ms, end_ms: start_ms + 2 * HOUR_MS });
                }
            }
        }
        let mut diary = Self { text: String::new(), busy, booked: Vec::new() };
        for (index, range) in diary.busy.clone().into_iter().enumerate() {
            let entry = Booking {
                uid: format!("plan-{index}"),
                title: "something planned".into(),
                range,
                zone: "UTC".into(),
                attendees: Vec::new(),
                decision: String::new(),
                stamp_ms: START_MS,
            };
            diary.text =
                engine::personas::book(&diary.text, &entry).expect("a plain entry can be booked");
        }
        diary
    }

    /// Writes a meeting down, once, however often it is asked for.
    pub(crate) fn book(&mut self, booking: Booking) -> Result<(), String> {
        self.text =
            engine::personas::book(&self.text, &booking).map_err(|error| error.to_string())?;
        if self.booked.iter().all(|other| other.uid != booking.uid) {
            self.booked.push(booking);
        }
        Ok(())
    }

    /// Whether the owner had something else at that time.
    pub(crate) fn was_busy(&self, range: &TimeRange) -> bool {
        self.busy.iter().any(|taken| taken.overlaps(range))
    }
}

#[cfg(test)]
mod tests {
    use engine::personas::Calendar;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_meeting_booked_twice_stands_in_the_text_once() {
        let mut diary = Diary::new(&mut ChaCha20Rng::seed_from_u64(1));
        let entries = |diary: &Diary| Calendar::parse(&diary.text).unwrap().len();
        let before = entries(&diary);
        assert_eq!(before, diary.busy.len());
        let range = TimeRange { start_ms: START_MS + HOUR_MS, end_ms: START_MS + 2 * HOUR_MS };
        let booking = Booking {
            uid: "x@conclave".into(),
            title: "dinner".into(),
            range,
            zone: "UTC".into(),
            attendees: Vec::new(),
            decision: "00".into(),
            stamp_ms: START_MS,
        };
        diary.book(booking.clone()).unwrap();
        diary.book(booking).unwrap();
        assert_eq!(entries(&diary), before + 1);
        assert_eq!(diary.booked.len(), 1);
    }
}
