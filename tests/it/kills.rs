//! No accepted message is lost, doubled or out of order, however often a node is killed.
//!
//! Three nodes talk in a group, each as fast as its pace allows, while one after another is ended
//! with SIGKILL at a moment nobody chose and started again. A sender whose node does not answer
//! asks again with the same idempotency key, as any program should. In the end every node must
//! show, of every author, exactly the messages that were answered `accepted`, in their order.
//!
//! `CONCLAVE_KILLS` sets how many kills, and `CONCLAVE_SEED` repeats the choices of an earlier run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{bail, ensure};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tests::{
    Rendezvous, Setup, World,
    people::Person,
    rest::{Api, text},
    until::until,
};
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};

const KILLS: usize = 20;
/// Every so many kills the node also loses its cache.
const CACHE_LOST_EVERY: usize = 4;
/// Each sender's pace, so that the slowest machine can keep up with three of them.
const PACE: Duration = Duration::from_millis(60);
/// A kill comes after at least one and at most so many more accepted messages.
const MESSAGES_BETWEEN_MAX: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_by_kills_with_the_ledger_on_sqlite() -> anyhow::Result<()> {
    survive("sqlite").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_by_kills_with_the_ledger_on_sled() -> anyhow::Result<()> {
    survive("sled").await
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

async fn survive(ledger: &'static str) -> anyhow::Result<()> {
    let seed = number("CONCLAVE_SEED").unwrap_or_else(rand::random);
    println!("CONCLAVE_SEED={seed} chooses the same victims again");
    let mut random = StdRng::seed_from_u64(seed);
    let kills = number("CONCLAVE_KILLS").and_then(|kills| kills.try_into().ok()).unwrap_or(KILLS);

    let world = World::new()?;
    let rendezvous = Rendezvous::start(&world).await?;
    let bootstrap = rendezvous.addresses.clone();
    let setup = Setup { ledger, bootstrap, ..Setup::default() };
    let mut people = Vec::new();
    for name in ["Alice", "Bob", "Carol"] {
        people.push(Person::new(&world, name, setup.clone()).await?);
    }
    people[1].meet(&people[0]).await?;
    people[2].meet(&people[0]).await?;
    let group = people[0].open(&[&people[1], &people[2]], Some("Friends")).await?;

    let talkers: Vec<Talker> = people.iter().map(|one| Talker::start(one, &group)).collect();
    for kill in 1..=kills {
        let wanted = total(&talkers) + random.gen_range(1..=MESSAGES_BETWEEN_MAX);
        until("messages being accepted", async || {
            Talker::all_well(&talkers)?;
            Ok((total(&talkers) >= wanted).then_some(()))
        })
        .await?;
        let victim = random.gen_range(0..people.len());
        let node = &mut people[victim].node;
        node.kill().await?;
        if kill % CACHE_LOST_EVERY == 0 {
            std::fs::remove_dir_all(node.data().join("cache"))?;
        }
        node.run().await?;
        // It is back in its conversation when it accepts something to say there.
        let before = talkers[victim].count();
        talkers[victim].api.send_replace(people[victim].api().clone());
        until("a killed node being back in its conversation", async || {
            Talker::all_well(&talkers)?;
            Ok((talkers[victim].count() > before).then_some(()))
        })
        .await?;
    }
    let mut accepted = Vec::new();
    for (person, talker) in people.iter().zip(talkers) {
        accepted.push((person, talker.finish().await?));
    }
    for person in &people {
        for (author, said) in &accepted {
            everything_is_there_once_and_in_order(person, author, &group, said).await?;
        }
    }
    let counts: Vec<usize> = accepted.iter().map(|(_, said)| said.len()).collect();
    println!("{kills} kills on {ledger}; accepted and delivered: {counts:?}");
    Ok(())
}

/// What `person` has of `author`, compared with what `author` was promised.
async fn everything_is_there_once_and_in_order(
    person: &Person,
    author: &Person,
    group: &str,
    said: &[(String, String)],
) -> anyhow::Result<()> {
    let arrived = |messages: &[Value]| {
        let texts = messages
            .iter()
            .filter(|message| message["kind"] == "text" && message["author"] == *author.did);
        texts.cloned().collect::<Vec<_>>()
    };
    let complete = async || {
        let found = arrived(&person.messages(group).await?);
        let ours = person.did == author.did;
        // Those that are said here also have to know that they have arrived everywhere else.
        let settled = found.iter().filter(|message| !ours || message["state"] == "delivered");
        Ok((settled.count() >= said.len()).then_some(found))
    };
    let found = until("every accepted message arriving", complete).await?;
    let found: Vec<(String, String)> = found
        .iter()
        .map(|message| Ok((text(message, "id")?, text(message, "text")?)))
        .collect::<anyhow::Result<_>>()?;
    if let Some(at) = (0..found.len().max(said.len())).find(|at| found.get(*at) != said.get(*at)) {
        bail!(
            "{} has of {} at place {at} {:?}, accepted was {:?}",
            person.name,
            author.name,
            found.get(at),
            said.get(at)
        );
    }
    Ok(())
}

fn total(talkers: &[Talker]) -> usize {
    talkers.iter().map(Talker::count).sum()
}

/// Somebody who keeps talking, through kills of the own node.
struct Talker {
    /// Where to talk; changes with every start of the node.
    api: watch::Sender<Api>,
    accepted: watch::Receiver<usize>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<anyhow::Result<Vec<(String, String)>>>,
}

impl Talker {
    fn start(person: &Person, group: &str) -> Self {
        let (api, from) = watch::channel(person.api().clone());
        let (counted, accepted) = watch::channel(0);
        let stop = Arc::new(AtomicBool::new(false));
        let path = format!("/v1/conversations/{group}/messages");
        let talk = talk(person.name.clone(), path, from, counted, Arc::clone(&stop));
        Self { api, accepted, stop, task: tokio::spawn(talk) }
    }

    fn count(&self) -> usize {
        *self.accepted.borrow()
    }

    fn all_well(talkers: &[Self]) -> anyhow::Result<()> {
        ensure!(talkers.iter().all(|talker| !talker.task.is_finished()), "somebody fell silent");
        Ok(())
    }

    /// Ids and texts of everything that was answered `accepted`, in that order.
    async fn finish(self) -> anyhow::Result<Vec<(String, String)>> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?
    }
}

async fn talk(
    name: String,
    path: String,
    api: watch::Receiver<Api>,
    counted: watch::Sender<usize>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut accepted = Vec::new();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A message that was not answered may be on disk all the same, so it is never given up.
    let mut unanswered = false;
    while unanswered || !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let line = format!("{name}, line {}", accepted.len());
        let api = api.borrow().clone();
        let answer = api.post_once(&path, json!({ "text": line }), &line).await;
        unanswered = true;
        let Ok(answer) = answer else { continue };
        match answer.status {
            202 => {
                accepted.push((text(&answer.body, "id")?, line));
                counted.send_replace(accepted.len());
                unanswered = false;
            }
            // The node stops or starts, or this is the address of another one by now.
            401 | 403 | 503 => {}
            status => bail!("{name}: {status}: {}", answer.text),
        }
    }
    Ok(accepted)
}
