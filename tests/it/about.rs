//! Replies, reactions, edits and deletions between two nodes, one of which sleeps meanwhile.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::{
    Setup, World,
    people::Person,
    rest::{items, text},
    until::until,
};

async fn message(person: &Person, id: &str) -> anyhow::Result<Value> {
    person.get(&format!("/v1/messages/{id}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_slept_wakes_to_the_last_word_on_everything() -> anyhow::Result<()> {
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let mut bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let direct = alice.open(&[&bob], None).await?;
    let question = alice.say(&direct, "Dinner at ate?").await?;
    let secret = alice.say(&direct, "My code is 4711").await?;
    bob.hears(&question).await?;
    bob.hears(&secret).await?;

    bob.node.kill().await?;
    let at = |id: &str, rest: &str| format!("/v1/messages/{id}{rest}");
    alice.api().patch(&at(&question, ""), json!({ "text": "Dinner at eight?" })).await?.ok()?;
    for emoji in ["🎉", "👍"] {
        alice.post(&at(&question, "/reactions"), json!({ "emoji": emoji })).await?;
    }
    let off = json!({ "emoji": "🎉", "on": false });
    alice.post(&at(&question, "/reactions"), off).await?;
    alice.api().delete(&at(&secret, "")).await?.ok()?;
    let reply = json!({ "text": "I bring wine", "reply_to": question });
    let reply = alice.post(&format!("/v1/conversations/{direct}/messages"), reply).await?;
    let reply = text(&reply, "id")?;

    bob.node.run().await?;
    bob.hears(&reply).await?;
    alice.delivered(&reply).await?;
    until("the deletion", async || {
        let gone = message(&bob, &secret).await?;
        Ok(gone["deleted_at"].is_string().then_some(()))
    })
    .await?;
    for person in [&alice, &bob] {
        let asked = message(person, &question).await?;
        ensure!(asked["text"] == "Dinner at eight?", "{asked:#}");
        ensure!(asked["reactions"] == json!([{ "emoji": "👍", "by": [alice.did] }]), "{asked:#}");
        let edits = person.get(&at(&question, "/edits")).await?;
        let said: Vec<&Value> = items(&edits, "edits").map(|edit| &edit["text"]).collect();
        ensure!(said == ["Dinner at ate?", "Dinner at eight?"], "{edits:#}");
        let gone = message(person, &secret).await?;
        ensure!(gone["text"] == "" && gone["deleted_at"].is_string(), "{gone:#}");
        let page = person.messages(&direct).await?;
        ensure!(page.len() == 3, "an edit is no message of its own: {page:#?}");
        let replied = message(person, &reply).await?;
        ensure!(replied["reply_to"] == question.as_str(), "{replied:#}");
        ensure!(replied["quoted"]["text"] == "Dinner at eight?", "{replied:#}");
    }
    // Bob may react to what Alice wrote, and change nothing of it.
    bob.post(&at(&question, "/reactions"), json!({ "emoji": "👍" })).await?;
    until("Bob's reaction", async || {
        let asked = message(&alice, &question).await?;
        Ok((asked["reactions"][0]["by"].as_array().map(Vec::len) == Some(2)).then_some(()))
    })
    .await?;
    let text = json!({ "text": "Dinner at nine?" });
    ensure!(bob.api().patch(&at(&question, ""), text).await?.status == 403);
    ensure!(bob.api().delete(&at(&question, "")).await?.status == 403);
    Ok(())
}
