//! What waits can be seen, tried at once, and taken back as long as nobody has a copy.

use anyhow::ensure;
use serde_json::json;
use tests::{
    Setup, World,
    people::Person,
    rest::{items, text},
    until::until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_seen_and_can_be_taken_back_until_it_leaves() -> anyhow::Result<()> {
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let mut bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let direct = alice.open(&[&bob], None).await?;
    let hello = alice.say(&direct, "Hello").await?;
    bob.hears(&hello).await?;
    alice.delivered(&hello).await?;
    let taken = alice.api().post(&format!("/v1/messages/{hello}/cancel"), json!({})).await?;
    ensure!(taken.status == 404, "what has arrived does not wait: {}", taken.text);

    bob.node.kill().await?;
    until("Alice's node noticing", async || {
        let contacts = alice.get("/v1/contacts").await?;
        let gone = items(&contacts, "contacts").any(|contact| contact["online"] == false);
        Ok(gone.then_some(()))
    })
    .await?;
    let regretted = alice.say(&direct, "You never listen").await?;
    let meant = alice.say(&direct, "Sleep well").await?;
    let queue = alice.get("/v1/queue").await?;
    ensure!(queue["recipients"][0]["name"] == "Bob", "{queue:#}");
    ensure!(queue["recipients"][0]["online"] == false, "{queue:#}");
    ensure!(queue["recipients"][0]["last_seen_at"].is_string(), "{queue:#}");
    let waiting: Vec<String> = items(&queue, "messages")
        .map(|message| text(message, "message"))
        .collect::<Result<_, _>>()?;
    ensure!(waiting == [regretted.clone(), meant.clone()], "oldest first: {waiting:?}");

    alice.post(&format!("/v1/messages/{regretted}/cancel"), json!({})).await?;
    let view = alice.get(&format!("/v1/messages/{regretted}")).await?;
    ensure!(view["state"] == "cancelled", "{view:#}");
    alice.post(&format!("/v1/queue/{}/retry", bob.did), json!({})).await?;
    let nobody = alice.api().post(&format!("/v1/queue/{}/retry", alice.did), json!({})).await?;
    ensure!(nobody.status == 404, "nothing waits for her: {}", nobody.text);

    bob.node.run().await?;
    bob.hears(&meant).await?;
    alice.delivered(&meant).await?;
    let heard = bob.messages(&direct).await?;
    ensure!(heard.iter().all(|message| message["id"] != regretted.as_str()), "{heard:#?}");
    ensure!(alice.get("/v1/queue").await?["envelopes"] == 0);
    Ok(())
}
