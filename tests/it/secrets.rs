//! What two owners say to each other stands in clear neither on their disks nor on the wire.

use std::{fs, path::Path};

use anyhow::{Context, ensure};
use serde_json::json;
use tests::{
    Setup, World,
    capture::{self, Capture},
    people::{Person, trusting},
    planted::{Planted, files},
    rest::{items, text},
    skip::skipped,
    until::until,
};

/// Two people and the words they exchange: said, voted on, and asked of a persona.
struct Conversation {
    said: Planted,
    answered: Planted,
    title: Planted,
    question: Planted,
    wish: Planted,
}

impl Conversation {
    fn new() -> Self {
        let planted = |mark| Planted::new(mark, rand::random());
        Self {
            said: planted("said"),
            answered: planted("answered"),
            title: planted("title"),
            question: planted("question"),
            wish: planted("wish"),
        }
    }

    fn all(&self) -> [&Planted; 5] {
        [&self.said, &self.answered, &self.title, &self.question, &self.wish]
    }

    /// Everything is said, decided and delivered when this returns.
    async fn hold(&self, alice: &Person, bob: &Person) -> anyhow::Result<()> {
        bob.meet(alice).await?;
        let group = alice.open(&[bob], Some(self.title.words())).await?;
        for (sender, receiver, words) in [(alice, bob, &self.said), (bob, alice, &self.answered)] {
            let id = sender.say(&group, &format!("I say {}.", words.words())).await?;
            let heard = receiver.hears(&id).await?;
            ensure!(text(&heard, "text")?.contains(words.words()), "{heard}");
            sender.delivered(&id).await?;
        }
        let deadline = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(5);
        let body = json!({
            "question": self.question.words(),
            "options": [format!("yes, {}", self.question.words()), "no"],
            "deadline": deadline.to_string(),
        });
        let view = alice.post(&format!("/v1/conversations/{group}/proposals"), body).await?;
        let proposal = text(&view, "id")?;
        for person in [alice, bob] {
            let path = format!("/v1/proposals/{proposal}/ballots");
            until("a ballot being cast", async || {
                let answer = person.api().post(&path, json!({ "choice": [0] })).await?;
                if answer.status == 404 { Ok(None) } else { answer.ok().map(Some) }
            })
            .await?;
        }
        for person in [alice, bob] {
            person.certified(&proposal).await?;
        }
        let body = json!({ "text": format!("find a dinner slot next week with Bob {}", self.wish.words()) });
        let task = alice.post(&format!("/v1/personas/{}/tasks", alice.did), body).await?;
        ensure!(text(&task, "text")?.contains(self.wish.words()), "{task}");
        Ok(())
    }
}

/// Two people who run nodes that log more than anyone should ask for.
async fn two(world: &World, ledger: &'static str) -> anyhow::Result<(Person, Person)> {
    let setup = Setup { ledger, log: "debug", ..Setup::default() };
    let mut people = Vec::new();
    for name in ["Alice", "Bob"] {
        // The calendar belongs to its owner and lies outside the node's folder.
        let file = world.path(format!("{name}.ics"));
        fs::write(&file, "")?;
        people.push(Person::with_calendar(world, name, setup.clone(), &file, trusting()).await?);
    }
    let bob = people.pop().context("two were made")?;
    Ok((people.pop().context("two were made")?, bob))
}

/// Looks into every file of a node for every planted word, and returns how many bytes that were.
fn search(folder: &Path, planted: &[&Planted]) -> anyhow::Result<usize> {
    let mut looked_at = 0;
    for file in files(folder)? {
        let bytes = fs::read(&file)?;
        looked_at += bytes.len();
        for words in planted {
            let form = words.find(&bytes);
            ensure!(form.is_none(), "{} in {}: {form:?}", words.words(), file.display());
        }
    }
    Ok(looked_at)
}

async fn nothing_is_left_on_disk(ledger: &'static str) -> anyhow::Result<()> {
    let world = World::new()?;
    let (mut alice, mut bob) = two(&world, ledger).await?;
    let conversation = Conversation::new();
    conversation.hold(&alice, &bob).await?;
    for person in [&mut alice, &mut bob] {
        let folder = person.node.folder().to_owned();
        // While it runs, after a power cut, and after a stop in order.
        let running = search(&folder, &conversation.all())?;
        person.node.kill().await?;
        search(&folder, &conversation.all())?;
        person.node.run().await?;
        let status = person.node.stop().await?;
        ensure!(status.success(), "{status}");
        let stopped = search(&folder, &conversation.all())?;
        let log = fs::metadata(folder.join("node.log"))?.len();
        ensure!(log > 1_000, "the log was to be searched, and has {log} bytes");
        println!("{} on {ledger}: searched {running} and {stopped} bytes", person.name);
        ensure!(running > 50_000, "a node that remembers all this has more than {running} bytes");
        // The node can say it all again, so it was there to be found.
        person.node.run().await?;
        let conversations = person.get("/v1/conversations").await?;
        let group = items(&conversations, "conversations")
            .find(|one| one["title"] == conversation.title.words())
            .context("the group is gone")?;
        let said = person.messages(&text(group, "id")?).await?;
        let there = |words: &Planted| {
            said.iter().any(|one| one["text"].as_str().is_some_and(|t| t.contains(words.words())))
        };
        ensure!(there(&conversation.said) && there(&conversation.answered), "{said:?}");
        // The search finds what is there.
        fs::write(folder.join("leak"), format!("0000{}", conversation.said.words()))?;
        ensure!(search(&folder, &conversation.all()).is_err(), "the search finds nothing");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_said_stands_in_clear_on_a_disk_with_sqlite() -> anyhow::Result<()> {
    nothing_is_left_on_disk("sqlite").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_said_stands_in_clear_on_a_disk_with_sled() -> anyhow::Result<()> {
    nothing_is_left_on_disk("sled").await
}

/// The ports a node listens on for other nodes.
async fn ports(person: &Person) -> anyhow::Result<Vec<u16>> {
    until("two listening addresses", async || {
        let network = person.get("/v1/network").await?;
        let ports: Vec<u16> = items(&network, "addresses")
            .filter_map(|address| address.as_str()?.split('/').find_map(|part| part.parse().ok()))
            .collect();
        Ok((ports.len() >= 2).then_some(ports))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_said_crosses_the_wire_in_clear() -> anyhow::Result<()> {
    if let Err(command) = capture::possible().await {
        return skipped("secrets::nothing_said_crosses_the_wire_in_clear", command);
    }
    let world = World::new()?;
    let (alice, bob) = two(&world, "sqlite").await?;
    // Only what goes between the nodes: the local API is the owner's, on this machine.
    let between = [ports(&alice).await?, ports(&bob).await?].concat();
    let control = Planted::new("control", rand::random());
    let capture = Capture::start(&world.path("wire.pcap"), &between).await?;
    let conversation = Conversation::new();
    conversation.hold(&alice, &bob).await?;
    let bytes = capture.finish(control.words()).await?;

    ensure!(control.find(&bytes).is_some(), "what is said in clear must be found");
    let (packets, heard) = capture::traffic(&bytes, &between)?;
    println!("captured {packets} packets with {heard} bytes between {between:?}");
    ensure!(heard > 20_000, "two nodes that met, talked and voted said more than {heard} bytes");
    for words in conversation.all() {
        ensure!(words.find(&bytes).is_none(), "{} crossed the wire", words.words());
    }
    for (what, secret) in [
        ("Alice's persona", alice.did.as_bytes()),
        ("Bob's persona", bob.did.as_bytes()),
        ("Alice's token", alice.api().token().as_bytes()),
        ("Bob's token", bob.api().token().as_bytes()),
    ] {
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        ensure!(!found, "{what} crossed the wire");
    }
    Ok(())
}
