//! It holds envelopes for those who are not there, and keeps its word when it is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use network::{Config, Event, Events, Handle, start};
use protocol::{
    identity::{EnvelopeId, NodeId, NodeKey},
    mailbox::{Access, Answer, Claim, Deposit, Refusal, ReleaseKey, Reply, Request, Token},
    session::Envelope,
    wire::Frame,
};
use rand::{Rng, RngCore};

use crate::process::Bootstrap;

const PATIENCE: Duration = Duration::from_secs(20);
const LISTEN: [&str; 2] = ["--listen", "/ip4/127.0.0.1/tcp/0"];
const RELEASE: ReleaseKey = ReleaseKey([5; 32]);

/// A node that speaks with one mailbox, under a key for this purpose.
struct Client {
    network: Handle,
    events: Events,
    mailbox: NodeId,
}

impl Client {
    async fn new(address: &str) -> Self {
        Self::listening_on(vec![], address).await
    }

    /// A node that can be dialled itself.
    async fn listening_on(listen: Vec<String>, address: &str) -> Self {
        let mut seed = [0; 32];
        rand::thread_rng().fill_bytes(&mut seed);
        let config = Config { listen, bootstrap: vec![address.to_owned()], ..Config::default() };
        let (network, mut events) = start(&NodeKey::from_seed(&seed), config).unwrap();
        let mailbox = loop {
            match tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap() {
                Event::Connected { node, .. } => break node,
                _ => continue,
            }
        };
        Self { network, events, mailbox }
    }

    async fn ask(&self, request: Request) {
        // A queue that is full is waited for, as a node does with its outbox.
        while self.network.send(self.mailbox, Frame::ToMailbox(request.clone())).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The next reply, or `None` once the mailbox is gone.
    async fn reply(&mut self) -> Option<Reply> {
        loop {
            match tokio::time::timeout(PATIENCE, self.events.next()).await.expect("in time")? {
                Event::Frame { frame: Frame::FromMailbox(reply), .. } => {
                    if let Reply::Stored(stored) = &reply {
                        stored.verify(&self.mailbox).expect("signed by the mailbox");
                    }
                    return Some(reply);
                }
                Event::Disconnected { .. } => return None,
                _ => continue,
            }
        }
    }

    async fn watch(&mut self, token: Token) {
        self.ask(Request::Watch(vec![Claim::Token(token)])).await;
    }

    /// The next so many entries, each given free, or not.
    async fn entries(&mut self, count: usize, keys: &[ReleaseKey]) -> Vec<EnvelopeId> {
        let mut got = Vec::new();
        while got.len() < count {
            if let Reply::Entry(bytes) = self.reply().await.expect("the mailbox lives") {
                let envelope = EnvelopeId::of(&bytes);
                got.push(envelope);
                let answer = Answer { envelope, keys: keys.to_vec() };
                self.ask(Request::Answer(vec![answer])).await;
            }
        }
        got
    }
}

fn deposit(token: Token, n: u32) -> Deposit {
    let mut nonce = [0; 24];
    nonce[..4].copy_from_slice(&n.to_be_bytes());
    let envelope = Envelope::seal(&[0; 32], token.tag(), nonce, b"of no interest here").unwrap();
    Deposit {
        envelope: envelope.into_bytes(),
        access: Access::Token(token),
        locks: vec![RELEASE.lock()],
        keep_ms: 3_600_000,
    }
}

async fn bootstrap(dir: &Path, args: &[&str]) -> (Bootstrap, String) {
    let bootstrap = Bootstrap::start(dir, &[&LISTEN, args].concat());
    let address = bootstrap.addresses(1).remove(0);
    (bootstrap, address)
}

#[tokio::test]
async fn what_one_node_leaves_another_gets_later_in_order_and_once_it_is_free_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (first, address) = bootstrap(dir.path(), &[]).await;
    let token = Token([1; 32]);
    let mut alice = Client::new(&address).await;
    let deposits: Vec<_> = (0..300).map(|n| deposit(token, n)).collect();
    for deposit in &deposits {
        alice.ask(Request::Deposit(deposit.clone())).await;
    }
    for _ in 0..300 {
        assert!(matches!(alice.reply().await, Some(Reply::Stored(_))));
    }
    alice.network.shutdown().await;
    assert!(first.terminate("-TERM").success());

    let (second, address) = bootstrap(dir.path(), &[]).await;
    let mut bob = Client::new(&address).await;
    bob.watch(token).await;
    let ids: Vec<_> = deposits.iter().map(|deposit| EnvelopeId::of(&deposit.envelope)).collect();
    assert_eq!(bob.entries(300, &[RELEASE]).await, ids);
    // What comes now, comes at once; and the answers before it are taken.
    let late = deposit(token, 300);
    bob.ask(Request::Deposit(late.clone())).await;
    assert_eq!(bob.entries(1, &[]).await, [EnvelopeId::of(&late.envelope)]);
    assert!(second.terminate("-TERM").success());

    let (third, address) = bootstrap(dir.path(), &[]).await;
    let mut carol = Client::new(&address).await;
    carol.watch(token).await;
    assert_eq!(carol.entries(1, &[]).await, [EnvelopeId::of(&late.envelope)], "the rest is gone");
    assert!(third.terminate("-TERM").success());
}

/// Keys are free, so they do not count; where a connection comes from does.
#[tokio::test]
async fn an_attacker_with_many_keys_fills_its_own_share_and_others_still_get_through() {
    const KEYS: u32 = 40;
    const EACH: u32 = 25;
    let dir = tempfile::tempdir().unwrap();
    // A sixteenth of this is room for 630 of these envelopes.
    let quic = ["--listen", "/ip4/127.0.0.1/udp/0/quic-v1", "--mailbox-bytes", "16777216"];
    let bootstrap = Bootstrap::start(dir.path(), &[&LISTEN[..], &quic].concat());
    let addresses = bootstrap.addresses(2);
    let at = |transport: &str| addresses.iter().find(|line| line.contains(transport)).unwrap();
    let mut taken = 0;
    for key in 0..KEYS {
        // Over QUIC a node dials from the address it listens on: here, another than Alice's.
        let listen = vec!["/ip4/127.0.0.3/udp/0/quic-v1".to_owned()];
        let mut attacker = Client::listening_on(listen, at("quic-v1")).await;
        let mut secret = [0xee; 32];
        secret[..4].copy_from_slice(&key.to_be_bytes());
        for n in 0..EACH {
            attacker.ask(Request::Deposit(deposit(Token(secret), n))).await;
        }
        for _ in 0..EACH {
            match attacker.reply().await {
                Some(Reply::Stored(_)) => taken += 1,
                Some(Reply::Refused { reason: Refusal::DepositorFull, .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        attacker.network.shutdown().await;
    }
    assert_eq!(taken, 630, "of {} deposits", KEYS * EACH);

    let mut alice = Client::new(at("/tcp/")).await;
    for n in 0..500 {
        alice.ask(Request::Deposit(deposit(Token([1; 32]), n))).await;
    }
    for _ in 0..500 {
        assert!(matches!(alice.reply().await, Some(Reply::Stored(_))));
    }
    assert!(bootstrap.terminate("-TERM").success());
}

#[tokio::test]
async fn without_a_mailbox_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (bootstrap, address) = bootstrap(dir.path(), &["--no-mailbox"]).await;
    let mut alice = Client::new(&address).await;
    let deposit = deposit(Token([1; 32]), 1);
    let envelope = EnvelopeId::of(&deposit.envelope);
    alice.ask(Request::Deposit(deposit)).await;
    let refused = Reply::Refused { envelope, reason: Refusal::NotServed };
    assert_eq!(alice.reply().await, Some(refused));
    alice.watch(Token([1; 32])).await;
    assert_eq!(alice.reply().await, Some(Reply::Watching { watched: 0, refused: 1 }));
    assert!(!dir.path().join("ledger").exists());
    assert!(bootstrap.terminate("-TERM").success());
}

/// The promise itself: killed at random points under load, it has everything it said it has.
#[tokio::test]
async fn what_it_promised_survives_kill_9() {
    let cycles: u32 = std::env::var("KILL_CYCLES").map_or(6, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let token = Token([2; 32]);
    let (mut promised, mut asked, mut n) = (BTreeSet::new(), BTreeMap::new(), 0);
    for cycle in 0..cycles {
        let (bootstrap, address) = bootstrap(dir.path(), &[]).await;
        let mut alice = Client::new(&address).await;
        let pause = Duration::from_millis(rand::thread_rng().gen_range(1..400));
        let killer = tokio::task::spawn_blocking(move || {
            std::thread::sleep(pause);
            bootstrap.terminate("-KILL")
        });
        let before = promised.len();
        'alive: loop {
            for _ in 0..50 {
                let deposit = deposit(token, n);
                n += 1;
                asked.insert(EnvelopeId::of(&deposit.envelope), deposit.envelope.clone());
                if alice
                    .network
                    .send(alice.mailbox, Frame::ToMailbox(Request::Deposit(deposit)))
                    .is_err()
                {
                    break;
                }
            }
            for _ in 0..25 {
                match alice.reply().await {
                    Some(Reply::Stored(stored)) => promised.insert(stored.envelope),
                    Some(other) => panic!("{other:?}"),
                    None => break 'alive,
                };
            }
        }
        assert!(!killer.await.unwrap().success());
        println!("cycle {cycle}: {} promised after {pause:?}", promised.len() - before);
    }
    assert!(!promised.is_empty());

    let (bootstrap, address) = bootstrap(dir.path(), &[]).await;
    let mut bob = Client::new(&address).await;
    bob.watch(token).await;
    let mut missing = promised.clone();
    let mut got = BTreeSet::new();
    while !missing.is_empty() {
        if let Reply::Entry(bytes) = bob.reply().await.expect("everything promised is there") {
            let envelope = EnvelopeId::of(&bytes);
            assert_eq!(asked.get(&envelope), Some(&bytes), "as it was left");
            assert!(got.insert(envelope), "once");
            missing.remove(&envelope);
            let answer = Answer { envelope, keys: vec![RELEASE] };
            bob.ask(Request::Answer(vec![answer])).await;
        }
    }
    println!("{cycles} cycles: {} promised, 0 lost", promised.len());
    assert!(bootstrap.terminate("-TERM").success());
}
