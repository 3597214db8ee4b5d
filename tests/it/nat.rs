//! Every kind of router against every kind: who reaches whom, and which way.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tests::{
    nat::{Host, Kind, Lab, Probe, Weather, may_run},
    skip::skipped,
    until::until,
};

const ENABLE: &str = "as root, on a Linux with /dev/net/tun and the program ip";

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_probe"))
}

/// A path that cannot be better than the routers allow: direct unless one side has a port for
/// everybody and the other lets in only whom it has sent to, port by port.
fn possible(one: Kind, other: Kind) -> &'static str {
    use Kind::{PortRestricted, Symmetric};
    match (one, other) {
        (Symmetric, Symmetric | PortRestricted) | (PortRestricted, Symmetric) => "relayed",
        _ => "direct",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Quic,
    Tcp,
}

impl Over {
    fn listen(self, host: &Host) -> String {
        match self {
            Self::Quic => format!("/ip4/{}/udp/4001/quic-v1", host.inside),
            Self::Tcp => format!("/ip4/{}/tcp/4001", host.inside),
        }
    }
}

/// A rendezvous without a router.
async fn hub(lab: &mut Lab, seed: u8, over: Over) -> anyhow::Result<(Probe, Vec<String>)> {
    let host = lab.host(Kind::Open)?;
    let listen = [over.listen(&host)];
    let hub = Probe::start(&program(), &host, seed, true, &listen, &[]).await?;
    let addresses = hub.listening(1).await?;
    Ok((hub, addresses))
}

async fn node(
    lab: &mut Lab,
    seed: u8,
    kind: Kind,
    over: Over,
    hubs: &[String],
) -> anyhow::Result<Probe> {
    let host = lab.host(kind)?;
    Probe::start(&program(), &host, seed, false, &[over.listen(&host)], hubs).await
}

/// Waits until a node can be found: by itself, or at so many relays.
async fn found(node: &Probe, kind: Kind, relays: usize) -> anyhow::Result<Vec<String>> {
    node.addresses(if kind == Kind::Open { 0 } else { relays }).await
}

/// Every kind dials every kind; prints a row for each that dials.
async fn matrix(over: Over, weather: Weather) -> anyhow::Result<()> {
    let mut lab = Lab::new(weather);
    let (_one, mut hubs) = hub(&mut lab, 1, over).await?;
    let (_two, more) = hub(&mut lab, 2, over).await?;
    hubs.extend(more);
    let (mut callers, mut called) = (Vec::new(), Vec::new());
    for (n, kind) in (0..).zip(Kind::ALL) {
        callers.push((kind, node(&mut lab, 10 + n, kind, over, &hubs).await?));
        called.push((kind, node(&mut lab, 20 + n, kind, over, &hubs).await?));
    }
    for (kind, caller) in &callers {
        found(caller, *kind, 2).await?;
    }
    let began = Instant::now();
    for (kind, other) in &called {
        let addresses = found(other, *kind, 2).await?;
        for (_, caller) in &mut callers {
            caller.dial(other, &addresses).await?;
        }
    }
    for (one, caller) in &callers {
        for (other, called) in &called {
            let what = format!("{over:?}, {} to {}", one.name(), other.name());
            until(&what, async || {
                let (there, back) = (caller.path_to(called), called.path_to(caller));
                let wanted = possible(*one, *other);
                // More than what is possible would be as wrong as less.
                Ok((there == wanted && back == wanted).then_some(()))
            })
            .await
            .with_context(|| format!("it is {}", caller.path_to(called)))?;
        }
    }
    let settled = began.elapsed();
    for (_, caller) in &mut callers {
        for (_, other) in &called {
            caller.ask(other, 20).await?;
        }
    }
    println!("{over:?}, settled after {settled:.1?}:");
    println!(
        "{:>18} {:>26} {:>26} {:>26} {:>26}",
        "", "open", "full cone", "port restricted", "symmetric"
    );
    for (one, caller) in &callers {
        let mut row = format!("{:>18}", one.name());
        for (other, called) in &called {
            let mut answers = until("twenty answers", async || {
                let answers = caller.answers_of(called);
                Ok((answers.len() >= 20).then_some(answers))
            })
            .await
            .with_context(|| format!("{over:?}, {} to {}", one.name(), other.name()))?;
            answers.sort_unstable();
            let (p50, p99) = (answers[answers.len() / 2], answers[answers.len() - 1]);
            let path = caller.path_to(called);
            row += &format!(
                " {:>26}",
                format!("{path} {:.1}/{:.1} ms", p50 as f64 / 1e3, p99 as f64 / 1e3)
            );
        }
        println!("{row}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_can_be_direct_is_and_nobody_is_out_of_reach_over_quic() -> anyhow::Result<()> {
    if !may_run() {
        return skipped(
            "nat::whatever_can_be_direct_is_and_nobody_is_out_of_reach_over_quic",
            ENABLE,
        );
    }
    matrix(Over::Quic, Weather::FINE).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_can_be_direct_is_and_nobody_is_out_of_reach_over_tcp() -> anyhow::Result<()> {
    if !may_run() {
        return skipped(
            "nat::whatever_can_be_direct_is_and_nobody_is_out_of_reach_over_tcp",
            ENABLE,
        );
    }
    matrix(Over::Tcp, Weather::FINE).await
}

/// As far away as the other side of the world, over a bad line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn far_away_over_a_bad_line_every_frame_arrives() -> anyhow::Result<()> {
    if !may_run() {
        return skipped("nat::far_away_over_a_bad_line_every_frame_arrives", ENABLE);
    }
    let delay = Duration::from_millis(100);
    let mut lab = Lab::new(Weather { delay, loss_per_mille: 50, seed: 7 });
    let (_hub, hubs) = hub(&mut lab, 1, Over::Quic).await?;
    let mut alice = node(&mut lab, 2, Kind::PortRestricted, Over::Quic, &hubs).await?;
    let bob = node(&mut lab, 3, Kind::FullCone, Over::Quic, &hubs).await?;
    let addresses = bob.addresses(1).await?;
    alice.addresses(1).await?;
    alice.dial(&bob, &addresses).await?;
    until("a direct path", async || Ok((alice.path_to(&bob) == "direct").then_some(()))).await?;
    alice.ask(&bob, 100).await?;
    let mut answers = until("a hundred answers", async || {
        let answers = alice.answers_of(&bob);
        Ok((answers.len() == 100).then_some(answers))
    })
    .await?;
    answers.sort_unstable();
    println!(
        "200 ms and 5 % loss: a hundred round trips, p50 {} ms, p99 {} ms, worst {} ms",
        answers[49] / 1000,
        answers[98] / 1000,
        answers[99] / 1000
    );
    ensure!(answers[0] >= 200_000, "nothing is faster than the line: {} us", answers[0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_killed_in_use_is_replaced_within_ten_seconds() -> anyhow::Result<()> {
    if !may_run() {
        return skipped("nat::a_relay_killed_in_use_is_replaced_within_ten_seconds", ENABLE);
    }
    let mut lab = Lab::new(Weather::FINE);
    let (mut one, mut hubs) = hub(&mut lab, 1, Over::Quic).await?;
    let mut alice = node(&mut lab, 3, Kind::Symmetric, Over::Quic, &hubs).await?;
    let addresses = alice.addresses(1).await?;
    // The second relay is found after the first one is in use, so it is known which one that is.
    let (_two, more) = hub(&mut lab, 2, Over::Quic).await?;
    hubs.extend(more);
    let mut bob = node(&mut lab, 4, Kind::PortRestricted, Over::Quic, &hubs).await?;
    let at_both = bob.addresses(2).await?;
    let at_first: Vec<String> = at_both
        .iter()
        .filter(|address| {
            address.split("/p2p/").next() == addresses.last().and_then(|a| a.split("/p2p/").next())
        })
        .cloned()
        .collect();
    ensure!(!at_first.is_empty(), "bob holds a place at the first relay: {at_both:?}");
    alice.dial(&bob, &at_first).await?;
    until("a relayed path", async || Ok((alice.path_to(&bob) == "relayed").then_some(()))).await?;
    alice.ask(&bob, 3).await?;
    until("answers", async || Ok((alice.answers_of(&bob).len() == 3).then_some(()))).await?;
    // Alice's newest card of Bob names both relays.
    alice.dial(&bob, &at_both).await?;
    one.kill().await?;
    let began = Instant::now();
    bob.ask(&alice, 0).await?;
    alice.ask(&bob, 1).await?;
    until("an answer through the other relay", async || {
        Ok((alice.answers_of(&bob).len() == 4).then_some(()))
    })
    .await?;
    let took = began.elapsed();
    println!("answered through the other relay {took:?} after the first was killed");
    ensure!(took < Duration::from_secs(10), "{took:?}");
    Ok(())
}
