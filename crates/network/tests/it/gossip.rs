//! Gossip: validated before it goes on.

use std::time::{Duration, Instant};

use network::{Event, GossipId, Verdict};

use crate::support::{Node, TCP, eventually, node};

const TOPIC: &str = "/conclave/lobby/test/1";

impl Node {
    async fn next_gossip(&mut self) -> (Vec<u8>, GossipId) {
        loop {
            match self.events.next().await.expect("the node lives") {
                Event::Gossip { topic, data, id } if topic == TOPIC => return (data, id),
                _ => {}
            }
        }
    }

    async fn expect_gossip(&mut self) -> (Vec<u8>, GossipId) {
        let heard = tokio::time::timeout(Duration::from_secs(20), self.next_gossip()).await;
        heard.expect("gossip in time")
    }
}

/// Alice knows Bob, Bob knows Carol: whatever Carol hears, Bob forwarded.
async fn line() -> [Node; 3] {
    let (mut alice, mut bob, mut carol) =
        (node(1, TCP).await, node(2, TCP).await, node(3, TCP).await);
    for node in [&alice, &bob, &carol] {
        node.handle.subscribe(TOPIC.into());
    }
    alice.dial(&bob);
    alice.expect_connected(bob.id()).await;
    carol.dial(&bob);
    carol.expect_connected(bob.id()).await;
    // Whoever joins while a message is on its way may miss it: wait until one came through.
    for attempt in 0..100u8 {
        alice.handle.publish(TOPIC.into(), vec![b'?', attempt]);
        let (_, id) = bob.expect_gossip().await;
        bob.handle.report_gossip(id, Verdict::Accept);
        let heard = tokio::time::timeout(Duration::from_millis(100), carol.next_gossip()).await;
        if let Ok((_, id)) = heard {
            carol.handle.report_gossip(id, Verdict::Accept);
            return [alice, bob, carol];
        }
    }
    panic!("nothing comes through");
}

#[tokio::test]
async fn accepted_gossip_is_forwarded_and_rejected_gossip_is_not() {
    let [alice, mut bob, mut carol] = line().await;
    for (data, verdict) in
        [(&b"bad"[..], Verdict::Reject), (b"useless", Verdict::Ignore), (b"good", Verdict::Accept)]
    {
        alice.handle.publish(TOPIC.into(), data.to_vec());
        let (heard, id) = bob.expect_gossip().await;
        assert_eq!(heard, data);
        bob.handle.report_gossip(id, verdict);
    }
    // What was rejected came first, so it would have arrived first.
    let (heard, id) = carol.expect_gossip().await;
    assert_eq!(heard, b"good");
    carol.handle.report_gossip(id, Verdict::Accept);
    // Two heartbeats later nothing of it has come by announcement either.
    let more = tokio::time::timeout(Duration::from_millis(2200), carol.next_gossip()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn gossip_published_before_anybody_listens_is_kept_for_them() {
    let (mut alice, bob) = (node(1, TCP).await, node(2, TCP).await);
    for n in 0..3u8 {
        bob.handle.publish(TOPIC.into(), vec![n]);
    }
    alice.handle.subscribe(TOPIC.into());
    bob.dial(&alice);
    for n in 0..3 {
        assert_eq!(alice.expect_gossip().await.0, [n]);
    }
}

#[tokio::test]
async fn who_leaves_a_topic_and_comes_back_forwards_at_once() {
    let [alice, mut bob, mut carol] = line().await;
    bob.handle.unsubscribe(TOPIC.into());
    eventually("bob left", async || bob.handle.status().await.topics.is_empty().then_some(()))
        .await;
    // Longer than the backoff this network uses, far shorter than the default of a minute.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    bob.handle.subscribe(TOPIC.into());
    eventually("bob is back", async || (bob.handle.status().await.topics.len() == 1).then_some(()))
        .await;
    let mut slowest = Duration::ZERO;
    for n in 0..10u8 {
        let started = Instant::now();
        alice.handle.publish(TOPIC.into(), vec![n]);
        let (_, id) = bob.expect_gossip().await;
        bob.handle.report_gossip(id, Verdict::Accept);
        let (heard, id) = carol.expect_gossip().await;
        assert_eq!(heard, [n]);
        carol.handle.report_gossip(id, Verdict::Accept);
        slowest = slowest.max(started.elapsed());
    }
    println!("forwarded after a rejoin, the slowest of ten: {slowest:?}");
    // By announcement alone ten messages would take ten heartbeats, about half a second each.
    assert!(slowest < Duration::from_millis(900), "{slowest:?}");
}
