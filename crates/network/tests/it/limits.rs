//! Slow consumers and closed networks.

use std::time::Duration;

use network::{Config, Limits, SendError};
use protocol::wire::Frame;

use crate::support::{TCP, eventually, node, node_with};

#[tokio::test]
async fn a_slow_consumer_slows_its_peer_and_loses_nothing() {
    let small = Limits {
        link_frames_max: 4,
        link_bytes_max: 256 * 1024,
        inbox_events_max: 2,
        inbox_bytes_max: 128 * 1024,
        ..Limits::default()
    };
    let alice =
        node_with(1, Config { listen: vec![TCP.into()], limits: small, ..Config::default() }).await;
    let mut bob =
        node_with(2, Config { listen: vec![TCP.into()], limits: small, ..Config::default() }).await;
    alice.dial(&bob);
    // Bob reads nothing: sooner or later nothing more fits, on the way and in the queue.
    let mut sent: u8 = 0;
    let mut refusals = 0;
    while refusals < 50 {
        match alice.handle.send(bob.id(), Frame::Envelope(vec![sent; 60 * 1024])) {
            Ok(()) => (sent, refusals) = (sent.checked_add(1).expect("stops long before"), 0),
            Err(error) => {
                assert_eq!(error, SendError::QueueFull);
                refusals += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    // Bob's driver is not the one that waits.
    assert_eq!(bob.handle.status().await.peers.len(), 1);
    for expected in 0..sent {
        let (_, frame) = bob.expect_frame().await;
        assert_eq!(frame, Frame::Envelope(vec![expected; 60 * 1024]));
    }
    alice.handle.send(bob.id(), Frame::Envelope(vec![])).unwrap();
    assert_eq!(bob.expect_frame().await.1, Frame::Envelope(vec![]));
}

#[tokio::test]
async fn a_network_that_has_shut_down_says_so() {
    let (mut alice, bob) = (node(1, TCP).await, node(2, TCP).await);
    alice.dial(&bob);
    alice.expect_connected(bob.id()).await;
    alice.handle.shutdown().await;
    assert_eq!(alice.handle.send(bob.id(), Frame::Envelope(vec![])), Err(SendError::Closed));
    while alice.events.next().await.is_some() {}
    eventually("the other sees it go", async || {
        bob.handle.status().await.peers.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_network() {
    let mut alice = node(1, TCP).await;
    drop(alice.handle);
    let end = async { while alice.events.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.unwrap();
}

#[tokio::test]
async fn wrong_addresses_are_named_at_the_start() {
    for (listen, bootstrap, wrong) in [
        ("/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"),
        ("localhost:80", "", "localhost:80"),
    ] {
        let bootstrap = Some(bootstrap.to_owned()).filter(|text| !text.is_empty());
        let config = Config {
            listen: vec![listen.into()],
            bootstrap: bootstrap.into_iter().collect(),
            ..Config::default()
        };
        let error = network::start(&crate::support::key(1), config).unwrap_err();
        assert!(error.to_string().contains(wrong), "{error}");
    }
}
