//! A node's network and nothing else, driven by lines on standard input, for tests in namespaces.
//!
//! `probe SEED rendezvous|node LISTEN,.. BOOTSTRAP,..` prints what happens, a line each. It takes
//! `dial NODE ADDRESS,..` and `ask NODE TIMES`, and ends with its input.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, bail};
use network::{Config, Event, Path};
use protocol::{
    identity::{NodeId, NodeKey},
    wire::Frame,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    time::Instant,
};

/// A question that has no answer by then is asked again: its frame may have died with a relay.
const AGAIN: Duration = Duration::from_millis(1500);
const ASK: u8 = b'?';
const ANSWER: u8 = b'!';

/// A row of questions to one node.
struct Asking {
    left: usize,
    number: u64,
    first_at: Instant,
    last_at: Instant,
}

struct Probe {
    handle: network::Handle,
    asking: BTreeMap<NodeId, Asking>,
    reachability: &'static str,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    if let Ok(filter) = std::env::var("CONCLAVE_PROBE_LOG") {
        let filter = tracing_subscriber::EnvFilter::new(filter);
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [seed, role, listen, bootstrap] = &args[..] else {
        bail!("usage: probe SEED rendezvous|node LISTEN,.. BOOTSTRAP,..");
    };
    let list = |text: &str| {
        text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let base = match role.as_str() {
        "rendezvous" => Config::rendezvous(),
        _ => Config::default(),
    };
    let config = Config { listen: list(listen), bootstrap: list(bootstrap), ..base };
    let key = NodeKey::from_seed(&[seed.parse().context("SEED is a byte")?; 32]);
    let (handle, mut events) = network::start(&key, config)?;
    println!("node {}", handle.node());
    let mut probe = Probe { handle, asking: BTreeMap::new(), reachability: "" };
    let mut lines = BufReader::new(stdin()).lines();
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => probe.obey(&line)?,
                None => return Ok(()),
            },
            event = events.next() => match event {
                Some(event) => probe.on_event(event),
                None => bail!("the network ended"),
            },
            _ = tick.tick() => probe.on_tick().await,
        }
    }
}

impl Probe {
    fn obey(&mut self, line: &str) -> anyhow::Result<()> {
        let mut words = line.split(' ');
        let what = words.next().unwrap_or_default();
        let node = words.next().context("a node")?.parse().ok().context("a node id")?;
        let rest = words.next().unwrap_or_default();
        match what {
            "dial" => self.handle.dial(node, rest.split(',').map(str::to_owned).collect()),
            "ask" => {
                let (left, now) = (rest.parse()?, Instant::now());
                self.asking.insert(node, Asking { left, number: 0, first_at: now, last_at: now });
                self.ask(node);
            }
            _ => bail!("what is {what}?"),
        }
        Ok(())
    }

    fn ask(&mut self, node: NodeId) {
        let Some(asking) = self.asking.get_mut(&node) else { return };
        asking.last_at = Instant::now();
        let data = [&[ASK][..], &asking.number.to_be_bytes(), &[0; 1000]].concat();
        // One that is not taken is asked again.
        let _ = self.handle.send(node, Frame::Envelope(data));
    }

    async fn on_tick(&mut self) {
        let overdue = |asking: &Asking| asking.left > 0 && asking.last_at.elapsed() > AGAIN;
        let overdue: Vec<NodeId> =
            self.asking.iter().filter(|(_, asking)| overdue(asking)).map(|(n, _)| *n).collect();
        overdue.into_iter().for_each(|node| self.ask(node));
        let reachability = self.handle.status().await.reachability.as_str();
        if reachability != self.reachability {
            self.reachability = reachability;
            println!("reachability {reachability}");
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Listening { address } => println!("listening {address}"),
            Event::Addresses { addresses } => println!("addresses {}", addresses.join(",")),
            Event::Connected { node, path, .. } | Event::PathChanged { node, path, .. } => {
                let path = match path {
                    Path::Direct => "direct",
                    Path::Relayed => "relayed",
                };
                println!("path {node} {path}");
            }
            Event::Disconnected { node } => println!("path {node} none"),
            Event::Frame { node, frame: Frame::Envelope(data) } => self.on_frame(node, &data),
            _ => {}
        }
    }

    fn on_frame(&mut self, node: NodeId, data: &[u8]) {
        match data.split_first() {
            Some((&ASK, number)) => {
                let answer = [&[ANSWER][..], &number[..8.min(number.len())]].concat();
                // Asked again if it is lost.
                let _ = self.handle.send(node, Frame::Envelope(answer));
            }
            Some((&ANSWER, number)) => {
                let Some(asking) = self.asking.get_mut(&node) else { return };
                if asking.left == 0 || number != asking.number.to_be_bytes() {
                    return;
                }
                println!("answer {node} {}", asking.first_at.elapsed().as_micros());
                asking.left -= 1;
                asking.number += 1;
                asking.first_at = Instant::now();
                if asking.left > 0 {
                    self.ask(node);
                }
            }
            _ => {}
        }
    }
}
