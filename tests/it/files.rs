//! Files between real nodes: whole on the other side whatever is killed meanwhile.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::{
    Rendezvous, Setup, World, binaries,
    people::Person,
    planted::{Planted, files},
    rest::{items, text},
    until::until,
};
use tokio::process::Command;

/// What the brave would send: ten mebibytes.
const SIZE: usize = 10 * 1024 * 1024;
const CHUNK: usize = 120 * 1024;

/// Bytes that repeat nowhere, with words in them that must stand on no disk.
fn made(size: usize, planted: &Planted) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(size)
    .collect();
    let words = planted.words().as_bytes();
    for place in [0, size / 2, size - words.len()] {
        bytes[place..place + words.len()].copy_from_slice(words);
    }
    bytes
}

fn http() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

async fn add(person: &Person, name: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let api = person.api();
    let request = http()?
        .post(format!("{}/v1/files?name={name}&type=image/png", api.base()))
        .bearer_auth(api.token())
        .header("content-type", "application/octet-stream")
        .body(bytes.to_vec());
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    ensure!(status == 201, "{status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

async fn read(person: &Person, file: &str, range: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let api = person.api();
    let mut request =
        http()?.get(format!("{}/v1/files/{file}/content", api.base())).bearer_auth(api.token());
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let response = request.send().await?;
    ensure!(response.status().is_success(), "{}", response.status());
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    ensure!(header("content-disposition").starts_with("attachment;"), "it is to be saved");
    ensure!(header("x-content-type-options") == "nosniff");
    ensure!(header("content-type") == "application/octet-stream", "it is no picture");
    Ok(response.bytes().await?.to_vec())
}

async fn share(person: &Person, talk: &str, file: &Value, words: &str) -> anyhow::Result<String> {
    let body = json!({ "file": file["id"], "caption": words });
    let answer = person.post(&format!("/v1/conversations/{talk}/files"), body).await?;
    text(&answer, "id")
}

async fn state(person: &Person, file: &str) -> anyhow::Result<Value> {
    Ok(person.api().get(&format!("/v1/files/{file}")).await?.body)
}

async fn has(person: &Person, file: &str) -> anyhow::Result<()> {
    until("a file arriving", async || {
        Ok((state(person, file).await?["state"] == "here").then_some(()))
    })
    .await
}

/// How many chunks of a file lie on a disk that does not have all of them.
fn chunks_in_part(data: &Path, file: &str) -> usize {
    let names = fs::read_dir(data.join("files").join(format!("{file}.part")));
    names.map_or(0, |names| {
        let names = names.filter_map(|name| name.ok()?.file_name().into_string().ok());
        names.filter(|name| name.parse::<u32>().is_ok()).count()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_whole_though_sender_and_receiver_are_killed_in_the_middle()
-> anyhow::Result<()> {
    let world = World::new()?;
    let mut alice = Person::new(&world, "Alice", Setup::default()).await?;
    let mut bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let talk = alice.open(&[&bob], None).await?;
    let planted = Planted::new("file", 0x00f1_1e00);
    let bytes = made(SIZE, &planted);
    let added = add(&alice, "..%2F..%2Fcat.png", &bytes).await?;
    ensure!(added["name"] == "cat.png" && added["state"] == "here", "{added:#}");
    let id = text(&added, "id")?;

    let message = share(&alice, &talk, &added, "Look at her").await?;
    // The sender dies as soon as the other side has some of it and not all.
    let chunks = SIZE.div_ceil(CHUNK);
    let some = loop {
        let here = chunks_in_part(&bob.node.data(), &id);
        if here >= 2 {
            break here;
        }
        if state(&bob, &id).await?["state"] == "here" {
            // It was faster than we are: once more.
            bob.api().delete(&format!("/v1/files/{id}")).await?.ok()?;
            bob.post(&format!("/v1/files/{id}/fetch"), json!({})).await?;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    alice.node.kill().await?;
    let shown = bob.hears(&message).await?;
    ensure!(shown["kind"] == "file" && shown["text"] == "Look at her", "{shown:#}");
    ensure!(shown["file"]["name"] == "cat.png" && shown["file"]["size"] == SIZE, "{shown:#}");
    until("the receiver noticing", async || {
        Ok((state(&bob, &id).await?["state"] != "fetching").then_some(()))
    })
    .await?;
    let left = chunks_in_part(&bob.node.data(), &id);
    ensure!(left >= some && left < chunks, "{some}, then {left} of {chunks} chunks");
    bob.node.kill().await?;
    // What was being written when it died is no chunk, and what the disk has changed is none either.
    let part = bob.node.data().join("files").join(format!("{id}.part"));
    fs::write(part.join("99.tmp"), b"half")?;
    let first = fs::read_dir(&part)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_none() && path.file_name() != Some("hashes".as_ref()))
        .context("a chunk is there")?;
    fs::write(&first, vec![7; CHUNK + 16])?;

    bob.node.run().await?;
    alice.node.run().await?;
    has(&bob, &id).await?;
    ensure!(read(&bob, &id, None).await? == bytes, "not the same bytes");
    let middle = format!("bytes={}-{}", CHUNK - 5, CHUNK + 4);
    ensure!(read(&bob, &id, Some(&middle)).await? == bytes[CHUNK - 5..CHUNK + 5]);

    for person in [&alice, &bob] {
        for path in files(&person.node.data())? {
            let found = planted.find(&fs::read(&path)?);
            ensure!(found.is_none(), "the file stands in {} {found:?}", path.display());
        }
    }
    // A deletion takes the bytes with it, here and there.
    alice.api().delete(&format!("/v1/messages/{message}")).await?.ok()?;
    for person in [&alice, &bob] {
        until("the file being gone", async || {
            let gone = person.api().get(&format!("/v1/files/{id}")).await?.status == 404;
            let folder = person.node.data().join("files").join(&id);
            Ok((gone && !folder.exists()).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_reaches_one_who_is_never_awake_with_its_sender() -> anyhow::Result<()> {
    let world = World::new()?;
    let rendezvous = Rendezvous::named(&world, "one").await?;
    let setup = Setup { bootstrap: rendezvous.addresses.clone(), ..Setup::default() };
    let mut alice = Person::new(&world, "Alice", setup.clone()).await?;
    let mut bob = Person::new(&world, "Bob", setup).await?;
    bob.meet(&alice).await?;
    let talk = alice.open(&[&bob], None).await?;
    let hello = alice.say(&talk, "Hello").await?;
    alice.delivered(&hello).await?;
    bob.node.stop().await?;
    let planted = Planted::new("picture", 0x00f1_1e01);
    let bytes = made(400 * 1024, &planted);
    let added = add(&alice, "cat.png", &bytes).await?;
    let message = share(&alice, &talk, &added, "").await?;
    until("the mailbox holding the message and all parts", async || {
        let queue = alice.get("/v1/queue").await?;
        let waiting = items(&queue, "recipients").next().cloned().unwrap_or_default();
        let all = waiting["envelopes"].as_u64().unwrap_or_default();
        Ok((all >= 5 && waiting["stored"] == waiting["envelopes"]).then_some(()))
    })
    .await?;
    alice.node.stop().await?;
    bob.node.run().await?;
    bob.hears(&message).await?;
    let id = text(&added, "id")?;
    has(&bob, &id).await?;
    ensure!(read(&bob, &id, None).await? == bytes, "not the same bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_sends_and_saves_files_and_hears_of_limits_by_name() -> anyhow::Result<()> {
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let talk = alice.open(&[&bob], None).await?;
    let planted = Planted::new("program", 0x00f1_1e02);
    let bytes = made(2 * 1024 * 1024, &planted);
    let from = world.path("holiday.jpg");
    fs::write(&from, &bytes)?;
    let run = async |person: &Person, args: &[&str]| -> anyhow::Result<(bool, String)> {
        let mut command: Command = binaries::command(binaries::conclave()?);
        command.args(args).arg("--data-dir").arg(person.node.data());
        let output = command.output().await?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    };
    let path = from.display().to_string();
    let (ok, said) = run(&alice, &["send", &talk, "Sun!", "--file", &path, "--json"]).await?;
    ensure!(ok, "{said}");
    let sent: Value = serde_json::from_str(&said)?;
    let (message, id) =
        (text(&sent["accepted"][0], "message")?, text(&sent["accepted"][0]["file"], "id")?);
    let shown = bob.hears(&message).await?;
    ensure!(shown["file"]["media_type"] == "image/jpeg", "{shown:#}");
    has(&bob, &id).await?;
    let to = world.path("saved.jpg");
    let (ok, said) = run(&bob, &["save", &id, &to.display().to_string()]).await?;
    ensure!(ok && fs::read(&to)? == bytes, "{said}");
    let (ok, said) = run(&bob, &["save", &id, &to.display().to_string()]).await?;
    ensure!(!ok, "nothing is overwritten: {said}");

    let large = world.path("large.bin");
    fs::File::create(&large)?.set_len(101 * 1024 * 1024)?;
    let (ok, said) = run(&alice, &["send", &talk, "--file", &large.display().to_string()]).await?;
    ensure!(!ok && said.contains("files.file_mib_max"), "{said}");
    Ok(())
}
