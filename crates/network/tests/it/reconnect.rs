//! Peers and bootstrap nodes that go and come back.

use network::Config;
use protocol::wire::Frame;

use crate::support::{Pointer, TCP, member, node, node_with, put, rendezvous, sequences};

/// The fixed address of a node that has listened on a free port.
fn fixed(address: &str) -> Vec<String> {
    vec![address.split("/p2p/").next().expect("the part before").to_owned()]
}

#[tokio::test]
async fn a_peer_that_restarts_with_its_key_is_reached_again() {
    let (mut alice, mut bob) = (node(1, TCP).await, node(2, TCP).await);
    alice.dial(&bob);
    alice.expect_connected(bob.id()).await;
    alice.handle.send(bob.id(), Frame::Envelope(vec![1])).unwrap();
    assert_eq!(bob.expect_frame().await.1, Frame::Envelope(vec![1]));

    let listen = fixed(&bob.addresses[0]);
    bob.handle.shutdown().await;
    alice.expect_disconnected(bob.id()).await;
    let mut bob = node_with(2, Config { listen, ..Config::default() }).await;

    // Nobody told Alice anything: she remembers where Bob lives.
    alice.handle.send(bob.id(), Frame::Envelope(vec![2])).unwrap();
    assert_eq!(bob.expect_frame().await, (alice.id(), Frame::Envelope(vec![2])));
    bob.handle.send(alice.id(), Frame::Envelope(vec![3])).unwrap();
    assert_eq!(alice.expect_frame().await, (bob.id(), Frame::Envelope(vec![3])));
}

#[tokio::test]
async fn a_lost_bootstrap_node_is_dialled_again_and_gets_the_records_again() {
    let hub = rendezvous(1).await;
    let mut alice = member(2, &hub).await;
    let pointer = Pointer::new(7, 1);
    put(&alice, &pointer).await;
    alice.expect_published(pointer.key).await;

    let listen = hub.addresses.iter().flat_map(|address| fixed(address)).collect();
    hub.handle.shutdown().await;
    alice.expect_disconnected(hub.id()).await;
    let hub = node_with(1, Config { listen, ..Config::rendezvous() }).await;
    alice.expect_connected(hub.id()).await;
    alice.expect_published(pointer.key).await;

    let carol = member(3, &hub).await;
    assert_eq!(sequences(&carol, pointer.key).await, [1]);
}
