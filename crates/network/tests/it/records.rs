//! Records in the DHT: found through others, and never a worse one.

use std::time::Instant;

use network::{Event, LookupError};

use crate::support::{Pointer, TCP, eventually, member, node, now_ms, put, rendezvous, sequences};

#[tokio::test]
async fn a_record_put_by_one_node_is_found_by_another_through_a_third() {
    let hub = rendezvous(1).await;
    let started = Instant::now();
    let mut alice = member(2, &hub).await;
    let pointer = Pointer::new(7, 3);
    // Put before anybody is connected: it waits.
    put(&alice, &pointer).await;
    alice.expect_published(pointer.key).await;
    println!("start, connect and put: {:?}", started.elapsed());

    let started = Instant::now();
    let carol = member(3, &hub).await;
    assert_eq!(sequences(&carol, pointer.key).await, [3]);
    println!("start, connect and get: {:?}", started.elapsed());
    let started = Instant::now();
    assert_eq!(sequences(&carol, pointer.key).await, [3]);
    println!("get: {:?}", started.elapsed());
    let started = Instant::now();
    put(&alice, &Pointer::new(7, 4)).await;
    alice.expect_published(pointer.key).await;
    println!("put: {:?}", started.elapsed());
}

#[tokio::test]
async fn a_newer_record_takes_the_place_of_an_older_one() {
    let hub = rendezvous(1).await;
    let (mut alice, mut carol) = (member(2, &hub).await, member(3, &hub).await);
    let [older, newer] = [1, 2].map(|sequence| Pointer::new(7, sequence));
    put(&alice, &older).await;
    alice.expect_published(older.key).await;
    put(&alice, &newer).await;
    alice.expect_published(newer.key).await;
    let found = eventually("the newer one is there", async || {
        Some(sequences(&carol, newer.key).await).filter(|found| found.first() == Some(&2))
    });
    found.await;
    // And not the other way round: the hub has the newer one.
    put(&carol, &older).await;
    carol
        .expect("the attempt to end", |event| match event {
            Event::Published { key, .. } => (key == older.key).then_some(()),
            _ => None,
        })
        .await;
    let dave = member(4, &hub).await;
    assert_eq!(sequences(&dave, newer.key).await.first(), Some(&2));
    assert!(hub.handle.status().await.counts.records_refused > 0);
}

#[tokio::test]
async fn a_record_is_gone_when_its_signer_said_so() {
    let hub = rendezvous(1).await;
    let mut alice = member(2, &hub).await;
    let brief = Pointer::expiring(7, 1, now_ms() + 3000);
    put(&alice, &brief).await;
    alice.expect_published(brief.key).await;
    let carol = member(3, &hub).await;
    assert_eq!(sequences(&carol, brief.key).await, [1]);
    let gone = eventually("it is gone", async || {
        Some(sequences(&carol, brief.key).await).filter(|found| found.is_empty())
    });
    gone.await;
    assert!(now_ms() >= brief.expires_at_ms);
}

#[tokio::test]
async fn a_record_nobody_would_take_is_reported_at_once() {
    let mut alice = node(1, TCP).await;
    let mut broken = Pointer::new(7, 1);
    broken.value[40] ^= 1;
    put(&alice, &broken).await;
    let ok = alice.expect("a report", |event| match event {
        Event::Published { ok, .. } => Some(ok),
        _ => None,
    });
    assert!(!ok.await);
}

#[tokio::test]
async fn a_lookup_without_a_network_says_so_and_one_without_a_record_is_empty() {
    let alone = node(1, TCP).await;
    let key = Pointer::new(7, 1).key;
    assert_eq!(alone.handle.get_record(key).await, Err(LookupError::NotConnected));
    let hub = rendezvous(2).await;
    let alice = member(3, &hub).await;
    assert!(sequences(&alice, key).await.is_empty());
}

#[tokio::test]
async fn a_node_that_somebody_dialled_serves_the_dht_itself() {
    let (mut alice, bob) = (node(1, TCP).await, node(2, TCP).await);
    let pointer = Pointer::new(7, 1);
    put(&bob, &pointer).await;
    bob.dial(&alice);
    alice.expect_connected(bob.id()).await;
    let stored = eventually("alice holds it", async || {
        Some(alice.handle.status().await).filter(|status| status.records == 1)
    });
    assert!(stored.await.dht_server);
    assert!(!bob.handle.status().await.dht_server);
}

#[tokio::test]
async fn the_first_walk_through_the_dht_is_told() {
    let hub = rendezvous(1).await;
    let mut alice = member(2, &hub).await;
    alice.expect("the walk", |event| (event == Event::BootstrapDone).then_some(())).await;
    assert_eq!(alice.handle.status().await.dht_nodes, 1);
}
