//! Peers that break the rules: hand-made libp2p nodes that speak our protocols.

use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify,
    identity::Keypair,
    kad::{
        self, Quorum,
        store::{MemoryStore, RecordStore},
    },
    noise,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use protocol::wire::{FRAME_BYTES_MAX, Frame};

use crate::support::{Node, Pointer, TCP, eventually, member, node, rendezvous, sequences};

const DIRECT: StreamProtocol = StreamProtocol::new("/conclave/direct/1");

#[derive(NetworkBehaviour)]
struct Hostile {
    identify: identify::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
    streams: libp2p_stream::Behaviour,
}

/// A peer that is connected to a node and whose swarm runs in the background.
fn hostile(seed: u8) -> Swarm<Hostile> {
    let keypair = Keypair::ed25519_from_bytes([seed; 32]).expect("32 bytes");
    let peer = keypair.public().to_peer_id();
    let identify = identify::Config::new("conclave/1".into(), keypair.public());
    let mut kad = kad::Behaviour::with_config(
        peer,
        MemoryStore::new(peer),
        kad::Config::new(StreamProtocol::new("/conclave/kad/1")),
    );
    kad.set_mode(Some(kad::Mode::Server));
    let behaviour = Hostile {
        identify: identify::Behaviour::new(identify),
        kad,
        streams: libp2p_stream::Behaviour::new(),
    };
    SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("noise")
        .with_behaviour(|_| behaviour)
        .expect("infallible")
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(Duration::from_secs(60)))
        .build()
}

async fn connect(swarm: &mut Swarm<Hostile>, node: &Node) -> PeerId {
    let address: Multiaddr = node.addresses[0].parse().expect("printed by libp2p");
    swarm.dial(address).expect("a fresh address");
    loop {
        if let SwarmEvent::ConnectionEstablished { peer_id, .. } = swarm.select_next_some().await {
            return peer_id;
        }
    }
}

/// Writes bytes on a fresh stream once greeted, and waits until the node hangs up.
async fn write_until_hung_up(streams: &mut libp2p_stream::Control, to: PeerId, bytes: &[u8]) {
    let mut stream = streams.open_stream(to, DIRECT).await.expect("the node takes streams");
    let mut greeting = [1; 4];
    stream.read_exact(&mut greeting).await.expect("a greeting");
    assert_eq!(greeting, [0; 4]);
    // The node may hang up while we still write.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    let mut rest = Vec::new();
    let hung_up = stream.read_to_end(&mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(10), hung_up).await.expect("it hangs up");
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_malformed_frame_ends_its_stream_and_nothing_else() {
    let (mut victim, mut friend) = (node(1, TCP).await, node(2, TCP).await);
    let mut swarm = hostile(66);
    let mut streams = swarm.behaviour().streams.new_control();
    let peer = connect(&mut swarm, &victim).await;
    let background = tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });

    let oversize = u32::try_from(FRAME_BYTES_MAX + 1).expect("small").to_be_bytes();
    let garbage = [&8u32.to_be_bytes()[..], &[0xff; 8]].concat();
    let newer_version = [&2u32.to_be_bytes()[..], &[2, 0]].concat();
    let bad: [&[u8]; 5] = [&oversize, &[0xff; 4], &[0; 4], &garbage, &newer_version];
    for bytes in bad {
        write_until_hung_up(&mut streams, peer, bytes).await;
    }
    let counts = victim.handle.status().await.counts;
    assert_eq!((counts.streams_malformed, counts.frames_received), (5, 0));

    // A good frame before a bad one counts, and the node is as well as ever.
    let good = Frame::Envelope(vec![1]).to_bytes();
    let len = u32::try_from(good.len()).expect("small").to_be_bytes();
    let mixed = [&len[..], &good, &oversize].concat();
    write_until_hung_up(&mut streams, peer, &mixed).await;
    assert_eq!(victim.expect_frame().await.1, Frame::Envelope(vec![1]));
    friend.dial(&victim);
    friend.expect_connected(victim.id()).await;
    friend.handle.send(victim.id(), Frame::Envelope(vec![2])).unwrap();
    assert_eq!(victim.expect_frame().await.1, Frame::Envelope(vec![2]));
    background.abort();
}

#[tokio::test]
async fn a_flood_of_streams_leaves_room_for_the_newest() {
    let mut victim = node(1, TCP).await;
    let mut swarm = hostile(66);
    let mut streams = swarm.behaviour().streams.new_control();
    let peer = connect(&mut swarm, &victim).await;
    let background = tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let mut open = Vec::new();
    for _ in 0..12 {
        let mut stream = streams.open_stream(peer, DIRECT).await.expect("a stream");
        let mut greeting = [1; 4];
        stream.read_exact(&mut greeting).await.expect("a greeting");
        open.push(stream);
    }
    let frame = Frame::Envelope(vec![3]).to_bytes();
    let len = u32::try_from(frame.len()).expect("small").to_be_bytes();
    let mut newest = open.pop().expect("twelve");
    newest.write_all(&[&len[..], &frame].concat()).await.expect("it is read");
    newest.flush().await.expect("it is read");
    assert_eq!(victim.expect_frame().await.1, Frame::Envelope(vec![3]));
    let mut end = [0; 1];
    let oldest = open.first_mut().expect("eleven").read(&mut end);
    let closed = tokio::time::timeout(Duration::from_secs(10), oldest).await;
    assert!(matches!(closed.expect("it was closed"), Ok(0) | Err(_)));
    background.abort();
}

#[tokio::test]
async fn worthless_records_are_neither_stored_nor_served() {
    let hub = rendezvous(1).await;
    let mut swarm = hostile(66);
    let hub_peer = connect(&mut swarm, &hub).await;
    let mut mutated = Pointer::new(7, 9);
    let last = mutated.value.len() - 1;
    mutated.value[last] ^= 1;
    let expired = Pointer::expiring(8, 9, crate::support::now_ms() - 1);
    let mut misplaced = Pointer::new(9, 9);
    misplaced.key = Pointer::new(10, 9).key;
    let for_too_long = Pointer::expiring(11, 9, crate::support::now_ms() + 30 * 86_400_000);
    let good = Pointer::new(12, 9);
    let older = Pointer::new(12, 8);
    for pointer in [&mutated, &expired, &misplaced, &for_too_long, &good, &older] {
        let record = kad::Record::new(pointer.key.0.to_vec(), pointer.value.clone());
        swarm.behaviour_mut().kad.put_record_to(record, [hub_peer].into_iter(), Quorum::One);
        loop {
            if let SwarmEvent::Behaviour(HostileEvent::Kad(kad::Event::OutboundQueryProgressed {
                ..
            })) = swarm.select_next_some().await
            {
                break;
            }
        }
    }
    let counts = eventually("all have been judged", async || {
        let counts = hub.handle.status().await.counts;
        (counts.records_stored + counts.records_refused == 6).then_some(counts)
    });
    assert_eq!(counts.await.records_stored, 1);
    assert_eq!(hub.handle.status().await.records, 1);
    drop(swarm);
    let carol = member(3, &hub).await;
    for pointer in [&mutated, &expired, &misplaced, &for_too_long] {
        assert!(sequences(&carol, pointer.key).await.is_empty());
    }
    assert_eq!(sequences(&carol, good.key).await, [9]);
}

#[tokio::test]
async fn a_node_that_serves_worthless_records_is_not_believed() {
    let mut victim = node(1, TCP).await;
    let mut swarm = hostile(66);
    swarm.listen_on(TCP.parse().expect("an address")).expect("loopback is there");
    let mut forged = Pointer::new(7, u64::MAX);
    let last = forged.value.len() - 1;
    forged.value[last] ^= 1;
    let good = Pointer::new(8, 5);
    for pointer in [&forged, &good] {
        let record = kad::Record::new(pointer.key.0.to_vec(), pointer.value.clone());
        swarm.behaviour_mut().kad.store_mut().put(record).expect("the liar's own store");
    }
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    let background = tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let liar = crate::support::key(66).id();
    victim.handle.dial(liar, vec![address.to_string()]);
    victim.expect_connected(liar).await;
    assert_eq!(sequences(&victim, good.key).await, [5]);
    assert!(sequences(&victim, forged.key).await.is_empty());
    background.abort();
}

#[tokio::test]
async fn provider_records_are_not_stored() {
    let hub = rendezvous(1).await;
    let key = kad::RecordKey::new(&[5; 32]);
    let mut liar = hostile(66);
    enter(&mut liar, &hub).await;
    liar.behaviour_mut().kad.start_providing(key.clone()).expect("the liar's own store");
    query_result(&mut liar, |result| match result {
        kad::QueryResult::StartProviding(_) => Some(()),
        _ => None,
    })
    .await;
    // The liar itself, when asked, will not tell; what it has told the hub leaves meanwhile.
    liar.behaviour_mut().kad.stop_providing(&key);
    let background = tokio::spawn(async move {
        loop {
            liar.select_next_some().await;
        }
    });
    // Nobody is told of itself, so another one asks.
    let mut asking = hostile(67);
    enter(&mut asking, &hub).await;
    for _ in 0..20 {
        asking.behaviour_mut().kad.get_providers(key.clone());
        let told = query_result(&mut asking, |result| match result {
            kad::QueryResult::GetProviders(Ok(kad::GetProvidersOk::FoundProviders {
                providers,
                ..
            })) => (!providers.is_empty()).then_some(true),
            kad::QueryResult::GetProviders(_) => Some(false),
            _ => None,
        });
        assert!(!told.await, "the hub told of a provider");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    background.abort();
}

/// Connects and makes the node known to the peer's own DHT.
async fn enter(swarm: &mut Swarm<Hostile>, node: &Node) {
    swarm.listen_on(TCP.parse().expect("an address")).expect("loopback is there");
    let node_peer = connect(swarm, node).await;
    loop {
        let event = swarm.select_next_some().await;
        if let SwarmEvent::Behaviour(HostileEvent::Identify(identify::Event::Received {
            peer_id,
            info,
            ..
        })) = event
            && peer_id == node_peer
        {
            for address in info.listen_addrs {
                swarm.behaviour_mut().kad.add_address(&peer_id, address);
            }
            return;
        }
    }
}

async fn query_result<T>(
    swarm: &mut Swarm<Hostile>,
    mut wanted: impl FnMut(kad::QueryResult) -> Option<T>,
) -> T {
    loop {
        if let SwarmEvent::Behaviour(HostileEvent::Kad(kad::Event::OutboundQueryProgressed {
            result,
            ..
        })) = swarm.select_next_some().await
            && let Some(found) = wanted(result)
        {
            return found;
        }
    }
}
