//! After a power cut at any step, a task goes on where it was: nothing is asked or done twice.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};
use tests::{
    Rendezvous, Setup, World, calendar,
    people::{Person, trusting},
    rest::{items, text},
    until::until,
};

use crate::verify::verify_json;

const EMPTY: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nEND:VCALENDAR\r\n";

/// Everything of a node its owner can see that a restart must not change.
async fn visible(person: &Person) -> anyhow::Result<Vec<Value>> {
    let mut seen = Vec::new();
    for path in ["/v1/tasks", "/v1/approvals", "/v1/conversations", "/v1/proposals"] {
        let mut view = person.get(path).await?;
        // Who is online is news, not memory.
        for conversation in view["conversations"].as_array_mut().into_iter().flatten() {
            // Taken from the messages, which are compared below; a ballot counts a moment before
            // its message is on disk.
            conversation["last_activity"] = Value::Null;
            conversation["last_activity_ms"] = Value::Null;
            conversation["last_message"] = Value::Null;
            for member in conversation["members"].as_array_mut().into_iter().flatten() {
                member["online"] = Value::Null;
            }
        }
        seen.push(view);
    }
    let conversations = person.get("/v1/conversations").await?;
    for conversation in items(&conversations, "conversations") {
        for message in person.messages(&text(conversation, "id")?).await? {
            // Whether it has arrived may be learnt at any time.
            seen.push(json!([message["id"], message["author"], message["kind"], message["text"]]));
        }
    }
    Ok(seen)
}

/// A power cut, and a look at what is left.
async fn cut(person: &mut Person) -> anyhow::Result<()> {
    let before = visible(person).await?;
    person.node.kill().await?;
    person.node.run().await?;
    let after = visible(person).await?;
    for (before, after) in before.iter().zip(&after) {
        ensure!(before == after, "{}: before {before:#}\nafter {after:#}", person.name);
    }
    ensure!(before.len() == after.len(), "{}: before {before:#?}\nafter {after:#?}", person.name);
    Ok(())
}

/// Waits until the owner is asked for something of a kind, and returns its id.
async fn asked(person: &Person, kind: &str) -> anyhow::Result<String> {
    let found = until(&format!("being asked about a {kind}"), async || {
        let inbox = person.get("/v1/approvals").await?;
        let found = items(&inbox, "approvals").find(|entry| entry["kind"] == kind);
        Ok(found.cloned())
    })
    .await?;
    text(&found, "id")
}

async fn allow(person: &Person, approval: &str) -> anyhow::Result<()> {
    let path = format!("/v1/approvals/{approval}");
    person.post(&path, json!({ "decision": "allow" })).await?;
    let again = person.api().post(&path, json!({ "decision": "allow" })).await?;
    ensure!(again.status == 404, "a word is given once: {}", again.text);
    Ok(())
}

/// Long enough for a busy machine, and shorter than a dead connection takes to be noticed.
const BACK_WITHIN: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_cut_off_is_heard_and_reached_as_soon_as_it_is_back() -> anyhow::Result<()>
{
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let mut bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let direct = alice.open(&[&bob], None).await?;
    // The connection grows old enough to be told from one that was made at the same moment.
    let hello = alice.say(&direct, "Hello").await?;
    bob.hears(&hello).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    bob.node.kill().await?;
    // Said into a connection that nobody at the other end knows of.
    let missed = alice.say(&direct, "Are you there?").await?;
    bob.node.run().await?;
    let began = Instant::now();
    let answer = alice.say(&direct, "Now you are.").await?;
    for message in [&missed, &answer] {
        bob.hears(message).await?;
        alice.delivered(message).await?;
    }
    let back = bob.say(&direct, "Yes").await?;
    alice.hears(&back).await?;
    bob.delivered(&back).await?;
    let took = began.elapsed();
    println!("heard and reached within {took:?}");
    ensure!(took < BACK_WITHIN, "{took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_bootstrap_node_dead_friends_find_each_other_after_a_restart()
-> anyhow::Result<()> {
    let world = World::new()?;
    let rendezvous = Rendezvous::start(&world).await?;
    let setup = Setup { bootstrap: rendezvous.addresses.clone(), ..Setup::default() };
    let mut alice = Person::new(&world, "Alice", setup.clone()).await?;
    let mut bob = Person::new(&world, "Bob", setup).await?;
    bob.meet(&alice).await?;
    let direct = alice.open(&[&bob], None).await?;
    let hello = alice.say(&direct, "Hello").await?;
    bob.hears(&hello).await?;
    drop(rendezvous);
    let still = bob.say(&direct, "It is gone, and we are not.").await?;
    alice.hears(&still).await?;
    for person in [&mut alice, &mut bob] {
        person.node.kill().await?;
    }
    for person in [&mut alice, &mut bob] {
        person.node.run().await?;
    }
    let began = Instant::now();
    let again = alice.say(&direct, "Still there?").await?;
    bob.hears(&again).await?;
    alice.delivered(&again).await?;
    println!("found again without any bootstrap node after {:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_survives_a_power_cut_at_every_step() -> anyhow::Result<()> {
    let world = World::new()?;
    let files = [world.path("alice.ics"), world.path("bob.ics")];
    for file in &files {
        std::fs::write(file, EMPTY)?;
    }
    // No third party helps them find each other again: they keep their ports.
    let setup = Setup::default();
    let mut alice =
        Person::with_calendar(&world, "Alice", setup.clone(), &files[0], trusting()).await?;
    // Bob's persona does nothing without his word.
    let mut bob = Person::with_calendar(&world, "Bob", setup, &files[1], json!({})).await?;
    bob.meet(&alice).await?;
    let direct = alice.open(&[&bob], None).await?;
    let hello = alice.say(&direct, "Dinner?").await?;
    bob.hears(&hello).await?;

    let body = json!({
        "text": "find a dinner slot next week with Bob",
        "decide_within_seconds": 400,
    });
    let task = alice.post(&format!("/v1/personas/{}/tasks", alice.did), body).await?;
    let task = format!("/v1/tasks/{}", text(&task, "id")?);

    // The times are offered; Bob is asked whether they may be answered.
    let entry = asked(&bob, "availability").await?;
    cut(&mut bob).await?;
    cut(&mut alice).await?;
    ensure!(alice.get(&task).await?["state"] == "gathering");
    allow(&bob, &entry).await?;

    // The vote is open; Alice's persona has voted, Bob is asked.
    let entry = asked(&bob, "vote").await?;
    cut(&mut bob).await?;
    until("Alice's own ballot", async || {
        let proposals = alice.get("/v1/proposals").await?;
        let voted = items(&proposals, "proposals").any(|view| view["cast"] == 1);
        Ok(voted.then_some(()))
    })
    .await?;
    cut(&mut alice).await?;
    ensure!(alice.get(&task).await?["state"] == "voting");
    allow(&bob, &entry).await?;

    // It is decided; Alice's persona books, Bob is asked.
    let entry = asked(&bob, "booking").await?;
    let done = until("the task being done", async || {
        let view = alice.get(&task).await?;
        Ok((view["state"] == "done").then_some(view))
    })
    .await?;
    cut(&mut bob).await?;
    cut(&mut alice).await?;
    ensure!(alice.get(&task).await? == done, "{done}");
    ensure!(std::fs::read_to_string(&files[1])? == EMPTY, "Bob has not said yes yet");
    allow(&bob, &entry).await?;

    let proposal = text(&done, "proposal")?;
    // Alice's persona voted by itself, under the mandate of her task; Bob voted by his own word.
    let file = world.path("certificate.json");
    std::fs::write(&file, bob.certificate(&proposal).await?)?;
    let verdict = verify_json(&file, &[&alice.did, &bob.did]).await?;
    ensure!(verdict["verdict"] == "valid", "{verdict}");
    ensure!(verdict["cast_by"] == json!({ "owner": 1, "persona": 1 }), "{verdict}");
    ensure!(verdict["alone"][0]["persona"] == *alice.did, "{verdict}");
    until("Bob's booking", async || {
        let text = std::fs::read_to_string(&files[1])?;
        Ok(text.contains(&proposal).then_some(()))
    })
    .await?;
    cut(&mut bob).await?;
    for file in &files {
        let entries = calendar::entries(file, 0..i64::MAX)?;
        ensure!(entries.len() == 1, "booked exactly once: {entries:?}");
        let time = json!([entries[0].time.start, entries[0].time.end]);
        ensure!(time == json!([done["slot"]["start_ms"], done["slot"]["end_ms"]]), "{entries:?}");
    }
    // And they still talk.
    let thanks = bob.say(&direct, "See you there").await?;
    alice.hears(&thanks).await?;
    bob.delivered(&thanks).await?;
    Ok(())
}
