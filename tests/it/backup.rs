//! A node made out of a backup: the same persona on another node, with everything that was said.

use std::{fs, path::Path};

use anyhow::ensure;
use serde_json::json;
use tests::{Setup, World, binaries, people::Person, rest::items, until::until};

/// Runs `conclave` and returns whether it worked and what it printed.
async fn conclave(
    arguments: &[&str],
    folder: &Path,
    secret: &Path,
) -> anyhow::Result<(bool, String)> {
    let mut command = binaries::command(binaries::conclave()?);
    command.args(arguments).arg("--data-dir").arg(folder).arg("--passphrase-file").arg(secret);
    let output = command.output().await?;
    let printed = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(printed)?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_persona_is_the_same_one_reads_its_history_and_talks_again() -> anyhow::Result<()>
{
    let world = World::new()?;
    let mut alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let before = alice.open(&[&bob], None).await?;
    let said = alice.say(&before, "Remember the blue door").await?;
    bob.hears(&said).await?;
    let heard = bob.say(&before, "I will").await?;
    alice.hears(&heard).await?;
    alice.delivered(&said).await?;
    bob.post(&format!("/v1/messages/{said}/reactions"), json!({ "emoji": "👍" })).await?;
    until("the reaction", async || {
        let message = alice.get(&format!("/v1/messages/{said}")).await?;
        Ok((message["reactions"] != json!([])).then_some(()))
    })
    .await?;

    let (file, secret) = (world.path("alice.backup"), world.path("passphrase"));
    let (backup, other) = (file.to_string_lossy(), world.path("elsewhere"));
    fs::write(&secret, "three words and a number 4\n")?;
    let old = alice.node.data();
    let (worked, printed) = conclave(&["backup", &backup], &old, &secret).await?;
    ensure!(!worked && printed.contains("stopped first"), "it runs: {printed}");
    alice.node.stop().await?;
    let (worked, printed) = conclave(&["backup", &backup, "--retire"], &old, &secret).await?;
    ensure!(worked, "{printed}");
    ensure!(!fs::read(&file)?.windows(9).any(|bytes| bytes == b"blue door"), "it is encrypted");
    ensure!(alice.node.run().await.is_err(), "a retired folder starts no node");

    let wrong = world.path("wrong");
    fs::write(&wrong, "three words and a number 5\n")?;
    let (worked, printed) = conclave(&["restore", &backup], &other, &wrong).await?;
    ensure!(!worked && printed.contains("passphrase is wrong"), "{printed}");
    ensure!(!other.exists(), "nothing was written");
    let (worked, printed) = conclave(&["restore", &backup], &other, &secret).await?;
    ensure!(worked && printed.contains("1 personas, 2 messages"), "{printed}");

    fs::remove_dir_all(&old)?;
    fs::rename(&other, &old)?;
    alice.node.run().await?;
    let personas = alice.get("/v1/personas").await?;
    ensure!(personas["personas"][0]["id"] == alice.did.as_str(), "{personas:#}");
    let history = alice.messages(&before).await?;
    let texts: Vec<_> = history.iter().map(|message| &message["text"]).collect();
    ensure!(texts == ["Remember the blue door", "I will"], "{history:#?}");
    ensure!(history[0]["reactions"][0]["emoji"] == "👍", "{history:#?}");
    // No ratchet was restored: it comes back with new keys, and what is said before that waits.
    let again = alice.say(&before, "It is still me").await?;
    bob.hears(&again).await?;
    alice.delivered(&again).await?;
    let answer = bob.say(&before, "I can tell by the key").await?;
    alice.hears(&answer).await?;
    let conversation = alice.get(&format!("/v1/conversations/{before}")).await?;
    ensure!(conversation["rejoin"]["state"] == "back", "{conversation:#}");
    let contacts = bob.get("/v1/contacts").await?;
    ensure!(items(&contacts, "contacts").count() == 1, "one Alice: {contacts:#}");
    Ok(())
}
