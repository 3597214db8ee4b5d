//! A node whose disk is nearly full shows what it has, takes nothing, and loses nothing.

use std::fs;

use anyhow::ensure;
use serde_json::json;
use tests::{Setup, World, people::Person};

/// More than any disk has, in MiB.
const TOO_MUCH: &str = "free_mib_min = 1000000000000\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_too_little_space_only_reads_and_catches_up_when_there_is_more()
-> anyhow::Result<()> {
    let world = World::new()?;
    let mut alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let talk = alice.open(&[&bob], None).await?;
    let before = alice.say(&talk, "before").await?;
    alice.delivered(&before).await?;

    let setting = alice.node.data().join("conclave.toml");
    alice.node.stop().await?;
    fs::write(&setting, TOO_MUCH)?;
    alice.node.run().await?;
    let health = alice.api().get("/health/ready").await?;
    ensure!(health.body["status"] == "read-only", "{}", health.text);
    let path = format!("/v1/conversations/{talk}/messages");
    let refused = alice.api().post(&path, json!({ "text": "too much" })).await?;
    ensure!(refused.status == 503, "{}: {}", refused.status, refused.text);
    ensure!(refused.text.contains("the disk is nearly full"), "{}", refused.text);
    let seen = alice.messages(&talk).await?;
    ensure!(seen.iter().any(|message| message["text"] == "before"), "{seen:?}");
    // It arrives here, and cannot be kept.
    let meanwhile = bob.say(&talk, "meanwhile").await?;
    tests::until::until("alice's node being connected", async || {
        let network = alice.get("/v1/network").await?;
        Ok(network["peers"].as_array().is_some_and(|peers| !peers.is_empty()).then_some(()))
    })
    .await?;
    ensure!(alice.messages(&talk).await?.len() == seen.len(), "something was written");

    alice.node.stop().await?;
    fs::remove_file(&setting)?;
    alice.node.run().await?;
    alice.hears(&meanwhile).await?;
    bob.delivered(&meanwhile).await?;
    let after = alice.say(&talk, "after").await?;
    alice.delivered(&after).await?;
    let texts: Vec<_> =
        bob.messages(&talk).await?.iter().map(|message| message["text"].clone()).collect();
    ensure!(!texts.contains(&json!("too much")), "{texts:?}");
    Ok(())
}
