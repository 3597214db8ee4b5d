//! It prints where it is, and nodes find each other's records through it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use network::{Config, Event, Events, start};
use protocol::{
    card::{HandlePointer, Record, RecordKey, Signed},
    identity::{Handle, NodeKey, PersonaKey},
};

use crate::process::Bootstrap;

const LISTEN: [&str; 4] =
    ["--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1"];

fn member(seed: u8, bootstrap: &str) -> (network::Handle, Events) {
    let config = Config {
        listen: vec!["/ip4/127.0.0.1/tcp/0".into()],
        bootstrap: vec![bootstrap.into()],
        ..Config::default()
    };
    start(&NodeKey::from_seed(&[seed; 32]), config).expect("loopback is there")
}

async fn wait_for(events: &mut Events, wanted: impl Fn(&Event) -> bool) {
    let found = async { while !wanted(&events.next().await.expect("the node lives")) {} };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("in time");
}

#[tokio::test]
async fn it_prints_its_addresses_and_serves_a_lookup() {
    let dir = tempfile::tempdir().unwrap();
    let bootstrap = Bootstrap::start(dir.path(), &LISTEN);
    let addresses = bootstrap.addresses(2);
    assert!(addresses.iter().all(|line| line.contains("/127.0.0.1/") && line.contains("/p2p/")));

    // One node enters over each transport.
    let (alice, mut alice_events) = member(1, &addresses[0]);
    let (carol, mut carol_events) = member(2, &addresses[1]);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = u64::try_from(since.as_millis()).unwrap();
    let persona = PersonaKey::from_seed(&[7; 32]);
    let handle = Handle::new("maya", &persona.id()).unwrap();
    let key = RecordKey::handle(&handle);
    let claim = HandlePointer {
        handle,
        persona: persona.id(),
        sequence: 1,
        issued_at_ms: now_ms,
        expires_at_ms: now_ms + 60_000,
    };
    let record = Record::Pointer(Signed::sign(&claim, &persona));
    alice.put_record(key, record.to_bytes(), claim.expires_at_ms);
    wait_for(&mut alice_events, |event| *event == Event::Published { key, ok: true }).await;
    wait_for(&mut carol_events, |event| *event == Event::BootstrapDone).await;
    assert_eq!(carol.get_record(key).await, Ok(vec![record]));

    assert!(bootstrap.terminate("-TERM").success());
    wait_for(&mut alice_events, |event| matches!(event, Event::Disconnected { .. })).await;
}

#[test]
fn it_is_the_same_node_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let peer = |signal| {
        let bootstrap = Bootstrap::start(dir.path(), &LISTEN[..2]);
        let address = bootstrap.addresses(1).remove(0);
        assert!(bootstrap.terminate(signal).success());
        address.rsplit('/').next().map(str::to_owned)
    };
    assert_eq!(peer("-INT"), peer("-TERM"));
}

#[test]
fn it_announces_external_addresses_too() {
    let dir = tempfile::tempdir().unwrap();
    let external = "/dns4/hub.example.org/tcp/4401";
    let args = [&LISTEN[..2], &["--external", external]].concat();
    let bootstrap = Bootstrap::start(dir.path(), &args);
    let addresses = bootstrap.addresses(2);
    assert!(addresses.iter().any(|line| line.starts_with(&format!("{external}/p2p/"))));
    assert!(bootstrap.terminate("-TERM").success());
}
