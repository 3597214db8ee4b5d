//! A hundred thousand events, to one who reads them all, one who comes and goes, and some who
//! never read.

use std::{collections::BTreeMap, sync::Arc};

use engine::{Event, EventBody};
use futures::StreamExt;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    events::{BASE, Client},
    harness::Harness,
    table::{T, message},
};

const EVENTS: u64 = 100_000;

/// The teller runs ahead of those who read by at most this much, which the log holds easily.
const AHEAD_MAX: u64 = 2_000;

/// How many never read.
const SLEEPERS: usize = 8;

/// What the process may grow by, in KiB. All events together have some 150 MB, so a copy kept for
/// even one listener would show.
const GROWTH_KIB_MAX: u64 = 96 * 1024;

/// The kind of a frame and its cursor, without parsing all of it.
fn read(message: &Message) -> Option<(bool, u64)> {
    let Message::Text(text) = message else { return None };
    let at = text.find("\"cursor\":")? + 9;
    let digits: String = text[at..].chars().take_while(char::is_ascii_digit).collect();
    Some((text.contains("\"type\":\"event\""), digits.parse().ok()?))
}

/// What this process has in memory now, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Reads to the end without ever leaving; every cursor must be the next one.
async fn stay(mut client: Client, reached: watch::Sender<u64>) {
    for wanted in 1..=EVENTS {
        assert_eq!(read(&client.hear().await), Some((true, BASE + wanted)));
        reached.send_replace(wanted);
    }
}

/// Reads a few hundred, goes away without a word, and comes back with its cursor.
async fn come_and_go(harness: &Harness, reached: watch::Sender<u64>) -> usize {
    let (mut last, mut visits) = (0, 0);
    while last < EVENTS {
        let mut client =
            Client::program(harness, &format!("/v1/events?cursor={}", BASE + last)).await;
        assert_eq!(read(&client.hear().await), Some((false, BASE + last)), "ready, no resync");
        // Each time another number, from 1 to 997.
        let stay = 1 + last * 7919 % 997;
        for wanted in (last + 1..=EVENTS).take(usize::try_from(stay).unwrap()) {
            assert_eq!(read(&client.hear().await), Some((true, BASE + wanted)));
            last = wanted;
            reached.send_replace(last);
        }
        visits += 1;
    }
    visits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_events_reach_all_who_read_and_cost_nothing_for_those_who_do_not() {
    let (harness, _stop, _server) = Harness::served().await;
    let harness = Arc::new(harness);
    let mut sleepers = Vec::new();
    for _ in 0..SLEEPERS {
        let mut sleeper = Client::program(&harness, "/v1/events").await;
        sleeper.hear().await;
        sleepers.push(sleeper);
    }
    let mut quick = Client::program(&harness, "/v1/events").await;
    quick.hear().await;

    let before = resident_kib();
    let (stayed, staying) = watch::channel(0);
    let (came, coming) = watch::channel(0);
    let quick = tokio::spawn(stay(quick, stayed));
    let guest = {
        let harness = Arc::clone(&harness);
        tokio::spawn(async move { come_and_go(&harness, came).await })
    };
    let text = "x".repeat(1024);
    let mut peak = before;
    let mut readers = [staying, coming];
    for told in 1..=EVENTS {
        let body = EventBody::MessagePersisted(Box::new(message(&text)));
        assert_eq!(harness.log.push(Event { at_ms: T, persona: None, body }), BASE + told);
        if told % 500 == 0 {
            for reader in &mut readers {
                let near = told.saturating_sub(AHEAD_MAX);
                // A reader that has failed says why when it is joined.
                let _ = reader.wait_for(|reached| *reached >= near).await;
            }
            peak = peak.max(resident_kib());
        }
    }
    quick.await.expect("nothing is lost, doubled or out of order");
    let visits = guest.await.expect("nothing is lost or repeated by coming back");
    let growth = peak - before;
    println!("{EVENTS} events; the guest came {visits} times; grew by {growth} KiB at most");
    assert!(visits > 100, "{visits}");
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB");

    // Those who never read were cut off, or learn that they have to fetch everything anew.
    for sleeper in sleepers {
        slept(&harness, sleeper).await;
    }
}

/// What was on its way comes without a gap, then a resync or nothing; so does coming back.
async fn slept(harness: &Harness, mut sleeper: Client) {
    let (mut last, mut frames) = (BASE, BTreeMap::new());
    while let Some(Ok(message)) = sleeper.0.next().await {
        match read(&message) {
            Some((true, cursor)) => {
                assert_eq!(cursor, last + 1, "no gap before the end");
                last = cursor;
            }
            Some((false, cursor)) => *frames.entry(cursor).or_insert(0) += 1,
            None => {}
        }
    }
    assert!(last < BASE + EVENTS, "a sleeper cannot have been told everything");
    assert!(frames.into_iter().all(|(cursor, count)| (cursor, count) == (BASE + EVENTS, 1)));
    let mut back = Client::program(harness, &format!("/v1/events?cursor={last}")).await;
    assert_eq!(read(&back.hear().await), Some((false, last)), "ready");
    assert_eq!(read(&back.hear().await), Some((false, BASE + EVENTS)), "resync");
}
