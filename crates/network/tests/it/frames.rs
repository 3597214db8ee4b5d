//! Frames between two nodes.

use std::time::Instant;

use network::{Event, SendError, SendFailure};
use protocol::wire::{FRAME_BYTES_MAX, Frame};

use crate::support::{Node, QUIC, TCP, eventually, key, node};

fn numbered(number: u32, bytes: usize) -> Frame {
    let mut envelope = vec![0; bytes.max(4)];
    envelope[..4].copy_from_slice(&number.to_be_bytes());
    Frame::Envelope(envelope)
}

fn number(frame: &Frame) -> u32 {
    match frame {
        Frame::Envelope(bytes) => u32::from_be_bytes(bytes[..4].try_into().expect("4 bytes")),
        other => panic!("not ours: {other:?}"),
    }
}

/// Sends in order, waiting whenever the queue is full.
async fn send_all(from: &Node, to: &Node, frames: impl Iterator<Item = Frame>) {
    for frame in frames {
        while let Err(error) = from.handle.send(to.id(), frame.clone()) {
            assert_eq!(error, SendError::QueueFull);
            tokio::task::yield_now().await;
        }
    }
}

async fn talk(listen: &str, transport: &str) {
    let (mut alice, mut bob) = (node(1, listen).await, node(2, listen).await);
    alice.dial(&bob);
    alice.expect_connected(bob.id()).await;
    bob.expect_connected(alice.id()).await;
    let back = async |alice: &mut Node| {
        for expected in 0..50 {
            assert_eq!(number(&alice.expect_frame().await.1), expected);
        }
    };
    send_all(&alice, &bob, (0..50).map(|n| numbered(n, 1000))).await;
    for expected in 0..50 {
        let (from, frame) = bob.expect_frame().await;
        assert_eq!((from, number(&frame)), (alice.id(), expected));
    }
    send_all(&bob, &alice, (0..50).map(|n| numbered(n, 1000))).await;
    back(&mut alice).await;
    let status = alice.handle.status().await;
    assert_eq!(status.peers.len(), 1);
    assert_eq!((status.peers[0].node, status.peers[0].transport.as_str()), (bob.id(), transport));
    eventually("a ping is answered", async || alice.handle.status().await.peers[0].rtt_ms).await;
}

#[tokio::test]
async fn two_nodes_exchange_frames_in_order_over_tcp() {
    talk(TCP, "tcp").await;
}

#[tokio::test]
async fn two_nodes_exchange_frames_in_order_over_quic() {
    talk(QUIC, "quic").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_frames_arrive_in_order_and_none_is_lost() {
    for listen in [TCP, QUIC] {
        let (alice, mut bob) = (node(1, listen).await, node(2, listen).await);
        // No dial before: sending to a node whose addresses are known connects by itself.
        alice.dial(&bob);
        let started = Instant::now();
        let receive = async {
            for expected in 0..10_000 {
                assert_eq!(number(&bob.expect_frame().await.1), expected);
            }
            bob
        };
        let (sender, receiver) = (node_parts(&alice), key(2).id());
        let send = tokio::spawn(async move {
            for n in 0..10_000 {
                let frame = numbered(n, 1024);
                while let Err(error) = sender.send(receiver, frame.clone()) {
                    assert_eq!(error, SendError::QueueFull);
                    tokio::task::yield_now().await;
                }
            }
        });
        receive.await;
        send.await.expect("the sender is done");
        println!("10,000 frames of 1 KiB over {listen}: {:?}", started.elapsed());
    }
}

fn node_parts(node: &Node) -> network::Handle {
    node.handle.clone()
}

#[tokio::test]
async fn the_largest_frame_arrives_and_a_larger_one_is_not_sent() {
    let (alice, mut bob) = (node(1, TCP).await, node(2, TCP).await);
    alice.dial(&bob);
    let overhead = Frame::Envelope(vec![]).to_bytes().len();
    let largest = numbered(7, FRAME_BYTES_MAX - overhead);
    alice.handle.send(bob.id(), largest.clone()).unwrap();
    assert_eq!(bob.expect_frame().await.1, largest);
    let larger = numbered(7, FRAME_BYTES_MAX - overhead + 1);
    assert_eq!(alice.handle.send(bob.id(), larger), Err(SendError::TooLarge));
}

#[tokio::test]
async fn both_may_dial_and_send_at_the_same_moment() {
    let (mut alice, mut bob) = (node(1, TCP).await, node(2, QUIC).await);
    alice.dial(&bob);
    bob.dial(&alice);
    send_all(&alice, &bob, (0..100).map(|n| numbered(n, 100))).await;
    send_all(&bob, &alice, (0..100).map(|n| numbered(n, 100))).await;
    for expected in 0..100 {
        assert_eq!(number(&alice.expect_frame().await.1), expected);
        assert_eq!(number(&bob.expect_frame().await.1), expected);
    }
}

#[tokio::test]
async fn frames_to_a_node_nobody_knows_are_reported() {
    let mut alice = node(1, TCP).await;
    let stranger = key(9).id();
    alice.handle.send(stranger, numbered(0, 10)).unwrap();
    let failed = alice.expect("a report", |event| match event {
        Event::SendFailed { node, frames, reason } => Some((node, frames, reason)),
        _ => None,
    });
    assert_eq!(failed.await, (stranger, 1, SendFailure::NoAddress));
    assert_eq!(alice.handle.send(alice.id(), numbered(0, 10)), Err(SendError::ToSelf));
}

#[tokio::test]
async fn frames_to_a_node_that_is_away_are_reported() {
    let mut alice = node(1, TCP).await;
    let away = node(2, TCP).await;
    let (id, addresses) = (away.id(), away.addresses.clone());
    away.handle.shutdown().await;
    alice.handle.dial(id, addresses);
    let failed = eventually("a report", async || {
        let _ = alice.handle.send(id, numbered(0, 10));
        match alice.events.next().await {
            Some(Event::SendFailed { node, reason, .. }) => Some((node, reason)),
            _ => None,
        }
    });
    assert!(
        matches!(failed.await, (node, SendFailure::Unreachable | SendFailure::NoAddress) if node == id)
    );
}
