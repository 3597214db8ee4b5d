//! Which times are offered, which fit, and in which order people would like them.

use personas::{
    MeetingRequest, Participants, Settings, TimeRange, candidates, feasible, rank, shortlist,
};

use crate::times::{at, range, show};

const BERLIN: &str = "Europe/Berlin";

fn settings() -> Settings {
    Settings { zone: BERLIN.into(), ..Settings::default() }
}

fn request(minutes: u16, windows: &[(&str, &str)]) -> MeetingRequest {
    let windows = windows.iter().map(|(from, to)| range(BERLIN, from, to)).collect();
    MeetingRequest {
        title: "Dinner".into(),
        minutes,
        windows,
        participants: Participants::Everyone,
        optional: Vec::new(),
    }
}

fn offered(request: &MeetingRequest, busy: &[TimeRange], now: &str, most: usize) -> Vec<String> {
    show(BERLIN, &candidates(request, busy, &settings(), at(BERLIN, now), most))
}

const EVENINGS: [(&str, &str); 3] = [
    ("2026-11-25 18:00", "2026-11-25 22:00"),
    ("2026-11-26 18:00", "2026-11-26 22:00"),
    ("2026-11-27 18:00", "2026-11-27 22:00"),
];

#[test]
fn the_best_of_every_day_comes_before_the_second_best_of_any() {
    let request = request(120, &EVENINGS);
    let found = offered(&request, &[], "2026-11-24 12:00", 3);
    assert_eq!(found, ["11-25 19:00..21:00", "11-26 19:00..21:00", "11-27 19:00..21:00"]);
    let found = offered(&request, &[], "2026-11-24 12:00", 4);
    assert_eq!(found.len(), 4);
    assert!(found.is_sorted());
}

#[test]
fn nothing_is_offered_that_is_taken_or_too_soon() {
    let request = request(120, &EVENINGS);
    let busy = [
        range(BERLIN, "2026-11-25 19:30", "2026-11-25 20:00"),
        range(BERLIN, "2026-11-26 17:00", "2026-11-26 20:30"),
    ];
    // Half past five with half an hour of notice leaves six o'clock, and six to eight is taken.
    let found = offered(&request, &busy, "2026-11-25 17:40", 64);
    assert_eq!(
        found,
        [
            "11-25 20:00..22:00",
            "11-27 18:00..20:00",
            "11-27 18:30..20:30",
            "11-27 19:00..21:00",
            "11-27 19:30..21:30",
            "11-27 20:00..22:00"
        ]
    );
}

#[test]
fn a_buffer_keeps_its_distance_on_both_sides() {
    let request = request(60, &[("2026-11-25 09:00", "2026-11-25 14:00")]);
    let busy = [range(BERLIN, "2026-11-25 11:00", "2026-11-25 12:00")];
    let settings = Settings { buffer_minutes: 30, ..settings() };
    let found = candidates(&request, &busy, &settings, at(BERLIN, "2026-11-24 12:00"), 64);
    assert_eq!(
        show(BERLIN, &found),
        ["11-25 09:00..10:00", "11-25 09:30..10:30", "11-25 12:30..13:30", "11-25 13:00..14:00"]
    );
    assert_eq!(
        feasible(&[range(BERLIN, "2026-11-25 12:00", "2026-11-25 13:00")], &busy, &settings),
        Vec::<u16>::new()
    );
}

#[test]
fn a_wide_window_is_limited_to_the_owners_day_and_an_exact_one_is_not() {
    let week = request(60, &[("2026-11-30 00:00", "2026-12-02 00:00")]);
    let found = candidates(&week, &[], &settings(), at(BERLIN, "2026-11-24 12:00"), 64);
    assert_eq!(show(BERLIN, &found)[0], "11-30 08:00..09:00");
    assert_eq!(show(BERLIN, &found).last().unwrap(), "12-01 21:00..22:00");
    let late = request(120, &[("2026-11-30 23:00", "2026-12-01 01:00")]);
    assert_eq!(offered(&late, &[], "2026-11-24 12:00", 9), ["11-30 23:00..12-01 01:00"]);
    let odd = request(30, &[("2026-11-30 15:15", "2026-11-30 15:45")]);
    assert_eq!(offered(&odd, &[], "2026-11-24 12:00", 9), ["11-30 15:15..15:45"]);
}

#[test]
fn a_window_that_has_begun_is_used_from_the_next_five_minutes_on() {
    let request = request(45, &[("2026-11-30 15:00", "2026-11-30 15:55")]);
    let settings = Settings { notice_minutes: 0, ..settings() };
    let now_ms = at(BERLIN, "2026-11-30 15:03") + 27_000;
    let found = candidates(&request, &[], &settings, now_ms, 9);
    assert_eq!(show(BERLIN, &found), ["11-30 15:05..15:50"]);
}

#[test]
fn starts_are_on_the_grid_of_the_owners_clock_on_days_when_it_changes() {
    for (zone, day) in [
        (BERLIN, "2026-03-29"),
        (BERLIN, "2026-10-25"),
        ("Asia/Kolkata", "2026-05-01"),
        ("Australia/Lord_Howe", "2026-04-05"),
    ] {
        let windows = vec![range(zone, &format!("{day} 00:00"), &format!("{day} 23:59"))];
        let request = MeetingRequest {
            title: "x".into(),
            minutes: 60,
            windows,
            participants: Participants::Everyone,
            optional: Vec::new(),
        };
        let settings =
            Settings { zone: zone.into(), earliest_minute: 0, latest_minute: 1440, ..settings() };
        let found = show(zone, &candidates(&request, &[], &settings, 0, 64));
        assert!(found.len() >= 44, "{zone} {found:?}");
        assert!(found.iter().all(|slot| slot[9..11] == *"00" || slot[9..11] == *"30"), "{found:?}");
    }
}

#[test]
fn offers_never_exceed_what_a_request_may_carry() {
    let request = request(15, &[("2026-11-30 00:00", "2027-11-30 00:00")]);
    assert_eq!(candidates(&request, &[], &settings(), 0, usize::MAX).len(), 64);
    assert_eq!(candidates(&request, &[], &settings(), 0, 0).len(), 0);
    let ever = MeetingRequest {
        windows: vec![TimeRange { start_ms: 0, end_ms: u64::MAX }; 1000],
        ..request
    };
    assert_eq!(candidates(&ever, &[], &settings(), u64::MAX, 9), vec![]);
}

#[test]
fn slots_fit_when_they_are_free_and_in_the_owners_day() {
    let slots = [
        range(BERLIN, "2026-11-25 07:00", "2026-11-25 08:00"),
        range(BERLIN, "2026-11-25 08:00", "2026-11-25 09:00"),
        range(BERLIN, "2026-11-25 21:30", "2026-11-25 22:30"),
        range(BERLIN, "2026-11-25 21:00", "2026-11-25 22:00"),
        range(BERLIN, "2026-11-25 12:00", "2026-11-25 13:00"),
        TimeRange { start_ms: 9, end_ms: 1 },
    ];
    let busy = [range(BERLIN, "2026-11-25 12:59", "2026-11-25 14:00")];
    assert_eq!(feasible(&slots, &busy, &settings()), vec![1, 3]);
}

#[test]
fn the_order_is_by_comfort_and_then_by_time() {
    let slots = [
        range(BERLIN, "2026-11-25 08:00", "2026-11-25 09:00"),
        range(BERLIN, "2026-11-26 10:00", "2026-11-26 11:00"),
        range(BERLIN, "2026-11-25 10:30", "2026-11-25 11:30"),
        range(BERLIN, "2026-11-25 10:00", "2026-11-25 11:00"),
    ];
    assert_eq!(rank(&slots, &settings()), vec![3, 1, 2, 0]);
    assert_eq!(rank(&[], &settings()), Vec::<u16>::new());
}

#[test]
fn the_shortlist_holds_what_suits_most_people() {
    let slots = [
        range(BERLIN, "2026-11-25 10:00", "2026-11-25 11:00"),
        range(BERLIN, "2026-11-25 15:00", "2026-11-25 16:00"),
        range(BERLIN, "2026-11-25 19:00", "2026-11-25 20:00"),
        range(BERLIN, "2026-11-25 20:30", "2026-11-25 21:30"),
    ];
    let answers = [vec![1, 2], vec![0, 2], vec![1, 2]];
    assert_eq!(shortlist(&slots, &answers, &settings(), 2), vec![1, 2]);
    assert_eq!(shortlist(&slots, &answers, &settings(), 9), vec![0, 1, 2]);
    assert_eq!(shortlist(&slots, &[vec![9]], &settings(), 9), Vec::<u16>::new());
}
