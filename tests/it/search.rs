//! What was said is found by its words, and what was taken back is not.

use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use store::{Batch, Dir, KeyRange, LedgerEngine, RootKey, Table};
use tests::{Setup, World, binaries, people::Person, rest::items, until::until};

async fn found(person: &Person, query: &str) -> anyhow::Result<Vec<Value>> {
    let page = person.get(&format!("/v1/search?{query}")).await?;
    Ok(items(&page, "results").cloned().collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_is_found_by_both_until_it_is_taken_back() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let kitchen = alice.open(&[&bob], Some("Kitchen")).await?;
    let direct = alice.open(&[&bob], None).await?;
    let soup = alice.say(&kitchen, "Shall we have Gulaschsuppe on Friday?").await?;
    let other = alice.say(&direct, "Gulasch is a soup too").await?;
    for message in [&soup, &other] {
        bob.hears(message).await?;
    }
    let both = found(&bob, "q=GULASCH").await?;
    let ids: Vec<&Value> = both.iter().map(|hit| &hit["message"]).collect();
    ensure!(ids == [&json!(other), &json!(soup)], "{both:#?}");
    let here = found(&bob, &format!("q=gulasch&conversation={kitchen}")).await?;
    ensure!(here.len() == 1 && here[0]["excerpt"][1]["text"] == "Gulaschsuppe", "{here:#?}");
    ensure!(here[0]["excerpt"][1]["hit"] == true);

    let mut command = binaries::command(binaries::conclave()?);
    command.args(["search", "friday", "gulasch"]).arg("--data-dir").arg(alice.node.data());
    let printed = String::from_utf8(command.output().await?.stdout)?;
    ensure!(printed.contains("Alice in Kitchen") && printed.contains(&soup), "{printed}");

    alice.api().delete(&format!("/v1/messages/{soup}")).await?.ok()?;
    until("the message being gone", async || {
        Ok((found(&bob, "q=gulaschsuppe").await?.is_empty()).then_some(()))
    })
    .await?;
    alice.node.kill().await?;
    alice.node.run().await?;
    let left = found(&alice, "q=gulasch").await?;
    ensure!(left.len() == 1 && left[0]["message"] == *other, "{left:#?}");
    Ok(())
}

/// So many messages, each with a text of its own, as if they had been said: the rows of one message,
/// copied under other names.
fn fill(person: &Person, conversation: &str, message: &str, count: u64) -> anyhow::Result<()> {
    let folder = person.node.data();
    let root = RootKey::load_or_create(&folder.join("root.key"))?;
    let ledger = store::open_ledger(&folder.join("ledger"), LedgerEngine::Sqlite, &root)?;
    let bytes = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes());
    let (conversation, message) = (bytes(conversation)?, bytes(message)?);
    let place = [b"i", &message[..]].concat();
    let place = ledger.get(Table::Message, &place)?.context("the message is there")?;
    let row = ledger.get(Table::Message, &place)?.context("its row is there")?.to_vec();
    let at = row.windows(16).position(|part| part == message).context("it names itself")?;
    let prefix = [b"m", &conversation[..]].concat();
    for first in (0..count).step_by(1_000) {
        let mut batch = Batch::new();
        for number in first..count.min(first + 1_000) {
            let mut id = [7; 16];
            id[8..].copy_from_slice(&number.to_be_bytes());
            let mut row = row.clone();
            row[at..at + 16].copy_from_slice(&id);
            // Far above what the node has given out.
            let place = [&prefix[..], &(1_000_000 + number).to_be_bytes()].concat();
            let rare = if number % 10_000 == 17 { "needle " } else { "" };
            let common = if number % 20 == 3 { "dinner " } else { "" };
            let text =
                format!("message {number} says {rare}{common}{}", "some more words ".repeat(8));
            batch.put(Table::Message, &place, row);
            batch.put(Table::Message, [b"i", &id[..]].concat(), place);
            batch.put(Table::Message, [b"b", &id[..]].concat(), text.into_bytes());
        }
        ledger.commit(batch)?;
    }
    let page = ledger.scan(Table::Message, KeyRange::prefix(&prefix), Dir::Backward, 1)?;
    ensure!(page.rows.len() == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a minute; prints the table in crates/engine/adr"]
async fn searching_very_many_messages() -> anyhow::Result<()> {
    let count = std::env::var("SEARCH_MESSAGES").ok().map_or(Ok(100_000), |text| text.parse())?;
    let whole = usize::try_from(count)?;
    let world = World::new()?;
    let mut alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let conversation = alice.open(&[&bob], None).await?;
    let message = alice.say(&conversation, "first").await?;
    alice.delivered(&message).await?;
    alice.node.kill().await?;
    fill(&alice, &conversation, &message, count)?;
    alice.node.run().await?;
    println!("{count} messages");
    println!(
        "{:<44} {:>6} {:>6} {:>9} {:>11}",
        "looking for", "found", "calls", "first ms", "all ms"
    );
    for (what, question, enough) in [
        ("one in 20, the newest 20", "dinner", 20),
        ("one in 20, all", "dinner", usize::MAX),
        ("one in 10,000, all", "needle", usize::MAX),
        ("nothing", "haystack", usize::MAX),
    ] {
        let (began, mut first, mut calls, mut hits) = (Instant::now(), None, 0, 0);
        let mut before = None;
        loop {
            let mut query = format!("q={question}&limit={}", enough.min(50));
            if let Some(before) = before {
                query.push_str(&format!("&before={before}"));
            }
            let page = alice.get(&format!("/v1/search?{query}")).await?;
            hits += items(&page, "results").count();
            calls += 1;
            first.get_or_insert(began.elapsed());
            before = page["next"].as_u64();
            if before.is_none() || hits >= enough {
                break;
            }
        }
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
        let first = first.map_or(0.0, ms);
        println!("{what:<44} {hits:>6} {calls:>6} {first:>9.1} {:>11.1}", ms(began.elapsed()));
        let expected = match question {
            "dinner" => enough.min(whole.div_ceil(20)),
            "needle" => whole.div_ceil(10_000),
            _ => 0,
        };
        ensure!(hits == expected, "{what}: {hits} of {expected}");
    }
    Ok(())
}
