//! Whatever a peer or a file says, nothing falls over.

use personas::{
    AgentRequest, AgentResponse, Booking, Calendar, Context, Group, Settings, TimeRange, book,
    candidates, feasible, understand,
};
use personas::{AgentResponseBody, Status, Understanding};
use proptest::prelude::*;

/// Pieces of calendars, put together at random.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "BEGIN:VCALENDAR\r\n",
        "END:VCALENDAR\r\n",
        "BEGIN:VEVENT\r\n",
        "END:VEVENT\r\n",
        "BEGIN:VTIMEZONE\r\n",
        "END:VTIMEZONE\r\n",
        "BEGIN:STANDARD\r\n",
        "END:STANDARD\r\n",
        "TZID:Odd\r\n",
        "TZOFFSETFROM:+0100\r\n",
        "TZOFFSETTO:-1545\r\n",
        "UID:a\r\n",
        "DTSTART:20260101T090000Z\r\n",
        "DTSTART:00010101T000000\r\n",
        "DTSTART;VALUE=DATE:99991231\r\n",
        "DTSTART;TZID=Odd:20260329T023000\r\n",
        "DTSTART:20260101T250000Z\r\n",
        "DTEND:20260101T100000Z\r\n",
        "DTEND;VALUE=DATE:20270101\r\n",
        "DURATION:P1W\r\n",
        "DURATION:-PT1H\r\n",
        "DURATION:P\r\n",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,-1FR;COUNT=3\r\n",
        "RRULE:FREQ=YEARLY;BYWEEKNO=53,-53;BYSETPOS=-1\r\n",
        "RRULE:FREQ=HOURLY;INTERVAL=65535;UNTIL=99991231T235959Z\r\n",
        "RRULE:;;==,\r\n",
        "EXDATE:20260101T090000Z,\r\n",
        "RDATE;VALUE=PERIOD:20260101T090000Z/PT1H\r\n",
        "RDATE:,,\r\n",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260108T090000Z\r\n",
        "STATUS:CANCELLED\r\n",
        ":\r\n",
        ";\r\n",
        " folded\r\n",
        "\"",
        "=",
        "\u{0}",
        "X-Ä;B=\"",
        "\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check_calendar(text: &str, window: TimeRange) {
    if let Ok(calendar) = Calendar::parse(text)
        && let Ok(busy) = calendar.busy(window, "Europe/Berlin")
    {
        assert!(busy.windows(2).all(|pair| pair[0].end_ms < pair[1].start_ms), "merged and sorted");
        assert!(busy.iter().all(|range| !range.is_empty() && window.contains(range)));
    }
}

fn window() -> impl Strategy<Value = TimeRange> {
    let end_of_time = 253_402_207_200_000u64;
    (0..end_of_time, 0..60 * 86_400_000u64)
        .prop_map(|(start_ms, length)| TimeRange { start_ms, end_ms: start_ms + length })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_as_a_calendar(text in any::<String>(), window in window()) {
        check_calendar(&text, window);
        check_calendar(&format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{text}"), window);
    }

    #[test]
    fn pieces_of_calendars_in_any_order(text in pieces(), window in window()) {
        check_calendar(&text, window);
        check_calendar(&format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{text}END:VEVENT\r\n"), window);
        let near = TimeRange { start_ms: 1_767_225_600_000, end_ms: 1_798_761_600_000 };
        check_calendar(&text, near);
    }

    #[test]
    fn any_booking(uid in any::<String>(), title in any::<String>(), who in any::<String>(), start in any::<u64>(), minutes in any::<u16>()) {
        let range = TimeRange { start_ms: start, end_ms: start.saturating_add(u64::from(minutes) * 60_000) };
        let booking = Booking {
            uid, title, range, zone: "Asia/Kolkata".into(), attendees: vec![who], decision: String::new(), stamp_ms: start,
        };
        if let Ok(text) = book("", &booking) {
            prop_assert!(text.split("\r\n").all(|line| line.len() <= 75));
            prop_assert_eq!(Calendar::parse(&text).unwrap().len(), 1);
            prop_assert_eq!(book(&text, &booking).unwrap(), text);
        }
    }

    #[test]
    fn any_words(text in any::<String>(), now_ms in any::<u64>()) {
        check_words(&text, now_ms);
    }

    #[test]
    fn words_of_the_trade_in_any_order(text in sentence(), now_ms in 0..4_102_444_800_000u64) {
        check_words(&text, now_ms);
    }

    #[test]
    fn any_bytes_between_personas(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = AgentRequest::from_bytes(&bytes);
        let _ = AgentResponse::from_bytes(&bytes);
    }

    #[test]
    fn damaged_messages_between_personas(at in 0usize..200, flip in 1u8..=255, cut in 0usize..200) {
        let slots = (1..4).map(|n| TimeRange::starting(n * 3_600_000, 60)).collect();
        let request = AgentRequest::availability([1; 16], [2; 16], "Dinner", 60, slots, 9).unwrap();
        let body = AgentResponseBody::Feasible(vec![0, 2]);
        let response = AgentResponse::to(&request, Status::Answered, body);
        let (whole, answer) = (request.to_bytes(), response.to_bytes());
        prop_assert!(AgentRequest::from_bytes(&whole[..cut % whole.len()]).is_err());
        prop_assert!(AgentResponse::from_bytes(&answer[..cut % answer.len()]).is_err());
        for bytes in [request.to_bytes(), response.to_bytes()] {
            let mut damaged = bytes.clone();
            let place = at % damaged.len();
            damaged[place] ^= flip;
            // What is accepted is what was sent: nothing decodes in two ways.
            if let Ok(read) = AgentRequest::from_bytes(&damaged) {
                prop_assert_eq!(read.to_bytes(), damaged.clone());
            }
            if let Ok(read) = AgentResponse::from_bytes(&damaged) {
                prop_assert_eq!(read.to_bytes(), damaged);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Ten kilobytes are refused, and as much as is read is read in one go: the worst there is are
    /// words that many readers begin with.
    #[test]
    fn long_requests_end(seed in sentence(), filler in "[a-z0-9,\\-/ ]{0,12}", now in 0..4_102_444_800_000u64) {
        let one = format!("{seed} {filler} ");
        let long = one.repeat(10_000 / one.len() + 1);
        check_words(&long, now);
        let most = long.char_indices().map(|(at, _)| at).take_while(|at| *at <= 2_000).last();
        check_words(&long[..most.unwrap_or(0)], now);
    }
}

/// Sentences of words that mean something, in an order that often means nothing.
fn sentence() -> impl Strategy<Value = String> {
    let word = prop::sample::select(
        "dinner lunch call sync meet book schedule with Bob Carol Zed everyone and but except , or \
         not this next week weekend month monday fri tomorrow today tonight the after before between \
         until by at from to in on of 3 15:00 3pm 25:99 half past quarter an a hour two minutes \
         30 1.5 99999999999 h days 2026-12-01 31 february 30th dec 0 - -- about \" ' weeks first noon \
         morning evening last january 12/24 1h30 free for me us all midnight o'clock pm am every each \
         early late mid end of beginning earliest latest ish 3ish if she can maybe optional any \
         family group at Luigi's in office six thirty 19h30 4th the 14th fortnight from Christmas \
         Eve hey Maya no never neither 3/4 1 1/2 long only 11:30pm"
            .split_whitespace()
            .collect::<Vec<_>>(),
    );
    prop::collection::vec(word, 0..16).prop_map(|words| words.join(" "))
}

fn check_words(text: &str, now_ms: u64) {
    let contacts = ["Bob".to_owned(), "Carol Ann".to_owned(), "carol".to_owned()];
    let groups = [
        Group { name: "family".into(), members: vec!["Bob".into(), "carol".into()] },
        Group { name: String::new(), members: vec!["Bob".into()] },
        Group { name: "office".into(), members: Vec::new() },
    ];
    let settings = Settings { zone: "Europe/Berlin".into(), ..Settings::default() };
    for zone in ["Europe/Berlin", "America/St_Johns", "Nowhere"] {
        let context =
            Context { now_ms, zone, contacts: &contacts, groups: &groups, settings: &settings };
        match understand(text, &context) {
            Understanding::AskBack { question } => assert!(!question.is_empty()),
            Understanding::Schedule(request) => {
                assert!(!request.windows.is_empty() && !request.title.is_empty());
                assert!((1..=720).contains(&request.minutes));
                for window in &request.windows {
                    assert!(window.minutes() >= u64::from(request.minutes), "{text}");
                    assert!(window.start_ms >= now_ms, "{text}");
                }
                let slots = candidates(&request, &[], &settings, now_ms, 12);
                assert!(slots.len() <= 12);
                for slot in &slots {
                    assert_eq!(slot.minutes(), u64::from(request.minutes));
                    assert!(request.windows.iter().any(|window| window.contains(slot)));
                }
                feasible(&slots, &[], &settings);
            }
        }
    }
}
