//! Nodes that cannot be dialled are reached through relays, and directly as soon as they can be.

use std::{
    collections::BTreeSet,
    pin::pin,
    time::{Duration, Instant},
};

use network::{Config, Event, Limits, Path, Reachability, RelayLimits};
use protocol::{identity::NodeId, wire::Frame};

use crate::support::{Node, QUIC, TCP, eventually, node_with};

/// A node without a socket of its own that others could dial.
async fn hidden(seed: u8, hubs: &[&Node]) -> Node {
    let bootstrap = hubs.iter().flat_map(|hub| hub.addresses.clone()).collect();
    node_with(seed, Config { listen: vec![], bootstrap, ..Config::default() }).await
}

async fn hub(seed: u8, listen: &[&str]) -> Node {
    let listen = listen.iter().map(|&text| text.to_owned()).collect();
    node_with(seed, Config { listen, ..Config::rendezvous() }).await
}

impl Node {
    /// Waits until so many of the addresses it tells others lead through relays.
    async fn expect_relays(&mut self, number: usize) -> Vec<String> {
        self.expect("for relays", |event| match event {
            Event::Addresses { addresses } => {
                let relayed = addresses.iter().filter(|address| address.contains("p2p-circuit"));
                (relayed.count() == number).then_some(addresses)
            }
            _ => None,
        })
        .await
    }

    async fn expect_connected_on(&mut self, other: NodeId) -> Path {
        self.expect("to connect", |event| match event {
            Event::Connected { node, path, .. } => (node == other).then_some(path),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn two_nodes_that_cannot_be_dialled_talk_through_a_relay() {
    let hub = hub(1, &[TCP]).await;
    let (mut alice, mut bob) = (hidden(2, &[&hub]).await, hidden(3, &[&hub]).await);
    let addresses = bob.expect_relays(1).await;
    let status = bob.handle.status().await;
    assert_eq!((status.reachability, status.relays.len()), (Reachability::Relayed, 1));
    assert_eq!(status.told, addresses);
    alice.handle.dial(bob.id(), addresses);
    assert_eq!(alice.expect_connected_on(bob.id()).await, Path::Relayed);
    assert_eq!(bob.expect_connected_on(alice.id()).await, Path::Relayed);
    let frame = |n: u8| Frame::Envelope(vec![n; 1000]);
    for n in 0..50 {
        alice.handle.send(bob.id(), frame(n)).unwrap();
        bob.handle.send(alice.id(), frame(n)).unwrap();
    }
    for n in 0..50 {
        assert_eq!(bob.expect_frame().await, (alice.id(), frame(n)));
        assert_eq!(alice.expect_frame().await, (bob.id(), frame(n)));
    }
    let peers = alice.handle.status().await.peers;
    let bob_there = peers.iter().find(|peer| peer.node == bob.id()).expect("connected");
    assert_eq!(bob_there.path, Path::Relayed);
    let counts = hub.handle.status().await.counts;
    assert!(counts.relay_reservations >= 1 && counts.relay_circuits >= 1, "{counts:?}");
}

#[tokio::test]
async fn ten_mebibytes_pass_a_relay_whole_where_the_default_cuts_at_128_kibibytes() {
    let hub = hub(1, &[TCP]).await;
    let (alice, mut bob) = (hidden(2, &[&hub]).await, hidden(3, &[&hub]).await);
    let addresses = bob.expect_relays(1).await;
    alice.handle.dial(bob.id(), addresses);
    transfer(&alice, &mut bob, 10 * 1024 * 1024).await;
}

/// Sends so many bytes; every frame arrives, in order.
async fn transfer(from: &Node, to: &mut Node, bytes: usize) {
    const FRAME: usize = 64 * 1024;
    let frame = |n: usize| {
        let mut data = vec![0xa5; FRAME];
        data[..8].copy_from_slice(&n.to_be_bytes());
        Frame::Envelope(data)
    };
    let (number, id) = (bytes / FRAME, to.id());
    let sending = async {
        for n in 0..number {
            eventually("room on the link", async || from.handle.send(id, frame(n)).ok()).await;
        }
    };
    let receiving = async {
        for n in 0..number {
            let (node, received) = to.expect_frame().await;
            let Frame::Envelope(data) = &received else { panic!("not what was sent") };
            let number = usize::from_be_bytes(data[..8].try_into().expect("eight bytes"));
            assert_eq!((node, number), (from.id(), n), "{:?}", from.handle.status().await);
            assert!(received == frame(n), "frame {n} is damaged");
        }
    };
    tokio::join!(sending, receiving);
}

/// libp2p's own streams took the relayed connection in four of seven trials.
#[tokio::test]
#[ignore = "on a busy machine one run in some dozens waits in vain, and why is not known; \
            alone it takes 13 s: cargo test -p network --test it -- --ignored a_relayed_transfer"]
async fn a_relayed_transfer_completes_and_moves_to_the_direct_path_every_time() {
    futures::future::join_all((0..3).map(moves)).await;
}

/// Sends so many bytes, and whatever of them a broken link has lost once more, as an outbox does.
async fn transfer_again_until_whole(from: &Node, to: &mut Node, frames: u64) {
    let frame = |n: u64| Frame::Envelope([&n.to_be_bytes()[..], &[0xa5; 64 * 1024]].concat());
    let mut missing: BTreeSet<u64> = (0..frames).collect();
    let id = to.id();
    while !missing.is_empty() {
        let wanted: Vec<u64> = missing.iter().copied().collect();
        let mut sending = pin!(async {
            for n in wanted {
                eventually("room on the link", async || from.handle.send(id, frame(n)).ok()).await;
            }
        });
        let mut sent = false;
        while !missing.is_empty() {
            tokio::select! {
                () = &mut sending, if !sent => sent = true,
                (node, received) = to.expect_frame() => {
                    let Frame::Envelope(data) = &received else { panic!("not what was sent") };
                    let n = u64::from_be_bytes(data[..8].try_into().expect("eight bytes"));
                    assert!(node == from.id() && received == frame(n), "frame {n} is damaged");
                    missing.remove(&n);
                }
                () = tokio::time::sleep(Duration::from_secs(5)), if sent => break,
            }
        }
    }
}

async fn moves(round: u8) {
    // Bob is seen under another address by the hub he reaches over TCP, as if translated, and
    // under the one he listens on by the hub he reaches over QUIC.
    let (one, two) = (hub(50 + round, &[TCP]).await, hub(60 + round, &[QUIC]).await);
    let bootstrap = [&one, &two].map(|hub| hub.addresses[0].clone()).to_vec();
    let listen = vec![TCP.into(), QUIC.into()];
    let config = Config { listen, bootstrap: bootstrap.clone(), ..Config::default() };
    let mut alice = node_with(10 + round, config).await;
    let listen = vec!["/ip4/127.0.0.2/udp/0/quic-v1".into()];
    let config = Config { listen, bootstrap, ..Config::default() };
    let mut bob = node_with(30 + round, config).await;
    alice.expect_connected(two.id()).await;
    let addresses = bob.expect_relays(2).await;
    let relayed = addresses.into_iter().filter(|address| address.contains("p2p-circuit"));
    alice.handle.dial(bob.id(), relayed.collect());
    alice.expect_connected(bob.id()).await;
    transfer_again_until_whole(&alice, &mut bob, 160).await;
    eventually("the relayed connection is left", async || {
        let peers = alice.handle.status().await.peers;
        let bob = peers.iter().find(|peer| peer.node == bob.id())?;
        (bob.path == Path::Direct && bob.connections_relayed == 0).then_some(())
    })
    .await;
    transfer_again_until_whole(&alice, &mut bob, 16).await;
}

#[tokio::test]
async fn a_killed_relay_is_replaced_by_another_within_ten_seconds() {
    let (one, two) = (hub(1, &[QUIC]).await, hub(2, &[QUIC]).await);
    let (mut alice, mut bob) = (hidden(3, &[&one, &two]).await, hidden(4, &[&one, &two]).await);
    let addresses = bob.expect_relays(2).await;
    alice.handle.dial(bob.id(), addresses);
    alice.expect_connected(bob.id()).await;
    alice.handle.send(bob.id(), Frame::Envelope(vec![1])).unwrap();
    bob.expect_frame().await;
    let peers = alice.handle.status().await.peers;
    let used = &peers.iter().find(|peer| peer.node == bob.id()).expect("connected").address;
    let (dead, _alive) = if used.contains(&port(&one)) { (one, two) } else { (two, one) };
    let started = Instant::now();
    dead.handle.shutdown().await;
    drop(dead);
    alice.expect_disconnected(bob.id()).await;
    alice.handle.send(bob.id(), Frame::Envelope(vec![2])).unwrap();
    assert_eq!(bob.expect_frame().await.1, Frame::Envelope(vec![2]));
    println!("through the other relay after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(10));
}

fn port(node: &Node) -> String {
    let address = &node.addresses[0];
    address.split('/').nth(4).expect("a port").to_owned()
}

#[tokio::test]
async fn a_relay_that_is_full_refuses_and_counts() {
    let limits = Limits {
        relay: RelayLimits { reservations_max: 1, ..RelayLimits::default() },
        ..Limits::rendezvous()
    };
    let hub =
        node_with(1, Config { listen: vec![TCP.into()], limits, ..Config::rendezvous() }).await;
    let mut alice = hidden(2, &[&hub]).await;
    alice.expect_relays(1).await;
    let bob = hidden(3, &[&hub]).await;
    eventually("bob is refused", async || {
        (hub.handle.status().await.counts.relay_refused > 0).then_some(())
    })
    .await;
    let status = bob.handle.status().await;
    assert_eq!((status.reachability, status.relays.len()), (Reachability::Hidden, 0));
}
